# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on how PodDisruptionBudgets are set up."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.rules.disruption_policy import RULES
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import NotEvaluated
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    context_object,
    cron_job,
    disruption_budget,
    run,
    service,
    snapshot_of,
    workload,
)

OVERLAP, UNHEALTHY = "pdb-overlap", "pdb-unhealthy-pod-eviction-policy"


def budget(name: str = "web", selector: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A PodDisruptionBudget of the workload web by any name."""
    spec = {"selector": {"matchLabels": {"app": "web"}} if selector is None else selector, "maxUnavailable": 1}
    return context_object("PodDisruptionBudget", name, spec, **metadata)


def counted(healthy: Any, wanted: Any, **spec: Any) -> dict[str, Any]:
    """One whose pods a cluster has counted."""
    status = {"currentHealthy": healthy, "desiredHealthy": wanted}
    return disruption_budget(maxUnavailable=1, **spec) | {"status": status}


# pdb-overlap


def test_two_that_take_one_pod_are_an_error() -> None:
    finding = run(workload(), service(), budget(), budget("all", {})).one(OVERLAP)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("error", "manual", {"budgets": 2})
    assert "(all, web)" in finding["message"]
    assert 'name: "web"' in finding["snippet"], "the one that stays, not a third"


def test_of_two_workloads_both_snippets_keep_the_same_budget() -> None:
    """With the selector that it has: the last one applied would leave the other workload without any."""
    found = [workload(name="web"), workload(name="canary")]
    for obj in found:
        obj["spec"]["template"]["metadata"]["labels"]["tier"] = "edge"
    edge = budget("edge", {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["edge", "core"]}]})
    snippets = {entry["snippet"] for entry in run(*found, edge, budget("all", {})).of(OVERLAP)}
    (snippet,) = snippets
    assert yaml.safe_load(snippet)["metadata"]["name"] == "edge"
    assert yaml.safe_load(snippet)["spec"]["selector"] == edge["spec"]["selector"] | {
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["core", "edge"]}]
    }


def test_of_many_only_some_are_named() -> None:
    several = [budget(name) for name in "abcde"]
    assert (
        "5 PodDisruptionBudgets select these pods (a, b, c and 2 more)"
        in run(workload(), *several).one(OVERLAP)["message"]
    )


def test_the_pods_of_jobs_are_drained_too() -> None:
    both = (budget("a", {}), budget("b", {}))
    finding = run(cron_job(), *both).one(OVERLAP)
    assert '{"matchLabels": {"app": "nightly"}}' in finding["snippet"], "never all pods of the namespace"


def test_drains_pass_over_daemonsets() -> None:
    assert not run(workload(kind="DaemonSet"), budget(), budget("all", {})).of(OVERLAP)


def test_without_pods_there_is_nothing_to_evict() -> None:
    assert not run(workload(replicas=0), budget(), budget("all", {})).of(OVERLAP)


def test_two_of_one_name_are_versions_of_one_object() -> None:
    assert not run(workload(), budget(), budget(selector={})).of(OVERLAP)


def test_others_do_not_count() -> None:
    elsewhere = budget("elsewhere", namespace="blog")
    api = budget("api", {"matchLabels": {"app": "api"}})
    none = context_object("PodDisruptionBudget", "none", {"maxUnavailable": 1})
    assert not run(workload(), budget(), elsewhere, api, none).of(OVERLAP)


def test_without_the_right_to_see_them_it_is_not_evaluated() -> None:
    snapshot = snapshot_of([])
    snapshot.context.coverage.miss("PodDisruptionBudget", "", "refused")
    case = open_case(read_workload(workload()), snapshot.context, Policy(), snapshot.version)
    (rule,) = (rule for rule in RULES if rule.id == OVERLAP)
    assert list(rule.check(case)) == [NotEvaluated("refused")]


# pdb-unhealthy-pod-eviction-policy


KEPT = {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}


def test_one_that_protects_broken_pods_is_an_info() -> None:
    finding = run(workload(), service(), disruption_budget(maxUnavailable=1, **KEPT)).one(UNHEALTHY)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("info", "manual", {})
    assert "PodDisruptionBudget web" in finding["message"]
    assert '# of PodDisruptionBudget "web"\nspec:\n  unhealthyPodEvictionPolicy: AlwaysAllow' in finding["snippet"]


def test_pods_missing_right_now_make_it_a_warning() -> None:
    finding = run(workload(), service(), counted(1, 2)).one(UNHEALTHY)
    assert (finding["severity"], finding["numbers"]) == ("warning", {"healthy": 1, "wanted": 2})
    assert "1 of 2 required pods are healthy" in finding["message"]


@pytest.mark.parametrize(("healthy", "wanted"), [(2, 2), (3, 2), (None, None), (0, 0)])
def test_while_enough_are_healthy_it_stays_an_info(healthy: int | None, wanted: int | None) -> None:
    assert run(workload(), service(), counted(healthy, wanted, **KEPT)).one(UNHEALTHY)["severity"] == "info"


@pytest.mark.parametrize("obj", [disruption_budget(), counted(2, 2), counted(None, None)])
def test_a_field_that_nobody_set_is_no_finding(obj: dict[str, Any]) -> None:
    assert not run(workload(), service(), obj).of(UNHEALTHY)


def test_of_several_the_one_that_blocks_now_is_named() -> None:
    short = budget("z") | {"status": {"currentHealthy": 0, "desiredHealthy": 1}}
    assert "PodDisruptionBudget z" in run(workload(), budget("a"), short).one(UNHEALTHY)["message"]


def test_one_that_lets_broken_pods_go() -> None:
    assert not run(workload(), service(), counted(1, 2, unhealthyPodEvictionPolicy="AlwaysAllow")).of(UNHEALTHY)


def test_a_member_of_a_quorum_may_be_for_a_person() -> None:
    stateful = workload(kind="StatefulSet", volumeClaimTemplates=[{"metadata": {"name": "data"}}])
    assert not run(stateful, service(), counted(1, 2)).of(UNHEALTHY)
    assert run(workload(kind="StatefulSet"), service(), counted(1, 2)).of(UNHEALTHY)


def test_before_1_27_there_is_no_such_field() -> None:
    assert not run(workload(), counted(1, 2), version="1.26").of(UNHEALTHY)
    assert run(workload(), counted(1, 2), version="1.27").of(UNHEALTHY)


@pytest.mark.parametrize("obj", [workload(kind="DaemonSet"), workload(replicas=0)])
def test_what_is_not_drained_is_not_held_up(obj: dict[str, Any]) -> None:
    assert not run(obj, counted(1, 2)).of(UNHEALTHY)


@pytest.mark.parametrize(
    "obj", [counted("1", 2), counted(1, []), disruption_budget(maxUnavailable=1, unhealthyPodEvictionPolicy=True)]
)
def test_wrong_types_are_unreadable(obj: dict[str, Any]) -> None:
    result = run(workload(), obj)
    assert result.report["summary"]["unreadable"] == 1
    assert not result.of(UNHEALTHY)
