# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas: what they admit, and what they certainly do not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import demand_of
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quota import judge_quotas, read_quota
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict

POD = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "500m", "memory": "64Mi"}}}]}


def quota(hard: dict[str, Any], used: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "team", "namespace": "shop"},
        "spec": {"hard": hard, **spec},
        "status": {"used": used},
    }


def judge(
    *quotas: dict[str, Any], kind: str = "Deployment", pod: dict[str, Any] | None = None, old_goes_first: bool = False
) -> Verdict:
    spec = pod or POD
    return judge_quotas([read_quota(one) for one in quotas], kind, spec, demand_of(spec), old_goes_first=old_goes_first)


def test_a_quota_with_room_says_nothing() -> None:
    hard = {"pods": "4", "requests.cpu": "2", "limits.cpu": "1", "services": "1", "count/secrets": "0"}
    used = {"pods": "3", "requests.cpu": "1500m", "limits.cpu": "1", "services": "1", "count/secrets": "9"}
    limited = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "0"}}}]}
    assert judge(quota(hard, used), pod=limited) == Verdict()


@pytest.mark.parametrize(
    ("resource", "hard", "used", "words"),
    [
        ("pods", "4", "4", "4 of 4 pods are used, and the rollout needs 1 more"),
        ("count/pods", "4", "4", "4 of 4 count/pods are used, and the rollout needs 1 more"),
        ("requests.cpu", "2", "1600m", "1600m of 2 requests.cpu are used, and the rollout needs 500m more"),
        ("cpu", "2", "1600m", "1600m of 2 cpu are used, and the rollout needs 500m more"),
        ("requests.memory", "1Gi", "1Gi", "1Gi of 1Gi requests.memory are used, and the rollout needs 64Mi more"),
        ("count/replicasets.apps", "9", "9", "9 of 9 count/replicasets.apps are used, and the rollout needs 1 more"),
    ],
)
def test_a_full_quota_lets_no_new_pod_in(resource: str, hard: str, used: str, words: str) -> None:
    assert judge(quota({resource: hard}, {resource: used})) == Verdict(
        blocks=(f"quota team: {words}; raise the quota or free some of it",)
    )


def test_a_pod_that_goes_first_makes_its_own_room() -> None:
    full = quota({"pods": "4", "requests.cpu": "2"}, {"pods": "4", "requests.cpu": "2"})
    assert judge(full, old_goes_first=True) == Verdict()


def test_above_the_limit_a_pod_that_goes_has_no_successor() -> None:
    lowered = quota({"pods": "3"}, {"pods": "4"})
    (text,) = judge(lowered, old_goes_first=True).blocks
    assert text.startswith("quota team: 4 of 3 pods are used, so a deleted pod may not be replaced; raise")


def test_the_object_that_keeps_the_old_template_is_new_whoever_goes_first() -> None:
    resource = "count/controllerrevisions.apps"
    full = quota({resource: "5"}, {resource: "5"})
    assert judge(full, kind="StatefulSet", old_goes_first=True).blocks
    assert not judge(full, kind="Deployment", old_goes_first=True).blocks


def test_what_the_cluster_has_not_counted_is_not_judged() -> None:
    assert judge(quota({"pods": "0"}, {})) == Verdict()


FULL = ({"pods": "1"}, {"pods": "1"})


@pytest.mark.parametrize("scope", ["Terminating", "BestEffort"])
def test_a_quota_for_other_pods_does_not_count(scope: str) -> None:
    assert judge(quota(*FULL, scopes=[scope])) == Verdict()


@pytest.mark.parametrize("scope", ["NotTerminating", "NotBestEffort"])
def test_a_quota_for_such_pods_counts(scope: str) -> None:
    assert judge(quota(*FULL, scopes=[scope])).blocks


def test_best_effort_is_who_asks_for_nothing() -> None:
    modest = {"containers": [{"name": "app"}]}
    assert judge(quota(*FULL, scopes=["BestEffort"]), pod=modest).blocks
    assert not judge(quota(*FULL, scopes=["NotBestEffort"]), pod=modest).blocks


@pytest.mark.parametrize(
    "spec",
    [
        {"scopes": ["CrossNamespacePodAffinity"]},
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
    ],
)
def test_a_scope_that_cannot_be_judged_is_told_where_it_matters(spec: dict[str, Any]) -> None:
    (note,) = judge(quota(*FULL, **spec)).notes
    assert "unknown whether it counts these pods" in note
    assert not judge(quota(*FULL, **spec)).blocks
    assert judge(quota({"pods": "9"}, {"pods": "1"}, **spec)) == Verdict()


def test_a_quota_makes_requests_compulsory() -> None:
    (note,) = judge(quota({"limits.cpu": "9"}, {"limits.cpu": "0"})).notes
    assert note == (
        "quota team requires limits.cpu on every container; missing on app: unless a LimitRange sets a default, no new "
        "pod is admitted"
    )
    assert judge(quota({"cpu": "9", "requests.memory": "9Gi"}, {"cpu": "0"})) == Verdict()
