# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a drill follows from what was seen, and a noisy client never passes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLOSED,
    FRESH,
    KEPT,
    OK,
    REFUSED,
    RESET,
    REUSED,
    TIMEOUT,
    UNANSWERED,
    UPLOAD,
    Sample,
    Tally,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.verdict import (
    AFTER,
    BEFORE,
    NOISY,
    STOPPING,
    UNSERVED,
    Events,
    clean_exit,
    conclude,
    finishes_in_flight,
    leftovers,
    releases,
    stops_accepting,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import (
    FAILED,
    NOT_OBSERVED,
    PASSED,
    UNCLEAR,
    Ended,
    judge_exit,
    runs_java,
    stop_seconds,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import container, workload

STOPPED = Pod("a", "1", grace=30, deletion="2027-01-04T09:30:30Z", marked_at=100.0, gone_at=110.0)
EVENTS = Events([STOPPED])


def fresh(at: float, outcome: str = OK, took: float = 0.01, stream: str = FRESH) -> Sample:
    return Sample(stream, at, took, outcome)


def tally(*samples: Sample) -> Tally:
    counted = Tally()
    for sample in samples:
        counted.add(sample)
    return counted


@pytest.mark.parametrize(
    ("at", "took", "when"),
    [
        (90, 1, BEFORE),
        (99, 1.5, STOPPING),
        (105, 1, STOPPING),
        (109.9, 5, STOPPING),
        (111, 1, AFTER),
        (121, 1, UNSERVED),
    ],
)
def test_when_a_request_was_lost(at: float, took: float, when: str) -> None:
    assert Events([STOPPED], [(120.0, 125.0)]).moment(fresh(at, RESET, took)) == when


def test_a_pod_that_is_still_stopping_has_no_end() -> None:
    assert Events([Pod("a", "1", marked_at=100.0)]).moment(fresh(10_000)) == STOPPING


@pytest.mark.parametrize(
    ("sample", "amount"),
    [
        (fresh(114, RESET, 3.0), 1),
        (fresh(114, TIMEOUT, 5.0), 1),
        (fresh(114, UNANSWERED, 5.0), 1),
        (fresh(111, TIMEOUT, 5.0), 0),  # who forwards may not know yet that the pod is gone
        (fresh(90, CLOSED, 2.6), 1),
        (fresh(114, RESET, 0.1), 0),
        (fresh(105, RESET, 3.0), 0),  # while a pod stops it is that pod's
        (fresh(114, REFUSED, 3.0), 0),
        (fresh(114, RESET, 3.0, KEPT), 0),
    ],
)
def test_what_looks_like_a_leftover_of_connection_tracking(sample: Sample, amount: int) -> None:
    assert leftovers([sample], EVENTS) == amount


def test_new_connections_while_a_pod_stops() -> None:
    good = [fresh(at) for at in (90, 101, 102, 111)]
    check = stops_accepting(tally(*good), EVENTS)
    assert check.result == PASSED and check.evidence.startswith("2 fresh connections opened")
    check = stops_accepting(tally(*good, fresh(103, REFUSED)), EVENTS)
    assert check.result == FAILED and "failed: 1 (refused 1)" in check.evidence
    # A loss at another time is not the stopping pod's.
    assert stops_accepting(tally(*good, fresh(95, REFUSED)), EVENTS).result == PASSED
    assert stops_accepting(tally(fresh(90)), EVENTS).result == NOT_OBSERVED


def upload(at: float, took: float, outcome: str = OK) -> Sample:
    return fresh(at, outcome, took, UPLOAD)


@pytest.mark.parametrize(
    ("samples", "result", "words"),
    [
        ([upload(95, 12)], PASSED, "1 upload under way at the SIGTERM of a pod; cut: none"),
        (
            [upload(95, 12), upload(99, 8, RESET)],
            FAILED,
            "SIGTERM of a pod; cut: 1 (reset 1)",
        ),
        # Over before the preStop hook was, or begun when the pod was already marked: no SIGTERM was crossed.
        ([upload(95, 8)], NOT_OBSERVED, "no upload was under way"),
        ([upload(101, 12)], NOT_OBSERVED, "no upload was under way"),
        ([upload(101, 2, CLOSED)], FAILED, "cut: 1 (closed-early 1)"),
        ([upload(80, 5, RESET)], NOT_OBSERVED, "no upload was under way"),
        ([upload(95, 12), fresh(105, RESET, stream=KEPT)], FAILED, "short requests cut: 1 (reset 1)"),
        ([upload(95, 12), fresh(105, REUSED, stream=KEPT)], PASSED, "cut: none"),
        ([upload(95, 12), fresh(105, REFUSED)], PASSED, "cut: none"),
        ([upload(95, 12), upload(105, 0, REFUSED)], PASSED, "1 upload under way at the SIGTERM of a pod; cut: none"),
        ([upload(105, 0, REFUSED), upload(105, 5, UNANSWERED)], NOT_OBSERVED, "no upload was under way"),
        ([upload(95, 12), fresh(105, UNANSWERED, 5.0)], PASSED, "cut: none"),
    ],
)
def test_what_was_in_flight(samples: list[Sample], result: str, words: str) -> None:
    check = finishes_in_flight(tally(*samples), EVENTS, 5, "")
    assert (check.result, words in check.evidence) == (result, True), check.evidence


def test_without_uploads_it_says_why() -> None:
    check = finishes_in_flight(tally(fresh(105)), EVENTS, 5, "the URL does not take one (status-other, 405)")
    assert check.result == NOT_OBSERVED
    assert check.evidence == "no upload: the URL does not take one (status-other, 405)"


def test_what_is_released_is_never_claimed() -> None:
    check = releases(Tally(closes=3))
    assert check.result == NOT_OBSERVED
    assert "3 keep-alive connections closed cleanly" in check.evidence


@pytest.mark.parametrize(
    ("code", "reason", "finished", "java", "result", "words"),
    [
        (0, "Completed", "09:30:12", False, PASSED, "exit code 0"),
        (143, "Error", "09:30:12", True, PASSED, "normal for a JVM"),
        (143, "Error", "09:30:12", False, UNCLEAR, "The template does not show"),
        (137, "Error", "09:30:30", False, FAILED, "killed at the end of its grace period of 30 s"),
        (137, "Error", "09:30:05", False, FAILED, "killed before its grace period was over"),
        (137, "OOMKilled", "09:30:30", False, FAILED, "killed for its memory"),
        (137, "ContainerStatusUnknown", "", False, NOT_OBSERVED, "did not know"),
        (255, "Error", "09:30:05", False, NOT_OBSERVED, "did not know"),
        (2, "Error", "09:30:01", False, FAILED, "Go program without a handler"),
        (1, "Error", "09:30:01", False, FAILED, "exit code 1: an error during shutdown"),
        (130, "Error", "09:30:01", False, FAILED, "ended by signal 2"),
        (None, "", "", False, NOT_OBSERVED, "no exit code was reported"),
    ],
)
def test_exit_codes_are_judged_by_their_runtime(
    code: int | None, reason: str, finished: str, java: bool, result: str, words: str
) -> None:
    ended = Ended("app", code, reason, f"2027-01-04T{finished}Z" if finished else "")
    found, why = judge_exit(ended, STOPPED, java=java)
    assert found == result
    assert words in why


def test_how_long_a_stop_took_is_counted_from_the_request() -> None:
    assert stop_seconds(Ended("app", 0, "", "2027-01-04T09:30:12Z"), STOPPED) == 12
    assert stop_seconds(Ended("app", None), STOPPED) is None


@pytest.mark.parametrize(
    ("fields", "java"),
    [
        ({}, False),
        ({"image": "registry.example/eclipse-temurin:21"}, True),
        ({"command": ["/usr/bin/java", "-jar", "app.jar"]}, True),
        ({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g"}]}, True),
        ({"image": "registry.example/javascript-app:1"}, False),
    ],
)
def test_a_jvm_is_known_by_its_template(fields: dict[str, Any], java: bool) -> None:
    (app,) = read_workload(workload(container(**fields))).containers
    assert runs_java(app) is java


@pytest.mark.parametrize(
    ("results", "result"),
    [
        ([], NOT_OBSERVED),
        ([(PASSED, "exit code 0")] * 3, PASSED),
        ([(PASSED, "exit code 0"), (NOT_OBSERVED, "none")], NOT_OBSERVED),
        ([(PASSED, "exit code 0"), (UNCLEAR, "exit code 143")], UNCLEAR),
        ([(UNCLEAR, "exit code 143"), (FAILED, "exit code 2")], FAILED),
    ],
)
def test_the_worst_end_decides(results: list[Any], result: str) -> None:
    assert clean_exit(results).result == result


@pytest.mark.parametrize(
    ("lost", "allowed", "noise", "held", "status"),
    [
        (0, 0, 0, True, PASSED),
        (1, 0, 0, True, FAILED),
        (3, 3, 0, True, PASSED),
        (0, 0, 1, True, NOISY),
        (9, 0, 1, True, NOISY),
        (0, 9, 1, True, NOISY),
        (0, 0, 0, False, NOISY),
    ],
)
def test_the_status(lost: int, allowed: int, noise: int, held: bool, status: str) -> None:
    assert conclude(lost, allowed, noise, held=held)[0] == status
