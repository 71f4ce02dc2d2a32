# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on what an update waits for before it stops further old pods."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    balancer,
    gateway,
    http_route,
    ingress,
    namespace_object,
    run,
    service,
    sleeping,
    target_group,
    workload,
)

GATE, READY = "lb-readiness-gate-missing", "min-ready-seconds-zero"
LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject"
LABELLED = namespace_object("shop", **{LABEL: "enabled"})
OLD_GATE = {"readinessGates": [{"conditionType": "target-health.elbv2.k8s.aws/k8s-web"}]}
ON_NODES = service(type="LoadBalancer", externalTrafficPolicy="Local")


def patient(**spec: Any) -> dict[str, Any]:
    """A workload whose hook is long enough for any load balancer."""
    return workload(sleeping(25), grace=60, **spec)


# lb-readiness-gate-missing


@pytest.mark.parametrize("labels", [{}, {LABEL: "disabled"}])
@pytest.mark.parametrize("around", [[balancer()], [service(), target_group()]])
def test_an_update_that_does_not_wait_for_the_load_balancer(
    around: list[dict[str, Any]], labels: dict[str, str]
) -> None:
    finding = run(patient(), *around, namespace_object("shop", **labels)).one(GATE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "readiness-gate")
    assert f"{LABEL}: enabled" in finding["snippet"]
    assert 'name: "shop"' in finding["snippet"]


def test_the_label_of_the_namespace_gives_it() -> None:
    assert not run(patient(), balancer(), LABELLED).of(GATE)


def test_so_does_the_pod_template() -> None:
    assert not run(patient(pod=OLD_GATE), balancer(), namespace_object()).of(GATE)


def test_a_gate_for_something_else_does_not() -> None:
    other = {"readinessGates": [{"conditionType": "example.com/warm"}]}
    assert run(patient(pod=other), balancer(), namespace_object()).of(GATE)


def test_while_the_labels_are_not_known_it_is_not_evaluated() -> None:
    result = run(patient(), balancer(), namespace_object("other"))
    assert not result.of(GATE)
    (reason,) = {entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == GATE}
    assert "namespace shop is not in the input" in reason


@pytest.mark.parametrize(
    "around",
    [
        [service(type="LoadBalancer")],
        [service(), target_group("instance")],
        [service(), ingress(ingressClassName="nginx")],
        [service(), http_route(), gateway("gke-l7-gxlb")],  # GKE adds a gate of its own
        [service()],
    ],
)
def test_others_know_no_such_gate(around: list[dict[str, Any]]) -> None:
    assert not run(patient(), *around, namespace_object()).of(GATE)


@pytest.mark.parametrize(
    "spec",
    [
        {"strategy": {"type": "Recreate"}},
        {"kind": "StatefulSet", "updateStrategy": {"type": "OnDelete"}},
        {"kind": "DaemonSet", "updateStrategy": {"type": "OnDelete"}},
    ],
)
def test_an_update_that_never_waits_needs_neither(spec: dict[str, Any]) -> None:
    result = run(patient(**spec), balancer(), namespace_object())
    assert not result.of(GATE)
    assert not result.of(READY)


@pytest.mark.parametrize(("seconds", "severity"), [(5, "warning"), (20, "info"), (60, "info")])
def test_min_ready_seconds_make_up_for_it(seconds: int, severity: str) -> None:
    assert run(patient(minReadySeconds=seconds), balancer(), namespace_object()).one(GATE)["severity"] == severity


# min-ready-seconds-zero


@pytest.mark.parametrize("around", [[balancer(), namespace_object()], [ON_NODES]])
def test_a_load_balancer_that_takes_new_pods_in_late_needs_a_pause(around: list[dict[str, Any]]) -> None:
    result = run(patient(), *around)
    finding = result.one(READY)
    assert (finding["severity"], finding["remedy"]) == ("warning", "auto")
    assert finding["numbers"] == {"min_ready_seconds": 0, "wanted_seconds": 20}
    assert result.change.patch == {"spec": {"minReadySeconds": 20}}
    assert not result.change.template, "the pods need not restart for it"
    assert not result.applied().of(READY)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_behind_kube_proxy_it_is_an_info(kind: str) -> None:
    finding = run(patient(kind=kind), service()).one(READY)
    assert finding["severity"] == "info"
    assert finding["numbers"]["wanted_seconds"] == 10


@pytest.mark.parametrize(
    "around",
    [
        [service(type="LoadBalancer")],  # kube-proxy of the nodes follows the pods
        [service(), ingress(ingressClassName="nginx")],
        [service(), ingress()],
        [balancer()],  # whether the namespace is labelled is not known
    ],
)
def test_without_evidence_of_a_late_sender_it_is_an_info(around: list[dict[str, Any]]) -> None:
    assert run(patient(), *around).one(READY)["severity"] == "info"


@pytest.mark.parametrize(
    ("obj", "around"),
    [
        (patient(), [balancer(), LABELLED]),
        (patient(pod=OLD_GATE), [balancer()]),
        (patient(), [service(), http_route(), gateway("gke-l7-gxlb")]),
        (patient(minReadySeconds=1), [service()]),
        (patient(replicas=0), [service()]),
        (workload(annotations={PROFILE: "worker"}), [service()]),
        (workload(kind="CronJob"), [service()]),
    ],
)
def test_what_waits_anyway_or_serves_nobody_needs_no_pause(obj: dict[str, Any], around: list[dict[str, Any]]) -> None:
    assert not run(obj, *around).of(READY)


def test_a_deadline_that_is_too_near_is_for_a_person() -> None:
    finding = run(patient(progressDeadlineSeconds=20), ON_NODES).one(READY)
    assert finding["remedy"] == "manual"
    assert "progressDeadlineSeconds is 20" in finding["reason"]
    assert run(patient(progressDeadlineSeconds=21), ON_NODES).one(READY)["remedy"] == "auto"
