# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""So many rollouts at a time: on a cluster whose rollouts take as long as they are told, by a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.follow import Patience, Queue, follow
from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Api, Query, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    SHOP,
    RequestsOnly,
    failed,
    items,
)

FOREVER = 10**6
QUIET: dict[str, Any] = {"kind": "StatefulSet", "updateStrategy": {"type": "OnDelete"}}
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}


def change(name: str, **spec: Any) -> Change:
    obj = workload(hooked(None), name=name, **spec)
    obj["metadata"] |= {"uid": f"uid-{name}", "generation": 1}
    found = run(obj, service(name)).change
    assert found
    return found


class Cluster(RequestsOnly):
    """A Transport to Deployments whose rollouts take `seconds`; those in `bad` fail at their end.

    `begun` are the names with the time of their patch, `most` is how many rolled out at once.
    """

    def __init__(self, seconds: float = 5, bad: str = "") -> None:
        self.time = 0.0
        self.begun: dict[str, float] = {}
        self.most = 0
        self.away: Callable[[], Answer | Exception | None] = lambda: None
        self._seconds, self._bad = seconds, bad
        self._objects: dict[str, dict[str, Any]] = {}

    def begin(self, one: Change) -> ApplyResult:
        name = one.workload.name
        self.begun[name] = self.time
        self._objects[name] = one.workload.obj
        self.most = max(self.most, sum(map(self._rolls, self._objects)))
        return ApplyResult(Action(one.workload, "changed"), stored=self._seen(name), restarts=bool(one.template))

    def send(self, _method: str, path: str, _query: Query, _body: Any, _accept: str = "") -> Answer:
        problem = self.away()
        if isinstance(problem, Exception):
            raise problem
        return problem or items(*(map(self._seen, self._objects) if path == SHOP else ()))

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def _rolls(self, name: str) -> bool:
        return self._objects[name]["kind"] == "Deployment" and self.time < self.begun[name] + self._seconds

    def _seen(self, name: str) -> dict[str, Any]:
        obj = self._objects[name]
        replicas, failed = obj["spec"]["replicas"], name in self._bad and not self._rolls(name)
        updated = 0 if self._rolls(name) or failed else replicas
        status = {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": updated}
        return obj | {
            "status": status | {"availableReplicas": replicas, "conditions": [DEADLINE] if failed else []},
        }

    def go(
        self, changes: list[Change], at_once: int, timeout: int | None = 60, **given: Any
    ) -> dict[str, tuple[str, str | None]]:
        patience = Patience(timeout, now=lambda: self.time, pause=self.pause, **given)
        api = Api(self, lambda _seconds: None)
        result = follow(api, (), patience, everywhere=True, queue=Queue(changes, self.begin, at_once))
        return {entry.action.workload.name: (entry.action.status, entry.action.reason) for entry in result}


def test_the_next_one_is_patched_when_a_place_is_free() -> None:
    cluster = Cluster()
    told = cluster.go([change(name) for name in "abcdefg"], 3)
    assert told == dict.fromkeys("abcdefg", ("changed", None))
    assert cluster.most == 3
    times = list(cluster.begun.values())
    assert times[:3] == [0, 0, 0]
    assert 5 <= times[3] == times[4] == times[5] < times[6]


@pytest.mark.parametrize(("at_once", "timeout"), [(0, 60), (3, None)])
def test_without_a_limit_or_without_waiting_all_are_patched_at_once(at_once: int, timeout: int | None) -> None:
    cluster = Cluster()
    cluster.go([change(name) for name in "abcde"], at_once, timeout)
    assert set(cluster.begun.values()) == {0.0}


def test_what_restarts_no_pod_takes_no_place() -> None:
    cluster = Cluster()
    cluster.go([change("a"), change("b"), *(change(name, **QUIET) for name in "xyz")], 2)
    assert set(cluster.begun.values()) == {0.0}
    cluster = Cluster()
    cluster.go([change("a"), change("b"), *(change(name, **QUIET) for name in "xyz")], 1)
    assert [name for name, time in cluster.begun.items() if time == 0] == ["a"], "but it does not overtake"


def test_one_that_does_not_come_up_ends_the_wave_and_the_others_are_awaited() -> None:
    cluster = Cluster(bad="b")
    told = cluster.go([change(name) for name in "abcd"], 2)
    assert told["a"] == ("changed", None)
    assert told["b"][0] == "failed"
    skipped = ("skipped", "not started: shop/Deployment/b failed in the same wave")
    assert told["c"] == told["d"] == skipped
    assert list(cluster.begun) == ["a", "b"]


def test_each_rollout_has_its_own_time() -> None:
    cluster = Cluster(seconds=50)
    told = cluster.go([change(name) for name in "abc"], 1, timeout=60)
    assert told == dict.fromkeys("abc", ("changed", None))
    assert cluster.time > 150


def test_an_interruption_begins_nothing_more() -> None:
    cluster = Cluster(seconds=FOREVER)
    begin = cluster.begin

    def unless_interrupted(one: Change) -> ApplyResult:
        return (
            ApplyResult(Action(one.workload, "skipped", "not started: interrupted")) if cluster.time > 9 else begin(one)
        )

    cluster.begin = unless_interrupted  # type: ignore[method-assign]
    told = cluster.go(
        [change(name) for name in "abc"], 1, interrupted=lambda: "interrupted" if cluster.time > 9 else None
    )
    assert told == {
        "a": ("failed", "stopped waiting for its rollout: interrupted"),
        "b": ("skipped", "not started: interrupted"),
        "c": ("skipped", "not started: interrupted"),
    }


@pytest.mark.parametrize("problem", [Unreachable("test: cannot reach the API server"), failed(503), failed(429)])
def test_a_server_that_is_away_for_a_while_ends_no_rollout(problem: Answer | Exception) -> None:
    cluster = Cluster(seconds=20)
    cluster.away = lambda: problem if 3 < cluster.time < 40 else None
    told = cluster.go([change(name) for name in "ab"], 1)
    assert told == dict.fromkeys("ab", ("changed", None))
    assert cluster.begun["b"] >= 40, "and nothing is begun meanwhile"


def test_a_server_that_stays_away_ends_it_after_the_timeout() -> None:
    cluster = Cluster(seconds=20)
    cluster.away = lambda: Unreachable("test: cannot reach the API server") if cluster.time > 3 else None
    told = cluster.go([change(name) for name in "ab"], 1)
    assert told == {
        "a": ("failed", "unknown whether it rolled out: cannot reach the API server"),
        "b": ("skipped", "not started: cannot reach the API server"),
    }
    assert 60 <= cluster.time < 62


def test_a_token_that_expires_is_no_matter_of_time() -> None:
    cluster = Cluster(seconds=20)
    cluster.away = lambda: failed(401) if cluster.time > 3 else None
    told = cluster.go([change(name) for name in "ab"], 1)
    assert str(told["a"][1]).startswith(
        "unknown whether it rolled out: the server does not accept the credentials (401)"
    )
    assert str(told["b"][1]).startswith("not started: the server does not accept the credentials (401)")
    assert cluster.time < 10
