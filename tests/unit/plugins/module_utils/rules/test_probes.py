# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on probes, as far as they decide when an old pod may go."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    container,
    run,
    service,
    sidecar,
    workload,
)

MISSING, IDENTICAL = "no-readiness-probe", "pod-probes-identical"
BARE = container(readinessProbe=None)
PROBE: dict[str, Any] = {"httpGet": {"path": "/ready", "port": 8080}}

# no-readiness-probe


def test_a_serving_container_without_readiness_probe_is_a_warning_for_a_person() -> None:
    finding = run(workload(BARE), service()).one(MISSING)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "readiness-probe")
    assert finding["path"] == "spec.template.spec.containers[app].readinessProbe"
    assert "port: 8080" in finding["snippet"]
    assert "CHANGE-ME" in finding["snippet"], "no path is invented"


def test_without_a_declared_port_none_is_invented() -> None:
    finding = run(workload(container(readinessProbe=None, ports=None)), service()).one(MISSING)
    assert finding["numbers"] == {"port": None}
    assert "port: CHANGE-ME" in finding["snippet"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_every_kind_that_serves_is_judged(kind: str) -> None:
    assert run(workload(BARE, kind=kind), service()).of(MISSING)


@pytest.mark.parametrize("probe", [PROBE, {"exec": {"command": ["true"]}}, {"grpc": {"port": 8080}}])
def test_any_readiness_probe_will_do(probe: dict[str, Any]) -> None:
    assert not run(workload(container(readinessProbe=probe)), service()).of(MISSING)


@pytest.mark.parametrize("other", ["livenessProbe", "startupProbe"])
def test_other_probes_do_not_tell_readiness(other: str) -> None:
    probes: dict[str, Any] = {"readinessProbe": None, other: PROBE}
    assert run(workload(container(**probes)), service()).of(MISSING)


def test_readiness_gates_decide_instead() -> None:
    gated = workload(BARE, pod={"readinessGates": [{"conditionType": "target-health"}]})
    assert not run(gated, service()).of(MISSING)


def test_the_readiness_of_a_native_sidecar_counts_for_the_pod() -> None:
    gated = workload(BARE, pod={"initContainers": [sidecar(readinessProbe=PROBE)]})
    assert not run(gated, service()).of(MISSING)


def test_a_container_that_takes_no_requests_needs_none() -> None:
    shipper = container("shipper", ports=None, readinessProbe=None)
    assert not run(workload(container(), shipper), service()).of(MISSING)


def test_an_injected_proxy_is_not_blamed_on_its_owner() -> None:
    proxy = container("istio-proxy", ports=None, readinessProbe=None, lifecycle=None)
    assert not run(workload(container(ports=None), proxy), service()).of(MISSING)


@pytest.mark.parametrize("profile", ["worker", "batch", "controller"])
def test_what_takes_no_requests_needs_none(profile: str) -> None:
    assert not run(workload(BARE, annotations={PROFILE: profile}), service()).of(MISSING)


def test_an_unknown_profile_is_judged_one_severity_lower() -> None:
    assert run(workload(BARE), unknown="no Service in the input").one(MISSING)["severity"] == "info"


def test_a_gateway_gets_its_probes_from_the_injector() -> None:
    gateway = container("istio-proxy", image="auto", ports=None, readinessProbe=None)
    assert not run(workload(gateway), service()).of(MISSING)
    assert run(workload(gateway | {"image": "registry.example/gateway:1"}), service()).of(MISSING)


def test_a_placeholder_is_asked_nothing() -> None:
    holder = container(image="registry.k8s.io/pause:3.10", readinessProbe=None)
    assert not run(workload(holder), service(type="LoadBalancer")).of(MISSING)


def test_where_no_other_pod_could_answer_it_is_an_info() -> None:
    recreated: dict[str, Any] = {"strategy": {"type": "Recreate"}}
    assert run(workload(BARE, replicas=1, **recreated), service()).one(MISSING)["severity"] == "info"
    assert run(workload(BARE, replicas=2, **recreated), service()).one(MISSING)["severity"] == "warning"
    assert run(workload(BARE, replicas=1, kind="StatefulSet"), service()).one(MISSING)["severity"] == "info"


# pod-probes-identical


def probed(liveness: dict[str, Any], readiness: dict[str, Any]) -> dict[str, Any]:
    """A workload with these two probes."""
    return workload(container(livenessProbe=liveness, readinessProbe=readiness))


def test_liveness_that_acts_no_later_than_the_same_readiness_is_a_warning() -> None:
    finding = run(probed(PROBE, PROBE), service()).one(IDENTICAL)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert finding["numbers"] == {"liveness_seconds": 30, "readiness_seconds": 30}
    assert "failureThreshold: 9" in finding["snippet"]


def test_a_later_liveness_on_the_same_endpoint_is_legitimate() -> None:
    assert not run(probed(PROBE | {"failureThreshold": 4}, PROBE), service()).of(IDENTICAL)
    assert not run(probed(PROBE | {"periodSeconds": 20}, PROBE), service()).of(IDENTICAL)


def test_a_port_by_name_and_by_number_is_the_same_port() -> None:
    named = container(
        ports=[{"name": "http", "containerPort": 8080}],
        livenessProbe={"httpGet": {"path": "/ready", "port": "http"}},
    )
    assert run(workload(named), service()).of(IDENTICAL)


@pytest.mark.parametrize(
    "liveness",
    [
        {"httpGet": {"path": "/alive", "port": 8080}},
        {"httpGet": {"path": "/ready", "port": 8081}},
        {"tcpSocket": {"port": 8080}},
        {"exec": {"command": ["true"]}},
    ],
)
def test_another_question_is_not_identical(liveness: dict[str, Any]) -> None:
    assert not run(probed(liveness, PROBE), service()).of(IDENTICAL)


def test_a_worker_may_probe_as_it_likes() -> None:
    assert not run(probed(PROBE, PROBE)).of(IDENTICAL)


def test_the_probes_of_a_container_that_takes_no_requests_cost_none() -> None:
    reloader = container("reloader", ports=[{"containerPort": 9533}], livenessProbe=PROBE, readinessProbe=PROBE)
    assert not run(workload(container(), reloader), service()).of(IDENTICAL)


@pytest.mark.parametrize("command", [["pgrep", "-f", "server"], ["/bin/pidof", "server"]])
def test_whether_a_process_exists_depends_on_no_load(command: list[str]) -> None:
    asked = {"exec": {"command": command}}
    assert not run(probed(asked, asked), service()).of(IDENTICAL)
    asked = {"exec": {"command": ["curl", "localhost"]}}
    assert run(probed(asked, asked), service()).of(IDENTICAL)
