# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: who sends requests to a pod, and how soon they learn that it has gone."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.labels import Selector
from ansible_collections.graceful.termination.plugins.module_utils.shape import (
    Unreadable,
    get,
    get_labels,
    get_map,
    get_maps,
)

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


def read_service(namespace: str, name: str, obj: dict) -> Service | None:
    """A Service, or None where it routes to no pod. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    annotations = get_labels(get_map(obj, "metadata", ""), "annotations", "metadata")
    selector = get_labels(spec, "selector", "spec")
    if not selector or spec.get("type") == "ExternalName":
        return None
    ports = []
    for port in get_maps(spec, "ports", "spec"):
        target = port.get("targetPort") or port.get("port") or 0
        if not isinstance(target, int | str) or isinstance(target, bool):
            raise Unreadable("spec.ports.targetPort is neither a number nor a name")
        ports.append(ServicePort(get(port, "name", str, "spec.ports", ""), target))
    kind = get(spec, "type", str, "spec", "ClusterIP")
    return Service(
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
