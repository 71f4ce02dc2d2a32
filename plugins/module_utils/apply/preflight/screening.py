# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks before the start, and only at those workloads whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import Schedule
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import Step
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Source

_Place = tuple[Any, ...]


def cleared(arrange: Callable[[Mapping[_Place, str]], Schedule], source: Source, *, every: bool) -> Schedule:
    """The schedule without the workloads that are not to be touched now; the steps of the others carry the notes.

    `arrange` makes the schedule anew, given the workloads that are withheld (by their identities) and why. Looked at is
    the next wave, or with `every` all of them; who takes the place of one that is withheld is looked at, too.
    """
    verdicts: dict[_Place, Verdict] = {}
    while True:
        withheld = {
            place: f"not started: {'; '.join(verdict.blocks)}" for place, verdict in verdicts.items() if verdict.blocks
        }
        plan = arrange(withheld)
        now = plan.waves if every else plan.waves[:1]
        due = [step for _number, steps in now for step in steps if _unseen(step, verdicts)]
        if not due:
            return replace(plan, waves=tuple((number, _noted(steps, verdicts)) for number, steps in plan.waves))
        # As many again as have been looked at: a cluster without room must not be gone through one by one.
        after = [step for _number, steps in plan.waves for step in steps if _unseen(step, verdicts)]
        looked = after[: max(len(due), len(verdicts))]
        found = source.preflight([step.change for step in looked])
        verdicts |= {step.change.workload.identity: verdict for step, verdict in zip(looked, found, strict=True)}


def _unseen(step: Step, verdicts: Mapping[_Place, Verdict]) -> bool:
    return bool(step.pods and step.change.template) and step.change.workload.identity not in verdicts


def _noted(steps: tuple[Step, ...], verdicts: Mapping[_Place, Verdict]) -> tuple[Step, ...]:
    none = Verdict()
    return tuple(replace(step, notes=verdicts.get(step.change.workload.identity, none).notes) for step in steps)
