# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping pods: exactly which requests are sent, and when they are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import RESTARTED_AT
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.driver import Driver
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pods
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import (
    DONE,
    WEB,
    Watched,
    api_of,
    live,
    pod,
    web,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    Script,
    answer,
    failed,
    forbidden,
)

FORCED = (("fieldManager", "graceful-termination"),)


class Stage:
    """A driver in a world where `happens` is called at each pause."""

    def __init__(self, declared: Script, *names: str, timeout: int = 60) -> None:
        self.pods = Pods(api_of(declared), web())
        self.time = 0.0
        self.happens: Callable[[], None] = lambda: None
        for name in names:
            self.see("ADDED", pod(name))
        self.driver = Driver(
            self.pods.api, self.pods.workload, self.pods, timeout, now=lambda: self.time, pause=self._pause
        )

    def see(self, event: str, obj: dict[str, Any]) -> None:
        self.pods._take(event, obj)

    def replace(self, name: str) -> None:
        """One pod goes and another comes."""
        self.see("DELETED", pod(name, ready=False, deleted=True, code=0))
        self.see("ADDED", pod(f"{name}-new"))

    def _pause(self, seconds: float) -> None:
        self.time += seconds
        self.happens()


def test_a_restart_is_that_of_kubectl_and_is_awaited_until_the_old_pods_are_gone() -> None:
    declared = Watched()
    declared.expect("PATCH", WEB, answer(live()), query=FORCED)
    stage = Stage(declared, "a", "b")
    half = live(DONE | {"updatedReplicas": 1})
    declared.expect("GET", WEB, answer(half), answer(live()), answer(live()))
    pauses = iter([(), ("a", "b")])

    def happens() -> None:
        for name in next(pauses):
            stage.replace(name)

    stage.happens = happens
    stage.driver.stop_pods("restart")
    declared.check()
    ((body,),) = [declared.bodies()]
    (key, stamp) = next(iter(body["spec"]["template"]["metadata"]["annotations"].items()))
    assert key == RESTARTED_AT and stamp.endswith("Z") and "." not in stamp
    assert list(body) == ["spec"], "nothing else is changed"
    assert stage.driver.changed


def test_a_restart_that_does_not_end_names_what_it_waits_for() -> None:
    declared = Watched()
    declared.expect("PATCH", WEB, answer(live()), query=FORCED)
    stage = Stage(declared, "a", timeout=1)
    declared.expect("GET", WEB, *[answer(live(DONE | {"updatedReplicas": 1}))] * 3)
    with pytest.raises(SourceError, match="not complete after 1 s: 1 of 3 pods updated"):
        stage.driver.stop_pods("restart")


def test_a_failed_rollout_ends_the_wait() -> None:
    declared = Watched()
    deadline = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too slow"}
    declared.expect("PATCH", WEB, answer(live()), query=FORCED)
    declared.expect("GET", WEB, answer(live(DONE | {"conditions": [deadline]})))
    with pytest.raises(SourceError, match="too slow"):
        Stage(declared, "a").driver.stop_pods("restart")


def eviction(name: str) -> str:
    return f"/api/v1/namespaces/shop/pods/{name}/eviction"


def test_pods_are_evicted_one_by_one_by_their_uid_and_each_is_awaited() -> None:
    declared = Watched()
    stage = Stage(declared, "a", "b")
    order: list[str] = []

    def evicts(name: str) -> Callable[[Any], Any]:
        def carry_out(body: Any) -> Any:
            assert body["deleteOptions"] == {"preconditions": {"uid": f"uid-{name}"}}
            assert sum(entry.serving for entry in stage.pods.all()) == 2, "the others are back before the next one goes"
            order.append(name)
            stage.see("MODIFIED", pod(name, deleted=True))
            stage.happens = lambda: stage.replace(name)
            return answer({"kind": "Status", "status": "Success"}, 201)

        return carry_out

    for name in ("a", "b"):
        declared.expect("POST", eviction(name), evicts(name))
    stage.driver.stop_pods("evict")
    declared.check()
    assert order == ["a", "b"]


def test_the_last_ready_pod_is_never_evicted() -> None:
    declared = Watched()
    stage = Stage(declared, "a", "b")
    stage.see("MODIFIED", pod("b", ready=False))
    with pytest.raises(SourceError, match="pod a was not evicted: no other pod is ready"):
        stage.driver.stop_pods("evict")
    assert declared.seen == []
    assert not stage.driver.changed


def test_a_disruption_budget_is_waited_for_and_then_named() -> None:
    declared = Watched()
    stage = Stage(declared, "a", "b", timeout=1)
    declared.expect("POST", eviction("a"), *[failed(429, "Cannot evict pod: budget web")] * 15)
    with pytest.raises(
        SourceError, match="a PodDisruptionBudget blocks the eviction of pod a: Cannot evict pod: budget web"
    ):
        stage.driver.stop_pods("evict")


@pytest.mark.parametrize("status", [404, 409])
def test_a_pod_that_somebody_else_has_taken_away_is_stopped_all_the_same(status: int) -> None:
    declared = Watched()
    stage = Stage(declared, "a", "b")
    declared.expect("POST", eviction("a"), failed(status, "gone"))
    declared.expect("POST", eviction("b"), failed(status, "gone"))

    def taken_away() -> None:
        for entry in stage.pods.all():
            if entry.name in ("a", "b"):
                stage.replace(entry.name)

    stage.happens = taken_away
    stage.driver.stop_pods("evict")
    declared.check()


def test_without_the_right_to_evict_the_drill_ends() -> None:
    declared = Watched()
    stage = Stage(declared, "a", "b")
    declared.expect("POST", eviction("a"), forbidden("create"))
    with pytest.raises(SourceError, match="forbidden: user jane cannot evict pod a"):
        stage.driver.stop_pods("evict")


def test_a_workload_without_pods_is_no_drill() -> None:
    with pytest.raises(SourceError, match="it has no pods to stop"):
        Stage(Watched()).driver.stop_pods("restart")
