# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on nodes: who shares one, and how long it waits."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    hooked,
    node,
    run,
    service,
    workload,
)

SPREAD, BUDGET = "topology-spread-missing", "grace-exceeds-node-budget"
GKE = {"cloud.google.com/gke-spot": "true"}
EKS = {"eks.amazonaws.com/capacityType": "SPOT"}
KARPENTER = {"karpenter.sh/capacity-type": "spot"}
EKSCTL = {"node-lifecycle": "spot"}
PREEMPTIBLE = {"cloud.google.com/gke-preemptible": "true"}
AUTOPILOT = {"cloud.google.com/gke-provisioning": "spot"}
AKS = {"kubernetes.azure.com/scalesetpriority": "spot"}
ACK = {"node.alibabacloud.com/spot-strategy": "SpotAsPriceGo"}
OKE = {"oci.oraclecloud.com/oke-is-preemptible": "true"}

# topology-spread-missing


def spread(*objects: dict[str, Any]) -> list[dict[str, Any]]:
    """What the rule finds where the user names it."""
    return run(*objects, rules=select_rules([SPREAD], None)).of(SPREAD)


def test_several_replicas_on_one_node_are_an_info() -> None:
    (finding,) = spread(workload(), service())
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("info", "manual", {"replicas": 3})
    assert 'labelSelector: {"matchLabels": {"app": "web"}}' in finding["snippet"]


def test_it_is_an_opinion() -> None:
    assert not run(workload(), service()).of(SPREAD)


@pytest.mark.parametrize(
    "pod",
    [
        {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]},
        {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}}},
    ],
)
def test_any_wish_will_do(pod: dict[str, Any]) -> None:
    assert not spread(workload(pod=pod), service())


def test_another_affinity_spreads_nothing() -> None:
    assert spread(workload(pod={"affinity": {"podAffinity": {}, "nodeAffinity": {}}}), service())


@pytest.mark.parametrize("obj", [workload(replicas=1), workload(kind="DaemonSet"), workload(kind="CronJob")])
def test_where_there_is_nothing_to_spread(obj: dict[str, Any]) -> None:
    assert not spread(obj, service())


def test_a_cluster_of_one_node_has_no_other() -> None:
    assert not spread(workload(), service(), node("a"))
    assert spread(workload(), service(), node("a"), node("b"))


def test_what_takes_no_requests() -> None:
    assert not spread(workload(annotations={PROFILE: "worker"}))


# grace-exceeds-node-budget


def pinned(labels: dict[str, str], **fields: Any) -> dict[str, Any]:
    """A workload that runs on nodes with these labels only; its drain is not known."""
    return workload(pod={"nodeSelector": labels}, **({"drain": None} | fields))


def affine(*terms: dict[str, Any], preferred: bool = False) -> dict[str, Any]:
    """A workload that needs, or prefers, nodes that meet one of these terms."""
    required: dict[str, Any] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    if preferred:
        preferences = [{"weight": 1, "preference": term} for term in terms]
        required = {"preferredDuringSchedulingIgnoredDuringExecution": preferences}
    return workload(pod={"affinity": {"nodeAffinity": required}}, grace=300, drain=None)


def term(key: str, *values: str, operator: str = "In") -> dict[str, Any]:
    """One term of a node affinity."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("labels", "grace", "seconds"),
    [
        *((GKE, 30, 15), (EKS, 121, 120), (KARPENTER, 300, 120), (GKE | {"a": "b"}, 16, 15), (EKSCTL, 121, 120)),
        *((PREEMPTIBLE, 16, 15), (AUTOPILOT, 16, 15), (AKS, 31, 30), (ACK, 301, 300), (AKS | KARPENTER, 60, 30)),
        ({"node.alibabacloud.com/spot-strategy": "SpotWithPriceLimit"}, 400, 300),
        ({"cloud.google.com/gke-provisioning": "preemptible"}, 30, 15),
    ],
)
def test_pods_that_ask_for_spot_nodes(labels: dict[str, str], grace: int, seconds: int) -> None:
    finding = run(pinned(labels, grace=grace), service()).one(BUDGET)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert finding["numbers"] == {"grace_seconds": grace, "node_seconds": seconds}
    assert next(iter(labels)) in finding["message"]
    assert f"terminationGracePeriodSeconds: {seconds}" in finding["snippet"]


def test_pods_that_need_spot_nodes_by_affinity() -> None:
    finding = run(affine(term("karpenter.sh/capacity-type", "spot")), service()).one(BUDGET)
    assert finding["numbers"] == {"grace_seconds": 300, "node_seconds": 120}


@pytest.mark.parametrize(
    ("terms", "seconds"),
    [
        ([term("cloud.google.com/gke-spot", operator="Exists")], 15),
        ([term("cloud.google.com/gke-preemptible", operator="Exists")], 15),
        ([term("kubernetes.azure.com/scalesetpriority", "spot"), term("eks.amazonaws.com/capacityType", "SPOT")], 120),
    ],
)
def test_every_form_of_an_affinity_that_only_spot_nodes_meet(terms: list[dict[str, Any]], seconds: int) -> None:
    assert run(affine(*terms), service()).one(BUDGET)["numbers"]["node_seconds"] == seconds


def test_any_of_several_values_that_only_spot_nodes_have() -> None:
    both = term("node.alibabacloud.com/spot-strategy", "SpotAsPriceGo", "SpotWithPriceLimit")
    assert not run(affine(both), service()).of(BUDGET), "300 s are no more than such a node gives"
    longer = affine(both)
    longer["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 301
    assert run(longer, service()).one(BUDGET)["numbers"]["node_seconds"] == 300


def test_where_no_time_is_documented_nobody_knows() -> None:
    result = run(pinned(OKE, grace=300), service())
    assert not result.of(BUDGET)
    [entry] = [one for one in result.report["not_evaluated"] if one["rule"] == BUDGET]
    assert "oci.oraclecloud.com/oke-is-preemptible" in entry["reason"]


@pytest.mark.parametrize(
    "obj",
    [
        affine(term("eks.amazonaws.com/capacityType", operator="Exists")),
        affine(term("kubernetes.azure.com/scalesetpriority", operator="Exists")),
        affine(term("node.alibabacloud.com/spot-strategy", "NoSpot", operator="NotIn")),
        affine(term("cloud.google.com/gke-provisioning", "spot", "standard")),
        affine(term("cloud.google.com/gke-spot", operator="DoesNotExist")),
        affine(term("eks.amazonaws.com/capacityType")),
        pinned({"eks.amazonaws.com/capacityType": "ON_DEMAND"}, grace=300),
        pinned({"eks.amazonaws.com/capacityType": "spot"}, grace=300),  # the value is in capitals
        pinned({"node.alibabacloud.com/spot-strategy": "NoSpot"}, grace=600),
        pinned({"node-lifecycle": "normal"}, grace=300),
        pinned({"example.com/spot": "true", "lifecycle": "spot"}, grace=300),
        affine(term("karpenter.sh/capacity-type", "spot"), preferred=True),
        affine(term("karpenter.sh/capacity-type", "spot", "on-demand")),
        affine(term("karpenter.sh/capacity-type", "on-demand", operator="NotIn")),
        affine(term("karpenter.sh/capacity-type", "spot"), term("pool", "a")),  # either will do
        affine(),
        workload(
            grace=300, drain=None, pod={"tolerations": [{"key": "cloud.google.com/gke-spot", "operator": "Exists"}]}
        ),
        pinned({"karpenter.sh/capacity-type": "on-demand"}, grace=300),
        pinned({"cloud.google.com/gke-spot": "false"}, grace=300),
    ],
)
def test_pods_that_may_run_elsewhere(obj: dict[str, Any]) -> None:
    assert not run(obj, service()).of(BUDGET)


def test_where_all_nodes_are_spot_nodes() -> None:
    nodes = (node("a", labels=EKS), node("b", labels=EKS | {"a": "b"}))
    obj = workload(grace=300, drain=None)
    assert run(obj, service(), *nodes).one(BUDGET)["numbers"]["node_seconds"] == 120
    assert not run(obj, service(), *nodes, node("c")).of(BUDGET)
    assert not run(obj, service()).of(BUDGET)


def test_of_several_kinds_only_the_longest_is_certain() -> None:
    finding = run(workload(grace=300, drain=None), service(), node("a", labels=GKE), node("b", labels=KARPENTER))
    assert finding.one(BUDGET)["numbers"]["node_seconds"] == 120


def test_what_needs_no_more_than_the_node_gives() -> None:
    assert not run(pinned(KARPENTER, grace=300, drain=60), service()).of(BUDGET)
    assert run(pinned(KARPENTER, grace=300, drain=110), service()).of(BUDGET)
    unknown = workload(hooked({"exec": {"command": ["/drain"]}}), grace=300, drain=10, pod={"nodeSelector": KARPENTER})
    assert run(unknown, service()).of(BUDGET), "a hook of unknown time is no proof"


@pytest.mark.parametrize(("labels", "grace"), [(GKE, 15), (EKS, 120)])
def test_a_grace_period_that_the_node_gives(labels: dict[str, str], grace: int) -> None:
    assert not run(pinned(labels, grace=grace), service()).of(BUDGET)


def test_where_a_node_pool_may_give_more_it_is_an_info() -> None:
    finding = run(pinned(GKE, grace=120), service(), version="1.35").one(BUDGET)
    assert finding["severity"] == "info"
    assert "unless the node pool gives more" in finding["message"]
    assert run(pinned(GKE, grace=121), service(), version="1.35").one(BUDGET)["severity"] == "warning"


def test_more_than_ten_minutes_are_an_info_anywhere() -> None:
    finding = run(workload(grace=601), service()).one(BUDGET)
    assert (finding["severity"], finding["numbers"]) == ("info", {"grace_seconds": 601, "node_seconds": 600})
    assert not run(workload(grace=600), service()).of(BUDGET)


def test_one_finding_a_workload() -> None:
    assert run(pinned(GKE, grace=900), service()).one(BUDGET)["numbers"]["node_seconds"] == 15


@pytest.mark.parametrize(
    "pod",
    [
        {"nodeSelector": ["a"]},
        {"affinity": "spot"},
        {"affinity": {"nodeAffinity": []}},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [1]}}}},
    ],
)
def test_wrong_types_are_unreadable(pod: dict[str, Any]) -> None:
    assert run(workload(pod=pod), service()).report["summary"]["unreadable"] == 1
