# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a drill so far. One thread drills and changes it, another one writes it to disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DrillOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import FRESH, Tally
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

RUNNING, INTERRUPTED, ERROR = "running", "interrupted", "error"


@dataclass(frozen=True)
class Phase:
    """A time under load. `asked` are fresh connections a second; `clock` says how many seconds it has been sending."""

    asked: float = 0.0
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], float] = lambda: 0.0

    @property
    def seconds(self) -> float:
        """For how long it has been sending."""
        return self.clock()

    @property
    def achieved(self) -> float:
        """Fresh connections a second that were really sent."""
        return self.tally.counts().outcomes[FRESH].total() / self.seconds if self.seconds else 0.0

    def frozen(self) -> Phase:
        """A copy of the present state."""
        seconds = self.seconds
        return Phase(self.asked, self.tally.frozen(), lambda: seconds)


@dataclass
class Record:
    """A drill so far. `status` is RUNNING, one of verdict.conclude, INTERRUPTED or ERROR; times are since the epoch.

    Only its methods change it. Other threads read it through `frozen`.
    """

    options: DrillOptions
    workload: Workload
    cluster: str
    started_at: float
    hook_seconds: float
    upload_seconds: float
    status: str = RUNNING
    reason: str = ""
    held: bool = True
    no_upload: str = ""
    noise: list[Phase] = field(default_factory=list)
    load: Phase = field(default_factory=Phase)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    pods: Sequence[Pod] = ()
    outages: Sequence[tuple[float, float]] = ()
    ended_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def noise_lost(self) -> int:
        """Requests of the last noise run that failed; earlier ones ran at a rate that was too high."""
        return self.noise[-1].tally.counts().lost if self.noise else 0

    def change(self, **values: Any) -> None:
        """Set fields: others see all of them changed, or none."""
        with self._lock:
            for name, value in values.items():
                setattr(self, name, value)

    def begin_noise(self, phase: Phase) -> None:
        """Another noise run, which replaces the one before."""
        with self._lock:
            self.noise.append(phase)

    def begin_round(self, began_at: str) -> int:
        """Returns its number."""
        with self._lock:
            number = len(self.rounds) + 1
            self.rounds.append({"number": number, "began_at": began_at, "seconds": None, "requests": None})
            return number

    def end_round(self, seconds: float, requests: int) -> None:
        """The duration of the last round, and how many requests were sent in it."""
        with self._lock:
            self.rounds[-1] |= {"seconds": seconds, "requests": requests}

    def frozen(self, **values: Any) -> Record:
        """A copy of the present state, with these fields: later counts and changes are not in it."""
        with self._lock:
            return replace(
                self,
                noise=[phase.frozen() for phase in self.noise],
                load=self.load.frozen(),
                rounds=[dict(entry) for entry in self.rounds],
                _lock=threading.Lock(),
                **values,
            )
