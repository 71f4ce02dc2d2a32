# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of remediate that limit how much changes at a time, and say what happens on failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from ansible_collections.graceful.termination.plugins.module_utils.apply.canary import (
    CANARY_OPTIONS,
    FAILED,
    Canary,
    Drilled,
    read_canary,
)
from ansible_collections.graceful.termination.plugins.module_utils.apply.journal import Journal
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import ALL_AT_ONCE, Progress, read_waves

# Documented in modules/remediate.py. The action plugin, which calls the module once a wave, sets _progress.
GUARDRAIL_OPTIONS: dict[str, dict[str, Any]] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 600},
    "plan": {"type": "str"},
    "waves": {"type": "list", "elements": "str", "default": list(ALL_AT_ONCE)},
    "max_pods_restarted": {"type": "int"},
    "max_rollouts": {"type": "int", "default": 10},
    "writes_per_second": {"type": "int", "default": 5},
    "end_time": {"type": "str"},
    "canary_drill": {"type": "dict", "options": CANARY_OPTIONS},
    "on_failure": {"type": "str", "choices": ["hold", "restore"], "default": "hold"},
    "_progress": {"type": "dict", "default": {}},
}


@dataclass(frozen=True, slots=True)
class Guardrails:
    """`plan` is the file that check mode writes and the real run applies, `max_pods` the limit of pods a run restarts.

    At most `max_rollouts` workloads roll out at a time, with at most `writes` writes a second; 0 is no limit. No wave
    starts after `end`, and none after the first unless the drill of `canary` has passed. `rolls_back`: failed rollouts
    are rolled back; without a `journal` no later run can do that. `wait_timeout` in seconds; None does not wait for
    rollouts. `progress` is where the run stands.
    """

    plan: str | None = None
    waves: tuple[str, ...] = ALL_AT_ONCE
    max_pods: int | None = None
    max_rollouts: int = 0
    writes: int = 0
    end: datetime | None = None
    canary: Canary | None = None
    rolls_back: bool = False
    wait_timeout: int | None = None
    progress: Progress = field(default_factory=Progress)
    journal: Journal | None = None

    @property
    def canary_failure(self) -> str:
        """Why the canary drill stops the run; empty if it does not."""
        return Drilled(**self.progress.drill).failure if self.progress.drill else ""

    @property
    def canary_lost(self) -> bool:
        """Whether the canary is known to have lost requests; a drill that did not finish proves nothing."""
        return (self.progress.drill or {}).get("status") == FAILED

    def over(self, now: datetime) -> str | None:
        """Why no further wave may start, if so."""
        if not self.end or now < self.end:
            return None
        return f"the end time {self.end.isoformat()} (termination_end_time) has passed"


def read_guardrails(params: Mapping[str, Any], resolve: Callable[[str], str]) -> Guardrails:
    """Check module parameters; `resolve` makes a user's path one that can be opened. Raises ValueError."""
    waves, canary, folder = read_waves(params["waves"]), params["canary_drill"], params["report_dir"]
    rolls_back = params["on_failure"] == "restore"
    _require_limits(params)
    needs_wait = {
        "on_failure restore (termination_on_failure)": rolls_back,
        "more than one wave (termination_waves)": len(waves) > 1,
        "canary_drill (termination_canary_drill)": canary,
    }
    for what, asked in needs_wait.items():
        if asked and not params["wait"]:
            raise ValueError(f"{what} needs wait (termination_wait): without it no rollout is checked")
    if canary and rolls_back and not folder:
        raise ValueError(
            "canary_drill (termination_canary_drill) with on_failure restore (termination_on_failure) needs report_dir "
            "(termination_report_dir): the journal there has the values to roll back to"
        )
    progress = Progress(**({"run": uuid4().hex} | params["_progress"]))
    return Guardrails(
        plan=resolve(params["plan"]) if params["plan"] else None,
        waves=waves,
        max_pods=params["max_pods_restarted"],
        max_rollouts=params["max_rollouts"],
        writes=params["writes_per_second"],
        end=read_end(params["end_time"]) if params["end_time"] else None,
        canary=read_canary(canary) if canary else None,
        rolls_back=rolls_back,
        wait_timeout=_wait_timeout(params),
        progress=progress,
        journal=Journal(resolve(folder), progress.run, params["_flat_dir"] or None) if folder else None,
    )


def _require_limits(params: Mapping[str, Any]) -> None:
    limit = params["max_pods_restarted"]
    if limit is not None and limit < 0:
        raise ValueError(f"max_pods_restarted (termination_max_pods_restarted): {limit} is less than 0")
    for name in ("max_rollouts", "writes_per_second"):
        if params[name] < 0:
            raise ValueError(f"{name} (termination_{name}): {params[name]} is less than 0; use 0 for no limit")


def read_end(text: str) -> datetime:
    """A moment, as RFC 3339 writes it. Raises ValueError."""
    example = "such as 2027-01-31T04:00:00+01:00"
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"end_time (termination_end_time): '{text}' is not a date and time, {example}") from None
    if end.tzinfo is None:
        raise ValueError(f"end_time (termination_end_time): '{text}' has no offset from UTC, {example}")
    return end


def _wait_timeout(params: Mapping[str, Any]) -> int | None:
    if not params.get("wait"):
        return None
    seconds = int(params["wait_timeout"])
    if seconds < 1:
        raise ValueError(
            f"wait_timeout: {seconds} is not a positive number of seconds; to not wait at all, set wait to false"
        )
    return seconds
