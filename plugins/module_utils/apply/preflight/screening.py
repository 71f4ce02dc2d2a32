# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight of the workloads that are due, and of no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import Schedule
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Source

_Identity = tuple[Any, ...]


def cleared(arrange: Callable[[Mapping[_Identity, str]], Schedule], source: Source, *, every: bool) -> Schedule:
    """The schedule without the workloads that preflight blocks; the changes of the others carry its notes.

    `arrange` makes the schedule again, given the blocked workloads (by identity) and the reasons. Preflight is
    done for the next wave, or with `every` for all waves, and for the workloads that replace blocked ones.
    """
    verdicts: dict[_Identity, Verdict] = {}
    while True:
        blocked = {
            identity: f"not started: {'; '.join(verdict.blocks)}"
            for identity, verdict in verdicts.items()
            if verdict.blocks
        }
        plan = arrange(blocked)
        now = plan.waves if every else plan.waves[:1]
        due = [planned for _number, wave in now for planned in wave if _unknown(planned, verdicts)]
        if not due:
            return replace(plan, waves=tuple((number, _noted(wave, verdicts)) for number, wave in plan.waves))
        # Each round doubles: a cluster without room must not be checked one workload at a time.
        after = [planned for _number, wave in plan.waves for planned in wave if _unknown(planned, verdicts)]
        checked = after[: max(len(due), len(verdicts))]
        found = source.preflight([planned.change for planned in checked])
        verdicts |= {planned.change.workload.identity: verdict for planned, verdict in zip(checked, found, strict=True)}


def _unknown(planned: PlannedChange, verdicts: Mapping[_Identity, Verdict]) -> bool:
    return bool(planned.pods and planned.change.template) and planned.change.workload.identity not in verdicts


def _noted(wave: tuple[PlannedChange, ...], verdicts: Mapping[_Identity, Verdict]) -> tuple[PlannedChange, ...]:
    none = Verdict()
    return tuple(replace(planned, notes=verdicts.get(planned.change.workload.identity, none).notes) for planned in wave)
