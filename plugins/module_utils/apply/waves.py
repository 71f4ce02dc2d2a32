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

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange, unready

ALL_AT_ONCE = ("100%",)


@dataclass
class Progress:
    """Where a run stands between two waves; `actions` are those of the report so far.

    `wave` is the last one that was begun, `of` how many there are, `total` how many workloads were to be changed when
    the run began, `started` and `pods` how many workloads and pods its waves have touched. `drill` is how the canary
    drill ended (see Drilled), None if there was none yet; `drill_due` are the arguments of one that is due before the
    next wave. `last_write` is when the last request to write was sent, by the machine's
    monotonic clock.
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
    last_write: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the call of the next wave."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`waves` are (number, changes) in order, none of them empty. The others come with the reason.

    `blocked` must not be changed now. `over_limit` may be, but others come first: they may replace one that is blocked
    when its wave begins.
    """

    waves: tuple[tuple[int, tuple[PlannedChange, ...]], ...]
    blocked: tuple[tuple[PlannedChange, str], ...] = ()
    over_limit: tuple[tuple[PlannedChange, str], ...] = ()

    def closed(self, reason: str) -> Schedule:
        """The same schedule with every wave cancelled."""
        rest = ((planned, reason) for _number, wave in self.waves for planned in wave)
        return Schedule((), (*self.blocked, *self.over_limit, *rest))


def in_last_wave(entry: Mapping[str, Any], progress: Progress) -> bool:
    """Whether an action of the report belongs to the last wave that was started."""
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
    changes: Sequence[PlannedChange],
    waves: Sequence[str],
    max_pods: int | None,
    progress: Progress,
    *,
    first: str = "",
    reserved: int = 0,
    blocked: Mapping[tuple[Any, ...], str] = MappingProxyType({}),
) -> Schedule:
    """Assigns the changes to the remaining waves.

    A wave is how many workloads have been changed by its end, as a number or as a share of those that were to be
    changed at the beginning. Those that restart the fewest pods come first, and after them those that restart none:
    a first wave that restarts nothing would show nothing. The workload `first` (its key) comes before them all.
    `max_pods` counts what the whole run restarts, the pods that are `reserved` for a drill included. `blocked` says of
    workloads, by their identities, why they are not touched.
    """

    def order(planned: PlannedChange) -> tuple[Any, ...]:
        workload = planned.change.workload
        return workload.key != first, planned.pods == 0, planned.pods, workload.identity

    free: list[PlannedChange] = []
    kept: list[tuple[PlannedChange, str]] = []
    for planned in sorted(changes, key=order):
        workload = planned.change.workload
        reason = unready(workload.obj) or blocked.get(workload.identity)
        if reason:
            kept.append((planned, reason))
        else:
            free.append(planned)
    fitting, over_limit = _within(free, max_pods, progress.pods + reserved)
    placed, rest = _placed(fitting, waves, progress, progress.total or len(changes))
    end = f"not started: the waves (termination_waves) end at {waves[-1]}"
    return Schedule(placed, tuple(kept), (*over_limit, *((planned, end) for planned in rest)))


def _within(
    changes: Sequence[PlannedChange], max_pods: int | None, used: int
) -> tuple[list[PlannedChange], list[tuple[PlannedChange, str]]]:
    """(changes within the limit of restarted pods, the others with the reason)."""
    if max_pods is None:
        return list(changes), []
    fitting: list[PlannedChange] = []
    over_limit: list[tuple[PlannedChange, str]] = []
    for planned in changes:
        if planned.pods and used + planned.pods > max_pods:
            reason = (
                f"not started: it would restart {count(planned.pods, 'pod')}, and {used} of the {max_pods} allowed by "
                "max_pods_restarted (termination_max_pods_restarted) are used"
            )
            over_limit.append((planned, reason))
            continue
        used += planned.pods
        fitting.append(planned)
    return fitting, over_limit


def _placed(
    changes: Sequence[PlannedChange], waves: Sequence[str], progress: Progress, total: int
) -> tuple[tuple[tuple[int, tuple[PlannedChange, ...]], ...], Sequence[PlannedChange]]:
    """(the remaining waves, the changes that no wave reaches)."""
    placed = []
    taken = 0
    for number, wave in enumerate(waves, 1):
        if number <= progress.wave:
            continue
        size = _resolve(wave, total) - progress.started - taken
        if size > 0 and changes[taken:]:
            placed.append((number, tuple(changes[taken : taken + size])))
            taken += len(placed[-1][1])
    return tuple(placed), changes[taken:]


def _resolve(wave: str, total: int) -> int:
    """Such as 5 for 5, or 5 for 25% of 18: shares are rounded up."""
    return -(-int(wave[:-1]) * total // 100) if wave.endswith("%") else int(wave)
