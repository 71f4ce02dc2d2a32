# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts on how pods end, and stops that were seen. Both are judged only where somebody asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import Proof, deployed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    TEMPLATES,
    Memory,
    Result,
    context_object,
    run,
    service,
    snapshot_of,
    workload,
)

ALERTS, UNTESTED = "termination-alerts-missing", "graceful-shutdown-untested"
RESTARTS = {
    "alert": "PodCrashLooping",
    "expr": 'kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"} > 0',
}


def alerting(*rules: dict[str, Any]) -> dict[str, Any]:
    return context_object("PrometheusRule", "alerts", {"groups": [{"name": "pods", "rules": list(rules)}]})


def judged(*objects: dict[str, Any], rule: str = ALERTS) -> Result:
    return run(*objects, rules=select_rules([rule], None))


def reasons(result: Result) -> list[str]:
    return [entry["reason"] for entry in result.report["not_evaluated"]]


def test_both_are_opinions() -> None:
    assert {ALERTS, UNTESTED}.isdisjoint(rule.id for rule in select_rules(None, None))


def test_missing_alerts_are_said_once_for_all_workloads() -> None:
    found = judged(workload(name="b"), workload(name="a"), alerting(RESTARTS), alerting())
    assert found.one(ALERTS)["name"] == "a"
    assert found.one(ALERTS)["message"].startswith("none of 2 PrometheusRules has an alert on how pods end")
    assert found.one(ALERTS)["remedy"] == "manual"
    assert "kind: PrometheusRule" in found.one(ALERTS)["snippet"]


RECORDED = {"record": "job:kills:rate", "expr": 'rate(kubelet_terminated_containers_total{exit_code="137"}[5m])'}


@pytest.mark.parametrize(
    "rules",
    [
        [RESTARTS, {"alert": "Overdue", "expr": "time() - kube_pod_deletion_timestamp > 60"}],
        [{"alert": "Killed", "expr": "kube_pod_container_status_last_terminated_exitcode == 137"}],
        [RESTARTS, RECORDED, {"alert": "Kills", "expr": "job:kills:rate > 0.1"}],
    ],
)
def test_an_alert_on_how_pods_end_is_enough(rules: list[dict[str, Any]]) -> None:
    found = judged(workload(), alerting(*rules))
    assert not found.of(ALERTS)
    assert not reasons(found)


def test_a_recording_rule_without_an_alert_is_not() -> None:
    assert judged(workload(), alerting(RESTARTS, RECORDED)).of(ALERTS)


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"alert": "Slow", "expr": "http_request_duration_seconds > 1"}],
        [{"alert": "Full", "expr": "kubelet_volume_stats_used_bytes > 1"}],
        [{"record": "x", "expr": "kube_pod_container_status_restarts_total"}],
    ],
)
def test_where_no_alert_on_pods_is_to_be_seen_they_may_be_elsewhere(rules: list[dict[str, Any]]) -> None:
    for objects in ([workload(), alerting(*rules)], [workload()]):
        found = judged(*objects)
        assert not found.of(ALERTS)
        assert reasons(found) == ["no PrometheusRule with alerts on pods was found: alerts may be kept elsewhere"]


@pytest.mark.parametrize("spec", [{"groups": 1}, {"groups": [1]}, {"groups": [{"rules": "x"}]}])
def test_a_broken_prometheus_rule_is_unreadable(spec: dict[str, Any]) -> None:
    found = judged(workload(), context_object("PrometheusRule", "alerts", spec))
    assert len(found.report["skipped"]) == 1


@pytest.mark.parametrize("rule", [{"alert": 1, "expr": 2}, {"alert": "x"}, {"record": 5, "expr": None}])
def test_odd_rules_are_read(rule: dict[str, Any]) -> None:
    assert reasons(judged(workload(), alerting(rule)))


def test_a_stop_that_nobody_has_seen_is_not_evaluated() -> None:
    assert reasons(judged(workload(), service(), rule=UNTESTED)) == [
        "report_dir has no drill result: only a stop under load shows what is lost; run a drill"
    ]


@pytest.mark.parametrize("obj", [workload(replicas=0), workload(kind="CronJob"), workload(name="worker")])
def test_where_no_request_can_be_lost_none_is_asked_for(obj: dict[str, Any]) -> None:
    assert not reasons(judged(obj, service(), rule=UNTESTED))


def test_of_two_workloads_of_one_name_one_says_it() -> None:
    snapshot = snapshot_of([workload(), alerting(RESTARTS)], file="a.yaml")
    snapshot.workloads += snapshot_of([workload()], file="b.yaml").workloads
    found = audit(snapshot, Memory(), select_rules([ALERTS], None), Policy(), Snippets(TEMPLATES))
    assert [len(entry.findings) for entry in found.judgements] == [1, 0]


def drilled(
    *, passed: bool = True, days: int = 1, uid: str = "uid-app", changed: bool = False
) -> tuple[list[str], list[str]]:
    """(messages, reasons) where a drill is stored."""
    obj = workload()
    obj["metadata"]["uid"] = "uid-app"
    snapshot = snapshot_of((obj, service()))
    ended_at = datetime.now(UTC) - timedelta(days=days)
    digest = "other" if changed else deployed(read_workload(obj))
    proof = Proof(uid, digest, passed, ended_at, 982, 0 if passed else 148)
    snapshot.context.inputs = Inputs(drills={uid: proof})
    found = audit(snapshot, Memory(), select_rules([UNTESTED], None), Policy(), Snippets(TEMPLATES))
    (judgement,) = found.judgements
    return [finding.hit.message for finding in judgement.findings], [reason for _rule, reason in found.undecided]


def test_a_drill_that_passed_is_enough() -> None:
    assert drilled() == ([], [])


def test_one_that_failed_is_a_finding() -> None:
    messages, reasons = drilled(passed=False)
    assert reasons == []
    assert messages[0].endswith(" failed: 148 of 982 requests were lost when its pods stopped")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"uid": "uid-namesake"}, "has no drill result"),
        ({"changed": True}, "tested another pod template or strategy"),
        ({"changed": True, "passed": False}, "tested another pod template or strategy"),
        ({"days": 91}, "more than 90 days ago"),
    ],
)
def test_one_of_something_else_or_long_ago_is_not(given: dict[str, Any], reason: str) -> None:
    messages, reasons = drilled(**given)
    assert messages == []
    assert reason in reasons[0]
