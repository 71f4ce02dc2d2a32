# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known around the workloads, indexed for the questions that rules ask."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.around.node import Node, read_node
from ansible_collections.graceful.termination.plugins.module_utils.around.scale import (
    Autoscaler,
    DisruptionBudget,
    read_autoscaler,
    read_budget,
)
from ansible_collections.graceful.termination.plugins.module_utils.around.service import Service, read_service
from ansible_collections.graceful.termination.plugins.module_utils.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.shape import get, get_map
from ansible_collections.graceful.termination.plugins.module_utils.version import Version
from ansible_collections.graceful.termination.plugins.module_utils.workload import Workload


@dataclass
class Context:
    """What is known around the workloads.

    `unknown` maps (kind, namespace) to the reason why that kind is not known there; namespace "" means everywhere.
    `injected` maps a workload's key to the containers that its live pods have and its template does not.
    """

    services: dict[str, list[Service]] = field(default_factory=lambda: defaultdict(list))
    budgets: dict[str, list[DisruptionBudget]] = field(default_factory=lambda: defaultdict(list))
    autoscalers: dict[tuple[str, str, str], Autoscaler] = field(default_factory=dict)
    claims: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    injected: dict[str, tuple[Container, ...]] = field(default_factory=dict)
    unknown: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, obj: dict) -> None:
        """Index one object of a context kind. Raises Unreadable where its types are wrong."""
        metadata = get_map(obj, "metadata", "")
        namespace = get(metadata, "namespace", str, "metadata", "") or "default"
        name = get(metadata, "name", str, "metadata", "")
        match obj["kind"]:
            case "Service":
                if service := read_service(namespace, name, obj):
                    self.services[namespace].append(service)
            case "PodDisruptionBudget":
                if budget := read_budget(namespace, name, obj):
                    self.budgets[namespace].append(budget)
            case "HorizontalPodAutoscaler":
                autoscaler = read_autoscaler(namespace, name, obj)
                self.autoscalers[(namespace, *autoscaler.target)] = autoscaler
            case "PersistentVolumeClaim":
                modes = get(get_map(obj, "spec", ""), "accessModes", list, "spec", [])
                self.claims[(namespace, name)] = tuple(str(mode) for mode in modes)
            case "Node":
                if node := read_node(name, obj):
                    self.nodes.append(node)

    def why_unknown(self, kind: str, namespace: str) -> str | None:
        """The reason why objects of this kind are not known in the namespace; None when they are."""
        return self.unknown.get((kind, "")) or self.unknown.get((kind, namespace))

    def services_of(self, workload: Workload) -> list[Service]:
        """The Services whose selector takes the workload's pods."""
        return [
            service
            for service in self.services.get(workload.namespace, ())
            if service.selector.matches(workload.template_labels)
        ]

    def budgets_of(self, workload: Workload) -> list[DisruptionBudget]:
        """The PodDisruptionBudgets that take the workload's pods."""
        return [
            budget
            for budget in self.budgets.get(workload.namespace, ())
            if budget.selector.matches(workload.template_labels)
        ]

    @property
    def oldest_kubelet(self) -> Version | None:
        """The lowest kubelet version of the nodes; None while no node is known."""
        return min((node.kubelet for node in self.nodes), default=None)

    def autoscaler_of(self, workload: Workload) -> Autoscaler | None:
        """The HorizontalPodAutoscaler that sets the workload's replicas, if any."""
        return self.autoscalers.get((workload.namespace, workload.kind, workload.name))
