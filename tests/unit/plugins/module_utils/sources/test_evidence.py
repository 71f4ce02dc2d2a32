# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a cluster for evidence: as little as possible, within limits, and with whatever rights there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Executed, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Evidence
from ansible_collections.graceful.termination.plugins.module_utils.sources import evidence as cluster_evidence
from ansible_collections.graceful.termination.plugins.module_utils.sources.evidence import READERS, read_evidence
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    cron_job,
    run,
    snapshot_of,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    PAGE,
    Script,
    failed,
    forbidden,
    items,
    options_of,
    source_of,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.snapshot.evidence.made import (
    KEY,
    NOW,
    RECORDED,
    event,
    pod,
    running,
)

PODS, EVENTS = "/api/v1/namespaces/shop/pods", "/api/v1/namespaces/shop/events"
OF_PODS = (("fieldSelector", "involvedObject.kind=Pod"), *PAGE)
DEAF = Executed((RECORDED / "deaf.proc").read_bytes(), 0)
ABSENT = Executed(b"", None, absent=True)
Reply = Callable[[tuple[str, ...]], Executed]


class Executing(Script):
    """A script that also runs commands: `reply` is asked with each, `executed` has them with their place."""

    def __init__(self, reply: Reply = lambda command: DEAF):
        super().__init__()
        self.executed: list[tuple[str, str, str]] = []
        self._reply = reply

    def execute(self, namespace: str, pod: str, container: str, command: tuple[str, ...], what: str) -> Executed:
        """The reply of the test."""
        with self._lock:
            self.executed.append((pod, container, command[0]))
        return self._reply(command)


def read(declared: Executing, *asked: str, of: tuple[dict[str, Any], ...] = (), rules: Any = None) -> Evidence:
    """Read the evidence of shop/Deployment/web, or of these."""
    snapshot = snapshot_of(of or (workload(),))
    chosen = select_rules(rules, None)
    evidence = read_evidence(Api(declared, lambda _seconds: None), snapshot, frozenset(asked), chosen, lambda: NOW)
    declared.check()
    return evidence


def refused(status: int = 403) -> Reply:
    def reply(_command: tuple[str, ...]) -> Executed:
        raise ApiError("test: no", status, "no")

    return reply


def test_nothing_is_asked_unless_it_is_wanted() -> None:
    assert read(Executing()).seen == {}
    assert read(Executing(), "status", "exec", rules=["prestop-missing"]).seen == {}
    assert read(Executing(), "status", "exec", rules=["pid1-shell-wrapper"]).seen != {}


def test_status_is_one_list_of_pods() -> None:
    declared = Executing().expect("GET", PODS, items(pod()), query=PAGE)
    assert [one.name for one in read(declared, "status").seen[KEY].pods] == ["web-5d4f-x2x4z"]
    assert declared.executed == []


def test_events_are_one_more() -> None:
    declared = Executing().expect("GET", PODS, items(pod()), query=PAGE)
    gone = event("FailedPreStopHook", -60, name="web-5d4f-z9z9z")
    others = event("Killing", -60, name="other-5d4f-z9z9z")
    declared.expect("GET", EVENTS, items(event("Killing", -60), gone, others), query=OF_PODS)
    assert [one.reason for one in read(declared, "events").seen[KEY].events] == ["Killing", "FailedPreStopHook"]


def test_exec_is_one_command_in_each_container_of_one_pod() -> None:
    injected = [running(), running("two"), running("istio-proxy")]
    one = pod(containerStatuses=injected, conditions=())
    declared = Executing().expect("GET", PODS, items(one, pod("web-5d4f-z9z9z")), query=PAGE)
    found = read(declared, "exec", of=(workload(container(), container("two", ports=None)),))
    assert sorted(declared.executed) == [("web-5d4f-x2x4z", "app", "find"), ("web-5d4f-x2x4z", "two", "find")]
    assert found.execs == 2
    assert found.seen[KEY].looks["app"].seconds == 600


@pytest.mark.parametrize("where", [{"shareProcessNamespace": True}, {"hostPID": True}])
def test_nobody_looks_where_the_application_is_not_pid_1(where: dict[str, Any]) -> None:
    declared = Executing().expect("GET", PODS, items(pod()), query=PAGE)
    assert read(declared, "exec", of=(workload(pod=where),)).execs == 0


def test_no_command_is_a_shell_or_writes() -> None:
    for command in READERS:
        assert command[0] in ("find", "cat", "head", "grep", "busybox")
        assert not {"sh", "-c", "-delete", "-fprint", "-ok", "tee"} & set(command)
        assert all(">" not in word for word in command)
    assert READERS[0][-4:] == ("-exec", "cat", "{}", "+")


def test_readers_are_tried_until_one_is_there() -> None:
    def reply(command: tuple[str, ...]) -> Executed:
        if command[0] in ("find", "cat"):
            return ABSENT
        return Executed((RECORDED / "deaf-head.proc").read_bytes(), 0)

    declared = Executing(reply).expect("GET", PODS, items(pod()), query=PAGE)
    look = read(declared, "exec").seen[KEY].looks["app"]
    assert [command for _pod, _container, command in declared.executed] == ["find", "cat", "head"]
    assert look.processes
    assert not look.processes.all


def test_an_image_without_readers() -> None:
    declared = Executing(lambda _command: ABSENT).expect("GET", PODS, items(pod()), query=PAGE)
    look = read(declared, "exec").seen[KEY].looks["app"]
    assert (look.processes, look.bare, "no reader" in look.problem) == (None, True, True)
    assert len(declared.executed) == len(READERS)


def test_an_image_that_shows_nothing_is_asked_twice_at_most() -> None:
    declared = Executing(lambda _command: Executed(b"cat: permission denied", 1))
    declared.expect("GET", PODS, items(pod()), query=PAGE)
    look = read(declared, "exec").seen[KEY].looks["app"]
    assert (look.bare, look.problem) == (False, "the tools in its image show no processes")
    assert len(declared.executed) == 2


def test_without_the_right_to_execute_it_is_not_tried_again_and_said() -> None:
    declared = Executing(refused()).expect("GET", PODS, items(pod()), query=PAGE)
    found = read(declared, "exec", "status")
    assert found.refused == {
        ("exec", "shop"): "forbidden: cannot exec into pods (403): needs get and create on pods/exec"
    }
    assert len(declared.executed) == 1
    result = run(workload(), evidence=found)
    assert {entry["rule"] for entry in result.report["not_evaluated"] if "pods/exec" in entry["reason"]} == {
        "pid1-sigterm-unhandled",
        "pid1-runtime-default",
        "zombie-processes",
    }


def test_a_pod_that_has_just_gone_is_no_failure() -> None:
    declared = Executing(refused(404)).expect("GET", PODS, items(pod()), query=PAGE)
    assert read(declared, "exec").seen[KEY].looks["app"].problem == "its processes could not be read (404)"


@pytest.mark.parametrize(("passing", "where"), [(True, "look"), (False, "refused")])
def test_no_answer_in_time_is_no_failure(passing: bool, where: str) -> None:
    def reply(_command: tuple[str, ...]) -> Executed:
        raise Unreachable("test: cannot impersonate in an exec", passing=passing)

    declared = Executing(reply).expect("GET", PODS, items(pod()), query=PAGE)
    found = read(declared, "exec")
    if where == "look":
        assert "no response" in found.seen[KEY].looks["app"].problem
    else:
        assert found.refused == {("exec", "shop"): "cannot impersonate in an exec"}


def test_without_the_right_to_list_pods_nothing_is_known() -> None:
    declared = Executing().expect("GET", PODS, forbidden(), query=PAGE)
    found = read(declared, "status", "events", "exec")
    assert {key: reason for key, reason in found.refused.items() if key[0] == "exec"} == {
        ("exec", "shop"): "forbidden: cannot list pods (403)"
    }
    assert declared.executed == []
    result = run(workload(), evidence=found)
    rules = {entry["rule"] for entry in result.report["not_evaluated"]}
    assert len(rules) == 7


def test_without_the_right_to_events_the_rest_is_known() -> None:
    declared = (
        Executing().expect("GET", PODS, items(pod()), query=PAGE).expect("GET", EVENTS, forbidden(), query=OF_PODS)
    )
    found = read(declared, "status", "events")
    assert list(found.refused) == [("events", "shop")]
    assert len(found.seen[KEY].pods) == 1


def test_another_failure_is_one() -> None:
    declared = Executing().expect("GET", PODS, failed(400, "broken"), query=PAGE)
    with pytest.raises(ApiError, match="broken"):
        read(declared, "status")


def test_there_is_an_end_to_the_execs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_evidence, "EXEC_LIMIT", 1)
    of_api = pod("api-5d4f-x2x4z")
    of_api["metadata"]["ownerReferences"][0]["name"] = "api-5d4f"
    declared = Executing().expect("GET", PODS, items(pod(), of_api), query=PAGE)
    found = read(declared, "exec", of=(workload(), workload(name="api")))
    assert found.execs == len(declared.executed) == 1
    problems = [seen.looks["app"].problem for seen in found.seen.values()]
    assert sorted(problems) == ["", "1 execs were sent, the limit for one run: select fewer workloads"]


def test_a_cron_job_without_a_running_pod_is_not_looked_into() -> None:
    declared = Executing().expect("GET", PODS, items(), query=PAGE)
    assert read(declared, "exec", of=(cron_job(),)).execs == 0


def test_the_options_reach_the_source() -> None:
    declared = Executing()
    declared.expect_lists()
    options = options_of(evidence=["status"])
    assert source_of(declared, options).read().context.observed.evidence.asked == {"status"}
    assert options.scope["evidence"] == ["status"]
    assert options_of().scope["evidence"] == []
