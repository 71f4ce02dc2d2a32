# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects around workloads."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.coverage import Coverage
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Evidence
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    autoscaler,
    context_object,
    disruption_budget,
    node,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.resting import (
    PARTS,
    RECORDED,
    recorded_context,
)

# What bears on nothing that a rule says it needs, or is noted in another way.
UNRECORDED = {"rollouts", "evidence", "needs", "servers"}
LB = {"type": "LoadBalancer"}


def context(*objects: dict[str, Any]) -> Context:
    """A context of these objects."""
    known = Context()
    for obj in objects:
        known.add(obj)
    return known


def web(**labels: str) -> Workload:
    """The workload shop/web; further labels on its pods."""
    obj = workload()
    obj["spec"]["template"]["metadata"]["labels"] |= labels
    return read_workload(obj)


def names(found: list[Any]) -> list[str]:
    """What was found, by name."""
    return [one.name for one in found]


def test_all_that_rules_read_of_a_context_is_recorded() -> None:
    held = {field.name for part in RECORDED for field in fields(part)}
    assert held == PARTS | UNRECORDED
    reads: set[str] = set()
    recorded = recorded_context(context(service(), node("a")), reads, Evidence())
    assert names(recorded.network.services_of(web())) == ["web"]
    assert reads == {"services"}
    assert len(recorded.cluster.nodes) == 1
    assert reads == {"services", "nodes"}


def test_a_service_takes_pods_by_all_its_labels() -> None:
    both = service("both", selector={"app": "web", "tier": "front"})
    assert names(context(both).network.services_of(web(tier="front"))) == ["both"]
    assert not context(both).network.services_of(web())


def test_a_service_of_another_namespace_takes_none() -> None:
    assert not context(service() | {"metadata": {"name": "web", "namespace": "other"}}).network.services_of(web())


@pytest.mark.parametrize(
    "spec", [{"selector": None}, {"selector": {}}, {"type": "ExternalName", "externalName": "example.com"}]
)
def test_a_service_that_routes_to_no_pod_is_not_kept(spec: dict[str, Any]) -> None:
    assert not context(service(**spec)).network.services_of(web())


@pytest.mark.parametrize(
    ("annotations", "spec", "addressed"),
    [
        ({"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip"}, LB, True),
        ({"service.beta.kubernetes.io/aws-load-balancer-type": "nlb-ip"}, LB, True),
        ({"cloud.google.com/neg": '{"exposed_ports": {"80": {"name": "web"}}}'}, {}, True),
        ({}, LB, False),
        ({}, LB | {"externalTrafficPolicy": "Local"}, False),  # node by node, not pod by pod
        ({"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "instance"}, LB, False),
        ({"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip"}, {}, False),
        ({"cloud.google.com/neg": '{"ingress": true}'}, LB, False),  # set by default, whether an Ingress uses it or not
    ],
)
def test_only_evidence_makes_a_load_balancer_address_pods(
    annotations: dict[str, str], spec: dict[str, Any], addressed: bool
) -> None:
    (found,) = context(service(annotations=annotations, **spec)).network.services_of(web())
    assert bool(found.pods_addressed_by) is addressed


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({}, True),  # every pod of the namespace
        ({"matchLabels": {"app": "web", "team": "x"}}, False),
        ({"matchLabels": {"team": "x"}}, False),
    ],
)
def test_a_disruption_budget_takes_pods_by_its_whole_selector(selector: dict[str, Any], taken: bool) -> None:
    budget = disruption_budget(maxUnavailable=1, selector=selector)
    assert bool(context(budget).scaling.budgets_of(web())) is taken


def test_a_disruption_budget_without_selector_takes_no_pod() -> None:
    assert not context(context_object("PodDisruptionBudget", "web", {"maxUnavailable": 1})).scaling.budgets_of(web())


def test_an_autoscaler_is_found_by_kind_and_name() -> None:
    known = context(autoscaler(2))
    found = known.scaling.autoscaler_of(web())
    assert found is not None
    assert found.min_replicas == 2
    assert known.scaling.autoscaler_of(read_workload(workload(kind="StatefulSet"))) is None


def test_an_autoscaler_without_minimum_keeps_one() -> None:
    obj = autoscaler(2)
    del obj["spec"]["minReplicas"]
    found = context(obj).scaling.autoscaler_of(web())
    assert found is not None
    assert found.min_replicas == 1


def test_the_oldest_kubelet_is_known_once_a_node_is() -> None:
    assert context().cluster.oldest_kubelet is None
    assert str(context(node("a", "v1.34.4"), node("b", "v1.29.9-eks-1"), node("c")).cluster.oldest_kubelet) == "1.29"


def test_a_reason_for_not_knowing_holds_everywhere_or_in_one_namespace() -> None:
    known = Coverage({("Service", "shop"): "refused", ("PodDisruptionBudget", ""): "not asked"})
    assert known.why_unknown("Service", "shop") == "refused"
    assert known.why_unknown("Service", "other") is None
    assert known.why_unknown("PodDisruptionBudget", "other") == "not asked"


@pytest.mark.parametrize(
    "obj",
    [
        service(selector=["app"]),
        service(selector={"app": 1}),
        service(ports=[{"port": 80, "targetPort": [80]}]),
        service(ports=[{"port": True}]),
        service(ports=["80"]),
        service(type=1),
        disruption_budget(selector={"matchExpressions": [{"operator": "Near"}]}, maxUnavailable=1),
        disruption_budget(maxUnavailable="1"),
        context_object("HorizontalPodAutoscaler", "web", {"minReplicas": "2"}),
        context_object("PersistentVolumeClaim", "web", {"accessModes": "ReadWriteOnce"}),
        node("a", "latest"),
    ],
)
def test_wrong_types_are_unreadable(obj: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        context(obj)
