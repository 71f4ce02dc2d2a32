# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves on a cluster that remembers: one after the other, left as is or rolled back if one fails, interrupted."""

from __future__ import annotations

import copy
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Api, Query
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge
from ansible_collections.graceful.termination.plugins.module_utils.run.cluster import cluster_source
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import hooked, service, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    LISTS,
    SHOP,
    VERSION,
    RequestsOnly,
    answer,
    failed,
    forbidden,
    items,
    options_of,
)

EVENTS = "/api/v1/namespaces/shop/events"
MANAGED = [{"manager": "graceful-termination", "operation": "Update"}]
PULL = 'Failed to pull image "registry.example/gone:1": not found'
HELD = "left as is, not rolled back; a run with on_failure restore (termination_on_failure) rolls it back"
FIELDS = ["spec.template.spec.containers[app].lifecycle", "spec.template.spec.terminationGracePeriodSeconds"]
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}


class Cluster(RequestsOnly):
    """A Transport to Deployments that roll out at once; the rollouts of those in `bad` get stuck.

    `hook` is called with each request, and may answer it.
    """

    def __init__(self, *names: str, bad: tuple[str, ...] = (), replicas: int = 3):
        self.bad = bad
        self.objects = {name: self._made(name, replicas) for name in names}
        self.events: list[dict[str, Any]] | Answer = []
        self.hook: Callable[[str, str], Answer | None] = lambda _method, _path: None
        self.patched: list[str] = []

    @staticmethod
    def _made(name: str, replicas: int) -> dict[str, Any]:
        obj = workload(hooked(None), name=name, replicas=replicas)
        obj["metadata"] |= {"resourceVersion": "1", "uid": f"uid-{name}", "generation": 1}
        return obj

    def grace(self, name: str) -> int:
        return self.objects[name]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]

    def send(self, method: str, path: str, query: Query, body: Any, _accept: str = "") -> Answer:
        answered = self.hook(method, path)
        if answered:
            return answered
        name = path.removeprefix(f"{SHOP}/")
        if method == "PATCH":
            return self._patch(name, body)
        if name in self.objects:
            return answer(self._seen(name))
        if path in (DEPLOYMENTS, SHOP):
            return items(*map(self._seen, self.objects))
        if path == EVENTS:
            return self.events if isinstance(self.events, Answer) else items(*self.events)
        return {
            "/version": answer(VERSION),
            LISTS[4]: items(*map(service, self.objects)),
            "/api/v1/namespaces/kube-system": answer({"metadata": {"uid": "one"}}),
        }.get(path, items())

    def _patch(self, name: str, body: Any) -> Answer:
        self.patched.append(name)
        obj = self.objects[name]
        if body["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
            return failed(409)
        after = merge(obj, {"spec": body["spec"]})
        number = str(int(obj["metadata"]["resourceVersion"]) + 1)
        after["metadata"] = obj["metadata"] | {"resourceVersion": number, "managedFields": MANAGED}
        self.objects[name] = after
        return answer(self._seen(name))

    def _seen(self, name: str) -> dict[str, Any]:
        obj = copy.deepcopy(self.objects[name])
        replicas = obj["spec"]["replicas"]
        stuck = name in self.bad and self.grace(name) != 30
        obj["status"] = {
            "observedGeneration": 1,
            "replicas": replicas + stuck,
            "updatedReplicas": 1 if stuck else replicas,
            "availableReplicas": replicas,
            "conditions": [DEADLINE] if stuck else [],
        }
        return obj


class Waiting(Cluster):
    """The same, where a rollout takes for ever."""

    def _seen(self, name: str) -> dict[str, Any]:
        obj = super()._seen(name)
        if self.grace(name) != 30:
            obj["status"]["updatedReplicas"] = 0
        return obj


def go(cluster: Cluster, interruption: Interruption | None = None, **given: Any) -> list[Outcome]:
    """All calls of one run, as the action plugin makes them."""
    outcomes: list[Outcome] = []
    progress: dict[str, Any] = {}
    while True:
        options = options_of(**({"rules": ["prestop-missing"], "_progress": progress} | given))
        stop = interruption or Interruption()
        api = Api(cluster, lambda _seconds: None)
        source = cluster_source(api, options, stop)
        outcomes.append(run_remediate(source, options, check=False, interruption=stop))
        following = outcomes[-1].progress
        if not following:
            return outcomes
        progress = json.loads(json.dumps(following.as_dict()))  # it travels through a module's result


def told(outcome: Outcome) -> dict[str, tuple[str, str | None, int | None]]:
    return {
        entry["object"].rpartition("/")[2]: (entry["status"], entry["reason"], entry["wave"])
        for entry in outcome.report["actions"]
    }


def event(about: str, message: str, reason: str = "Failed", at: str = "2999-01-01T00:00:00Z") -> dict[str, Any]:
    kind, _slash, name = about.partition("/")
    involved = {"kind": kind, "name": name}
    return {"metadata": {}, "involvedObject": involved, "reason": reason, "message": message, "lastTimestamp": at}


def test_one_wave_is_rolled_out_before_the_next_one_begins() -> None:
    cluster = Cluster(*"abcd")
    seen: list[str] = []

    def watch(method: str, path: str) -> None:
        if method == "PATCH":
            seen.append(path[-1])
        elif path == SHOP:
            seen.append("look")

    cluster.hook = watch
    outcomes = go(cluster, waves=["1", "50%", "100%"])
    assert seen[:4] == ["a", "look", "b", "look"]
    assert sorted(seen[4:6]) == ["c", "d"] and seen[6:] == ["look"]
    assert told(outcomes[-1]) == {
        "a": ("changed", None, 1),
        "b": ("changed", None, 2),
        "c": ("changed", None, 3),
        "d": ("changed", None, 3),
    }
    assert [bool(outcome.progress) for outcome in outcomes] == [True, True, False]


def test_the_limit_of_pods_is_one_for_all_waves() -> None:
    outcomes = go(Cluster(*"abc"), waves=["1", "100%"], max_pods_restarted=7)
    found = told(outcomes[-1])
    assert [found[name][0] for name in "abc"] == ["changed", "changed", "skipped"]
    assert found["c"][1] is not None and "6 of the 7 allowed by max_pods_restarted" in found["c"][1]


@pytest.mark.parametrize("given", [{"waves": ["1", "100%"], "max_pods_restarted": 6}, {"waves": ["1", "2"]}])
def test_who_is_withheld_in_a_later_wave_makes_room_for_another(given: dict[str, Any]) -> None:
    cluster = Cluster(*"abc")
    cluster.objects["b"]["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "gone"}]
    cluster.hook = lambda _method, path: failed(404) if path.endswith("/secrets/gone") else None
    found = told(go(cluster, **given)[-1])
    assert [found[name][0] for name in "abc"] == ["changed", "skipped", "changed"]
    assert found["b"][1] is not None and "pull secret gone" in found["b"][1]


def test_a_wave_that_does_not_come_up_is_held_and_no_other_begins(tmp_path: Path) -> None:
    cluster = Cluster(*"abc", bad=("a",))
    cluster.events = [
        event("Pod/a-7d4f9-x2x4z", PULL),
        event("Pod/b-7d4f9-x2x4z", "of another workload: exceeded quota"),
    ]
    (outcome,) = go(cluster, waves=["1", "100%"], report_dir=str(tmp_path))
    why = f"not rolled out: Progressing: timed out; {HELD}; image: Failed: {PULL}"
    assert told(outcome) == {
        "a": ("failed", why, 1),
        "b": ("skipped", "not started: wave 1 of 2 failed", None),
        "c": ("skipped", "not started: wave 1 of 2 failed", None),
    }
    assert (cluster.grace("a"), cluster.patched) == (40, ["a"])


@pytest.mark.parametrize(
    ("about", "message", "cause"),
    [
        ("ReplicaSet/a-7d4f9b2c", 'pods "a-7d4f9b2c-x" is forbidden: exceeded quota: q', "quota: "),
        ("ReplicaSet/a-7d4f9b2c", 'admission webhook "no.example" denied the request: no', "webhook: "),
        ("Pod/a-7d4f9b2c-x2x4z", "Readiness probe failed: connection refused", "probe: "),
        ("Pod/a-7d4f9b2c-x2x4z", "Back-off restarting failed container app", "crash: "),
        ("ReplicaSet/a-b-7d4f9b2c", "exceeded quota: of the Deployment a-b", ""),
        ("Pod/a-7d4f9b2c-x2x4z", "something else", ""),
    ],
)
def test_the_cause_comes_from_the_events_of_what_it_made(about: str, message: str, cause: str) -> None:
    cluster = Cluster("a", bad=("a",))
    reason = "BackOff" if "Back-off" in message else "Warned"
    cluster.events = [
        event(about, message, reason),
        event(about, "exceeded quota: long ago", at="2001-01-01T00:00:00Z"),
    ]
    (outcome,) = go(cluster)
    told_cause = told(outcome)["a"][1]
    assert told_cause is not None
    assert told_cause.partition(f"{HELD}")[2] == (f"; {cause}{reason}: {message}" if cause else "")


def test_without_the_right_to_read_events_it_says_so() -> None:
    cluster = Cluster("a", bad=("a",))
    cluster.events = forbidden()
    (outcome,) = go(cluster)
    reason = "its events could not be read: forbidden: user jane cannot list events in namespace shop (403)"
    assert reason in str(told(outcome)["a"][1])


def test_put_back_at_once() -> None:
    cluster = Cluster(*"ab", bad=("a",))
    (outcome,) = go(cluster, on_failure="restore")
    status, reason, _wave = told(outcome)["a"]
    assert (status, reason) == ("failed", "not rolled out: Progressing: timed out; rolled back; its pods recovered")
    assert outcome.report["actions"][0]["restored"] == FIELDS
    assert (cluster.grace("a"), cluster.grace("b")) == (30, 40), "what came up stays"
    assert [entry["name"] for entry in outcome.report["findings"]] == ["a"], "the state afterwards is the one reported"


def test_put_back_by_a_later_run_that_begins_nothing_new(tmp_path: Path) -> None:
    cluster = Cluster(*"ab", bad=("a",))
    go(cluster, waves=["1", "100%"], report_dir=str(tmp_path))
    cluster.patched.clear()
    (outcome,) = go(cluster, waves=["1", "100%"], report_dir=str(tmp_path), on_failure="restore")
    assert told(outcome)["a"][:2] == (
        "failed",
        "not rolled out: Progressing: timed out; rolled back; its pods recovered",
    )
    assert told(outcome)["b"][:2] == ("skipped", "not started: a rollout of an earlier run failed")
    assert (cluster.grace("a"), cluster.patched) == (30, ["a"])
    cluster.bad = ()
    after = told(go(cluster, report_dir=str(tmp_path))[-1])
    assert {name: entry[0] for name, entry in after.items()} == {"a": "changed", "b": "changed"}


def test_what_came_up_once_is_not_put_back_when_somebody_else_breaks_it_later(tmp_path: Path) -> None:
    cluster = Cluster(*"ab")
    go(cluster, report_dir=str(tmp_path), names=["a"])
    cluster.bad = ("a",)
    (outcome,) = go(cluster, report_dir=str(tmp_path), on_failure="restore")
    status, reason, _wave = told(outcome)["a"]
    assert status == "failed" and "the values before the patch are unknown" in str(reason)
    assert cluster.grace("a") == 40
    assert told(outcome)["b"][0] == "changed", "nor does it stop the others"


def test_what_somebody_else_has_set_meanwhile_is_not_put_back() -> None:
    cluster = Cluster("a", bad=("a",))

    def raised(method: str, path: str) -> None:
        if method == "GET" and path == f"{SHOP}/a":
            cluster.objects["a"] = merge(
                cluster.objects["a"], {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 77}}}}
            )

    cluster.hook = raised
    (outcome,) = go(cluster, on_failure="restore", wait_timeout=1)
    reason = str(told(outcome)["a"][1])
    assert "left as is, since another client has changed it: spec.template.spec.terminationGracePeriodSeconds" in reason
    assert outcome.report["actions"][0]["restored"] == FIELDS[:1]
    assert cluster.grace("a") == 77


def test_the_journal_is_written_before_the_patch_is_sent(tmp_path: Path) -> None:
    cluster = Cluster("a")

    def killed(method: str, _path: str) -> None:
        if method == "PATCH":
            raise KeyboardInterrupt  # as sudden as a kill

    cluster.hook = killed
    with pytest.raises(KeyboardInterrupt):
        go(cluster, report_dir=str(tmp_path))
    (line,) = (tmp_path / "journal.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry["object"] == "shop/Deployment/a" and entry["resourceVersion"] == "1"
    assert entry["before"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30
    assert entry["patch"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 40


def test_where_the_journal_cannot_be_written_nothing_is_patched(tmp_path: Path) -> None:
    cluster = Cluster("a")
    (outcome,) = go(cluster, report_dir=str(tmp_path / "not there"))
    reason = "not patched: the journal cannot be written: No such file or directory"
    assert told(outcome)["a"][:2] == ("failed", reason)
    assert cluster.patched == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_reports_what_it_did_and_begins_nothing(number: signal.Signals) -> None:
    cluster, interruption = Waiting(*"ab"), Interruption()

    def interrupt(_method: str, path: str) -> None:
        if path == SHOP and not interruption.reason:
            os.kill(os.getpid(), number)
            while not interruption.reason:
                time.sleep(0.001)

    cluster.hook = interrupt
    previous = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    interruption.listen()
    try:
        (outcome,) = go(cluster, interruption, waves=["1", "100%"])
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
    assert outcome.interrupted == f"interrupted ({number.name})"
    assert told(outcome) == {
        "a": ("failed", f"stopped waiting for its rollout: interrupted ({number.name})", 1),
        "b": ("skipped", f"not started: interrupted ({number.name})", None),
    }
    assert cluster.patched == ["a"]
    assert [entry["scope"] for entry in outcome.report["not_evaluated"] if entry["rule"] == "all"] == ["after the run"]
