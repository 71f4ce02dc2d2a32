# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for rollouts: what is asked, for how long, and what the new pods are compared with."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.follow import Patience, follow
from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.wait import FEW_NAMESPACES
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Api
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import sleeping, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    PAGE,
    SHOP,
    Script,
    failed,
    forbidden,
    items,
    script,
)

SENT = {
    "terminationGracePeriodSeconds": 40,
    "containers": [{"name": "app", "lifecycle": {"preStop": {"sleep": {"seconds": 10}}}}],
}
DONE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
BEGUN = DONE | {"updatedReplicas": 1}
PODS = "/api/v1/namespaces/shop/pods"
OF_WEB = (("labelSelector", "app=web"), *PAGE)


def live(status: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """A patched Deployment."""
    obj = workload(sleeping(10), grace=40, **given)
    obj["metadata"] |= {"uid": f"uid-{obj['metadata']['name']}", "generation": 2}
    return obj | {"status": status or {}}


def patched(obj: dict[str, Any] | None = None) -> ApplyResult:
    obj = obj or live()
    action = Action(read_workload(obj), "changed", None, ("spec.x",))
    return ApplyResult(action, stored=obj, restarts=True, sent=SENT)


def pod(name: str = "web-1-a", grace: int = 40, seconds: int | None = 10, **metadata: Any) -> dict[str, Any]:
    """A pod of the Deployment's ReplicaSet web-1."""
    usual = {
        "name": name,
        "labels": {"app": "web", "pod-template-hash": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": True}],
    }
    container: dict[str, Any] = {"name": "app", "image": "x"}
    if seconds is not None:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": seconds}}}
    return {
        "metadata": usual | metadata,
        "spec": {"terminationGracePeriodSeconds": grace, "containers": [container, {"name": "injected", "image": "y"}]},
    }


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0

    def pause(self, seconds: float) -> None:
        self.time += seconds


def outcome(
    declared: Script, *entries: ApplyResult, timeout: int | None = 60, everywhere: bool = True
) -> list[tuple[str, str | None]]:
    clock = Clock()
    api = Api(declared, clock.pause)
    patience = Patience(timeout, now=lambda: clock.time, pause=clock.pause)
    result = follow(api, entries, patience, everywhere=everywhere)
    assert clock.time <= (timeout or 0) + 1, "waits no longer than it may"
    return [(entry.action.status, entry.action.reason) for entry in result]


def lists(declared: Script, *statuses: dict[str, Any]) -> None:
    declared.expect("GET", SHOP, *(items(live(status)) for status in statuses), query=PAGE)


def test_it_looks_until_the_rollout_is_complete_and_then_at_the_pods() -> None:
    with script() as declared:
        lists(declared, {"observedGeneration": 1}, BEGUN, BEGUN, DONE)
        declared.expect("GET", PODS, items(pod(), pod("web-1-b")), query=OF_WEB)
        assert outcome(declared, patched()) == [("changed", None)]


def later(status: dict[str, Any]) -> dict[str, Any]:
    """The Deployment after somebody else has written to it, which its controller has not seen."""
    obj = live(status)
    obj["metadata"]["generation"] = 9
    return obj


def test_who_writes_annotations_all_the_time_does_not_hide_that_it_is_rolled_out() -> None:
    with script() as declared:
        looks = [
            later(status) for status in (DONE | {"observedGeneration": 1}, BEGUN, DONE | {"observedGeneration": 8})
        ]
        declared.expect("GET", SHOP, *map(items, looks), query=PAGE)
        declared.expect("GET", PODS, items(pod()), query=OF_WEB)
        assert outcome(declared, patched()) == [("changed", None)]


def test_all_workloads_of_a_kind_and_namespace_share_one_list() -> None:
    names = ["a", "b", "c"]
    with script() as declared:
        declared.expect("GET", SHOP, items(*(live(DONE, name=name) for name in names)), query=PAGE)
        for name in names:
            declared.expect("GET", PODS, items(), query=(("labelSelector", f"app={name}"), *PAGE))
        assert outcome(declared, *(patched(live(name=name)) for name in names)) == [("changed", None)] * 3


@pytest.mark.parametrize("everywhere", [True, False])
def test_many_namespaces_are_one_list_where_that_is_allowed(everywhere: bool) -> None:
    objects = []
    for number in range(FEW_NAMESPACES + 1):
        obj = live(DONE, name=f"w{number}")
        obj["metadata"]["namespace"] = f"team-{number}"
        objects.append(obj)
    with script() as declared:
        if everywhere:
            declared.expect("GET", DEPLOYMENTS, items(*objects), query=PAGE)
        for number, obj in enumerate(objects):
            if not everywhere:
                path = f"/apis/apps/v1/namespaces/team-{number}/deployments"
                declared.expect("GET", path, items(obj), query=PAGE)
            query = (("labelSelector", f"app=w{number}"), *PAGE)
            declared.expect("GET", f"/api/v1/namespaces/team-{number}/pods", items(), query=query)
        assert set(outcome(declared, *map(patched, objects), everywhere=everywhere)) == {("changed", None)}


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (live(paused=True), "the Deployment is paused"),
        (live(replicas=0), "it has no replicas"),
        (live(kind="StatefulSet", updateStrategy={"type": "OnDelete"}), "its update strategy is OnDelete"),
        (live(kind="CronJob"), "its next run gets it"),
    ],
)
@pytest.mark.parametrize("timeout", [60, None])
def test_what_does_not_roll_out_is_not_waited_for(obj: dict[str, Any], reason: str, timeout: int | None) -> None:
    with script() as declared:
        ((status, told),) = outcome(declared, patched(obj), timeout=timeout)
    assert status == "changed"
    assert told is not None and told.startswith(f"stored, not rolled out: {reason}")


def test_what_restarts_no_pod_and_what_was_not_changed_is_not_waited_for() -> None:
    quiet = ApplyResult(Action(read_workload(live()), "changed"), stored=live())
    refused = ApplyResult(Action(read_workload(live()), "failed", "no"))
    with script() as declared:
        assert outcome(declared, quiet, refused) == [("changed", None), ("failed", "no")]


def test_without_waiting_nothing_is_asked() -> None:
    with script() as declared:
        assert outcome(declared, patched(), timeout=None) == [("changed", "patched, its rollout was not waited for")]


def test_a_rollout_that_does_not_end_in_time_says_what_its_conditions_say() -> None:
    quota = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}
    stuck = items(live(BEGUN | {"conditions": [quota]}))
    with script() as declared:
        declared.expect("GET", SHOP, *[stuck] * 3, query=PAGE)  # at 0, 1 and 2 s
        assert outcome(declared, patched(), timeout=2) == [
            ("failed", "not rolled out after 2 s: 1 of 3 pods updated; ReplicaFailure: exceeded quota: q")
        ]


def test_one_that_fails_does_not_end_the_wait_for_the_others() -> None:
    deadline = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    bad, good = live(BEGUN | {"conditions": [deadline]}, name="bad"), live(name="web")
    with script() as declared:
        first, second = items(bad, good | {"status": BEGUN}), items(bad, good | {"status": DONE})
        declared.expect("GET", SHOP, first, second, query=PAGE)
        declared.expect("GET", PODS, items(), query=OF_WEB)
        assert outcome(declared, patched(bad), patched(good)) == [
            ("failed", "not rolled out: Progressing: timed out"),
            ("changed", None),
        ]


def test_a_namesake_is_not_the_same_object() -> None:
    other = live(DONE)
    other["metadata"]["uid"] = "another"
    with script() as declared:
        declared.expect("GET", SHOP, items(other), query=PAGE)
        assert outcome(declared, patched()) == [("failed", "it was deleted during its rollout")]


def test_a_server_that_no_longer_answers() -> None:
    with script() as declared:
        lists(declared, BEGUN)
        declared.expect("GET", SHOP, failed(401), query=PAGE)
        ((status, reason),) = outcome(declared, patched())
    assert status == "failed"
    assert reason is not None and reason.startswith("unknown whether it rolled out: the server does not accept")


def pods_of(*found: Any) -> tuple[str, str | None]:
    with script() as declared:
        lists(declared, DONE)
        reply = found[0] if isinstance(found[0], Answer) else items(*found)
        declared.expect("GET", PODS, reply, query=OF_WEB)
        (result,) = outcome(declared, patched())
        return result


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (pod("web-1-b", grace=20), "terminationGracePeriodSeconds 20 instead of 40"),
        (pod("web-1-b", seconds=None), "a different containers[app].lifecycle"),
        (pod("web-1-b", seconds=3), "a different containers[app].lifecycle.preStop.sleep.seconds"),
    ],
)
def test_a_policy_that_changes_pods_is_found(wrong: dict[str, Any], what: str) -> None:
    assert pods_of(pod(), wrong) == (
        "failed",
        f"rolled out, but pod web-1-b has {what}: an admission policy changes pods",
    )


@pytest.mark.parametrize(
    "other",
    [
        pod("old", grace=30, deletionTimestamp="2027-01-04T09:30:00Z"),
        pod("alien", grace=30, ownerReferences=[{"kind": "ReplicaSet", "name": "web-api-1", "controller": True}]),
        pod("bare", grace=30, ownerReferences=None),
    ],
)
def test_pods_that_are_going_or_not_its_own_do_not_count(other: dict[str, Any]) -> None:
    assert pods_of(other, pod()) == ("changed", None)


def test_without_the_right_to_list_pods_the_change_stands_and_says_so() -> None:
    status, reason = pods_of(forbidden())
    assert status == "changed"
    assert reason == (
        "rolled out; its pods were not compared with the patch: "
        "forbidden: user jane cannot list pods in namespace shop (403)"
    )


def test_every_form_of_selector_reaches_the_server() -> None:
    selector = {
        "matchLabels": {"app": "web", "tier": "front"},
        "matchExpressions": [
            {"key": "a", "operator": "In", "values": ["1", "2"]},
            {"key": "b", "operator": "NotIn", "values": ["3"]},
            {"key": "c", "operator": "Exists"},
            {"key": "d", "operator": "DoesNotExist"},
        ],
    }
    text = "app=web,tier=front,a in (1,2),b notin (3),c,!d"
    with script() as declared:
        declared.expect("GET", SHOP, items(live(DONE, selector=selector)), query=PAGE)
        declared.expect("GET", PODS, items(), query=(("labelSelector", text), *PAGE))
        assert outcome(declared, patched(live(selector=selector))) == [("changed", None)]
