# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds a run back on a cluster that remembers: places, an end time, a drill after the canary, a lost server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Api, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.run.cluster import cluster_source
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.apply.test_rollouts import (
    Cluster,
    go,
    told,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import SHOP, failed, options_of

CANARY = {"url": "http://127.0.0.1:1/", "namespace": "shop", "name": "c", "kind": "Deployment"}
PAST = "2020-01-01T00:00:00Z"
LOST = {"status": "failed", "reason": "shop/Deployment/c: failed: 12 requests lost, 0 allowed", "requests": 1204}
LOST |= {"lost": {"reset": 9, "timeout": 3}}
WORDS = f"the canary drill did not pass: {LOST['reason']} (of 1,204 requests: reset 9, timeout 3)"


def call(cluster: Cluster, progress: dict[str, Any] | None = None, *, check: bool = False, **given: Any) -> Outcome:
    """One call of the module."""
    options = options_of(rules=["prestop-missing"], _progress=progress or {}, **given)
    api = Api(cluster, lambda _seconds: None)
    source = cluster_source(api, options)
    return run_remediate(source, options, check=check)


def drilled(cluster: Cluster, drill: dict[str, Any], **given: Any) -> list[Outcome]:
    """All calls of one run, with a drill that ends so."""
    outcomes = [call(cluster, canary_drill=CANARY, **given)]
    while outcomes[-1].progress:
        progress = json.loads(json.dumps(outcomes[-1].progress.as_dict()))
        if progress.pop("drill_due", None):
            progress["drill"] = drill
        outcomes.append(call(cluster, progress, canary_drill=CANARY, **given))
    return outcomes


def test_no_more_rollouts_at_a_time_than_allowed() -> None:
    cluster = Cluster(*"abcde")
    seen: list[str] = []
    cluster.hook = lambda method, path: seen.append({"PATCH": "patch"}.get(method, "look" if path == SHOP else ""))
    (outcome,) = go(cluster, max_rollouts=2)
    assert [text for text in seen if text] == ["patch", "patch", "look"] * 2 + ["patch", "look"]
    assert {entry[0] for entry in told(outcome).values()} == {"changed"}


def test_no_wave_starts_after_the_end_time_and_nothing_failed() -> None:
    cluster = Cluster(*"abc")
    (outcome,) = go(cluster, end_time=PAST)
    over = "the end time 2020-01-01T00:00:00+00:00 (termination_end_time) has passed"
    assert told(outcome) == dict.fromkeys("abc", ("skipped", f"not started: {over}", None))
    assert outcome.warning == f"3 workloads not started: {over}; run again to continue"
    assert not cluster.patched and not outcome.changed


def test_the_wave_under_way_is_finished() -> None:
    cluster = Cluster(*"abc")
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    first = call(cluster, waves=["2", "100%"], end_time=end)
    assert first.progress and first.warning is None
    last = call(cluster, first.progress.as_dict(), waves=["2", "100%"], end_time=PAST)
    assert {name: entry[0] for name, entry in told(last).items()} == {"a": "changed", "b": "changed", "c": "skipped"}
    assert last.progress is None and str(last.warning).startswith("1 workload not started")
    assert cluster.patched == ["a", "b"]


def test_check_mode_shows_what_would_be_done_whatever_the_time() -> None:
    assert told(call(Cluster("a"), check=True, end_time=PAST))["a"][0] == "would-change"


@pytest.mark.parametrize("given", [{}, {"on_failure": "restore"}])
def test_the_canary_comes_first_and_a_drill_that_passes_lets_the_others_follow(
    given: dict[str, Any], tmp_path: Path
) -> None:
    cluster = Cluster(*"abc")
    outcomes = drilled(
        cluster, {"status": "passed", "reason": ""}, waves=["1", "100%"], report_dir=str(tmp_path), **given
    )
    assert outcomes[0].progress
    assert outcomes[0].progress.drill_due == {
        "url": "http://127.0.0.1:1/",
        "rounds": 1,
        "max_lost": 0,
        "namespaces": ["shop"],
        "kinds": ["Deployment"],
        "names": ["c"],
    }
    assert len(outcomes) == 2
    assert {name: entry[::2] for name, entry in told(outcomes[-1]).items()} == {
        "a": ("changed", 2),
        "b": ("changed", 2),
        "c": ("changed", 1),
    }


def test_it_is_drilled_even_if_it_was_changed_by_an_earlier_run_or_nothing_comes_after_it() -> None:
    cluster = Cluster(*"ac")
    go(cluster, names=["c"])
    outcomes = drilled(cluster, {"status": "passed", "reason": ""})
    assert [bool(outcome.progress and outcome.progress.drill_due) for outcome in outcomes] == [True, False]
    assert {name: entry[0] for name, entry in told(outcomes[-1]).items()} == {"a": "changed"}
    assert len(drilled(cluster, LOST)) == 1, "but not where there is nothing to do"


@pytest.mark.parametrize("given", [{}, {"on_failure": "restore"}])
def test_a_drill_that_loses_requests_ends_the_run(given: dict[str, Any], tmp_path: Path) -> None:
    cluster = Cluster(*"abc")
    outcomes = drilled(cluster, LOST, waves=["1", "100%"], report_dir=str(tmp_path), **given)
    end = "rolled back; its pods recovered" if given else "left as is, not rolled back"
    later = ("skipped", f"not started: after wave 1 of 2 {WORDS}", None)
    assert told(outcomes[-1]) == {"c": ("failed", f"rolled out, but {WORDS}; {end}", 1), "a": later, "b": later}
    assert {name: cluster.grace(name) for name in "abc"} == {"a": 30, "b": 30, "c": 30 if given else 40}
    (action,) = [entry for entry in outcomes[-1].report["actions"] if entry["status"] == "failed"]
    assert bool(action["restored"]) == bool(given)
    assert [outcome.changed for outcome in outcomes] == [True, True]


@pytest.mark.parametrize("status", ["noisy", "error", "interrupted"])
def test_a_drill_that_says_nothing_puts_nothing_back(status: str, tmp_path: Path) -> None:
    cluster = Cluster(*"abc")
    outcomes = drilled(
        cluster,
        {"status": status, "reason": f"shop/Deployment/c: {status}: why"},
        waves=["1", "100%"],
        report_dir=str(tmp_path),
        on_failure="restore",
    )
    reason = (
        f"rolled out, but the canary drill did not pass: shop/Deployment/c: {status}: why; left as is, not rolled back"
    )
    assert told(outcomes[-1])["c"] == ("failed", reason, 1)
    assert (cluster.grace("c"), cluster.grace("a")) == (40, 30)


def test_a_wave_that_does_not_come_up_is_not_drilled() -> None:
    outcomes = drilled(Cluster(*"abc", bad=("c",)), LOST, waves=["1", "100%"])
    assert len(outcomes) == 1 and "not rolled out" in str(told(outcomes[0])["c"][1])


def test_the_pods_of_the_drill_count() -> None:
    cluster = Cluster(*"abc")
    outcomes = drilled(cluster, {"status": "passed", "reason": ""}, waves=["1", "100%"], max_pods_restarted=9)
    found = {name: entry[0] for name, entry in told(outcomes[-1]).items()}
    assert found == {"c": "changed", "a": "changed", "b": "skipped"}, "3 of c, 3 of its drill, 3 of a"


def test_check_mode_says_that_it_would_drill() -> None:
    outcome = call(Cluster(*"ac"), check=True, canary_drill=CANARY)
    assert outcome.report["cost"]["drill"] == {"object": "shop/Deployment/c", "pods_restarted": 3}
    assert outcome.report["cost"]["pods_restarted"] == 9
    assert outcome.progress is None


def test_a_canary_that_is_not_there_is_said_before_anything_is_changed() -> None:
    cluster = Cluster("a")
    with pytest.raises(ValueError, match="shop/Deployment/c is not among the workloads that this run selects"):
        call(cluster, canary_drill=CANARY)
    assert not cluster.patched


@pytest.mark.parametrize("problem", [failed(401), Unreachable("test: cannot reach the API server: no connection")])
def test_a_server_that_is_lost_is_not_asked_for_every_workload(problem: Answer | Exception) -> None:
    names = [f"w{number:02}" for number in range(40)]
    cluster = Cluster(*names)
    asked: set[str] = set()

    def lost(method: str, path: str) -> Answer | None:
        if method == "PATCH":
            asked.add(path)
            if isinstance(problem, Exception):
                raise problem
            return problem
        return None

    cluster.hook = lost
    found = told(go(cluster, max_rollouts=0)[-1])
    assert len(asked) < 30, "those that were under way at the same time, and no more"
    states = {entry[0] for entry in found.values()}
    assert states == {"failed", "skipped"} and len(found) == 40
    (reason,) = {entry[1] for entry in found.values() if entry[0] == "skipped"}
    assert str(reason).startswith("not started: ") and ("401" in str(reason) or "cannot reach" in str(reason))
