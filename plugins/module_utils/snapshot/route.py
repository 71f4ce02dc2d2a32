# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What routes requests to Services: Ingress, Gateway API, Istio and AWS target groups in one shape."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    get,
    get_labels,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route_timeouts import (
    CONTROLLERS,
    Timeout,
    duration,
    ingress_timeouts,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import (
    AGIC,
    ALB,
    AWS,
    GKE,
    GKE_ENDPOINT_GROUP,
    Service,
    deregistration_delay,
)

ROUTE_KINDS = ("Ingress", "HTTPRoute", "GRPCRoute", "TargetGroupBinding", "VirtualService")

# Proxies that run in the cluster watch EndpointSlices as kube-proxy does, and stop sending to an address within seconds
# of its removal: behind them the policy's default delay holds. A balancer of the cloud learns of it through a
# controller and
# an API, and then tells its own machines: tens of seconds. So, to be safe, does what has no known class.
PROXY = "proxy"
_PROXIES = re.compile(
    r"nginx|traefik|contour|haproxy|istio|envoy|kong|apisix|ambassador|emissary|cilium|openshift|skipper|higress|gloo"
    r"|kgateway|kourier|pomerium|tyk"
)
_AGIC = "azure/application-gateway"  # the class; an IngressClass of that controller usually has the same with a dash
_AGIC_ANNOTATION = "appgw.ingress.kubernetes.io/"
_GKE_CLASSES = re.compile(r"gce|gce-internal|gke-l7-[a-z0-9-]+")
_NGINX = "nginx.ingress.kubernetes.io/"
_SOCKETS = (
    *(f"{_NGINX}websocket-services", "nginx.org/websocket-services", "nginx.org/grpc-services"),
    "projectcontour.io/websocket-routes",
)
_LARGE = 100 * 2**20  # bytes of an upload that takes longer than a moment
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_CLUSTER_HOST = re.compile(r"([^.]+)\.([^.]+)\.svc(?:\..*)?")


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of a routing object: what it says holds for all its `services`, as (namespace, name).

    `sender` is AWS, GKE, AGIC, PROXY or empty if the sender is unknown; `gateways` are those of a Gateway API
    route, as (namespace, name). `upload` is the size of the bodies that stream through to a pod, as written, where it
    is large. `sockets`: it carries gRPC or WebSockets. `deregistration` as deregistration_delay() has it.
    """

    kind: str
    namespace: str
    name: str
    services: tuple[tuple[str, str], ...]
    sender: str = ""
    gateways: tuple[tuple[str, str], ...] = ()
    timeouts: tuple[Timeout, ...] = ()
    upload: str = ""
    sockets: bool = False
    deregistration: tuple[int, str] | None = None

    @property
    def title(self) -> str:
        """Such as Ingress shop/web: how messages name it."""
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def external(self) -> bool:
        """Whether what sends the requests is a load balancer outside of the cluster, or may be one."""
        return self.sender != PROXY

    def pods_addressed_by(self, service: Service) -> str:
        """AWS, GKE or AGIC where their load balancer sends to the addresses of this Service's pods, else empty."""
        if (service.namespace, service.name) not in self.services or self.sender == PROXY:
            return ""
        if self.kind == "Ingress":
            # Of the two annotations that of the Service counts.
            if target := service.annotations.get(f"{ALB}target-type"):
                return AWS if target == "ip" else ""
            grouped = re.search(r'"ingress"\s*:\s*true', service.annotations.get(GKE_ENDPOINT_GROUP, ""))
            # On GKE an Ingress without a class is the cloud's.
            return self.sender if self.sender in (AWS, AGIC) else GKE if grouped else ""
        return self.sender

    def through(self, classes: Iterable[str]) -> Route:
        """The same route, sent by gateways of these classes; empty where a class is not known."""
        senders = {_sender(name) for name in classes}
        known = [sender for sender in (GKE, AGIC, "", PROXY) if sender in senders]
        return replace(self, sender=known[0]) if known else self


def read_routes(namespace: str, name: str, obj: Obj) -> list[Route]:
    """The routes of an object of ROUTE_KINDS; none where it leads to no Service. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    match obj["kind"]:
        case "Ingress":
            routes = [_read_ingress(namespace, name, obj, spec)]
        case "TargetGroupBinding":
            target = get(get_map(spec, "serviceRef", "spec"), "name", str, "spec.serviceRef", "")
            services = ((namespace, target),) if target else ()
            addressed = get(spec, "targetType", str, "spec", "") == "ip"
            routes = [Route(obj["kind"], namespace, name, services, AWS if addressed else "")]
        case "VirtualService":
            routes = [_read_istio(namespace, name, rule) for rule in get_maps(spec, "http", "spec")]
        case kind:
            gateways = _read_gateways(namespace, spec)
            # Without a gateway it is for the mesh: its proxies run beside the clients.
            base = Route(kind, namespace, name, (), "" if gateways else PROXY, gateways, sockets=kind == "GRPCRoute")
            routes = [_read_gateway_rule(base, rule) for rule in get_maps(spec, "rules", "spec")]
    return [route for route in routes if route.services]


def read_gateway_class(obj: Obj) -> str:
    """The class of a Gateway: who runs it. Raises Unreadable."""
    return get(get_map(obj, "spec", ""), "gatewayClassName", str, "spec", "")


def _sender(name: str) -> str:
    """Who is behind the name of a class, as far as it tells."""
    if _GKE_CLASSES.fullmatch(name):
        return GKE
    if name.lower().replace("/", "-").startswith(_AGIC.replace("/", "-")):
        return AGIC
    return PROXY if _PROXIES.search(name.lower()) else ""


def _read_ingress(namespace: str, name: str, obj: Obj, spec: Obj) -> Route:
    annotations = get_labels(get_map(obj, "metadata", ""), "annotations", "metadata")
    group = get(spec, "ingressClassName", str, "spec", "") or annotations.get("kubernetes.io/ingress.class", "")
    backends = [
        get_map(path, "backend", "spec.rules.http.paths")
        for rule in get_maps(spec, "rules", "spec")
        for path in get_maps(get_map(rule, "http", "spec.rules"), "paths", "spec.rules.http")
    ]
    backends.append(get_map(spec, "defaultBackend", "spec"))
    names = [get(get_map(backend, "service", "backend"), "name", str, "backend.service", "") for backend in backends]
    sender = _sender(group)
    if not group and any(_PROXIES.search(key.partition("/")[0]) for key in annotations):
        sender = PROXY  # annotations for one of them tell which class is the default
    if not sender and annotations.get(f"{ALB}target-type") == "ip":
        sender = AWS
    if not sender and any(key.startswith(_AGIC_ANNOTATION) for key in annotations):
        sender = AGIC
    route = Route(
        "Ingress",
        namespace,
        name,
        tuple(dict.fromkeys((namespace, service) for service in names if service)),
        sender,
        deregistration=deregistration_delay(annotations) if sender != PROXY else None,
    )
    read_by = _read_by(sender, group)
    sockets = annotations.get(f"{_NGINX}backend-protocol", "").upper() in ("GRPC", "GRPCS") and "nginx" in read_by
    sockets = sockets or (bool(read_by) and any(key in annotations for key in _SOCKETS))
    return replace(
        route,
        sockets=sockets,
        # For streams they say how long one may be silent.
        timeouts=() if sockets else tuple(ingress_timeouts(route.title, read_by, annotations)),
        upload=_streamed(annotations) if "nginx" in read_by else "",
    )


def _read_by(sender: str, group: str) -> tuple[str, ...]:
    """Which of CONTROLLERS may read the annotations of an Ingress; for another one they are leftovers."""
    if sender in (AWS, GKE):
        return ()
    if sender == AGIC:
        return ("azure",)
    named = tuple(word for word in CONTROLLERS if word in group.lower())
    other = bool(group) and (sender == PROXY or "alb" in group)
    return named if named or other else CONTROLLERS


def _streamed(annotations: dict[str, str]) -> str:
    """The size of uploads that reach a pod while they still arrive. Buffered, as by default, they come in one go."""
    size = annotations.get(f"{_NGINX}proxy-body-size", "").strip()
    match = re.fullmatch(r"(\d{1,9})([kmg]?)", size.lower())
    if not match or annotations.get(f"{_NGINX}proxy-request-buffering", "").strip() != "off":
        return ""
    largest = int(match[1]) * _UNITS[match[2]]
    return "any size" if not largest else size if largest >= _LARGE else ""


def _read_gateways(namespace: str, spec: Obj) -> tuple[tuple[str, str], ...]:
    parents = []
    for parent in get_maps(spec, "parentRefs", "spec"):
        if get(parent, "kind", str, "spec.parentRefs", "Gateway") == "Gateway":
            where = get(parent, "namespace", str, "spec.parentRefs", "") or namespace
            parents.append((where, get(parent, "name", str, "spec.parentRefs", "")))
    return tuple(dict.fromkeys(parents))


def _read_gateway_rule(base: Route, rule: Obj) -> Route:
    services = []
    for backend in get_maps(rule, "backendRefs", "spec.rules"):
        path = "spec.rules.backendRefs"
        if get(backend, "kind", str, path, "Service") == "Service" and not get(backend, "group", str, path, ""):
            where = get(backend, "namespace", str, path, "") or base.namespace
            services.append((where, get(backend, "name", str, path, "")))
    timeouts = get_map(rule, "timeouts", "spec.rules")
    # One try of a request on one pod, else the whole of it.
    field = "backendRequest" if timeouts.get("backendRequest") is not None else "request"
    return replace(
        base,
        services=tuple(dict.fromkeys(services)),
        timeouts=_whole(get(timeouts, field, str, "spec.rules.timeouts", ""), f"{base.title} rules[].timeouts.{field}"),
    )


def _read_istio(namespace: str, name: str, rule: Obj) -> Route:
    """Istio's proxies, beside the clients or as a gateway, get every change: none of them is external."""
    route = Route("VirtualService", namespace, name, (), PROXY)
    services = []
    for part in get_maps(rule, "route", "spec.http"):
        host = get(get_map(part, "destination", "spec.http.route"), "host", str, "spec.http.route.destination", "")
        if host and "." not in host:
            services.append((namespace, host))
        elif match := _CLUSTER_HOST.fullmatch(host):
            services.append((match[2], match[1]))
    timeouts = _whole(get(rule, "timeout", str, "spec.http", ""), f"{route.title} http[].timeout")
    return replace(route, services=tuple(dict.fromkeys(services)), timeouts=timeouts)


def _whole(text: str, source: str) -> tuple[Timeout, ...]:
    """What bounds the whole of a request; none for 0, which switches it off, and for what is no duration."""
    seconds = duration(text)
    return (Timeout(seconds, source),) if seconds else ()
