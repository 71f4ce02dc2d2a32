# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on load balancers that learn late that a pod goes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    balancer,
    container,
    gateway,
    hooked,
    http_route,
    ingress,
    node,
    run,
    service,
    sleeping,
    target_group,
    workload,
)

RACE, LOCAL, MISSING = "lb-deregistration-race", "local-traffic-policy-drain", "prestop-missing"
ALB = "alb.ingress.kubernetes.io/"
AWS = "service.beta.kubernetes.io/aws-load-balancer-"
SHELL = hooked({"exec": {"command": ["sh", "-c", "sleep 5"]}})
NODES: dict[str, Any] = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}


def hooks(pre_stop: dict[str, Any] | None) -> dict[str, Any]:
    """A workload with this hook and enough grace."""
    return workload(hooked(pre_stop), grace=120)


# lb-deregistration-race


@pytest.mark.parametrize(
    "around",
    [
        [balancer()],
        [service(), target_group()],
        [service(), ingress(annotations={f"{ALB}target-type": "ip"})],
        [service(), http_route(), gateway("gke-l7-gxlb")],
        [service(annotations={"cloud.google.com/neg": '{"ingress": true}'}), ingress(ingressClassName="gce")],
    ],
)
def test_a_hook_that_is_shorter_than_the_deregistration_is_made_longer(around: list[dict[str, Any]]) -> None:
    result = run(workload(sleeping(10)), *around)
    finding = result.one(RACE)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("warning", "auto", "app")
    assert finding["numbers"] == {"prestop_seconds": 10, "wanted_seconds": 20}
    assert result.pod["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": 20}}
    assert result.pod["terminationGracePeriodSeconds"] == 40, "the drain keeps its time"
    assert not result.applied().of(RACE)


def test_without_any_hook_it_is_prestop_missing() -> None:
    result = run(hooks(None), balancer())
    assert result.rules[MISSING] == "error"
    assert not result.of(RACE)


def test_a_hook_that_returns_at_once_is_prestop_missing() -> None:
    result = run(hooks({"exec": {"command": ["sh", "-c", "echo leaving"]}}), balancer())
    assert result.rules[MISSING] == "error"
    assert not result.of(RACE)


@pytest.mark.parametrize(
    "around",
    [
        [service(type="LoadBalancer")],
        [service(), target_group("instance")],
        [service(), ingress(annotations={f"{ALB}target-type": "instance"})],
        [service(), ingress(ingressClassName="nginx")],
        [service(), http_route(), gateway("istio")],
        [service(), ingress()],
        [service()],
    ],
)
def test_where_nobody_addresses_pods_from_outside_nothing_is_late(around: list[dict[str, Any]]) -> None:
    assert not run(workload(sleeping(5)), *around).of(RACE)


def test_a_hook_as_long_as_the_policy_says_is_long_enough() -> None:
    obj = workload(sleeping(15), grace=60)
    assert run(obj, balancer()).of(RACE)
    assert not run(obj, balancer(), policy={"prestop_seconds": {"external-lb": 15}}).of(RACE)
    assert not run(workload(sleeping(25), grace=60), balancer()).of(RACE)


def test_one_of_several_containers_may_delay_for_all() -> None:
    obj = workload(sleeping(25), hooked({"sleep": {"seconds": 1}}, "b", ports=[{"containerPort": 9}]), grace=60)
    assert not run(obj, balancer(ports=[{"port": 8080}, {"port": 9}])).of(RACE)


def test_a_command_is_for_a_person_to_change() -> None:
    does_more = hooked({"exec": {"command": ["sh", "-c", "rm /tmp/ready; sleep 5"]}})
    finding = run(workload(does_more), balancer()).one(RACE)
    assert finding["remedy"] == "manual"
    assert 'command: ["sh", "-c", "sleep 20"]' in finding["snippet"]
    assert "terminationGracePeriodSeconds: 45" in finding["snippet"]


def test_a_command_of_unknown_time_is_not_evaluated() -> None:
    result = run(hooks({"exec": {"command": ["/bin/leave"]}}), balancer())
    assert not result.of(RACE)
    assert [entry["rule"] for entry in result.report["not_evaluated"] if "not declared" in entry["reason"]] == [RACE]


@pytest.mark.parametrize(
    "pre_stop",
    [
        {"exec": {"command": ["/wait-shutdown"]}},
        {"httpGet": {"path": "/", "port": 8080}},
        {"tcpSocket": {"port": 8080}},
    ],
)
def test_a_draining_hook_and_those_with_rules_of_their_own(pre_stop: dict[str, Any]) -> None:
    assert not run(hooks(pre_stop), balancer()).of(RACE)


def test_a_sleep_that_no_node_runs_has_a_rule_of_its_own() -> None:
    result = run(workload(sleeping(5)), balancer(), node("a", "v1.28.1"))
    assert "sleep-action-unsupported" in result.rules
    assert not result.of(RACE)


def test_a_server_that_delays_its_own_shutdown_needs_no_longer_hook() -> None:
    obj = workload(container(args=["--shutdown-delay=30s"]), grace=60)
    assert not run(obj, balancer()).of(RACE)


def test_a_worker_gets_no_requests() -> None:
    assert not run(workload(sleeping(5), annotations={PROFILE: "worker"}), balancer()).of(RACE)


@pytest.mark.parametrize(
    ("around", "annotation"),
    [
        (
            [
                service(),
                ingress(
                    annotations={
                        f"{ALB}target-type": "ip",
                        f"{ALB}target-group-attributes": "a=b,deregistration_delay.timeout_seconds=300",
                    }
                ),
            ],
            f"{ALB}target-group-attributes",
        ),
        (
            [
                service(
                    annotations={
                        f"{AWS}nlb-target-type": "ip",
                        f"{AWS}target-group-attributes": "deregistration_delay.timeout_seconds=300",
                    },
                    type="LoadBalancer",
                )
            ],
            f"{AWS}target-group-attributes",
        ),
    ],
)
def test_a_deregistration_delay_beyond_the_life_of_a_pod_is_an_info(
    around: list[dict[str, Any]], annotation: str
) -> None:
    finding = run(workload(sleeping(20), grace=60), *around).one(RACE)
    assert (finding["severity"], finding["remedy"]) == ("info", "manual")
    assert finding["numbers"] == {"deregistration_seconds": 300, "grace_seconds": 60}
    assert f"{annotation}: deregistration_delay.timeout_seconds=60" in finding["snippet"]
    assert not run(workload(sleeping(20), grace=300), *around).of(RACE)


# local-traffic-policy-drain


def test_a_hook_that_ends_before_the_node_is_left_out() -> None:
    result = run(workload(sleeping(10)), service(**NODES))
    finding = result.one(LOCAL)
    assert (finding["severity"], finding["remedy"]) == ("warning", "auto")
    assert finding["numbers"] == {"prestop_seconds": 10, "wanted_seconds": 20}
    assert not result.applied().of(LOCAL)


@pytest.mark.parametrize(("seconds", "found"), [(34, True), (35, False)])
def test_annotations_tell_how_long_the_load_balancer_takes(seconds: int, found: bool) -> None:
    checks = {f"{AWS}healthcheck-interval": "10", f"{AWS}healthcheck-unhealthy-threshold": "3"}
    result = run(workload(sleeping(seconds), grace=60), service(annotations=checks, **NODES))
    assert bool(result.of(LOCAL)) is found


def test_more_than_the_policy_gives_is_for_a_person() -> None:
    checks = {
        "service.beta.kubernetes.io/azure-load-balancer-health-probe-interval": "15",
        "service.beta.kubernetes.io/azure-load-balancer-health-probe-num-of-probe": "2",
    }
    finding = run(workload(sleeping(10)), service(annotations=checks, **NODES)).one(LOCAL)
    assert finding["remedy"] == "manual"
    assert "needs 35 s, more than the policy's 20 s" in finding["reason"]
    assert "seconds: 35" in finding["snippet"]
    assert "terminationGracePeriodSeconds: 55" in finding["snippet"]


@pytest.mark.parametrize("only", ["healthcheck-interval", "healthcheck-unhealthy-threshold"])
def test_half_of_it_tells_nothing(only: str) -> None:
    result = run(workload(sleeping(20), grace=60), service(annotations={f"{AWS}{only}": "60"}, **NODES))
    assert not result.of(LOCAL)


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "LoadBalancer"},
        {"type": "LoadBalancer", "externalTrafficPolicy": "Cluster"},
        {"type": "NodePort", "externalTrafficPolicy": "Local"},
        {},
    ],
)
def test_other_services_are_no_matter(spec: dict[str, Any]) -> None:
    assert not run(workload(sleeping(5)), service(**spec)).of(LOCAL)


def test_pods_as_targets_are_the_other_rules_matter() -> None:
    result = run(workload(sleeping(5)), balancer(externalTrafficPolicy="Local"))
    assert result.of(RACE)
    assert not result.of(LOCAL)


def test_behind_a_local_policy_too_no_hook_is_prestop_missing() -> None:
    result = run(hooks(None), service(**NODES))
    assert MISSING in result.rules
    assert not result.of(LOCAL)


def test_behind_a_local_policy_too_a_command_of_unknown_time_is_not_evaluated() -> None:
    result = run(hooks({"exec": {"command": ["/bin/leave"]}}), service(**NODES))
    assert not result.of(LOCAL)
    assert LOCAL in {entry["rule"] for entry in result.report["not_evaluated"] if "not declared" in entry["reason"]}


def test_behind_a_local_policy_too_a_hook_may_drain() -> None:
    assert not run(hooks({"exec": {"command": ["/wait-shutdown"]}}), service(**NODES)).of(LOCAL)


@pytest.mark.parametrize("command", [["sleep", "5"], ["sh", "-c", "sleep 5"], ["sh", "-c", "echo bye; exec sleep 5"]])
def test_a_command_that_only_waits_is_replaced_by_the_sleep_action(command: list[str]) -> None:
    finding = run(hooks({"exec": {"command": command}}), balancer()).one(RACE)
    assert (finding["remedy"], finding["template"]) == ("auto", "prestop-sleep")


@pytest.mark.parametrize(
    "script",
    ["rm /tmp/ready; sleep 5", "sleep 5; kill -HUP 1", "nginx -s quit; sleep 5", "echo 1 > /data/down; sleep 5"],
)
def test_a_command_that_does_more_than_wait_stays(script: str) -> None:
    finding = run(hooks({"exec": {"command": ["sh", "-c", script]}}), balancer()).one(RACE)
    assert finding["remedy"] == "manual"
    assert "more than wait" in finding["reason"]


def test_a_hook_that_never_ends_is_long_enough() -> None:
    assert not run(hooks({"exec": {"command": ["sleep", "infinity"]}}), balancer()).of(RACE)
