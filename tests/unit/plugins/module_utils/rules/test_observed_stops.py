# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops that left a trace in the status and the events of pods, and all that is none."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    container,
    hooked,
    run,
    service,
    sidecar,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.snapshot.evidence.made import (
    ended,
    event,
    evidence,
    look,
    pod,
    reading,
    running,
    terminated,
)

HOOK, EXCEEDED, UNCLEAN, STUCK = (
    "prestop-hook-failed",
    "grace-period-exceeded",
    "unclean-exit-code",
    "pod-stuck-terminating",
)
HTTP = "prestop-http-unverified"
FAILED, KILLING = "FailedPreStopHook", "Killing"


def told(*objects: dict[str, Any], obj: dict[str, Any] | None = None, **given: Any) -> Result:
    """Audit a workload whose pods and events are these."""
    return run(obj or workload(), service(), evidence=evidence(*objects, **given))


def reasons(result: Result, rule: str) -> list[str]:
    """Why a rule was not evaluated."""
    return [entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == rule]


def test_without_evidence_nothing_is_said_but_that() -> None:
    for rule in (HOOK, EXCEEDED, UNCLEAN, STUCK):
        assert reasons(run(workload()), rule) == ["evidence is off"]
    only = run(workload(), evidence=evidence(pod(), asked=("status",)))
    assert reasons(only, HOOK) == ["evidence from events is off"]
    assert reasons(only, STUCK) == []
    assert reasons(only, UNCLEAN) == ["the status of its pods shows no stop; events: evidence from events is off"]
    assert reasons(run(workload(), evidence=evidence(status="no right (403)")), STUCK) == ["no right (403)"]


@pytest.mark.parametrize("rule", [HOOK, EXCEEDED, UNCLEAN])
def test_that_no_stop_was_seen_is_no_all_clear(rule: str) -> None:
    result = told(pod())
    assert rule not in result.rules
    assert reasons(result, rule) == ["no stop of its pods left a trace; stop one with the trace playbook"]


def test_a_workload_without_pods_has_nothing_to_tell() -> None:
    result = told(obj=workload(replicas=0))
    assert {HOOK, EXCEEDED, UNCLEAN, STUCK}.isdisjoint(result.rules)
    assert [rule for rule in (HOOK, EXCEEDED, UNCLEAN, STUCK) if reasons(result, rule)] == []


# prestop-hook-failed


def test_a_failed_hook_is_an_error() -> None:
    result = told(event(KILLING, -60), event(FAILED, -60, count=2), event(FAILED, -50, name="web-5d4f-z9z9z"))
    finding = result.one(HOOK)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("error", "manual", {"failures": 3})
    assert "3 times on 2 pods" in finding["message"]
    assert "at once" in finding["message"]
    assert "nobody copies" not in str(result.report)


def test_a_hook_that_overran_is_told_from_one_that_failed_at_once() -> None:
    message = told(event(KILLING, -60), event(FAILED, -30)).one(HOOK)["message"]
    assert "still ran at the end of the grace period of 30 s" in message


def test_a_stop_without_a_failure_is_fine() -> None:
    result = told(event(KILLING, -60))
    assert HOOK not in result.rules
    assert reasons(result, HOOK) == []


def test_a_container_that_had_ended_before_its_hook_is_left_out() -> None:
    gone = pod(deleted=-30, state=ended(0, -70, "Completed"))
    assert HOOK not in told(gone, event(KILLING, -60), event(FAILED, -60)).rules
    assert HOOK in told(gone, event(KILLING, -60), event(FAILED, -60, count=2)).rules


def test_a_hook_that_stops_the_server_ends_with_it() -> None:
    quits = {"exec": {"command": ["sh", "-c", "sleep 5; nginx -s quit; sleep 20"]}}
    assert HOOK not in told(event(KILLING, -60), event(FAILED, -40), obj=workload(hooked(quits))).rules


def test_without_a_hook_there_is_nothing_to_fail() -> None:
    result = told(event(FAILED, -60), obj=workload(hooked(None)))
    assert HOOK not in result.rules
    assert reasons(result, HOOK) == []


def test_the_hook_of_a_native_sidecar() -> None:
    proxy = sidecar(lifecycle={"preStop": {"exec": {"command": ["/drain"]}}})
    failed = event(FAILED, -60, None)
    failed["involvedObject"]["fieldPath"] = "spec.initContainers{proxy}"
    finding = told(event(KILLING, -60), failed, obj=workload(pod={"initContainers": [proxy]})).one(HOOK)
    assert (finding["container"], finding["template"]) == ("proxy", "prestop-remove")


def test_a_failed_http_hook_confirms_that_nobody_answers() -> None:
    obj = workload(hooked({"httpGet": {"path": "/drain", "port": 8080}}))
    assert told(obj=obj).one(HTTP)["severity"] == "warning"
    assert told(event(FAILED, -60), obj=obj).one(HTTP)["severity"] == "error"
    fallback = told(event("LifecycleHTTPFallback", -60), obj=obj).one(HTTP)
    assert (fallback["severity"], "HTTPS is declared" in fallback["message"]) == ("warning", True)


# grace-period-exceeded


def test_a_pod_that_was_killed_at_the_end_of_its_grace_period() -> None:
    result = told(pod(deleted=-5, state=ended(137, -5)))
    finding = result.one(EXCEEDED)
    assert (finding["severity"], finding["numbers"], finding["template"]) == ("error", {"grace_seconds": 30}, "trace")
    assert UNCLEAN not in result.rules


def test_a_container_that_a_probe_had_killed() -> None:
    killed = pod(state=running(before=terminated(137, -100)))
    assert "restarted in place" in told(killed, event(KILLING, -130)).one(EXCEEDED)["message"]
    # The probe has a grace period of its own.
    probe = {"httpGet": {"path": "/", "port": 8080}, "terminationGracePeriodSeconds": 5}
    obj = workload(container(livenessProbe=probe))
    assert told(killed, event(KILLING, -105), obj=obj).one(EXCEEDED)["numbers"] == {"grace_seconds": 5}


def test_an_event_of_the_kubelet_tells_it_of_a_whole_pod() -> None:
    finding = told(pod(), event("ExceededGracePeriod", -60, None)).one(EXCEEDED)
    assert finding["container"] is None


@pytest.mark.parametrize(
    "objects",
    [
        [pod(deleted=-5, state=ended(137, -5, "OOMKilled"))],
        [pod(deleted=-5, state=ended(137, -5, "ContainerStatusUnknown"))],
        [pod(deleted=-5, state=ended(137, -25))],  # long before the end
        [pod(deleted=-5, grace=0, state=ended(137, -5))],  # by force
        [pod(deleted=-5, grace=10, state=ended(137, -5))],  # less than the workload asks for
        [pod(deleted=-5, state=ended(137, -5), spec={"ephemeralContainers": [{"name": "debug"}]})],
        [
            pod(
                deleted=-5,
                state=ended(137, -5),
                conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}],
            )
        ],
        [pod(deleted=-5, state=ended(137, -5, name="proxy"))],
        [pod(state=running(before=terminated(137, -100)))],  # nothing tells when the stop began
        [pod(state=running(before=terminated(137, -100))), event(KILLING, -130, name="web-5d4f-other")],
        [pod(state=running(before=terminated(137, -100))), event(KILLING, -130, "two")],
        [pod(state=running(before=terminated(137, -100))), event(KILLING, -90)],  # the next stop
        [pod(state=running(before=terminated(137, -100))), event(KILLING, -3000)],
        [pod(deleted=20, state=running())],  # still at it
        [pod(deleted=-5, state=ended(137, -500))],  # it had ended before
    ],
    ids=range(15),
)
def test_what_is_no_exceeded_grace_period(objects: list[dict[str, Any]]) -> None:
    assert EXCEEDED not in told(*objects).rules


# unclean-exit-code


@pytest.mark.parametrize(("code", "word"), [(1, "error"), (2, "Go"), (130, "signal 2"), (137, "before its grace")])
def test_a_stop_with_another_code_is_unclean(code: int, word: str) -> None:
    finding = told(pod(deleted=10, state=ended(code, -5))).one(UNCLEAN)
    assert (finding["severity"], finding["numbers"]) == ("warning", {"exit_code": code})
    assert word in finding["message"]


def test_143_is_judged_by_the_runtime() -> None:
    stopped = pod(deleted=10, state=ended(143, -5))
    unknown = told(stopped)
    assert UNCLEAN not in unknown.rules
    assert "143" in reasons(unknown, UNCLEAN)[0]
    assert reasons(told(stopped, obj=workload(container(image="eclipse-temurin:21"))), UNCLEAN) == []
    seen = told(stopped, looks={"app": look(reading(program="java", cgt=1 << 14))})
    assert UNCLEAN not in seen.rules
    assert reasons(seen, UNCLEAN) == []


@pytest.mark.parametrize(
    "objects",
    [
        [pod(deleted=10, state=ended(0, -5, "Completed"))],
        [pod(deleted=10, state=ended(137, -5, "OOMKilled"))],
        [pod(deleted=10, state=ended(255, -5))],
        [pod(state=ended(1, -5))],  # it ended by itself
        [pod(state=running(before=terminated(1, -100)))],  # it crashed
        [pod(deleted=10, state=ended(1, -300))],  # before it was asked to stop
        [pod(deleted=10, state=ended(3, -5, name="proxy"))],
    ],
    ids=range(7),
)
def test_what_is_no_unclean_stop(objects: list[dict[str, Any]]) -> None:
    assert UNCLEAN not in told(*objects).rules


# pod-stuck-terminating


def test_a_pod_that_does_not_go_away() -> None:
    kept = pod(deleted=-3600, metadata={"finalizers": ["a/b", "c/d"]}, state=ended(0, -3620, "Completed"))
    finding = told(kept, pod("web-5d4f-b2b2b", deleted=-120)).one(STUCK)
    assert (finding["severity"], finding["container"]) == ("error", None)
    assert finding["numbers"] == {"pods": 2, "seconds": 3600, "finalizers": 2}
    assert "2 finalizers" in finding["message"]
    assert "a/b" not in str(finding)


@pytest.mark.parametrize(
    ("given", "because"),
    [
        ({"state": running()}, "the node could not kill"),
        ({"state": ended(0, -400, "Completed")}, "a volume"),
        ({"conditions": [{"type": "Ready", "status": "Unknown"}]}, "a node that does not report"),
    ],
)
def test_what_keeps_it(given: dict[str, Any], because: str) -> None:
    assert because in told(pod(deleted=-300, **given)).one(STUCK)["message"]


@pytest.mark.parametrize("over", [25, -50])
def test_a_pod_that_still_has_time_is_not_stuck(over: float) -> None:
    assert STUCK not in told(pod(deleted=over)).rules


def test_a_stateful_set_waits_for_it() -> None:
    obj = workload(kind="StatefulSet")
    kept = evidence(pod("web-0", deleted=-300))
    kept.seen["shop/StatefulSet/web"] = kept.seen.pop("shop/Deployment/web")
    assert "replacement waits" in run(obj, service(), evidence=kept).one(STUCK)["message"]


def test_a_pod_is_stuck_whatever_the_replicas_say() -> None:
    assert told(pod(deleted=-300), obj=workload(replicas=0)).one(STUCK)["severity"] == "info"
