# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about the context of workloads, indexed for the questions of the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selecting, Selector
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.alerting import AlertingRules, read_alerting
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.claim import read_claim
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.config_map import read_config_map
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import Proof
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Evidence
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.lease import is_held_by, read_holder
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.measured import Key, Measurement, longest
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.namespace import Namespace, read_namespace
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.node import Node, read_node
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route import (
    ROUTE_KINDS,
    Route,
    read_gateway_class,
    read_routes,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scale import (
    Autoscaler,
    DisruptionBudget,
    read_autoscaler,
    read_budget,
    read_scaled_object,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import Service, read_service
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import workload_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class RunBy:
    """A Rollout of Argo with a workloadRef, and how many pods it is to have."""

    name: str
    replicas: int


@dataclass
class Context:
    """What is known about the context of workloads.

    `unknown` maps (kind, namespace) to the reason why that kind is not known there; namespace "" means everywhere, and
    kind "" any of them.
    `oldest_kubelet` is the lowest version that a node runs; None while no node is known.
    `scales` maps a namespace to its workloads by key: how many pods, and their labels.
    `routes` maps (namespace, name) of a Service to what brings requests to it, `gateways` (namespace, name) to a class,
    `namespaces` a name to its labels and whether a mesh injects there.
    `rollouts` maps (namespace, kind, name) of an object whose pod template a Rollout of Argo runs to that Rollout.
    `configs` maps (namespace, name) of a ConfigMap to its texts; one that does not exist has none.
    `measured` maps what requests go to to how long they take.
    `first` is the identity of the first workload of a run: what is true of the whole cluster is reported there, once.
    `injected` maps a workload's key to the containers that its live pods have and its template does not.
    `evidence` is what running pods show beyond that; nothing unless the user enables it.
    `drills` maps the UID of a workload to the last drill that came to a result.
    """

    services: dict[str, Selecting[Service]] = field(default_factory=lambda: defaultdict(Selecting))
    budgets: dict[str, Selecting[DisruptionBudget]] = field(default_factory=lambda: defaultdict(Selecting))
    autoscalers: dict[tuple[str, str, str], Autoscaler] = field(default_factory=dict)
    scales: dict[str, dict[str, tuple[int, dict[str, str]]]] = field(default_factory=dict)
    claims: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    lease_holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    nodes: list[Node] = field(default_factory=list)
    oldest_kubelet: Version | None = None
    routes: dict[tuple[str, str], list[Route]] = field(default_factory=lambda: defaultdict(list))
    gateways: dict[tuple[str, str], str] = field(default_factory=dict)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    rollouts: dict[tuple[str, str, str], RunBy] = field(default_factory=dict)
    configs: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    measured: dict[Key, Measurement] = field(default_factory=dict)
    alerting: list[AlertingRules] = field(default_factory=list)
    first: Identity | None = None
    injected: dict[str, tuple[Container, ...]] = field(default_factory=dict)
    unknown: dict[tuple[str, str], str] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    drills: dict[str, Proof] = field(default_factory=dict)

    def add(self, obj: Obj) -> None:
        """Index one object of a context kind. Raises Unreadable where its types are wrong."""
        metadata = get_map(obj, "metadata", "")
        namespace = get(metadata, "namespace", str, "metadata", "") or "default"
        name = get(metadata, "name", str, "metadata", "")
        match obj["kind"]:
            case "Service":
                if service := read_service(namespace, name, obj):
                    self.services[namespace].add(service.selector, service)
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
            case "ConfigMap":
                data = read_config_map(obj)
                # Two of one name, as in two overlays: which of them holds is not known, so neither does.
                same = self.configs.get((namespace, name), data) == data
                self.configs[(namespace, name)] = data if same else {}
            case "PrometheusRule":
                self.alerting.append(read_alerting(obj))
            case "PersistentVolumeClaim":
                self.claims[(namespace, name)] = read_claim(obj)
            case "Lease":
                if holder := read_holder(namespace, obj):
                    self.lease_holders[namespace].add(holder)
            case "Node":
                if node := read_node(name, obj):
                    self.nodes.append(node)
                    self.oldest_kubelet = min(self.oldest_kubelet or node.kubelet, node.kubelet)
            case "Gateway":
                self.gateways[(namespace, name)] = read_gateway_class(obj)
            case "Rollout":
                if reference := workload_of(obj):
                    replicas = get(get_map(obj, "spec", ""), "replicas", int, "spec", 1)
                    self.rollouts[(namespace, *reference)] = RunBy(name, replicas)
            case "Namespace":
                self.namespaces[name] = read_namespace(obj)
            case kind if kind in ROUTE_KINDS:
                for route in read_routes(namespace, name, obj):
                    for target in route.services:
                        self.routes[target].append(route)

    def count(self, workload: Workload) -> None:
        """Add a workload whose pods may also be selected by Services and PodDisruptionBudgets of others."""
        pods = self.scales.setdefault(workload.namespace, {})
        autoscaler = self.autoscaler_of(workload) if workload.origin.file else None
        declared = self.replicas_of(workload)
        replicas = autoscaler.min_replicas if autoscaler and declared else declared
        if replicas:
            # Of one name in two environments the smaller one: each has its own pods.
            known = pods.get(workload.key, (replicas, workload.template_labels))
            pods[workload.key] = min(known[0], replicas), workload.template_labels

    def others_selected_by(self, selector: Selector, workload: Workload) -> int:
        """How many pods of other workloads of its namespace the selector matches, by the scale of their controllers."""
        pods = self.scales.get(workload.namespace, {})
        return sum(number for key, (number, labels) in pods.items() if key != workload.key and selector.matches(labels))

    def why_unknown(self, kind: str, namespace: str) -> str | None:
        """The reason why objects of this kind are not all known in the namespace; None when they are."""
        kinds = (kind, "ScaledObject", "") if kind == "HorizontalPodAutoscaler" else (kind, "")
        keys = ((one, place) for one in kinds for place in ("", namespace))
        return next((reason for key in keys if (reason := self.unknown.get(key))), None)

    def miss(self, kind: str, namespace: str, reason: str) -> None:
        """Note that an object of this kind was not read; each is "" where that is not known. The first reason stays."""
        self.unknown.setdefault((kind, namespace), reason)

    def config_of(self, namespace: str, name: str) -> dict[str, str] | None:
        """The texts of a ConfigMap by key; None where it is not known."""
        return self.configs.get((namespace, name))

    def measured_of(self, workload: Workload) -> Measurement | None:
        """How long the workload's requests take, by the longest of what was measured; None where nothing was."""
        keys = [(workload.namespace, kind, workload.name) for kind in (workload.kind, "")]
        keys += [(service.namespace, "Service", service.name) for service in self.services_of(workload)]
        found = [self.measured[key] for key in keys if key in self.measured]
        return longest(*found) if found else None

    def services_of(self, workload: Workload) -> list[Service]:
        """The Services that select the workload's pods."""
        services = self.services.get(workload.namespace)
        return services.of(workload.template_labels) if services else []

    def routes_of(self, services: Sequence[Service]) -> list[Route]:
        """The routes to these Services, each once, with the sender by its gateways."""
        found = [route for service in services for route in self.routes.get((service.namespace, service.name), ())]
        return [
            route.through([self.gateways.get(gateway, "") for gateway in route.gateways])
            for route in dict.fromkeys(found)
        ]

    def pods_addressed_by(self, services: Sequence[Service]) -> set[str]:
        """Whose load balancers (AWS, NLB, GKE, AGIC) send to the addresses of the pods behind these Services."""
        senders = {service.pods_addressed_by for service in services}
        senders |= {route.pods_addressed_by(service) for route in self.routes_of(services) for service in services}
        return senders - {""}

    def budgets_of(self, workload: Workload) -> list[DisruptionBudget]:
        """The PodDisruptionBudgets that select the workload's pods."""
        budgets = self.budgets.get(workload.namespace)
        return budgets.of(workload.template_labels) if budgets else []

    def claim_of(self, namespace: str, name: str) -> tuple[str, ...] | None:
        """The access modes of a PersistentVolumeClaim; None where it is not known."""
        return self.claims.get((namespace, name))

    def injected_into(self, workload: Workload) -> tuple[Container, ...]:
        """The containers that its live pods have and its template does not."""
        return self.injected.get(workload.key, ())

    def elects_leader(self, workload: Workload) -> bool:
        """Whether one of its pods holds a Lease of their namespace."""
        return is_held_by(workload, self.lease_holders.get(workload.namespace, ()))

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
