# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: how large each is, who comes first, and who does not come at all."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import (
    Progress,
    Schedule,
    read_waves,
    schedule,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange, cost_of, unready
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import options_of

RESTING = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


def step(name: str, pods: int = 1, status: dict[str, Any] | None = None, **spec: Any) -> PlannedChange:
    obj = workload(hooked(None), name=name, **spec)
    obj["metadata"]["generation"] = 1
    if status:
        obj["status"] = status
    return PlannedChange(run(obj, service(name)).change, pods)


def plan(steps: list[PlannedChange], *waves: str, most: int | None = None, **progress: Any) -> Schedule:
    return schedule(steps, read_waves(waves), most, Progress(**progress))


def names(found: Schedule) -> list[tuple[int, str]]:
    return [(number, "".join(step.change.workload.name for step in part)) for number, part in found.waves]


def left(found: Schedule) -> dict[str, str]:
    return {step.change.workload.name: reason for step, reason in (*found.blocked, *found.over_limit)}


def test_waves_are_cumulative_and_each_takes_what_the_one_before_left() -> None:
    steps = [step(name) for name in "abcdefghij"]
    assert names(plan(steps, "1", "25%", "100%")) == [(1, "a"), (2, "bc"), (3, "defghij")]
    assert names(plan(steps)) == [(1, "abcdefghij")]


def test_a_wave_that_adds_nothing_is_left_out() -> None:
    steps = [step(name) for name in "abcd"]
    assert names(plan(steps, "1", "5%", "25%", "100%")) == [(1, "a"), (4, "bcd")]


def test_the_next_call_goes_on_where_the_last_one_ended() -> None:
    steps = [step(name) for name in "bcdefghij"]  # a is done
    after = plan(steps, "1", "25%", "100%", wave=1, total=10, started=1, pods=1)
    assert names(after) == [(2, "bc"), (3, "defghij")]


def test_what_no_wave_reaches_is_said() -> None:
    found = plan([step(name) for name in "abc"], "1")
    assert names(found) == [(1, "a")]
    assert left(found) == dict.fromkeys("bc", "not started: the waves (termination_waves) end at 1")


def test_those_that_restart_the_fewest_pods_come_first_and_those_that_restart_none_last() -> None:
    steps = [step("a", pods=0), step("b", pods=9), step("c", pods=2)]
    assert names(plan(steps, "1", "2", "3")) == [(1, "c"), (2, "b"), (3, "a")]


def test_the_limit_is_for_the_whole_run_and_holds_nothing_back_that_restarts_nothing() -> None:
    steps = [step("a", pods=2), step("b", pods=3), step("c", pods=0)]
    found = plan(steps, most=4, pods=1)
    assert names(found) == [(1, "ac")]
    (reason,) = left(found).values()
    assert reason.startswith("not started: it would restart 3 pods, and 3 of the 4 allowed by max_pods_restarted")


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "half", "5 %", ""])
def test_what_is_no_wave_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number of workloads"):
        read_waves([text])


@pytest.mark.parametrize("given", [{"waves": ["1", "100%"]}, {"on_failure": "restore"}])
def test_what_is_not_awaited_cannot_be_judged(given: dict[str, Any]) -> None:
    assert options_of(**given)
    with pytest.raises(ValueError, match=r"needs wait \(termination_wait\)"):
        options_of(wait=False, **given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"status": RESTING}, None),
        ({"status": RESTING | {"updatedReplicas": 1}}, "its last rollout is not complete: 1 of 3 pods updated"),
        ({"status": RESTING | {"availableReplicas": 2}}, "its last rollout is not complete: 2 of 3 pods available"),
        ({"status": RESTING | {"observedGeneration": 0}}, None),
        ({}, None),
        (
            {"paused": True},
            "it is paused, so a patch would not roll out; resume it (kubectl rollout resume) and run again",
        ),
    ],
    ids=["at rest", "rolling", "unhealthy", "never seen", "no status", "paused"],
)
def test_what_is_not_at_rest_is_not_touched(given: dict[str, Any], reason: str | None) -> None:
    one = step("web", **given)
    assert unready(one.change.workload.obj) == reason
    found = plan([one, step("other")], "1", "100%")
    assert left(found) == ({"web": reason} if reason else {})
    assert names(found)[0] == (1, "other"), "one that is skipped takes nobody's place"


def test_the_cost_names_the_slowest_node_drain() -> None:
    some = [step("a", 3), step("b", 2, grace=100)]
    assert cost_of(some) == {
        "workloads": 2,
        "pods_restarted": 5,
        "node_drain": {"object": "shop/Deployment/b", "seconds_longer": 10, "grace_before": 100, "grace_after": 110},
        "drill": None,
    }
    assert cost_of([]) == {"workloads": 0, "pods_restarted": 0, "node_drain": None, "drill": None}


def test_the_cost_has_the_restarts_of_a_drill() -> None:
    found = cost_of([step("a", 3)], ("shop/Deployment/a", 3))
    assert (found["pods_restarted"], found["drill"]) == (6, {"object": "shop/Deployment/a", "pods_restarted": 3})


def test_the_canary_comes_first_and_its_drill_counts_in_the_limit() -> None:
    steps = [step("a", pods=0), step("b", pods=1), step("c", pods=3)]
    waves = read_waves(["1", "100%"])
    found = schedule(steps, waves, 6, Progress(), first="shop/Deployment/c", reserved=3)
    assert names(found) == [(1, "c"), (2, "a")]
    assert "6 of the 6 allowed by max_pods_restarted" in left(found)["b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tomorrow", "'tomorrow' is not a date and time, such as "),
        ("2027-01-31T04:00:00", "'2027-01-31T04:00:00' has no offset from UTC, such as "),
        ("04:00+01:00", "is not a date and time"),
    ],
)
def test_an_end_time_that_is_no_moment_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        options_of(end_time=text)


@pytest.mark.parametrize("text", ["2027-01-31T04:00:00+01:00", "2027-01-31T03:00:00Z", "2027-01-31 03:00:00+00:00"])
def test_an_end_time_is_a_moment(text: str) -> None:
    end = datetime(2027, 1, 31, 3, tzinfo=UTC)
    guardrails = options_of(end_time=text).guardrails
    assert guardrails.over(end - timedelta(seconds=1)) is None
    assert str(guardrails.over(end)).startswith("the end time 2027-01-31T0")


@pytest.mark.parametrize("name", ["max_rollouts", "writes_per_second"])
def test_a_limit_below_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} \(termination_{name}\): -1 is less than 0"):
        options_of(**{name: -1})


CANARY = {"url": "http://127.0.0.1:1/", "namespace": "shop", "name": "web", "kind": "Deployment"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"canary_drill": CANARY | {"url": "ftp://x"}},
            "canary_drill (termination_canary_drill): url: not of the form",
        ),
        ({"canary_drill": CANARY, "wait": False}, "canary_drill (termination_canary_drill) needs wait"),
        ({"canary_drill": CANARY, "on_failure": "restore"}, "needs report_dir (termination_report_dir)"),
    ],
)
def test_what_a_canary_drill_needs(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        options_of(**given)
