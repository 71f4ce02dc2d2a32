# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on requests and connections that last longer than a pod has left."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    container,
    hooked,
    http_route,
    ingress,
    run,
    service,
    sidecar,
    virtual_service,
    workload,
)

LONG, LIVED = "long-request-exceeds-grace", "long-lived-connections"
NGINX = "nginx.ingress.kubernetes.io/"
READ = {f"{NGINX}proxy-read-timeout": "120"}
WEB = workload(drain=None)


# long-request-exceeds-grace


@pytest.mark.parametrize(
    ("route", "source"),
    [
        (ingress(annotations=READ), "Ingress shop/web proxy-read-timeout"),
        (http_route(timeouts={"request": "2m"}), "HTTPRoute shop/web rules[].timeouts.request"),
        (virtual_service(timeout="120s"), "VirtualService shop/web http[].timeout"),
    ],
)
def test_a_route_that_allows_more_than_the_pod_has_left(route: dict[str, Any], source: str) -> None:
    result = run(WEB, service(), route)
    finding = result.one(LONG)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("warning", "manual", None)
    assert source in finding["message"]
    assert finding["numbers"] == {
        "request_seconds": 120,
        "prestop_seconds": 10,
        "grace_seconds": 30,
        "left_seconds": 20,
    }
    assert "terminationGracePeriodSeconds: 140" in finding["snippet"]
    assert "annotation graceful.termination/drain-seconds" in finding["reason"]
    budget = result.workload["budget"]
    assert (budget["drain"], budget["known"]) == (None, False), "a route settles no drain time"


def test_beyond_the_policys_cap_it_says_so() -> None:
    finding = run(WEB, service(), http_route(timeouts={"request": "1h"})).one(LONG)
    assert "3620 s exceed the policy's 300 s" in finding["reason"]


def test_of_several_routes_the_longest_counts() -> None:
    routes = [http_route(timeouts={"request": "1m"}), ingress(annotations=READ)]
    assert run(WEB, service(), *routes).one(LONG)["numbers"]["request_seconds"] == 120


@pytest.mark.parametrize(
    "obj",
    [
        workload(drain=None, grace=130),  # 120 s are left
        workload(hooked({"exec": {"command": ["/wait-shutdown"]}}), drain=None, grace=120),
        workload(drain=5),  # its owner has declared how long its requests take
        workload(drain=None, annotations={PROFILE: "worker"}),
    ],
)
def test_enough_time_or_a_word_of_its_owner_is_silent(obj: dict[str, Any]) -> None:
    assert not run(obj, service(), ingress(annotations=READ)).of(LONG)


@pytest.mark.parametrize(
    "route",
    [
        ingress(),
        ingress(annotations={f"{NGINX}proxy-connect-timeout": "120"}),
        ingress(annotations=READ | {f"{NGINX}backend-protocol": "GRPC"}),
        ingress(annotations=READ, ingressClassName="traefik"),
        ingress("other", annotations=READ),
        http_route(timeouts={"request": "0s"}),
        http_route(timeouts={"request": "20s"}),
    ],
)
def test_what_no_route_allows_is_silent(route: dict[str, Any]) -> None:
    assert not run(WEB, service(), route).of(LONG)


def test_uploads_that_stream_to_the_pod_are_an_info() -> None:
    streams = {f"{NGINX}proxy-body-size": "2g", f"{NGINX}proxy-request-buffering": "off"}
    finding = run(WEB, service(), ingress(annotations=streams)).one(LONG)
    assert (finding["severity"], finding["numbers"]) == ("info", {"left_seconds": 20})
    assert "uploads of 2g" in finding["message"]


def test_uploads_that_nginx_buffers_are_not() -> None:
    assert not run(WEB, service(), ingress(annotations={f"{NGINX}proxy-body-size": "2g"})).of(LONG)


# long-lived-connections


def port(**fields: Any) -> dict[str, Any]:
    """A Service with one port like this."""
    return service(ports=[{"port": 80, "targetPort": 8080} | fields])


@pytest.mark.parametrize(
    "around",
    [
        *[[port(appProtocol=f"kubernetes.io/{name}")] for name in ("h2c", "ws", "wss")],
        *[[port(name=name)] for name in ("grpc", "grpc-api", "ws", "websocket")],
        [service(), http_route(kind="GRPCRoute")],
        [service(), ingress(annotations={f"{NGINX}backend-protocol": "GRPC"})],
        [service(), ingress(annotations={"nginx.org/websocket-services": "web"})],
    ],
)
def test_streams_stay_when_the_address_goes(around: list[dict[str, Any]]) -> None:
    finding = run(workload(), *around).one(LIVED)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("info", "manual", "connection-age")
    assert finding["container"] == "app"


@pytest.mark.parametrize(
    "obj",
    [
        workload(pod={"initContainers": [sidecar("istio-proxy")]}),
        workload(container(args=["--grpc-max-connection-age=30s"])),
        workload(container(env=[{"name": "GRPC_MAX_CONNECTION_AGE_MS", "value": "30000"}])),
        workload(annotations={PROFILE: "worker"}),
    ],
)
def test_where_something_closes_them_it_is_silent(obj: dict[str, Any]) -> None:
    assert not run(obj, port(name="grpc")).of(LIVED)


@pytest.mark.parametrize("around", [port(), port(name="http"), port(name="my-grpc"), port(appProtocol="https")])
def test_ordinary_requests_are_silent(around: dict[str, Any]) -> None:
    assert not run(workload(), around).of(LIVED)
