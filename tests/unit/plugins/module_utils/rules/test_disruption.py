# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on PodDisruptionBudgets."""

from __future__ import annotations

from typing import Any

import pytest

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

    assert "while it runs no more" in finding["message"], "with more pods an eviction is allowed"
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
