# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace from request to file: what is sent, in which order, and what is written however it ends."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import Interrupted
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import Recorder
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.run import Pauses, run_trace
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import rehearse
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.cluster import (
    BY_NAME,
    BY_SERVICE,
    BY_UID,
    DEPLOYMENT,
    EVENTS,
    OF_WEB,
    POD,
    PODS,
    SLICES,
    Watched,
    api_of,
    ended,
    listed,
    live,
    piece,
    pod,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import options_of
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import answer, failed, forbidden

FAST = Pauses(settle=0.01, linger=0.05)
TARGET = Target(pod(), read_workload(live()), "named", ("web",), "")
LISTS = {
    SLICES: (BY_SERVICE, listed(piece("web-1-a", "web-1-b"))),
    EVENTS: (BY_UID, listed()),
    PODS: (OF_WEB, listed(pod(), pod("web-1-b"))),
}
OWN = f"{PODS}?{BY_NAME[0][1]}"
NEW = f"{PODS}?{OF_WEB[0][1]}"


def cluster(*, refused: tuple[str, ...] = ()) -> Watched:
    declared = Watched()
    for path, (query, reply) in LISTS.items():
        declared.expect("GET", path, forbidden() if path in refused else reply, query=query)
    return declared.expect("GET", PODS, listed(pod()), query=BY_NAME)


def stopping(declared: Watched, *events: Any, after: threading.Event | None = None) -> Watched:
    """The pod's own watch tells these once the pod is asked to stop."""
    asked = after or threading.Event()
    declared.tell(OWN, asked, *events)
    declared.tell(NEW, asked, ("ADDED", pod("web-1-c", ready=False)), ("MODIFIED", pod("web-1-c")))

    def evict(_body: Any) -> Any:
        asked.set()
        return answer({"kind": "Status"})

    return declared.expect("POST", f"{POD}/eviction", evict)


WHOLE = (("MODIFIED", pod(marked=True)), ("MODIFIED", ended()), ("DELETED", ended()))


def traced(declared: Watched, target: Target = TARGET, **given: Any) -> dict[str, Any]:
    result = run_trace(api_of(declared), target, options_of(**{"wait_timeout": 5, **given}), FAST)
    declared.check()
    return result


def test_the_watches_are_read_before_the_pod_is_evicted_by_its_uid() -> None:
    declared = stopping(cluster(), *WHOLE)
    result = traced(declared)
    assert result["status"] == "complete"
    assert [method for method, *_rest in declared.seen] == ["GET"] * 4 + ["POST"]
    assert declared.bodies("POST")[0]["deleteOptions"] == {"preconditions": {"uid": "uid-web-1-a"}}
    begun: dict[Any, str] = {}
    for path, query in declared.watches:
        begun.setdefault((path, query.get("fieldSelector") or query.get("labelSelector")), query["resourceVersion"])
    assert list(begun.values()) == ["5"] * 4
    assert result["verdict"]["cause"] == "clean"
    assert result["derived"]["replacement_ready_seconds"] is not None
    assert result["containers"][0]["seconds"] == 4.0


def test_a_deletion_has_the_uid_too() -> None:
    asked = threading.Event()
    declared = cluster()
    declared.tell(OWN, asked, *WHOLE).tell(NEW, asked, ("ADDED", pod("web-1-c")))

    def delete(_body: Any) -> Any:
        asked.set()
        return answer({"kind": "Pod"})

    declared.expect("DELETE", POD, delete)
    assert traced(declared, mode="delete")["status"] == "complete"
    assert declared.bodies("DELETE")[0]["preconditions"] == {"uid": "uid-web-1-a"}


def test_a_restart_patches_the_template_and_begins_with_the_mark() -> None:
    asked = threading.Event()
    declared = cluster()
    declared.tell(OWN, asked, *WHOLE).tell(NEW, asked, ("ADDED", pod("web-1-c")))

    def patch(_body: Any) -> Any:
        asked.set()
        return answer(live())

    declared.expect("PATCH", DEPLOYMENT, patch, query=(("fieldManager", "graceful-termination"),))
    result = traced(declared, mode="restart")
    annotations = declared.bodies()[0]["spec"]["template"]["metadata"]["annotations"]
    assert list(annotations) == ["kubectl.kubernetes.io/restartedAt"]
    assert result["steps"][0]["seconds"] == 0.0


def test_watches_that_are_not_allowed_are_not_observed() -> None:
    declared = stopping(cluster(refused=(SLICES, EVENTS)), *WHOLE)
    result = traced(declared)
    assert [entry["watch"] for entry in result["not_observed"]] == ["endpoints", "events"]
    assert result["status"] == "complete"


def test_without_the_watch_of_the_pod_nothing_is_stopped() -> None:
    declared = Watched()
    for path, (query, reply) in LISTS.items():
        declared.expect("GET", path, reply, query=query)
    declared.expect("GET", PODS, forbidden(), query=BY_NAME)
    with pytest.raises(SourceError, match="nothing was stopped: forbidden: user jane cannot list pods"):
        traced(declared)
    assert declared.bodies("POST") == []


def test_a_disruption_budget_is_respected() -> None:
    declared = cluster().expect("POST", f"{POD}/eviction", *[failed(429, "The budget web needs 2")] * 5)
    with pytest.raises(
        SourceError, match="nothing was stopped: a PodDisruptionBudget blocks it: The budget web needs 2"
    ):
        traced(declared)


@pytest.mark.parametrize("status", [404, 409])
def test_a_namesake_is_never_stopped(status: int) -> None:
    declared = cluster().expect("POST", f"{POD}/eviction", failed(status, "the UID in the precondition"))
    with pytest.raises(SourceError, match="it was just replaced or deleted"):
        traced(declared)


def test_a_pod_that_does_not_go_is_a_timeout(tmp_path: Path) -> None:
    declared = stopping(cluster(), ("MODIFIED", pod(marked=True)))
    result = traced(declared, wait_timeout=1, report_dir=str(tmp_path))
    assert (result["status"], result["reason"]) == ("timeout", "the pod was not deleted after 1 s")
    assert json.loads((tmp_path / "trace-shop-web-1-a.json").read_text())["status"] == "timeout"


def test_a_replacement_that_does_not_come_is_said() -> None:
    asked = threading.Event()
    declared = cluster().tell(OWN, asked, *WHOLE)

    def evict(_body: Any) -> Any:
        asked.set()
        return answer({})

    result = traced(declared.expect("POST", f"{POD}/eviction", evict), wait_timeout=1)
    assert (result["status"], result["reason"]) == ("complete", "no replacement was ready 1 s after the request")


def test_a_watch_that_breaks_goes_on_and_notices_what_went_meanwhile() -> None:
    declared = cluster()
    stopping(declared, ("MODIFIED", pod(marked=True)), Unreachable("gone"))
    declared.expect("GET", PODS, listed(), query=BY_NAME)
    result = traced(declared)
    assert result["status"] == "complete"
    assert result["derived"]["removed_seconds"] >= 1.0


def test_a_right_that_is_taken_away_ends_the_trace_with_what_was_seen() -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 403, "message": 'User "jane" cannot watch'}}
    declared = stopping(cluster(), ("MODIFIED", pod(marked=True)), ("ERROR", error["object"]))
    result = traced(declared)
    assert result["status"] == "error"
    assert "403" in result["reason"]


def test_an_interruption_leaves_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = stopping(cluster(), ("MODIFIED", pod(marked=True)))
    real = Recorder.wait

    def wait(self: Recorder, enough: Any, until: float) -> bool:
        real(
            self,
            lambda seen: any(entry.obj["metadata"].get("deletionTimestamp") for entry in seen if entry.watch == "pod"),
            self.now() + 5,
        )
        raise Interrupted("SIGTERM")

    monkeypatch.setattr(Recorder, "wait", wait)
    result = traced(declared, report_dir=str(tmp_path))
    assert (result["status"], result["reason"]) == (
        "interrupted",
        "interrupted by SIGTERM; the pod continues to stop by itself",
    )
    written = json.loads((tmp_path / "trace-shop-web-1-a.json").read_text())
    assert written["status"] == "interrupted"
    assert written["steps"][0]["how"] == "observed"


def test_an_interruption_before_the_request_stops_nothing() -> None:
    def interrupt(_body: Any) -> Any:
        raise Interrupted("SIGINT")

    with pytest.raises(Interrupted):
        traced(cluster().expect("POST", f"{POD}/eviction", interrupt))


@pytest.mark.parametrize(("mode", "method", "path"), [("evict", "POST", f"{POD}/eviction"), ("delete", "DELETE", POD)])
def test_a_rehearsal_is_a_dry_run(mode: str, method: str, path: str) -> None:
    declared = Watched().expect(method, path, answer({}))
    assert rehearse(api_of(declared), TARGET, mode) == ""
    body = declared.bodies(method)[0]
    assert (body.get("deleteOptions") or body)["dryRun"] == ["All"]


def test_a_rehearsal_without_the_right_says_so() -> None:
    declared = Watched().expect("POST", f"{POD}/eviction", forbidden("create"))
    assert "403" in rehearse(api_of(declared), TARGET, "evict")


def test_a_hostile_name_stays_in_the_folder(tmp_path: Path) -> None:
    from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.document import file_name

    assert file_name("../x", "a/b\x1b", "json") == "trace-.._x-a_b_.json"
    assert (tmp_path / file_name("..", "/etc/passwd", "svg")).parent == tmp_path
