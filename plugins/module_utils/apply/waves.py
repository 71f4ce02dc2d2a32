# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: which workloads are changed now, which later, and which not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import Step, unready

ALL_AT_ONCE = ("100%",)


@dataclass
class Progress:
    """Where a run stands between two waves; `actions` are those of the report so far.

    `wave` is the last one that was begun, `of` how many there are, `total` how many workloads were to be changed when
    the run began, `started` and `pods` how many workloads and pods its waves have touched. `drill` is how the drill of
    the canary ended (see Drilled), None where there was none yet; `drill_due` are the arguments of one that is to come
    before the next wave.
    """

    run: str = ""
    wave: int = 0
    total: int = 0
    started: int = 0
    pods: int = 0
    of: int = 1
    actions: list[dict[str, Any]] = field(default_factory=list)
    drill: dict[str, Any] | None = None
    drill_due: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the call of the next wave."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`waves` are (number, its steps) in their order, none of them empty; `left` are (step, why it is not in one).

    So are `crowded`, but for what others take: they may go where one of those is withheld when its wave begins.
    """

    waves: tuple[tuple[int, tuple[Step, ...]], ...]
    left: tuple[tuple[Step, str], ...]
    crowded: tuple[tuple[Step, str], ...] = ()

    def closed(self, reason: str) -> Schedule:
        """The same, where none of the waves begins any more."""
        rest = ((step, reason) for _number, steps in self.waves for step in steps)
        return Schedule((), (*self.left, *self.crowded, *rest))


def in_last_wave(entry: Mapping[str, Any], progress: Progress) -> bool:
    """Whether an action of the report is a change of the wave that was begun last."""
    return entry["status"] == "changed" and entry["wave"] == progress.wave


def read_waves(texts: Sequence[str]) -> tuple[str, ...]:
    """Check the option. Raises ValueError."""
    for text in texts:
        match = re.fullmatch(r"([1-9]\d{0,6})(%?)", text)
        if not match or (match[2] and int(match[1]) > 100):
            raise ValueError(
                f"waves (termination_waves): '{text}' is neither a number of workloads, such as 1, nor a share of "
                "them, such as 25%"
            )
    return tuple(texts) or ALL_AT_ONCE


def schedule(
    steps: Sequence[Step],
    waves: Sequence[str],
    max_pods: int | None,
    progress: Progress,
    *,
    first: str = "",
    reserved: int = 0,
    withheld: Mapping[tuple[Any, ...], str] = MappingProxyType({}),
) -> Schedule:
    """Which of the steps goes into which of the waves that are still to come.

    A wave is how many workloads have been changed by its end, as a number or as a share of those that were to be
    changed at the beginning. Those that restart the fewest pods come first, and after them those that restart none:
    a first wave that restarts nothing would show nothing. The workload `first` (its key) comes before them all.
    `max_pods` counts what the whole run restarts, the pods that are `reserved` for a drill included. `withheld` says of
    workloads, by their identities, why they are not touched.
    """
    left: list[tuple[Step, str]] = []
    crowded: list[tuple[Step, str]] = []
    going: list[Step] = []
    pods = progress.pods + reserved

    def order(step: Step) -> tuple[Any, ...]:
        workload = step.change.workload
        return workload.key != first, step.pods == 0, step.pods, workload.identity

    for step in sorted(steps, key=order):
        reason = unready(step.change.workload.obj) or withheld.get(step.change.workload.identity)
        if reason:
            left.append((step, reason))
            continue
        if max_pods is not None and step.pods and pods + step.pods > max_pods:
            reason = (
                f"not started: it restarts {step.pods} pods, and {pods} of the {max_pods} that max_pods_restarted "
                "(termination_max_pods_restarted) allows a run are used up"
            )
            crowded.append((step, reason))
            continue
        pods += step.pods
        going.append(step)
    total = progress.total or len(steps)
    result = []
    taken = 0
    for number, wave in enumerate(waves, 1):
        if number <= progress.wave:
            continue
        room = _resolve(wave, total) - progress.started - taken
        if room > 0 and going[taken:]:
            result.append((number, tuple(going[taken : taken + room])))
            taken += len(result[-1][1])
    end = f"not started: the waves (termination_waves) end at {waves[-1]}"
    return Schedule(tuple(result), tuple(left), (*crowded, *((step, end) for step in going[taken:])))


def _resolve(wave: str, total: int) -> int:
    """Such as 5 for 5, or for 25% of 18: a share of a workload is a whole one."""
    return -(-int(wave[:-1]) * total // 100) if wave.endswith("%") else int(wave)
