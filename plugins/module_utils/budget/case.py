# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a rule may look at when it judges one workload."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.budget.budget import Budget, compute_budget
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.budget.profile import Profile, classify
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Case:
    """One workload with its profile and budget, what is around it, the user's policy and the cluster's version."""

    workload: Workload
    profile: Profile
    budget: Budget
    context: Context
    policy: Policy
    version: Version

    @property
    def replicas(self) -> int | None:
        """The fewest pods it runs with: an autoscaler's minimum beats the declared number, but 0 switches it off."""
        autoscaler = self.context.autoscaler_of(self.workload)
        return autoscaler.min_replicas if autoscaler and self.workload.replicas != 0 else self.workload.replicas

    @property
    def replicas_declared(self) -> bool:
        """Whether something read says how many; else there is one, unless something outside sets another number."""
        return self.workload.spec.get("replicas") is not None or self.context.autoscaler_of(self.workload) is not None

    @property
    def never_overlaps(self) -> bool:
        """Whether it has one pod, which is gone before the next one starts: no other pod could take its requests."""
        return self.replicas == 1 and (self.workload.recreates or self.workload.kind == "StatefulSet")

    @property
    def oldest(self) -> Version:
        """The oldest that takes part: the API server must keep a field, and every kubelet must know it."""
        return min(self.version, self.context.oldest_kubelet or self.version)


def open_case(workload: Workload, context: Context, policy: Policy, version: Version) -> Case:
    """Put together what the rules need for one workload."""
    profile = classify(workload, context)
    return Case(workload, profile, compute_budget(workload, profile, policy), context, policy, version)
