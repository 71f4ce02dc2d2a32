# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: who sends requests to a pod, and how soon they learn that it has stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    Unreadable,
    get,
    get_labels,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector

# Who sends packets to pod addresses from outside of the cluster.
AWS, NLB, GKE, AGIC = "AWS", "AWS (NLB)", "GKE", "Azure (Application Gateway)"
# Seconds that those take which are known to be slower than the rest: kubernetes-sigs/aws-load-balancer-controller#2366
# (about 2 minutes, whatever the deregistration delay is); Azure/application-gateway-kubernetes-ingress, "Minimizing
# downtime during deployments" (a preStop sleep of 90 s: the gateway gets the addresses through Azure's API).
SLOW = {NLB: 120, AGIC: 90}
_AWS = "service.beta.kubernetes.io/aws-load-balancer-"
# A LoadBalancer Service with one of these has its pods as targets: it, too, must learn that a pod has stopped.
_IP_TARGETS = {f"{_AWS}nlb-target-type": "ip", f"{_AWS}type": "nlb-ip"}
# With exposed_ports, a load balancer outside of the Service's type does. GKE sets {"ingress": true} on every Service.
GKE_ENDPOINT_GROUP = "cloud.google.com/neg"
ALB = "alb.ingress.kubernetes.io/"
# Interval in seconds and number of failures after which a load balancer leaves a node out.
_HEALTH_CHECKS = (
    (f"{_AWS}healthcheck-interval", f"{_AWS}healthcheck-unhealthy-threshold"),
    (
        "service.beta.kubernetes.io/azure-load-balancer-health-probe-interval",
        "service.beta.kubernetes.io/azure-load-balancer-health-probe-num-of-probe",
    ),
)
_ATTRIBUTES = (f"{_AWS}target-group-attributes", f"{ALB}target-group-attributes")
_DEREGISTRATION = re.compile(r"(?:^|,)\s*deregistration_delay\.timeout_seconds=(\d{1,4})\s*(?:,|$)")
# All that is read of the annotations of thousands of Services.
_KEPT = ("service.beta.kubernetes.io/", ALB, GKE_ENDPOINT_GROUP)
_NONE: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; `target` is a number or the name of a container port."""

    name: str
    target: int | str
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service with a selector. Services without one, and ExternalName, route to no pod and are not kept.

    `pods_addressed_by` is NLB or GKE where the Service itself makes their load balancer send to pod addresses, else
    empty. `local_policy`: externalTrafficPolicy Local. `annotations` are those of load balancers.
    """

    namespace: str
    name: str
    selector: Selector
    ports: tuple[ServicePort, ...]
    type: str
    headless: bool
    pods_addressed_by: str = ""
    publish_not_ready: bool = False
    local_policy: bool = False
    annotations: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_local_balancer(self) -> bool:
        """Whether its load balancer sends to nodes, and only to those that have a ready pod (policy Local)."""
        return self.type == "LoadBalancer" and self.local_policy and not self.pods_addressed_by

    @property
    def health_window(self) -> int | None:
        """Seconds until a load balancer has noticed that a node fails, where the annotations say so."""
        for interval, threshold in _HEALTH_CHECKS:
            texts = (self.annotations.get(interval, ""), self.annotations.get(threshold, ""))
            if all(re.fullmatch(r"\d{1,4}", text) for text in texts):
                return int(texts[0]) * int(texts[1])
        return None


def read_service(namespace: str, name: str, obj: Obj) -> Service | None:
    """A Service, or None where it routes to no pod. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    annotations = get_labels(get_map(obj, "metadata", ""), "annotations", "metadata")
    selector = get_labels(spec, "selector", "spec")
    if not selector or spec.get("type") == "ExternalName":
        return None
    kind = get(spec, "type", str, "spec", "ClusterIP")
    return Service(
        namespace=namespace,
        name=name,
        selector=Selector.of_labels(selector),
        ports=tuple(_read_port(port) for port in get_maps(spec, "ports", "spec")),
        type=kind,
        headless=spec.get("clusterIP") == "None",
        pods_addressed_by=_pods_addressed_by(kind, annotations),
        publish_not_ready=get(spec, "publishNotReadyAddresses", bool, "spec", False),
        local_policy=get(spec, "externalTrafficPolicy", str, "spec", "") == "Local",
        annotations={key: text for key, text in annotations.items() if key.startswith(_KEPT)} if annotations else _NONE,
    )


def deregistration_delay(annotations: Mapping[str, str]) -> tuple[int, str] | None:
    """(seconds, annotation) for which an AWS load balancer keeps requests to a removed pod open; None if not set."""
    for key in _ATTRIBUTES:
        if match := _DEREGISTRATION.search(annotations.get(key, "")):
            return int(match[1]), key
    return None


def _read_port(port: Obj) -> ServicePort:
    target = port.get("targetPort") or port.get("port") or 0
    if not isinstance(target, int | str) or isinstance(target, bool):
        raise Unreadable("spec.ports.targetPort is neither a number nor a name")
    return ServicePort(
        get(port, "name", str, "spec.ports", ""), target, get(port, "appProtocol", str, "spec.ports", "")
    )


def _pods_addressed_by(kind: str, annotations: dict[str, str]) -> str:
    if kind == "LoadBalancer" and any(annotations.get(key) == value for key, value in _IP_TARGETS.items()):
        return NLB
    return GKE if "exposed_ports" in annotations.get(GKE_ENDPOINT_GROUP, "") else ""
