# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a workload is worse off than before: judges an edit that affects more than it was planned for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.budget.budget import compute_budget
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case, open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.judge.finding import Finding
from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import judge
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import Waivers
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import lost_time
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Regression:
    """Judges workloads of a snapshot as they would be."""

    snapshot: Snapshot
    rules: Sequence[Rule]
    policy: Policy
    waivers: Waivers

    def worse(self, before: Workload, after: Workload) -> str | None:
        """Why a workload would be worse off than before; None if it would not."""
        try:
            _case, present = self._judge(before)
            case, found = self._judge(after)
            lost = lost_time(before, after, compute_budget(after, case.profile, self.policy))
        except Unreadable as error:
            return error.reason
        if lost:
            return lost
        known = {finding.fingerprint: finding.severity for finding in present}
        for finding in found:
            before_severity = known.get(finding.fingerprint, "info")
            if finding.severity != "info" and SEVERITIES.index(finding.severity) < SEVERITIES.index(before_severity):
                return f"it would raise {finding.rule.id}"
        return None

    def open(self, workload: Workload) -> frozenset[str]:
        """The fingerprints of its findings that are not waived. Raises Unreadable."""
        return frozenset(finding.fingerprint for finding in self._judge(workload)[1])

    def _judge(self, workload: Workload) -> tuple[Case, Sequence[Finding]]:
        waived = self.waivers.in_force(workload, self.rules)
        case = open_case(workload, self.snapshot.context_of(workload), self.policy, self.snapshot.version)
        return case, judge(case, [rule for rule in self.rules if rule.id not in waived]).findings
