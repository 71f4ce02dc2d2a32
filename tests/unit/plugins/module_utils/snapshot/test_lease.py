# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: who elects a leader, and when that says what a workload is for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import CONTEXT
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    context_object,
    disruption_budget,
    lease,
    node,
    run,
    service,
    workload,
)


def elects(obj: dict[str, Any], *leases: dict[str, Any]) -> bool:
    """Whether one of these leases is held by a pod of the workload."""
    known = Context()
    for one in leases:
        known.add(one)
    return known.dependencies.elects_leader(read_workload(obj))


@pytest.mark.parametrize(
    ("kind", "holder"),
    [
        ("Deployment", "web-7d9f8c6b5d-x2x4z"),
        ("Deployment", "web-7d9f8c6b5d-x2x4z_0b8b3c1e-3f6c-4b57-8a55-2c3a1d1c9a4e"),
        ("Deployment", "web-7d9f8c6b5d-x2x4z-external-web-controller"),
        ("Rollout", "web-7d9f8c6b5d-x2x4z"),
        ("ReplicaSet", "web-x2x4z_1"),
        ("DaemonSet", "web-x2x4z"),
        ("StatefulSet", "web-0"),
        ("StatefulSet", "web-12_1"),
    ],
)
def test_a_pod_is_known_by_its_name(kind: str, holder: str) -> None:
    assert elects(workload(kind=kind), lease("another"), lease(holder))


@pytest.mark.parametrize(
    ("kind", "holder"),
    [
        ("Deployment", "web"),
        ("Deployment", "web-api-7d9f8c6b5d-x2x4z"),  # of web-api
        ("Deployment", "my-web-7d9f8c6b5d-x2x4z"),
        ("Deployment", "web-7d9f8c6b5d"),
        ("Deployment", "web-0"),
        ("Deployment", "node-1_0b8b3c1e"),
        ("Deployment", "web.shop.svc"),
        ("DaemonSet", "web-x2x4z-7d9f8c6b5d-x2x4z"),  # of a Deployment web-x2x4z
        ("DaemonSet", "web-proxy"),
        ("StatefulSet", "web-0-7d9f8c6b5d-x2x4z"),
        ("StatefulSet", "web-"),
        ("CronJob", "web-7d9f8c6b5d-x2x4z"),
        ("Deployment", None),
        ("Deployment", ""),
    ],
)
def test_another_holder_is_none_of_its_pods(kind: str, holder: str | None) -> None:
    assert not elects(workload(kind=kind), lease(holder))


HOLDER = "web-7d9f8c6b5d-x2x4z"


def test_only_leases_of_the_namespace_count() -> None:
    assert not elects(workload(), lease(HOLDER, namespace="blog"))


def test_the_heartbeats_of_nodes_are_no_elections() -> None:
    here = workload()
    here["metadata"]["namespace"] = "kube-node-lease"
    assert not elects(here, lease(HOLDER, namespace="kube-node-lease"))
    assert not elects(workload(), lease(HOLDER, ownerReferences=[{"kind": "Node", "name": "a"}]))
    assert elects(workload(), lease(HOLDER, ownerReferences=[{"kind": "Deployment", "name": "web"}]))


@pytest.mark.parametrize(
    "obj",
    [
        lease(5),  # type: ignore[arg-type]
        lease(HOLDER, ownerReferences="Node"),
        context_object("Lease", "leader", ["web"]),  # type: ignore[arg-type]
    ],
)
def test_wrong_types_are_unreadable(obj: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        Context().add(obj)


# What it says of the profile.


def profile(obj: dict[str, Any], *around: dict[str, Any], **options: Any) -> str:
    """The profile of one workload."""
    return run(obj, *around, **options).workload["profile"]


def test_without_requests_it_is_a_controller() -> None:
    assert profile(workload(), lease(HOLDER)) == "controller"
    assert profile(workload()) == "worker"


def test_where_services_are_not_known_it_settles_the_doubt() -> None:
    assert profile(workload(), lease(HOLDER), unknown="refused") == "controller"


def test_one_that_serves_may_elect_for_a_side_task() -> None:
    assert profile(workload(), service(), lease(HOLDER)) == "serving"


def test_a_service_for_metrics_is_no_request() -> None:
    scraped = service(ports=[{"name": "metrics", "port": 80, "targetPort": 8080}])
    assert profile(workload(), scraped, lease(HOLDER)) == "controller"


def test_a_declared_profile_beats_it() -> None:
    assert profile(workload(annotations={PROFILE: "worker"}), lease(HOLDER)) == "worker"


def test_a_job_stays_one() -> None:
    assert profile(workload(kind="CronJob"), lease(HOLDER)) == "batch"


# What is kept of objects that there are many of.


def listed(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """As the API server lists it."""
    obj["metadata"] |= metadata
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def test_of_a_lease_little_is_kept() -> None:
    obj = listed(lease(HOLDER), uid="1", managedFields=[{"operation": "Apply"}])
    obj["spec"] |= {"renewTime": "2027-01-04T09:30:00Z", "leaseDurationSeconds": 15}
    kept = CONTEXT["Lease"].trim(obj)
    assert kept == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": "shop", "name": "leader", "ownerReferences": None},
        "spec": {"holderIdentity": HOLDER},
    }
    assert elects(workload(), kept)


def test_of_a_disruption_budget_the_counts_are_kept() -> None:
    status = {"currentHealthy": 1, "desiredHealthy": 2, "disruptionsAllowed": 0, "conditions": []}
    kept = CONTEXT["PodDisruptionBudget"].trim(listed(disruption_budget()) | {"status": status})
    assert kept["status"] == {"currentHealthy": 1, "desiredHealthy": 2}
    assert "AlwaysAllow" not in str(kept)
    known = Context()
    known.add(kept)
    (budget,) = known.scaling.budgets_of(read_workload(workload()))
    assert (budget.healthy, budget.wanted, budget.unhealthy_policy) == (1, 2, None)


def test_of_a_node_the_labels_are_kept() -> None:
    kept = CONTEXT["Node"].trim(listed(node("a", labels={"karpenter.sh/capacity-type": "spot"})) | {"extra": 1})
    known = Context()
    known.add(kept)
    assert known.cluster.nodes[0].spot == ("karpenter.sh/capacity-type", "spot")


@pytest.mark.parametrize("labels", [{"cloud.google.com/gke-spot": "false"}, {"spot": "true"}, {}])
def test_other_labels_tell_nothing_of_a_node(labels: dict[str, str]) -> None:
    known = Context()
    known.add(node("a", labels=labels))
    assert known.cluster.nodes[0].spot is None


def test_odd_labels_of_a_node_are_unreadable() -> None:
    with pytest.raises(Unreadable):
        Context().add(node("a", labels={"a": 1}))  # type: ignore[dict-item]
