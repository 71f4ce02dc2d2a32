# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings requests to Services, and who sends them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route import PROXY, Route
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import (
    AGIC,
    AWS,
    GKE,
    read_service,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    context_object,
    gateway,
    http_route,
    ingress,
    namespace_object,
    service,
    target_group,
    virtual_service,
)

NGINX = "nginx.ingress.kubernetes.io/"
APPGW = "appgw.ingress.kubernetes.io/"
ALB = "alb.ingress.kubernetes.io/"
NEG = {"cloud.google.com/neg": '{"ingress": true}'}


def routes(*objects: dict[str, Any], to: dict[str, Any] | None = None) -> list[Route]:
    """The routes to the Service shop/web, or to another one, among these objects."""
    obj = to or service()
    known = Context()
    for one in objects:
        known.add(one)
    found = read_service(obj["metadata"]["namespace"], obj["metadata"]["name"], obj)
    assert found
    return known.network.routes_of([found])


def addressed(*objects: dict[str, Any], to: dict[str, Any] | None = None) -> set[str]:
    """Whose load balancers send to the pods of that Service."""
    obj = to or service()
    known = Context()
    for one in objects:
        known.add(one)
    found = read_service(obj["metadata"]["namespace"], obj["metadata"]["name"], obj)
    assert found
    return known.network.pods_addressed_by([found])


def sender(*objects: dict[str, Any]) -> str:
    """Who sends by the only route."""
    (route,) = routes(*objects)
    return route.sender


@pytest.mark.parametrize(
    "obj",
    [
        ingress(),
        ingress(rules=None, defaultBackend={"service": {"name": "web"}}),
        ingress("other", "web", "web"),
        http_route(),
        http_route("other", "web"),
        http_route(kind="GRPCRoute"),
        target_group(),
        virtual_service(),
        virtual_service("web.shop.svc.cluster.local"),
        virtual_service("web.shop.svc"),
    ],
)
def test_each_kind_leads_to_its_service_once(obj: dict[str, Any]) -> None:
    (route,) = routes(obj)
    assert (route.kind, route.namespace, route.name) == (obj["kind"], "shop", "web")


@pytest.mark.parametrize(
    "obj",
    [
        ingress("other"),
        ingress(rules=[{"host": "a"}, {"http": {"paths": [{"backend": {"resource": {"kind": "Bucket"}}}]}}]),
        http_route("other"),
        http_route(backendRefs=[{"kind": "ServiceImport", "group": "net.gke.io", "name": "web"}]),
        http_route(backendRefs=[{"name": "web", "namespace": "other"}]),
        target_group(name="other"),
        virtual_service("web.other.svc.cluster.local"),
        virtual_service("web.example.com"),
    ],
)
def test_what_leads_elsewhere_is_no_route(obj: dict[str, Any]) -> None:
    assert not routes(obj)


def test_a_gateway_api_route_of_another_namespace_counts() -> None:
    route = http_route(backendRefs=[{"name": "web", "namespace": "shop"}])
    route["metadata"]["namespace"] = "edge"
    (found,) = routes(route)
    assert found.title == "HTTPRoute edge/web"


def test_an_ingress_of_another_namespace_does_not() -> None:
    obj = ingress()
    obj["metadata"]["namespace"] = "edge"
    assert not routes(obj)


# Who sends


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        *[(name, PROXY) for name in ("nginx", "nginx-internal", "traefik", "contour", "haproxy", "kong", "istio")],
        *[("gce", GKE), ("gce-internal", GKE), ("alb", ""), ("azure-application-gateway", AGIC), ("internal", "")],
        (None, ""),
    ],
)
@pytest.mark.parametrize("annotated", [False, True])
def test_the_class_of_an_ingress_tells_its_controller(group: str | None, expected: str, annotated: bool) -> None:
    given: dict[str, Any] = {"ingressClassName": group}
    if annotated and group:
        given = {"annotations": {"kubernetes.io/ingress.class": group}}
    assert sender(ingress(**given)) == expected


@pytest.mark.parametrize(
    "key", [f"{NGINX}rewrite-target", "traefik.ingress.kubernetes.io/router.tls", "haproxy.org/timeout-server"]
)
def test_without_a_class_annotations_for_a_proxy_tell_it(key: str) -> None:
    assert sender(ingress(annotations={key: "x", "cert-manager.io/cluster-issuer": "y"})) == PROXY


@pytest.mark.parametrize(
    ("group", "expected"),
    [("gke-l7-global-external-managed", GKE), ("gke-l7-rilb", GKE), ("eg-envoy", PROXY), ("nginx", PROXY), ("own", "")],
)
def test_the_class_of_its_gateway_tells_who_sends_an_http_route(group: str, expected: str) -> None:
    assert sender(http_route(), gateway(group)) == expected
    assert sender(gateway(group), http_route()) == expected, "whatever is read first"


def test_of_several_gateways_the_one_outside_of_the_cluster_counts() -> None:
    route = http_route()
    route["spec"]["parentRefs"].append({"name": "inside", "namespace": "edge"})
    inside = gateway("istio", "inside")
    inside["metadata"]["namespace"] = "edge"
    assert sender(route, gateway("gke-l7-gxlb"), inside) == GKE
    assert sender(route, gateway("istio"), inside) == PROXY
    assert not sender(route, inside), "the class of the other one is not known"


def test_a_route_for_the_mesh_alone_is_sent_by_its_proxies() -> None:
    route = http_route()
    route["spec"]["parentRefs"] = [{"kind": "Service", "group": "", "name": "web"}]
    assert sender(route) == PROXY
    assert sender(virtual_service()) == PROXY


@pytest.mark.parametrize(
    ("around", "to", "expected"),
    [
        ([target_group()], {}, {AWS}),
        ([target_group("instance")], {}, set()),
        ([target_group(None)], {}, set()),
        ([ingress(annotations={f"{ALB}target-type": "ip"})], {}, {AWS}),
        ([ingress(annotations={f"{ALB}target-type": "ip"}, ingressClassName="alb")], {}, {AWS}),
        ([ingress(annotations={f"{ALB}target-type": "ip"}, ingressClassName="nginx")], {}, set()),
        ([ingress(annotations={f"{ALB}target-type": "instance"})], {}, set()),
        ([ingress(ingressClassName="alb")], {}, set()),
        ([ingress(ingressClassName="alb")], {f"{ALB}target-type": "ip"}, {AWS}),
        ([ingress(annotations={f"{ALB}target-type": "ip"})], {f"{ALB}target-type": "instance"}, set()),
        ([], {f"{ALB}target-type": "ip"}, set()),
        ([ingress(annotations={"kubernetes.io/ingress.class": "azure/application-gateway"})], {}, {AGIC}),
        ([ingress(annotations={f"{APPGW}use-private-ip": "true"}, ingressClassName="nginx")], {}, set()),
        ([ingress(ingressClassName="gce")], NEG, {GKE}),
        ([ingress()], NEG, {GKE}),
        ([ingress(ingressClassName="nginx")], NEG, set()),
        ([ingress(ingressClassName="gce")], {}, set()),
        ([ingress(ingressClassName="gce")], {"cloud.google.com/neg": '{"ingress": false}'}, set()),
        ([http_route(), gateway("gke-l7-gxlb")], {}, {GKE}),
        ([http_route(), gateway("istio")], {}, set()),
        ([http_route()], {}, set()),
    ],
)
def test_only_evidence_makes_a_route_address_pods(
    around: list[dict[str, Any]], to: dict[str, str], expected: set[str]
) -> None:
    assert addressed(*around, to=service(annotations=to)) == expected


# How long a request may take


F5, CONTOUR, AZURE = "nginx.org/", "projectcontour.io/response-timeout", "appgw.ingress.kubernetes.io/request-timeout"


def timeouts(obj: dict[str, Any]) -> dict[str, int]:
    """Source and seconds of what the only route says."""
    (route,) = routes(obj)
    return {timeout.source: timeout.seconds for timeout in route.timeouts}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (ingress(annotations={f"{NGINX}proxy-read-timeout": "600"}), {"Ingress shop/web proxy-read-timeout": 600}),
        (ingress(annotations={f"{NGINX}proxy-send-timeout": "60"}), {"Ingress shop/web proxy-send-timeout": 60}),
        (ingress(annotations={f"{NGINX}proxy-read-timeout": "600s"}), {}),  # nor does nginx take that
        (ingress(annotations={f"{NGINX}proxy-read-timeout": "0"}), {}),
        (ingress(), {}),
        (http_route(timeouts={"request": "1m30s"}), {"HTTPRoute shop/web rules[].timeouts.request": 90}),
        (
            http_route(timeouts={"request": "5m", "backendRequest": "20s"}),
            {"HTTPRoute shop/web rules[].timeouts.backendRequest": 20},
        ),
        (http_route(timeouts={"request": "0s"}), {}),
        (http_route(timeouts={"request": "soon"}), {}),
        (ingress(annotations={f"{F5}proxy-read-timeout": "1m30s"}), {"Ingress shop/web proxy-read-timeout": 90}),
        (ingress(annotations={f"{F5}proxy-read-timeout": "90"}), {"Ingress shop/web proxy-read-timeout": 90}),
        (ingress(annotations={CONTOUR: "2m"}), {"Ingress shop/web response-timeout": 120}),
        (ingress(annotations={CONTOUR: "infinity"}), {}),
        (ingress(annotations={CONTOUR: "120"}), {}),  # Go's durations have a unit
        (ingress(annotations={CONTOUR: "2m", "projectcontour.io/websocket-routes": "/"}), {}),
        (ingress(annotations={"haproxy.org/timeout-server": "50s"}), {"Ingress shop/web timeout-server": 50}),
        (
            ingress(annotations={"haproxy-ingress.github.io/timeout-server": "10m"}, ingressClassName="haproxy"),
            {"Ingress shop/web timeout-server": 600},
        ),
        (ingress(annotations={"haproxy.org/timeout-server": "50000"}), {}),  # milliseconds, or refused
        (ingress(annotations={AZURE: "45"}), {"Ingress shop/web request-timeout": 45}),
        (ingress(annotations={CONTOUR: "2m"}, ingressClassName="nginx"), {}),
        (ingress(annotations={CONTOUR: "2m"}, ingressClassName="traefik"), {}),
        (ingress(annotations={CONTOUR: "2m"}, ingressClassName="own"), {"Ingress shop/web response-timeout": 120}),
        (ingress(annotations={AZURE: "45"}, ingressClassName="nginx"), {}),
        (ingress(annotations={f"{NGINX}proxy-read-timeout": "600"}, ingressClassName="contour"), {}),
        (virtual_service(timeout="1h"), {"VirtualService shop/web http[].timeout": 3600}),
        (virtual_service(timeout="1500ms"), {"VirtualService shop/web http[].timeout": 2}),
    ],
)
def test_a_timeout_is_known_where_it_is_written(obj: dict[str, Any], expected: dict[str, int]) -> None:
    assert timeouts(obj) == expected


@pytest.mark.parametrize(
    ("obj", "whole"),
    [
        (http_route(timeouts={"request": "90s"}), True),
        (virtual_service(timeout="90s"), True),
        (ingress(annotations={CONTOUR: "90s"}), True),
        (ingress(annotations={f"{NGINX}proxy-read-timeout": "90"}), False),
        (ingress(annotations={f"{F5}proxy-read-timeout": "90"}), False),
        (ingress(annotations={"haproxy.org/timeout-server": "90s"}), False),
        (ingress(annotations={AZURE: "90"}), False),
    ],
)
def test_whether_it_bounds_the_whole_request(obj: dict[str, Any], whole: bool) -> None:
    (route,) = routes(obj)
    assert [timeout.whole for timeout in route.timeouts] == [whole]


def test_a_timeout_holds_for_the_services_of_its_rule() -> None:
    route = http_route("other", timeouts={"request": "10m"})
    route["spec"]["rules"] += http_route("web", timeouts={"request": "5s"})["spec"]["rules"]
    assert list(timeouts(route).values()) == [5]


@pytest.mark.parametrize("group", ["alb", "traefik", "gce"])
def test_annotations_of_nginx_mean_nothing_to_others(group: str) -> None:
    obj = ingress(annotations={f"{NGINX}proxy-read-timeout": "600"}, ingressClassName=group)
    assert not timeouts(obj)


@pytest.mark.parametrize("group", ["nginx", "public", "internal-nginx"])
def test_annotations_of_nginx_count_where_it_may_be_nginx(group: str) -> None:
    obj = ingress(annotations={f"{NGINX}proxy-read-timeout": "600"}, ingressClassName=group)
    assert list(timeouts(obj).values()) == [600]


@pytest.mark.parametrize(
    "annotations",
    [
        {f"{NGINX}backend-protocol": "GRPC"},
        {f"{NGINX}backend-protocol": "grpcs"},
        {"nginx.org/websocket-services": "web"},
    ],
)
def test_for_streams_the_timeouts_of_nginx_say_how_long_one_may_be_silent(annotations: dict[str, str]) -> None:
    (route,) = routes(ingress(annotations=annotations | {f"{NGINX}proxy-read-timeout": "3600"}))
    assert route.sockets
    assert not route.timeouts


def test_a_grpc_route_carries_streams() -> None:
    assert routes(http_route(kind="GRPCRoute"))[0].sockets
    assert not routes(http_route())[0].sockets


@pytest.mark.parametrize(
    ("size", "buffering", "expected"),
    [
        *[("200m", "off", "200m"), ("1G", "off", "1G"), ("0", "off", "any size")],
        *[("8m", "off", ""), ("200m", "on", ""), ("200m", None, ""), ("lots", "off", ""), (None, "off", "")],
    ],
)
def test_large_uploads_count_where_they_stream(size: str | None, buffering: str | None, expected: str) -> None:
    given = {f"{NGINX}proxy-body-size": size, f"{NGINX}proxy-request-buffering": buffering}
    (route,) = routes(ingress(annotations={key: text for key, text in given.items() if text is not None}))
    assert route.upload == expected


def test_labels_of_a_namespace_are_known() -> None:
    known = Context()
    known.add(namespace_object("shop", team="x"))
    assert {name: namespace.labels for name, namespace in known.cluster.namespaces.items()} == {"shop": {"team": "x"}}


@pytest.mark.parametrize(
    "obj",
    [
        ingress(rules="all"),
        ingress(rules=[{"http": []}]),
        ingress(rules=[{"http": {"paths": [1]}}]),
        ingress(rules=[{"http": {"paths": [{"backend": {"service": "web"}}]}}]),
        ingress(ingressClassName=1),
        ingress(defaultBackend=[]),
        ingress(annotations={"a": 1}),  # type: ignore[dict-item]
        http_route(backendRefs={}),
        http_route(backendRefs=[{"name": 1}]),
        http_route(timeouts=5),
        http_route(timeouts={"request": 5}),
        context_object("HTTPRoute", "web", {"parentRefs": [{"name": []}], "rules": []}),
        context_object("HTTPRoute", "web", {"parentRefs": "public"}),
        gateway(5),  # type: ignore[arg-type]
        target_group(5),  # type: ignore[arg-type]
        context_object("TargetGroupBinding", "web", {"serviceRef": "web"}),
        virtual_service(timeout=5),
        virtual_service(5),  # type: ignore[arg-type]
        context_object("VirtualService", "web", {"http": {}}),
        namespace_object("shop", team=5),  # type: ignore[arg-type]
        service(publishNotReadyAddresses="true"),
        service(externalTrafficPolicy=1),
        service(ports=[{"port": 80, "appProtocol": 2}]),
    ],
)
def test_wrong_types_are_unreadable(obj: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        Context().add(obj)


@pytest.mark.parametrize(
    "kind", ["Ingress", "HTTPRoute", "GRPCRoute", "TargetGroupBinding", "VirtualService", "Gateway"]
)
def test_an_empty_object_leads_nowhere(kind: str) -> None:
    assert not routes({"kind": kind, "apiVersion": "x/v1"})
