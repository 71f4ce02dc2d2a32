# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many pods run, and how many have to: autoscalers, Rollouts that run a template, PodDisruptionBudgets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selecting
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scale import (
    Autoscaler,
    DisruptionBudget,
    read_autoscaler,
    read_budget,
    read_scaled_object,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import workload_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class RunBy:
    """A Rollout of Argo with a workloadRef, and how many pods it is to have."""

    name: str
    replicas: int


@dataclass
class Scaling:
    """`budgets` are by namespace, `autoscalers` by (namespace, kind, name) of what they scale.

    `rollouts` maps (namespace, kind, name) of an object whose pod template a Rollout of Argo runs to that Rollout.
    """

    budgets: dict[str, Selecting[DisruptionBudget]] = field(default_factory=lambda: defaultdict(Selecting))
    autoscalers: dict[tuple[str, str, str], Autoscaler] = field(default_factory=dict)
    rollouts: dict[tuple[str, str, str], RunBy] = field(default_factory=dict)

    def add(self, namespace: str, name: str, obj: Obj) -> None:
        """Index one object; those of other kinds are left out. Raises Unreadable."""
        match obj["kind"]:
            case "PodDisruptionBudget":
                if budget := read_budget(namespace, name, obj):
                    self.budgets[namespace].add(budget.selector, budget)
            case "HorizontalPodAutoscaler":
                autoscaler = read_autoscaler(namespace, name, obj)
                self.autoscalers.setdefault((namespace, *autoscaler.target), autoscaler)
            case "ScaledObject":
                # Beside a HorizontalPodAutoscaler in the input, it is what makes that one.
                autoscaler = read_scaled_object(namespace, name, obj)
                self.autoscalers[(namespace, *autoscaler.target)] = autoscaler
            case "Rollout":
                if reference := workload_of(obj):
                    replicas = get(get_map(obj, "spec", ""), "replicas", int, "spec", 1)
                    self.rollouts[(namespace, *reference)] = RunBy(name, replicas)

    def budgets_of(self, workload: Workload) -> list[DisruptionBudget]:
        """The PodDisruptionBudgets that select the workload's pods."""
        budgets = self.budgets.get(workload.namespace)
        return budgets.of(workload.template_labels) if budgets else []

    def autoscaler_of(self, workload: Workload) -> Autoscaler | None:
        """The HorizontalPodAutoscaler or ScaledObject that sets the workload's replicas, if any."""
        if rollout := self.run_by(workload):
            return self.autoscalers.get((workload.namespace, "Rollout", rollout.name))
        return self.autoscalers.get((workload.namespace, workload.kind, workload.name))

    def run_by(self, workload: Workload) -> RunBy | None:
        """The Rollout of Argo that runs pods of the workload's template in its place, if any (workloadRef)."""
        return self.rollouts.get((workload.namespace, workload.kind, workload.name))

    def replicas_of(self, workload: Workload) -> int | None:
        """How many pods are declared; those of the Rollout that runs the template, if any."""
        rollout = self.run_by(workload)
        return rollout.replicas if rollout else workload.replicas
