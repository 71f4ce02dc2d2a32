# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a workload is for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.profile import Profile
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    autoscaler,
    balancer,
    case_of,
    container,
    gateway,
    http_route,
    ingress,
    service,
    sidecar,
    target_group,
    virtual_service,
    workload,
)


def profile(obj: dict[str, Any], *around: dict[str, Any], unknown: str | None = None) -> Profile:
    """The profile of a workload among these objects."""
    return case_of(obj, *around, unknown=unknown).profile


def drained(obj: dict[str, Any], *around: dict[str, Any]) -> list[str]:
    """The names of the containers that requests reach."""
    return [one.name for one in profile(obj, *around).drain_containers]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_behind_a_service_it_serves(kind: str) -> None:
    assert profile(workload(kind=kind), service()).name == "serving"


def test_without_a_service_it_is_a_worker() -> None:
    assert profile(workload(), service("other")).name == "worker"


def test_while_services_are_not_known_it_is_unknown_and_says_what_would_settle_it() -> None:
    doubtful = profile(workload(), unknown="no Service of namespace shop is in the input")
    assert doubtful.name == "unknown"
    assert doubtful.takes_requests
    assert doubtful.note is not None
    assert "no Service of namespace shop is in the input" in doubtful.note


@pytest.mark.parametrize("kind", ["CronJob", "Job"])
def test_jobs_are_batch_behind_a_service_too(kind: str) -> None:
    assert profile(workload(kind=kind), service()).name == "batch"


@pytest.mark.parametrize("flag", ["--leader-elect", "--leader-elect=true", "-leader-elect", "--enable-leader-election"])
def test_leader_election_makes_a_controller(flag: str) -> None:
    assert profile(workload(container(args=["--v=2", flag])), service()).name == "controller"


ELECTED = container(args=["--leader-elect"], ports=[{"name": "hooks", "containerPort": 9443}])


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("manager-webhook-service", {"port": 443, "targetPort": 9443}),
        ("manager", {"name": "webhook", "port": 443, "targetPort": 9443}),
        ("manager", {"name": "https-webhook", "port": 443, "targetPort": 9443}),
        ("manager", {"port": 443, "targetPort": "webhook-server"}),
        ("validation-admission", {"port": 443, "targetPort": 9443}),
    ],
)
def test_a_controller_that_answers_webhooks_serves(name: str, port: dict[str, Any]) -> None:
    """Every pod answers them, whichever leads; where none does, the API server refuses what it asks about."""
    ports = [{"name": "webhook-server", "containerPort": 9443}]
    called = container(args=["--leader-elect"], ports=ports)
    assert profile(workload(called), service(name, selector={"app": "web"}, ports=[port])).name == "serving"


def test_a_controller_that_is_reached_from_outside_serves() -> None:
    assert profile(workload(ELECTED), service(), ingress("web")).name == "serving"
    assert profile(workload(ELECTED), balancer()).name == "serving"


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("manager", {"name": "http", "port": 80, "targetPort": 9443}),
        ("manager-metrics-service", {"name": "webhook", "port": 443, "targetPort": 9443}),
        ("webhooked", {"port": 80, "targetPort": 9443}),
    ],
)
def test_another_service_of_a_controller_does_not_make_it_serve(name: str, port: dict[str, Any]) -> None:
    assert profile(workload(ELECTED), service(name, selector={"app": "web"}, ports=[port])).name == "controller"


@pytest.mark.parametrize("image", ["prom/prometheus:v3", "quay.io/prometheus/pushgateway", "victoriametrics/vmselect"])
@pytest.mark.parametrize("name", ["prometheus", "metrics", "http-metrics"])
def test_a_server_of_metrics_serves_by_a_port_of_that_name(image: str, name: str) -> None:
    server = container(image=image, ports=[{"name": name, "containerPort": 9090}])
    assert profile(workload(server), service(ports=[{"name": name, "port": 80, "targetPort": name}])).name == "serving"


@pytest.mark.parametrize("name", ["pprof", "gossip", "exporter"])
def test_a_server_of_metrics_has_side_ports_too(name: str) -> None:
    server = container(image="prom/prometheus:v3", ports=[{"name": name, "containerPort": 9090}])
    assert profile(workload(server), service(ports=[{"name": name, "port": 80, "targetPort": name}])).name == "worker"


@pytest.mark.parametrize("flag", ["--leader-elect=false", "--leader-election-id=x", "leader-elect"])
def test_other_flags_do_not(flag: str) -> None:
    assert profile(workload(container(args=[flag])), service()).name == "serving"


@pytest.mark.parametrize("declared", ["serving", "worker", "batch", "controller", "unknown"])
def test_what_its_owner_declares_holds(declared: str) -> None:
    assert profile(workload(annotations={PROFILE: declared})).name == declared
    assert profile(workload(annotations={PROFILE: declared}), service(), unknown="refused").note is None


def test_a_declaration_that_does_not_exist_is_named_and_not_followed() -> None:
    typo = profile(workload(annotations={PROFILE: "servign"}), service())
    assert typo.name == "serving"
    assert typo.note is not None
    assert "'servign' is not one of serving, worker" in typo.note


# Which requests count


METRICS = container(ports=[{"name": "metrics", "containerPort": 9090}])


@pytest.mark.parametrize(
    "ports",
    [
        [{"name": "metrics", "port": 9090}],
        [{"name": "http-metrics", "port": 9090}],
        [{"port": 9090, "targetPort": "metrics"}],
        [{"port": 9090}],  # the container's port has the name
    ],
)
def test_a_service_for_metrics_alone_does_not_make_it_serve(ports: list[dict[str, Any]]) -> None:
    assert profile(workload(METRICS), service(ports=ports)).name == "worker"


def test_metrics_beside_requests_do_no_harm() -> None:
    ports = [{"name": "metrics", "port": 9090}, {"name": "http", "port": 80, "targetPort": 8080}]
    assert profile(workload(), service(ports=ports)).name == "serving"


@pytest.mark.parametrize("name", ["metricserver", "prometheusgateway"])
def test_a_name_that_only_begins_like_metrics_counts(name: str) -> None:
    assert profile(workload(), service(ports=[{"name": name, "port": 8080}])).name == "serving"


def test_a_target_name_that_no_container_has_routes_nowhere() -> None:
    assert profile(workload(), service(ports=[{"port": 80, "targetPort": "http"}])).name == "worker"


def test_a_target_number_routes_whether_it_is_declared_or_not() -> None:
    assert profile(workload(), service(ports=[{"port": 80, "targetPort": 9999}])).name == "serving"


def test_the_service_that_every_stateful_set_has_says_nothing_without_ports() -> None:
    logger = workload(container(ports=None), kind="StatefulSet")
    assert profile(logger, service(ports=None, clusterIP="None")).name == "worker"


def test_a_headless_service_without_ports_finds_peers() -> None:
    peers = profile(workload(kind="StatefulSet"), service(ports=None, clusterIP="None"))
    assert (peers.name, peers.traits) == ("serving", ("headless-only",))


# Which container receives them


WEB = container("web", ports=[{"name": "http", "containerPort": 8080}])
SHIPPER = container("shipper", ports=[{"containerPort": 2020}])


@pytest.mark.parametrize("target", [8080, "8080", "http"])
def test_it_is_the_owner_of_the_target_port(target: int | str) -> None:
    assert drained(workload(SHIPPER, WEB), service(ports=[{"port": 80, "targetPort": target}])) == ["web"]


def test_without_a_target_port_the_port_itself_is_the_target() -> None:
    assert drained(workload(SHIPPER, WEB), service(ports=[{"port": 8080}])) == ["web"]


def test_two_services_may_reach_two_containers() -> None:
    other = service("admin", selector={"app": "web"}, ports=[{"port": 2020}])
    assert drained(workload(SHIPPER, WEB), service(), other) == ["shipper", "web"]


def test_where_no_port_is_declared_it_may_be_each_of_them() -> None:
    silent = workload(container("a", ports=None), container("b", ports=None))
    assert drained(silent, service()) == ["a", "b"]


def test_an_injected_proxy_is_not_one_of_them() -> None:
    silent = workload(container("app", ports=None), container("istio-proxy", ports=None))
    assert drained(silent, service()) == ["app"]


def test_a_gateway_is_nothing_but_a_proxy() -> None:
    assert drained(workload(container("istio-proxy")), service()) == ["istio-proxy"]


def test_behind_a_native_sidecar_the_application_receives_them() -> None:
    proxy = sidecar(ports=[{"name": "https", "containerPort": 8443}])
    behind = workload(container(ports=None), pod={"initContainers": [proxy]})
    assert drained(behind, service(ports=[{"port": 443, "targetPort": "https"}])) == ["app"]


# Traits


@pytest.mark.parametrize(
    ("obj", "around", "traits"),
    [
        (workload(), [service()], ()),
        (workload(), [service(type="LoadBalancer")], ("external-lb",)),
        (workload(), [balancer()], ("external-lb", "lb-ip-targets")),
        (
            workload(),
            [service(annotations={"cloud.google.com/neg": '{"exposed_ports":{}}'})],
            ("external-lb", "lb-ip-targets"),
        ),
        (workload(), [service(), ingress(ingressClassName="alb")], ("external-lb",)),
        (workload(), [service(), ingress()], ("external-lb",)),  # whoever it is, the longer delay is safe
        (workload(), [service(), ingress(ingressClassName="nginx")], ()),  # follows like kube-proxy
        (workload(), [service(), http_route()], ("external-lb",)),
        (workload(), [service(), http_route(), gateway("istio")], ()),
        (workload(), [service(), http_route(), gateway("gke-l7-rilb")], ("external-lb", "lb-ip-targets")),
        (workload(), [service(), virtual_service()], ()),
        (workload(), [service(), target_group("instance")], ("external-lb",)),
        (workload(), [service(), target_group()], ("external-lb", "lb-ip-targets")),
        (workload(), [service(), ingress("other")], ()),
        (workload(), [service(clusterIP="None"), service("b", selector={"app": "web"})], ()),
        (workload(container("linkerd-proxy")), [], ("meshed",)),
        (workload(pod={"initContainers": [sidecar("istio-proxy")]}), [], ("meshed",)),
        (workload(), [autoscaler(2)], ("autoscaled",)),
        (workload(), [autoscaler(0)], ("autoscaled", "scaled-to-zero")),
        (workload(replicas=0), [], ("scaled-to-zero",)),
        (workload(pod={"hostNetwork": True}), [], ("host-port",)),
        (workload(container(ports=[{"containerPort": 80, "hostPort": 80}])), [], ("host-port",)),
    ],
)
def test_traits(obj: dict[str, Any], around: list[dict[str, Any]], traits: tuple[str, ...]) -> None:
    assert profile(obj, *around).traits == traits


@pytest.mark.parametrize(
    "name",
    ["http-profiling", "monitoring-port", "pprof", "probes", "prom", "exporter", "gossip-ring", "tcp-memberlist"],
)
def test_ports_beside_the_requests_do_not_make_it_serve(name: str) -> None:
    assert profile(workload(), service(ports=[{"name": name, "port": 8080}])).name == "worker"
    both = [{"name": name, "port": 9000}, {"name": "http", "port": 8080}]
    assert profile(workload(), service(ports=both)).name == "serving"


@pytest.mark.parametrize(
    ("image", "number"),
    [
        ("quay.example/prom/node-exporter:v1", 9100),
        ("registry.example:5000/redis_exporter@sha256:0", 9121),
        ("kube-rbac-proxy:1", 8080),
        ("a/cadvisor", 8080),
    ],
)
def test_what_only_exports_metrics_does_not_serve(image: str, number: int) -> None:
    obj = workload(container(image=image, ports=[{"containerPort": number}]))
    assert profile(obj, service(ports=[{"name": "https", "port": number}])).name == "worker"


@pytest.mark.parametrize("image", ["acme/pdf-exporter:1", "acme/pdf"])
def test_what_is_called_an_exporter_and_is_none_serves(image: str) -> None:
    """It listens where no exporter of metrics does, or what it exports is asked for from outside."""
    obj = workload(container(image=image, ports=[{"name": "http", "containerPort": 8080}]))
    port = [{"name": "http", "port": 80, "targetPort": "http"}]
    assert profile(obj, service(ports=port)).name == "serving"
    outside = service("pdf-exporter", selector={"app": "web"}, ports=port)
    assert profile(obj, outside, ingress("pdf-exporter")).name == "serving"
    assert profile(obj, outside | {"spec": outside["spec"] | {"type": "LoadBalancer"}}).name == "serving"
    usual = workload(container(image=image, ports=[{"name": "http", "containerPort": 9100}]))
    assert profile(usual, service(ports=port), ingress("web")).name == "serving"


def test_what_guards_something_else_than_metrics_serves() -> None:
    guard = container(image="registry.example/kube-rbac-proxy:1", ports=[{"name": "web", "containerPort": 9091}])
    assert profile(workload(guard), service(ports=[{"name": "web", "port": 9091}])).name == "serving"


SHOWN = {"httpGet": {"path": "/metrics", "port": "http"}}
HEALTH = {"httpGet": {"path": "/healthz", "port": "http"}}
TCP = {"tcpSocket": {"port": "http"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"readinessProbe": SHOWN, "livenessProbe": SHOWN},
        {"livenessProbe": {"httpGet": {"path": "/metrics", "port": 9402}}, "readinessProbe": TCP},
        {"args": ["--web.telemetry-path=/stats"]},
        {"command": ["ups"], "args": ["-web.telemetry-path", "/stats"], "readinessProbe": HEALTH},
    ],
)
def test_what_shows_metrics_alone_serves_no_requests_whatever_its_port_is_called(fields: dict[str, Any]) -> None:
    obj = workload(container(ports=[{"name": "http", "containerPort": 9402}], **fields))
    port = [{"name": "http", "port": 80, "targetPort": "http"}]
    assert profile(obj, service(ports=port)).name == "worker"
    assert not profile(obj, unknown="no Service in the input").takes_requests
    # Whoever comes from outside does not come for metrics.
    assert profile(obj, service(ports=port), ingress("web")).name == "serving"
    assert profile(obj, service(ports=port, type="LoadBalancer")).name == "serving"


@pytest.mark.parametrize(
    "fields",
    [
        {"readinessProbe": SHOWN, "livenessProbe": HEALTH},
        # An application whose only page for a probe is that of its metrics.
        {"readinessProbe": SHOWN, "livenessProbe": SHOWN},
        {"readinessProbe": HEALTH},
        {"readinessProbe": TCP},
        {"livenessProbe": {"httpGet": {"path": "/metrics", "port": 9090}}},
        {"args": ["--web.listen-address=:8080", "--metrics.path=/metrics"]},
        {},
    ],
)
def test_metrics_beside_anything_else_prove_nothing(fields: dict[str, Any]) -> None:
    ports = [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]
    obj = workload(container(ports=ports, **fields))
    assert profile(obj, service(ports=[{"name": "http", "port": 80, "targetPort": "http"}])).name == "serving"


def test_an_exporter_beside_the_application_receives_no_requests() -> None:
    exporter = container("exporter", image="registry.example/db-exporter:2", ports=[{"containerPort": 9187}])
    ports = [{"name": "http", "port": 8080}, {"name": "stats", "port": 9187}]
    assert drained(workload(container(), exporter), service(ports=ports)) == ["app"]


@pytest.mark.parametrize("name", ["web-metrics", "manager-metrics-service", "web-metrics-svc", "power-exporter"])
def test_a_service_that_is_called_after_metrics_brings_none(name: str) -> None:
    assert profile(workload(), service(name, selector={"app": "web"})).name == "worker"


@pytest.mark.parametrize("name", ["metrics-server", "metrics-api", "metricsd"])
def test_a_service_that_serves_metrics_to_others_counts(name: str) -> None:
    assert profile(workload(), service(name, selector={"app": "web"})).name == "serving"


@pytest.mark.parametrize(
    "idle",
    [
        container(image="registry.k8s.io/pause:3.10"),
        container(command=["/bin/sleep", "infinity"]),
        container(command=["tail", "-f", "/dev/null"]),
    ],
)
def test_where_nothing_listens_a_service_is_only_a_name(idle: dict[str, Any]) -> None:
    assert profile(workload(idle), service()).name == "worker"
    assert profile(workload(idle | {"name": "holder"}, container()), service()).name == "serving"


@pytest.mark.parametrize("ports", [None, [{"name": "http", "containerPort": 2020}]])
def test_where_fluent_bit_tells_about_itself_it_takes_no_requests(ports: list[dict[str, Any]] | None) -> None:
    shipper = workload(container(image="registry.example/fluent/fluent-bit:5", ports=ports), kind="DaemonSet")
    monitor = service(ports=[{"name": "http", "port": 2020, "targetPort": "http" if ports else 2020}])
    assert profile(shipper, monitor).name == "worker"
    assert profile(shipper, service(ports=[{"name": "forward", "port": 24224}])).name == "serving"
    assert profile(workload(container(ports=ports)), monitor).name == "serving"


def test_a_load_balancer_in_front_of_a_placeholder_means_a_proxy_that_is_injected() -> None:
    gateway = profile(workload(container(image="registry.k8s.io/pause:3.10")), service(type="LoadBalancer"))
    assert (gateway.name, gateway.traits) == ("serving", ("external-lb",))


def test_without_a_port_for_requests_an_unknown_one_is_not_judged_by_them() -> None:
    missing = "no Service of namespace shop is in the input"
    for ports in (None, [{"name": "metrics", "containerPort": 9090}]):
        silent = profile(workload(container(ports=ports)), unknown=missing)
        assert (silent.name, silent.takes_requests) == ("unknown", False)
        assert silent.note is not None
        assert missing in silent.note
