# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects around workloads that decide what a stopping pod loses, indexed by namespace."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.labels import Selector
from ansible_collections.graceful.termination.plugins.module_utils.shape import (
    Unreadable,
    get,
    get_int_or_percent,
    get_labels,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.version import Version, parse_version
from ansible_collections.graceful.termination.plugins.module_utils.workload import Workload

# Context kinds, with the API path segment under which a cluster lists them.
CONTEXT_KINDS = {
    "Service": ("v1", "services"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Node": ("v1", "nodes"),
}
# A LoadBalancer Service with one of these sends packets to pod addresses: it, too, must learn that a pod has gone.
_IP_TARGETS = {
    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip",
    "service.beta.kubernetes.io/aws-load-balancer-type": "nlb-ip",
}
# With exposed_ports, a load balancer outside of the Service's type does. GKE sets {"ingress": true} on every Service.
_GKE_ENDPOINT_GROUP = "cloud.google.com/neg"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; `target` is a number or the name of a container port."""

    name: str
    target: int | str


@dataclass(frozen=True, slots=True)
class Service:
    """A Service with a selector. Services without one, and ExternalName, route to no pod and are not kept."""

    namespace: str
    name: str
    selector: Selector
    ports: tuple[ServicePort, ...]
    type: str
    headless: bool
    ip_targets: bool


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget; the two values as written."""

    namespace: str
    name: str
    selector: Selector
    min_available: int | str | None
    max_unavailable: int | str | None


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler and the workload that it scales."""

    namespace: str
    name: str
    target: tuple[str, str]
    min_replicas: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node: the version of its kubelet, and whether new pods may be scheduled on it."""

    name: str
    kubelet: Version
    schedulable: bool


@dataclass
class Context:
    """What is known around the workloads.

    `unknown` maps (kind, namespace) to the reason why that kind is not known there; namespace "" means everywhere.
    """

    services: dict[str, list[Service]] = field(default_factory=lambda: defaultdict(list))
    budgets: dict[str, list[DisruptionBudget]] = field(default_factory=lambda: defaultdict(list))
    autoscalers: dict[tuple[str, str, str], Autoscaler] = field(default_factory=dict)
    claims: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    unknown: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, obj: dict) -> None:
        """Index one object of a context kind. Raises Unreadable where its types are wrong."""
        metadata = get_map(obj, "metadata", "")
        namespace = get(metadata, "namespace", str, "metadata", "") or "default"
        name = get(metadata, "name", str, "metadata", "")
        spec = get_map(obj, "spec", "")
        match obj["kind"]:
            case "Service":
                self._add_service(namespace, name, get_labels(metadata, "annotations", "metadata"), spec)
            case "PodDisruptionBudget":
                self._add_budget(namespace, name, spec)
            case "HorizontalPodAutoscaler":
                target = get_map(spec, "scaleTargetRef", "spec")
                reference = (str(target.get("kind")), str(target.get("name")))
                least = get(spec, "minReplicas", int, "spec", 1)
                self.autoscalers[(namespace, *reference)] = Autoscaler(namespace, name, reference, least)
            case "PersistentVolumeClaim":
                modes = get(spec, "accessModes", list, "spec", [])
                self.claims[(namespace, name)] = tuple(str(mode) for mode in modes)
            case "Node":
                info = get_map(get_map(obj, "status", ""), "nodeInfo", "status")
                if version := get(info, "kubeletVersion", str, "status.nodeInfo", ""):
                    self.nodes.append(Node(name, _kubelet(version), spec.get("unschedulable") is not True))

    def _add_budget(self, namespace: str, name: str, spec: dict) -> None:
        # An absent selector takes no pod, an empty one takes them all.
        if spec.get("selector") is None:
            return
        self.budgets[namespace].append(
            DisruptionBudget(
                namespace,
                name,
                _selector(get_map(spec, "selector", "spec")),
                get_int_or_percent(spec, "minAvailable", "spec"),
                get_int_or_percent(spec, "maxUnavailable", "spec"),
            )
        )

    def _add_service(self, namespace: str, name: str, annotations: dict[str, str], spec: dict) -> None:
        selector = get_labels(spec, "selector", "spec")
        if not selector or spec.get("type") == "ExternalName":
            return
        ports = []
        for port in get_maps(spec, "ports", "spec"):
            target = port.get("targetPort") or port.get("port") or 0
            if not isinstance(target, int | str) or isinstance(target, bool):
                raise Unreadable("spec.ports.targetPort is neither a number nor a name")
            ports.append(ServicePort(get(port, "name", str, "spec.ports", ""), target))
        kind = get(spec, "type", str, "spec", "ClusterIP")
        self.services[namespace].append(
            Service(
                namespace=namespace,
                name=name,
                selector=Selector.of_labels(selector),
                ports=tuple(ports),
                type=kind,
                headless=spec.get("clusterIP") == "None",
                ip_targets=(
                    kind == "LoadBalancer"
                    and any(annotations.get(annotation) == value for annotation, value in _IP_TARGETS.items())
                )
                or "exposed_ports" in annotations.get(_GKE_ENDPOINT_GROUP, ""),
            )
        )

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


def _kubelet(version: str) -> Version:
    try:
        return parse_version(version)
    except ValueError:
        raise Unreadable("status.nodeInfo.kubeletVersion is not a version such as v1.34.4") from None


def _selector(selector: dict) -> Selector:
    try:
        return Selector.of_object(selector)
    except ValueError as error:
        raise Unreadable(f"spec.selector: {error}") from None
