# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on preStop hooks: what each finds, and where each stays silent."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    autoscaler,
    balancer,
    container,
    context_object,
    hooked,
    http_route,
    ingress,
    node,
    run,
    service,
    sidecar,
    sleeping,
    workload,
)

MISSING, EXCEEDS, STARVES, TCP = (
    "prestop-missing",
    "prestop-exceeds-grace",
    "prestop-starves-drain",
    "prestop-tcp-socket",
)
HTTP, UNSUPPORTED = "prestop-http-unverified", "sleep-action-unsupported"
BARE = hooked(None)
RECREATE: dict[str, Any] = {"strategy": {"type": "Recreate"}}


def shell(script: str) -> dict[str, Any]:
    """A container whose preStop runs this script."""
    return hooked({"exec": {"command": ["sh", "-c", script]}})


# prestop-missing


def test_a_serving_container_without_prestop_is_a_warning() -> None:
    finding = run(workload(BARE), service()).one(MISSING)
    assert finding["severity"] == "warning"
    assert finding["container"] == "app"
    assert finding["path"] == "spec.template.spec.containers[app].lifecycle.preStop"
    assert finding["numbers"] == {"prestop_seconds": 0, "wanted_seconds": 10}
    assert finding["template"] == "prestop-sleep"
    assert finding["remedy"] == "auto"
    assert "kube-proxy" in finding["message"]


def test_behind_a_load_balancer_the_delay_is_longer() -> None:
    finding = run(workload(BARE), service(type="LoadBalancer")).one(MISSING)
    assert finding["severity"] == "warning"
    assert finding["numbers"]["wanted_seconds"] == 20
    assert "load balancer" in finding["message"]


def test_a_load_balancer_that_addresses_pods_makes_it_an_error() -> None:
    assert run(workload(BARE), balancer()).one(MISSING)["severity"] == "error"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_every_kind_that_serves_is_judged(kind: str) -> None:
    assert run(workload(BARE, kind=kind), service()).of(MISSING)


def test_only_the_container_behind_the_service_needs_it() -> None:
    shipper = hooked(None, "shipper", ports=[{"containerPort": 2020}])
    assert run(workload(shipper, BARE), service()).one(MISSING)["container"] == "app"


@pytest.mark.parametrize(
    "hook",
    [
        {"sleep": {"seconds": 5}},
        {"exec": {"command": ["/wait-shutdown"]}},
        {"httpGet": {"path": "/drain", "port": 8080}},
        {"exec": {"command": ["sh", "-c", "echo leaving; /app/leave"]}},
        {"tcpSocket": {"port": 8080}},
    ],
)
def test_a_hook_that_may_take_its_time_is_not_a_missing_hook(hook: dict[str, Any]) -> None:
    assert not run(workload(hooked(hook)), service()).of(MISSING)


@pytest.mark.parametrize("script", ["echo leaving", "echo leaving; sleep 0"])
def test_a_hook_that_returns_at_once_is_no_delay(script: str) -> None:
    finding = run(workload(shell(script)), service()).one(MISSING)
    assert "returns at once" in finding["message"]
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual"), "what it says is its owner's to keep"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["sleep 20"], "no program has such a name"),
        (["sh", "-c", "sleep", "20"], "only the first word is the script"),
        (["sleep", "20", "&&", "nginx"], "invalid duration"),
        (["sh", "sleep 20"], "no -c"),
        (["sleep", "$(DELAY)"], "invalid duration"),
    ],
)
def test_a_hook_that_fails_at_once_is_no_delay(command: list[str], why: str) -> None:
    finding = run(workload(hooked({"exec": {"command": command}})), service()).one(MISSING)
    assert "its hook fails at once" in finding["message"]
    assert why in finding["message"]
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")


@pytest.mark.parametrize("script", ["kill 1", "nginx -s quit", "pm2 stop all"])
def test_a_hook_that_stops_the_server_is_one_finding(script: str) -> None:
    assert not run(workload(shell(script)), service()).of(MISSING)


def test_a_hook_that_stops_its_server_does_not_help_the_container_beside_it() -> None:
    other = hooked(None, "other", ports=[{"containerPort": 8081}])
    ports = [{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81, "targetPort": 8081}]
    assert run(workload(shell("kill 1"), other), service(ports=ports)).one(MISSING)["container"] == "other"


def test_a_sleep_of_no_seconds_is_made_longer() -> None:
    result = run(workload(sleeping(0)), service())
    assert result.one(MISSING)["remedy"] == "auto"
    assert not result.applied().of(MISSING)


@pytest.mark.parametrize("profile", ["worker", "batch", "controller"])
def test_what_takes_no_requests_needs_no_delay(profile: str) -> None:
    assert not run(workload(BARE, annotations={PROFILE: profile}), service()).of(MISSING)


def test_without_a_service_it_is_a_worker() -> None:
    assert not run(workload(BARE)).of(MISSING)


def test_a_cronjob_needs_no_delay() -> None:
    assert not run(workload(BARE, kind="CronJob"), service()).of(MISSING)


def test_a_native_sidecar_needs_no_delay() -> None:
    assert not run(workload(sleeping(10), pod={"initContainers": [sidecar()]}), service()).of(MISSING)


def test_an_unknown_profile_is_judged_one_severity_lower() -> None:
    assert run(workload(BARE), unknown="no Service in the input").one(MISSING)["severity"] == "info"


def test_without_replicas_it_is_an_info() -> None:
    finding = run(workload(BARE, replicas=0), balancer()).one(MISSING)
    assert finding["severity"] == "info"
    assert finding["reason"] == "only errors and warnings are patched"


def test_a_stateful_set_with_only_its_headless_service_is_an_info() -> None:
    assert run(workload(BARE, kind="StatefulSet"), service(clusterIP="None")).one(MISSING)["severity"] == "info"


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_clients_of_a_headless_service_balance_by_themselves(kind: str) -> None:
    finding = run(workload(BARE, kind=kind), service(clusterIP="None")).one(MISSING)
    assert (finding["severity"], finding["remedy"]) == ("warning", "auto")
    assert "clients with a cached DNS answer" in finding["message"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_peers_that_find_each_other_by_a_headless_service_lose_no_requests(kind: str) -> None:
    ports = [{"name": "gossip", "port": 7946}]
    assert not run(workload(BARE, kind=kind), service(clusterIP="None", ports=ports)).of(MISSING)


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
@pytest.mark.parametrize("route", [ingress("web"), ingress("web", ingressClassName="nginx"), http_route("web")])
def test_a_route_to_a_headless_service_makes_it_a_warning(kind: str, route: dict[str, Any]) -> None:
    finding = run(workload(BARE, kind=kind), service(clusterIP="None"), route).one(MISSING)
    assert (finding["severity"], finding["remedy"]) == ("warning", "auto")
    assert "looked the name up" not in finding["message"]


def test_a_second_service_that_is_not_headless_makes_it_a_warning() -> None:
    behind = service("peers", selector={"app": "web"}, clusterIP="None")
    assert run(workload(BARE), service(), behind).one(MISSING)["severity"] == "warning"


def test_one_replica_with_recreate_is_an_info() -> None:
    assert run(workload(BARE, replicas=1, **RECREATE), service()).one(MISSING)["severity"] == "info"


def test_several_replicas_with_recreate_are_a_warning() -> None:
    assert run(workload(BARE, replicas=2, **RECREATE), service()).one(MISSING)["severity"] == "warning"


@pytest.mark.parametrize(
    "words",
    [
        {"args": ["/nginx-ingress-controller", "--shutdown-grace-period=10"]},
        {"args": ["--shutdown-grace-period", "10"]},
        {"args": ["--shutdown-delay-duration=20s"]},
        {"command": ["sh", "-c", "exec /server --shutdown-delay=5s"]},
    ],
)
def test_a_server_that_delays_its_own_shutdown_needs_none(words: dict[str, Any]) -> None:
    assert not run(workload(hooked(None, **words)), service()).of(MISSING)


@pytest.mark.parametrize(
    "argument",
    [
        "--shutdown-delay-duration=1s",
        "--shutdown-grace-period=0",
        "--http.shutdownDelay=500ms",
        "--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=4s",
    ],
)
def test_a_server_whose_own_delay_is_too_short_needs_one(argument: str) -> None:
    assert run(workload(hooked(None, args=[argument])), service()).of(MISSING)


def config(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return context_object("ConfigMap", name, {}) | {"data": data}


def dns(**fields: Any) -> dict[str, Any]:
    """A name server that mounts its Corefile from the ConfigMap dns."""
    mounts = [{"name": "zones", "mountPath": "/etc/coredns"}]
    volumes = [{"name": "zones", "configMap": {"name": "dns"} | fields}]
    return workload(hooked(None, volumeMounts=mounts), pod={"volumes": volumes})


@pytest.mark.parametrize("text", ["health {\n  lameduck 5s\n}", ".:53 { health :8080 { lameduck 15s } }"])
def test_a_name_server_that_goes_on_as_a_lame_duck_needs_none(text: str) -> None:
    assert not run(dns(), service(), config("dns", Corefile=text)).of(MISSING)


@pytest.mark.parametrize(
    "text", ["health", "# lameduck 5s", "health {\n  # lameduck 5s\n}", "lameduck 0s", "lameduck 1s"]
)
def test_a_name_server_that_stops_at_once_needs_it(text: str) -> None:
    assert run(dns(), service(), config("dns", Corefile=text)).of(MISSING)
    assert run(dns(), service(), config("dns", README="lameduck 5s")).of(MISSING)


@pytest.mark.parametrize(
    "flag",
    [
        "--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=10",
        "-shutdown-delay=9s",
        "-wait-for-healthcheck-interval=25s",
        "--http.shutdownDelay=15s",
    ],
)
def test_flags_of_one_dash_and_of_mixed_case_count(flag: str) -> None:
    assert not run(workload(hooked(None, args=[flag])), service()).of(MISSING)


def test_a_gateway_inside_the_cluster_drains_by_itself() -> None:
    gateway = hooked(None, "istio-proxy")
    assert not run(workload(gateway), service()).of(MISSING)
    assert run(workload(gateway), service(type="LoadBalancer")).one(MISSING)["numbers"]["wanted_seconds"] == 20


def test_behind_an_ingress_it_may_be_that_one_that_sends() -> None:
    ingress = context_object(
        "Ingress", "web", {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]}
    )
    assert (
        "the load balancer or the ingress still sends"
        in run(workload(BARE), service(), ingress).one(MISSING)["message"]
    )
    direct = run(workload(BARE), service(type="LoadBalancer"), ingress).one(MISSING)["message"]
    assert "the load balancer still sends" in direct


def test_a_replaced_pod_of_a_single_stateful_set_leaves_nobody_to_send_to() -> None:
    alone = run(workload(BARE, kind="StatefulSet", replicas=1), service()).one(MISSING)
    assert (alone["severity"], alone["reason"]) == ("info", "only errors and warnings are patched")
    assert run(workload(BARE, kind="StatefulSet", replicas=2), service()).one(MISSING)["severity"] == "warning"


@pytest.mark.parametrize("flag", ["--shutdown-grace-period=0", "--shutdown-grace-period=0s", "--shutdown-timeout=10"])
def test_a_flag_that_delays_nothing_does_not_count(flag: str) -> None:
    assert run(workload(hooked(None, args=[flag])), service()).of(MISSING)


def test_what_another_container_delays_does_not_help() -> None:
    other = hooked(None, "other", ports=None, args=["--shutdown-delay=5s"])
    assert run(workload(BARE, other), service()).of(MISSING)


def test_one_of_several_containers_that_receive_requests_may_delay_for_all() -> None:
    silent = [hooked(None, "a", ports=None), hooked(None, "b", ports=None, args=["--shutdown-delay=5s"])]
    assert not run(workload(*silent), service()).of(MISSING)


def test_a_shutdown_manager_beside_it_delays_the_shutdown() -> None:
    assert not run(workload(BARE, container("shutdown-manager", ports=None)), service()).of(MISSING)


@pytest.mark.parametrize(
    "ports",
    [
        [{"name": "metrics", "port": 9090}],
        [{"name": "http-metrics", "port": 9090}],
        [{"port": 9090, "targetPort": "prometheus"}],
    ],
)
def test_a_service_for_metrics_alone_brings_no_requests(ports: list[dict[str, Any]]) -> None:
    scraped = hooked(None, ports=[{"name": "prometheus", "containerPort": 9090}])
    assert not run(workload(scraped), service(ports=ports)).of(MISSING)


def test_below_kubernetes_1_30_an_exec_sleep_is_for_a_person() -> None:
    finding = run(workload(BARE), service(), version="1.29").one(MISSING)
    assert finding["remedy"] == "manual"
    assert finding["template"] == "prestop-exec-sleep"
    assert 'command: ["sh", "-c", "sleep 10"]' in finding["snippet"]
    assert "terminationGracePeriodSeconds: 40" in finding["snippet"]


def test_from_kubernetes_1_30_on_the_sleep_action_will_do() -> None:
    assert run(workload(BARE), service(), version="1.30").one(MISSING)["template"] == "prestop-sleep"


def test_the_oldest_kubelet_decides_too() -> None:
    finding = run(workload(BARE), service(), node("old", "v1.29.9"), node("new")).one(MISSING)
    assert finding["template"] == "prestop-exec-sleep"


def test_an_autoscaler_that_may_scale_to_zero_makes_it_an_info() -> None:
    assert run(workload(BARE), service(), autoscaler(0)).one(MISSING)["severity"] == "info"


# prestop-exceeds-grace


@pytest.mark.parametrize(
    ("hook", "grace"),
    [
        ({"sleep": {"seconds": 30}}, 30),  # equal: the API server takes it, the application gets 2 s
        ({"sleep": {"seconds": 30}}, None),  # the default of 30 s
        ({"exec": {"command": ["sleep", "31"]}}, 30),
        ({"exec": {"command": ["/bin/sleep", "1m"]}}, 60),
        ({"exec": {"command": ["sh", "-c", "sleep 30"]}}, 30),
        ({"exec": {"command": ["/bin/bash", "-ec", "echo bye; sleep 20; sleep 10"]}}, 30),
        ({"exec": {"command": ["bash", "-lc", "sleep 0.5m"]}}, 30),
        ({"exec": {"command": ["sh", "-c", "for i in 1 2 3; do sleep 10; done"]}}, 30),
        ({"exec": {"command": ["bash", "-o", "pipefail", "-c", "curl -X POST localhost/off && sleep 30"]}}, 30),
    ],
)
def test_a_hook_that_takes_the_whole_grace_period_is_an_error(hook: dict[str, Any], grace: int | None) -> None:
    finding = run(workload(hooked(hook), grace=grace), service()).one(EXCEEDS)
    assert finding["severity"] == "error"
    assert finding["numbers"]["prestop_seconds"] >= finding["numbers"]["grace_seconds"]
    assert finding["numbers"]["left_seconds"] == 2
    assert finding["template"] == "grace-period"


def test_one_second_less_is_not_the_whole_grace_period() -> None:
    assert not run(workload(sleeping(29)), service()).of(EXCEEDS)


@pytest.mark.parametrize(
    "script",
    [
        "while pgrep nginx; do sleep 30; done",
        "for i in $HOSTS; do sleep 30; done",
        "until curl -sf localhost/idle\ndo\n  sleep 60\ndone",
        "if [ -f /tmp/slow ]; then sleep 60; fi",
        "sleep $SECONDS_TO_WAIT",
        "timeout 5 sleep 60",
        "echo 'sleep 60'",
        "# sleep 60",
    ],
)
def test_a_sleep_that_need_not_be_slept_is_not_counted(script: str) -> None:
    assert not run(workload(shell(script)), service()).of(EXCEEDS)


def test_a_drain_that_is_too_long_by_itself_is_no_fault_of_the_hook() -> None:
    result = run(workload(sleeping(1), drain=60), service())
    assert not result.of(STARVES)
    assert result.of("grace-period-insufficient")


def test_a_hook_that_leaves_less_than_the_margin_is_at_fault_whatever_the_drain() -> None:
    assert run(workload(sleeping(25), drain=60), service()).of(STARVES)


# What a broken hook was written for


def broken(*words: str, **fields: Any) -> dict[str, Any]:
    """A workload whose hook fails or returns at once."""
    return workload(hooked({"exec": {"command": list(words)}}), drain=None, **fields)


def pause_and_grace(finding: dict[str, Any]) -> tuple[int, int]:
    pod = yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]
    return pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"], pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize(
    ("words", "grace", "expected"),
    [
        (("sleep 20",), None, (20, 50)),  # on top of the API server's default
        (("sleep 20",), 30, (20, 30)),  # 20 s and the margin: its owner has counted the pause
        (("sleep 20",), 29, (20, 49)),
        (("sleep 25",), 60, (25, 60)),
        (("sleep 2",), None, (10, 40)),  # the policy's is longer
        (("sleep 10",), None, (10, 40)),
        (("sleep 400",), None, (10, 40)),  # more than the policy allows a grace period to be
        (("touch", "/tmp/stopping"), None, (10, 40)),
    ],
)
def test_the_snippet_for_a_broken_hook_makes_its_pause(
    words: tuple[str, ...], grace: int | None, expected: tuple[int, int]
) -> None:
    finding = run(broken(*words, grace=grace), service()).one(MISSING)
    assert pause_and_grace(finding) == expected
    assert finding["numbers"]["wanted_seconds"] == expected[0]


def test_the_drain_is_counted_beside_the_pause() -> None:
    obj = workload(hooked({"exec": {"command": ["sleep 20"]}}), drain=40, grace=60)
    assert pause_and_grace(run(obj, service()).one(MISSING)) == (20, 80)


def test_a_hook_in_an_image_without_a_shell_makes_its_pause_too() -> None:
    image = {"image": "gcr.io/distroless/static-debian12"}
    obj = workload(hooked({"exec": {"command": ["sh", "-c", "sleep 20"]}}, **image), drain=None, grace=None)
    result = run(obj, service())
    assert pause_and_grace(result.one("prestop-shell-missing")) == (20, 50)
    assert result.workload["budget"]["prestop"] is None, "it takes no time, or 20 s"
    assert not result.of(EXCEEDS)


@pytest.mark.parametrize("command", [["/app/wait", "20"], ["/opt/tools/sleep", "20"]])
def test_a_program_that_an_image_without_a_shell_may_have_is_judged_as_ever(command: list[str]) -> None:
    image = {"image": "gcr.io/distroless/static-debian12"}
    result = run(workload(hooked({"exec": {"command": command}}, **image)), service())
    assert not result.of("prestop-shell-missing")
    assert "no shell" not in result.workload["budget"]["sources"]["prestop"]


@pytest.mark.parametrize("hook", [{"httpGet": {"port": 8080}}, {"exec": {"command": ["/drain.sh", "60"]}}])
def test_a_hook_of_undeclared_time_is_not_guessed_at(hook: dict[str, Any]) -> None:
    assert not run(workload(hooked(hook)), service()).of(EXCEEDS)


@pytest.mark.parametrize("kind", ["CronJob", "Job"])
def test_batch_pods_are_killed_just_the_same(kind: str) -> None:
    finding = run(workload(sleeping(30), kind=kind)).one(EXCEEDS)
    assert finding["severity"] == "error"
    path = "spec.jobTemplate.spec.template.spec" if kind == "CronJob" else "spec.template.spec"
    assert finding["path"] == f"{path}.containers[app].lifecycle.preStop"


def test_the_hook_of_a_native_sidecar_shares_the_grace_period() -> None:
    proxy = sidecar(lifecycle={"preStop": {"sleep": {"seconds": 30}}})
    result = run(workload(pod={"initContainers": [proxy]}), service())
    assert result.one(EXCEEDS)["container"] == "proxy"


def test_the_hook_of_a_plain_init_container_never_runs() -> None:
    init = container("setup", lifecycle={"preStop": {"sleep": {"seconds": 30}}})
    assert not run(workload(pod={"initContainers": [init]}), service()).of(EXCEEDS)


@pytest.mark.parametrize(
    "command",
    [
        ["sleep", "infinity"],
        ["tail", "-f", "/dev/null"],
        ["sh", "-c", "while true; do sleep 1; done"],
        ["sh", "-c", "sleep 5; tail -f /dev/null"],
    ],
)
@pytest.mark.parametrize("grace", [30, 3600])
def test_a_hook_that_never_ends_takes_any_grace_period(command: list[str], grace: int) -> None:
    finding = run(workload(hooked({"exec": {"command": command}}), grace=grace), service()).one(EXCEEDS)
    assert (finding["severity"], finding["remedy"]) == ("error", "manual")
    assert finding["numbers"] == {"prestop_seconds": None, "grace_seconds": grace, "left_seconds": 2}
    assert finding["template"] == "prestop-sleep", "no grace period is long enough"


@pytest.mark.parametrize(
    "script",
    [
        "until [ -f /tmp/idle ]; do sleep 1; done",
        "while true; do sleep 1; [ -f /tmp/idle ] && break; done",
        "tail --pid=1 -f /dev/null",
        "timeout 5 tail -f /dev/null",
        "while true; do sleep 1; done >/dev/null 2>&1 &",
        "kill -QUIT 1; sleep infinity",
    ],
)
def test_a_hook_that_may_end_is_not_one_that_never_does(script: str) -> None:
    assert not run(workload(shell(script)), service()).of(EXCEEDS)


def test_a_sleep_beyond_the_grace_period_cannot_be_deployed() -> None:
    assert "cannot be deployed" in run(workload(sleeping(31)), service()).one(EXCEEDS)["message"]
    assert "cannot be deployed" not in run(workload(sleeping(30)), service()).one(EXCEEDS)["message"]


# prestop-starves-drain


def test_too_little_for_the_margin_is_a_warning() -> None:
    finding = run(workload(sleeping(25), drain=None), service()).one(STARVES)
    assert finding["severity"] == "warning"
    assert finding["numbers"] == {
        "prestop_seconds": 25,
        "grace_seconds": 30,
        "left_seconds": 5,
        "drain_seconds": None,
    }


def test_less_than_the_declared_drain_is_an_error() -> None:
    finding = run(workload(sleeping(10), drain=25), service()).one(STARVES)
    assert finding["severity"] == "error"
    assert finding["numbers"]["left_seconds"] == 20


def test_enough_for_the_drain_but_not_for_the_margin_is_a_warning() -> None:
    assert run(workload(sleeping(10), drain=20), service()).one(STARVES)["severity"] == "warning"


def test_just_enough_is_enough() -> None:
    assert not run(workload(sleeping(10), drain=10, grace=30), service()).of(STARVES)


def test_the_drain_counts_although_another_container_needs_more() -> None:
    slow = hooked({"sleep": {"seconds": 60}}, "shipper", ports=None)
    assert run(workload(slow, sleeping(10), drain=40, grace=45), service()).one(STARVES)["container"] == "app"


@pytest.mark.parametrize(
    "script",
    ["sleep 5; /wait-shutdown; sleep 20", "nginx -s quit; sleep 25; while pidof nginx; do sleep 1; done"],
)
def test_a_hook_that_waits_for_the_drain_takes_nothing_from_it(script: str) -> None:
    assert not run(workload(shell(script)), service()).of(STARVES)


def test_beyond_the_grace_period_it_is_the_other_rule() -> None:
    assert set(run(workload(sleeping(40), drain=None), service()).rules) & {EXCEEDS, STARVES} == {EXCEEDS}


@pytest.mark.parametrize("hook", [None, {"httpGet": {"port": 8080}}, {"exec": {"command": ["/drain.sh"]}}])
def test_a_hook_of_no_known_time_starves_nothing(hook: dict[str, Any] | None) -> None:
    assert not run(workload(hooked(hook), drain=60), service()).of(STARVES)


def test_a_native_sidecar_does_not_drain_the_application() -> None:
    proxy = sidecar(lifecycle={"preStop": {"sleep": {"seconds": 25}}})
    assert not run(workload(pod={"initContainers": [proxy]}), service()).of(STARVES)


# prestop-tcp-socket


def test_a_tcp_hook_is_an_error_and_is_replaced_by_a_sleep() -> None:
    result = run(workload(hooked({"tcpSocket": {"port": 8080}})), service())
    finding = result.one(TCP)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "auto", "prestop-sleep")
    assert finding["path"].endswith("containers[app].lifecycle.preStop.tcpSocket")
    (patched,) = result.pod["containers"]
    assert patched["lifecycle"]["preStop"] == {"tcpSocket": None, "sleep": {"seconds": 10}}


def test_a_tcp_hook_at_start_is_for_a_person() -> None:
    lifecycle = {"postStart": {"tcpSocket": {"port": 8080}}, "preStop": {"sleep": {"seconds": 10}}}
    finding = run(workload(container(lifecycle=lifecycle)), service()).one(TCP)
    assert (finding["remedy"], finding["template"]) == ("manual", "poststart-remove")
    assert "postStart: null" in finding["snippet"]


def test_two_tcp_hooks_of_a_container_are_one_finding() -> None:
    broken = {"tcpSocket": {"port": 8080}}
    result = run(workload(container(lifecycle={"postStart": broken, "preStop": broken})), service())
    assert "postStart" in result.one(TCP)["path"]


def test_the_tcp_hook_of_a_native_sidecar_is_to_be_removed() -> None:
    proxy = sidecar(lifecycle={"preStop": {"tcpSocket": {"port": 15021}}})
    finding = run(workload(pod={"initContainers": [proxy]}), service()).one(TCP)
    assert finding["remedy"] == "manual"
    assert "initContainers:" in finding["snippet"]
    assert "preStop: null" in finding["snippet"]


def test_below_kubernetes_1_30_a_tcp_hook_is_for_a_person() -> None:
    finding = run(workload(hooked({"tcpSocket": {"port": 8080}})), service(), version="1.29").one(TCP)
    assert finding["template"] == "prestop-exec-sleep"
    assert "tcpSocket: null" in finding["snippet"]


def test_a_tcp_probe_is_fine() -> None:
    probed = container(readinessProbe={"tcpSocket": {"port": 8080}})
    assert not run(workload(probed), service()).of(TCP)


# prestop-http-unverified


def test_an_http_hook_guarantees_nothing() -> None:
    finding = run(workload(hooked({"httpGet": {"path": "/off", "port": 8080}})), service()).one(HTTP)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "httpGet: null" in finding["snippet"]


def test_an_http_hook_on_a_port_name_that_does_not_exist_is_an_error() -> None:
    assert run(workload(hooked({"httpGet": {"port": "admin"}})), service()).one(HTTP)["severity"] == "error"


def test_an_http_hook_on_an_undeclared_port_number_is_not() -> None:
    assert run(workload(hooked({"httpGet": {"port": 9999}})), service()).one(HTTP)["severity"] == "warning"


def test_a_shutdown_manager_answers_when_the_connections_are_gone() -> None:
    proxy = hooked({"httpGet": {"path": "/shutdown", "port": 8090}})
    assert not run(workload(proxy, container("shutdown-manager", ports=None)), service()).of(HTTP)
    manager = sidecar("shutdown-manager")
    assert not run(workload(proxy, pod={"initContainers": [manager]}), service()).of(HTTP)


@pytest.mark.parametrize(("name", "odd"), [("transport", True), ("grpc", True), ("http", False), ("admin", False)])
def test_a_port_whose_name_says_that_it_speaks_something_else(name: str, odd: bool) -> None:
    hook = {"httpGet": {"path": "/off", "port": 9300}}
    one = hooked(hook, ports=[{"containerPort": 8080}, {"name": name, "containerPort": 9300}])
    assert ("unlikely to answer HTTP" in run(workload(one), service()).one(HTTP)["message"]) is odd


@pytest.mark.parametrize("hook", [{"sleep": {"seconds": 5}}, {"exec": {"command": ["sleep", "5"]}}])
def test_other_hooks_are_no_http_hooks(hook: dict[str, Any]) -> None:
    assert not run(workload(hooked(hook)), service()).of(HTTP)


# sleep-action-unsupported


def test_the_sleep_action_needs_kubernetes_1_30() -> None:
    finding = run(workload(sleeping(10)), service(), version="1.29").one(UNSUPPORTED)
    assert (finding["severity"], finding["remedy"]) == ("error", "manual")
    assert "sleep: null" in finding["snippet"]


@pytest.mark.parametrize(("version", "seconds"), [("1.29", 10), ("1.25", 10), ("1.32", 0)])
def test_an_old_api_server_refuses_the_whole_object(version: str, seconds: int) -> None:
    message = run(workload(sleeping(seconds)), service(), version=version, file="web.yaml").one(UNSUPPORTED)["message"]
    assert "the whole object is refused, and nothing is deployed" in message


def test_a_live_object_has_passed_its_api_server() -> None:
    message = run(workload(sleeping(10)), service(), version="1.29").one(UNSUPPORTED)["message"]
    assert "refused" not in message
    assert "a kubelet without it returns from the hook at once" in message


def test_an_old_kubelet_behind_a_new_api_server_has_no_delay() -> None:
    message = run(workload(sleeping(10)), service(), node("old", "v1.29.1")).one(UNSUPPORTED)["message"]
    assert "refused" not in message
    assert "without any delay" in message


def test_an_old_kubelet_does_not_run_it() -> None:
    assert run(workload(sleeping(10)), service(), node("old", "v1.29.1-gke.7")).of(UNSUPPORTED)


def test_a_sleep_of_zero_needs_kubernetes_1_33() -> None:
    assert run(workload(sleeping(0)), service(), version="1.32").of(UNSUPPORTED)
    assert not run(workload(sleeping(0)), service(), version="1.33").of(UNSUPPORTED)


@pytest.mark.parametrize("hook", [None, {"exec": {"command": ["sleep", "10"]}}])
def test_an_old_cluster_runs_every_other_hook(hook: dict[str, Any] | None) -> None:
    assert not run(workload(hooked(hook)), service(), version="1.29").of(UNSUPPORTED)


def test_kubernetes_1_30_runs_it() -> None:
    assert not run(workload(sleeping(10)), service(), version="1.30").of(UNSUPPORTED)


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["timeout", "600", "/drain.sh"], 600),
        (["/usr/bin/timeout", "45s", "/drain.sh", "--all"], 45),
        (["timeout", "2m", "/drain.sh"], 120),
    ],
)
def test_a_hook_that_gives_itself_longer_than_the_grace_period(command: list[str], seconds: int) -> None:
    finding = run(workload(hooked({"exec": {"command": command}})), service()).one("prestop-exceeds-grace")
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert f"may take {seconds} s" in finding["message"]


@pytest.mark.parametrize(
    "command",
    [
        ["timeout", "5", "/drain.sh"],
        ["timeout", "600", "sleep", "5"],
        ["timeout", "600"],
        ["timeout", "x", "/drain.sh"],
        ["/drain.sh", "timeout", "600"],
        ["sh", "-c", "timeout 600 /drain.sh"],
    ],
)
def test_a_hook_whose_own_limit_fits_or_is_not_certain(command: list[str]) -> None:
    assert not run(workload(hooked({"exec": {"command": command}})), service()).of("prestop-exceeds-grace")


BOTH_PORTS = [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": 8000, "name": "b"}]


def test_the_pause_of_one_container_is_none_for_another_one_that_requests_reach() -> None:
    other = hooked(None, "other", ports=[{"containerPort": 8000}])
    assert run(workload(sleeping(10), other), service(ports=BOTH_PORTS)).one(MISSING)["container"] == "other"


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param([{"containerPort": 7070}], id="another port"),
        pytest.param(None, id="no port, so that it is not certain"),
    ],
)
def test_a_container_that_no_service_reaches_needs_none(ports: list[dict[str, Any]] | None) -> None:
    assert not run(workload(sleeping(10), hooked(None, "other", ports=ports)), service(ports=BOTH_PORTS)).of(MISSING)
