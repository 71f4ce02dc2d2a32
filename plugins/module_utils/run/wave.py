# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one call of the module does, and where the next call continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.canary import Canary
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import Progress
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import NOT_YET, Action
from ansible_collections.graceful.termination.plugins.module_utils.report.document import report_action
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity


@dataclass
class Wave:
    """`changes` are made now, `later` in later waves. `actions` are the report's entries, earlier waves included.

    `numbers` are the waves of the changes, by the identities of their workloads; `of` is how many waves there are,
    `total` how many workloads were to be changed when the run began. `canary` is drilled once one of its
    workloads is changed. `warning` is what a person should know.
    """

    changes: tuple[PlannedChange, ...]
    later: tuple[PlannedChange, ...]
    numbers: dict[Identity, int]
    number: int
    of: int
    total: int
    actions: list[dict[str, Any]]
    canary: Canary | None = None
    warning: str | None = None

    @property
    def patches(self) -> list[Change]:
        """The changes that the source writes."""
        return [planned.change for planned in self.changes]

    def described(self, action: Action) -> Action:
        """The action with its wave, and with the notes of preflight."""
        identity = action.workload.identity
        notes = next((planned.notes for planned in self.changes if planned.change.workload.identity == identity), ())
        return replace(action, wave=self.numbers.get(identity), preflight=notes)

    def end(self, actions: Sequence[Action], interrupted: str | None, before: Progress) -> Progress | None:
        """Record the result of the wave. Returns the input of the next one; None if there is none."""
        self.actions += map(report_action, actions)
        stop = self._stop(actions, interrupted)
        if stop:
            self.actions += [report_action(Action(planned.change.workload, "skipped", stop)) for planned in self.later]
            return None
        changed = any(action.status == "changed" and action.wave for action in actions)
        due = self.canary.arguments() if self.canary and changed and not before.drill else None
        if not (self.later or due):
            return None
        return Progress(
            run=before.run,
            wave=self.number,
            total=self.total,
            started=before.started + len(self.changes),
            pods=before.pods + sum(planned.pods for planned in self.changes),
            of=self.of,
            actions=self.actions,
            drill=before.drill,
            drill_due=due,
        )

    def _stop(self, actions: Sequence[Action], interrupted: str | None) -> str | None:
        """Why no further wave starts."""
        if interrupted:
            return f"not started: {interrupted}"
        if any(action.status == "failed" and action.wave for action in actions):
            return f"not started: wave {self.number} of {self.of} failed"
        return NOT_YET if any(action.stops for action in actions) else None
