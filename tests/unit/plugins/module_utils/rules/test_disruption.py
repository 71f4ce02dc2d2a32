# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on PodDisruptionBudgets."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    autoscaler,
    context_object,
    disruption_budget,
    run,
    service,
    workload,
)

MISSING, BLOCKS = "pdb-missing", "pdb-blocks-eviction"

# pdb-missing


def test_several_replicas_without_one_are_a_warning_for_a_person() -> None:
    finding = run(workload(replicas=2), service()).one(MISSING)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("warning", "manual", {"replicas": 2})
    assert "kind: PodDisruptionBudget" in finding["snippet"]
    assert '{"matchLabels": {"app": "web"}}' in finding["snippet"]


@pytest.mark.parametrize("replicas", [None, 0, 1])
def test_for_a_single_pod_it_would_block_drains(replicas: int | None) -> None:
    assert not run(workload(replicas=replicas), service()).of(MISSING)


def test_the_minimum_of_an_autoscaler_is_what_counts() -> None:
    assert run(workload(replicas=None), service(), autoscaler(2)).of(MISSING)
    assert not run(workload(replicas=5), service(), autoscaler(1)).of(MISSING)


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "web"}},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]},
        {},
    ],
)
def test_any_selector_that_takes_the_pods_will_do(selector: dict[str, Any]) -> None:
    assert not run(workload(), service(), disruption_budget(selector=selector, maxUnavailable=1)).of(MISSING)


@pytest.mark.parametrize(
    "selector", [{"matchLabels": {"app": "api"}}, {"matchLabels": {"app": "web", "tier": "front"}}, None]
)
def test_one_shared_label_is_not_enough(selector: dict[str, Any] | None) -> None:
    other = context_object("PodDisruptionBudget", "web", {"selector": selector, "maxUnavailable": 1})
    assert run(workload(), service(), other).of(MISSING)


@pytest.mark.parametrize("kind", ["DaemonSet", "CronJob"])
def test_drains_pass_over_daemonsets_and_jobs_end(kind: str) -> None:
    assert not run(workload(kind=kind), service()).of(MISSING)


def test_a_worker_loses_no_requests() -> None:
    assert not run(workload(annotations={PROFILE: "worker"}), service()).of(MISSING)


# pdb-blocks-eviction


@pytest.mark.parametrize(
    "budget",
    [
        {"maxUnavailable": 0},
        {"maxUnavailable": "0%"},
        {"minAvailable": 3},
        {"minAvailable": 9},
        {"minAvailable": "100%"},
        {"minAvailable": "67%"},  # 2.01 of 3, rounded up to all
    ],
)
def test_one_that_never_allows_an_eviction_is_an_error(budget: dict[str, Any]) -> None:
    finding = run(workload(replicas=3), service(), disruption_budget(**budget)).one(BLOCKS)
    assert (finding["severity"], finding["remedy"]) == ("error", "manual")
    assert f"{next(iter(budget))} {next(iter(budget.values()))} with 3 replicas" in finding["message"]


@pytest.mark.parametrize(
    "budget", [{"maxUnavailable": 1}, {"maxUnavailable": "1%"}, {"minAvailable": 2}, {"minAvailable": "66%"}]
)
def test_one_that_allows_one_is_fine(budget: dict[str, Any]) -> None:
    assert not run(workload(replicas=3), service(), disruption_budget(**budget)).of(BLOCKS)


def test_it_blocks_workers_too() -> None:
    assert run(workload(), disruption_budget(maxUnavailable=0)).of(BLOCKS)


def test_at_the_autoscalers_minimum_it_blocks() -> None:
    finding = run(workload(replicas=9), autoscaler(2), disruption_budget(minAvailable=2)).one(BLOCKS)
    assert "the autoscaler's minimum" in finding["message"]

    assert "at that size no pod can be evicted" in finding["message"], "with more pods an eviction is allowed"
    assert finding["severity"] == "error"


def test_an_undeclared_number_of_pods_is_less_certain() -> None:
    assert run(workload(replicas=None), disruption_budget(minAvailable=1)).one(BLOCKS)["severity"] == "warning"


@pytest.mark.parametrize("budget", [{"maxUnavailable": 0}, {"minAvailable": "100%"}])
def test_what_blocks_any_number_of_pods_is_certain(budget: dict[str, Any]) -> None:
    assert run(workload(replicas=None), disruption_budget(**budget)).one(BLOCKS)["severity"] == "error"


def test_without_pods_there_is_nothing_to_evict() -> None:
    assert not run(workload(replicas=0), disruption_budget(maxUnavailable=0)).of(BLOCKS)


def test_two_that_block_are_one_finding() -> None:
    second = context_object(
        "PodDisruptionBudget", "a", {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 0}
    )
    assert (
        "PodDisruptionBudget a " in run(workload(), disruption_budget(maxUnavailable=0), second).one(BLOCKS)["message"]
    )


def test_the_snippet_replaces_the_budget_that_blocks() -> None:
    blocks = context_object(
        "PodDisruptionBudget", "guard", {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 0}
    )
    snippet = run(workload(), service(), blocks).one(BLOCKS)["snippet"]
    assert 'name: "guard"' in snippet, "one of another name would be a second budget on the same pods"


def test_the_snippet_keeps_what_the_budget_selects() -> None:
    """Two workloads under one budget get the same snippet: with selectors of their own, one would lose its budget."""
    both = of_both(maxUnavailable=0)
    snippets = {entry["snippet"] for entry in run(*canary(), both).of(BLOCKS)}
    (snippet,) = snippets
    assert yaml.safe_load(snippet)["spec"]["selector"] == {"matchLabels": {"tier": "edge"}}


def test_a_budget_of_all_pods_stays_one_of_all_pods() -> None:
    all_of_them = context_object("PodDisruptionBudget", "all", {"selector": {}, "maxUnavailable": 0})
    assert yaml.safe_load(run(workload(), all_of_them).one(BLOCKS)["snippet"])["spec"]["selector"] == {}


# Several workloads behind one selector


def canary(replicas: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """The Deployments web and web-canary, one selector for the pods of both."""
    found = [workload(name="web", replicas=replicas), workload(name="web-canary", replicas=1, **fields)]
    for obj in found:
        obj["spec"]["template"]["metadata"]["labels"]["tier"] = "edge"
    return found


def of_both(**spec: Any) -> dict[str, Any]:
    """A PodDisruptionBudget that takes the pods of both."""
    return disruption_budget(selector={"matchLabels": {"tier": "edge"}}, **spec)


@pytest.mark.parametrize("spec", [{"minAvailable": 1}, {"minAvailable": "50%"}])
def test_all_pods_that_the_selector_takes_count(spec: dict[str, Any]) -> None:
    assert not run(*canary(), of_both(**spec)).of("pdb-blocks-eviction")


@pytest.mark.parametrize("spec", [{"minAvailable": 2}, {"minAvailable": "100%"}, {"maxUnavailable": 0}])
def test_a_budget_that_keeps_all_of_them_is_found_at_each(spec: dict[str, Any]) -> None:
    found = run(*canary(), of_both(**spec)).of("pdb-blocks-eviction")
    assert sorted(entry["name"] for entry in found) == ["web", "web-canary"]
    assert "2 pods of this workload and others" in found[0]["message"]


def test_pods_of_other_labels_or_of_none_do_not_count() -> None:
    lone = workload(name="web", replicas=1)
    assert run(lone, workload(name="other"), disruption_budget(minAvailable=1)).of("pdb-blocks-eviction")
    asleep = canary()
    asleep[1]["spec"]["replicas"] = 0
    assert run(*asleep, of_both(minAvailable=1)).of("pdb-blocks-eviction")
    elsewhere = canary()
    elsewhere[1]["metadata"]["namespace"] = "other"
    assert run(*elsewhere, of_both(minAvailable=1)).of("pdb-blocks-eviction")


@pytest.mark.parametrize(("pods", "blocks"), [(1, True), (3, False)])
def test_what_a_cluster_has_counted_beats_what_was_read(pods: int, blocks: bool) -> None:
    counted = disruption_budget(minAvailable=1) | {"status": {"expectedPods": pods}}
    assert bool(run(workload(replicas=1), counted).of("pdb-blocks-eviction")) == blocks


def test_an_autoscalers_minimum_counts_in_manifests() -> None:
    scaled = [*canary(), autoscaler(2, "web-canary"), of_both(minAvailable=2)]
    assert not run(*scaled, file="shop.yaml").of("pdb-blocks-eviction")


def test_one_of_several_workloads_behind_a_service_does_not_serve_alone() -> None:
    routed = service(selector={"tier": "edge"})
    assert not run(*canary(), routed).of("single-replica")
    alone = run(*canary(), routed, service(name="other", selector={"app": "web"})).of("single-replica")
    assert [entry["name"] for entry in alone] == ["web"], "one of its Services has no other pod"
