# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching pods: nothing that happened is missed, and what was not seen is not made up."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill import pods as module
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pods
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import Ended
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import (
    OF_WEB,
    PODS,
    Watched,
    api_of,
    listed,
    pod,
    web,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REST", 0.01)


def begun(declared: Watched, *first: dict[str, Any], number: int = 1) -> Pods:
    declared.expect("GET", PODS, listed(*first), query=OF_WEB)
    clock = iter(range(1000, 9999))
    pods = Pods(api_of(declared), web(), now=lambda: float(next(clock)), round=number)
    pods.begin()
    return pods


def settled(pods: Pods, watches: int, declared: Watched) -> Pods:
    end = time.monotonic() + 5
    while len(declared.watches) < watches and pods._problem is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return pods


def test_a_stop_is_seen_from_its_mark_to_its_end_with_its_exit_code() -> None:
    declared = Watched().tell(
        ("MODIFIED", pod("a", deleted=True)),
        ("MODIFIED", pod("a", ready=False, deleted=True, code=0)),
        ("DELETED", pod("a", ready=False, deleted=True, code=0)),
        ("ADDED", pod("b")),
    )
    pods = begun(declared, pod("a"), number=2)
    first, second = settled(pods, 2, declared).all()
    assert first.marked_at is not None and first.gone_at is not None and first.marked_at < first.gone_at
    assert (first.round, first.grace, first.deletion) == (2, 30, "2027-01-04T09:30:30Z")
    assert first.containers == (Ended("app", 0, "Completed", "2027-01-04T09:30:12Z"),)
    assert second.serving and not first.serving
    # One pod was ready, then none, then one again.
    assert [end > begin for begin, end in pods.outages()] == [True]
    # The next watch goes on where the first one ended.
    assert declared.watches[1]["resourceVersion"] == "7"


def test_a_deletion_by_force_has_no_exit_code() -> None:
    declared = Watched().tell(("DELETED", pod("a")))
    (found,) = settled(begun(declared, pod("a")), 2, declared).all()
    assert found.gone_at is not None and found.marked_at == found.gone_at
    assert found.containers == (Ended("app", None),)


def test_after_a_break_the_pods_are_read_again_and_what_is_missing_is_gone() -> None:
    declared = Watched().tell(Unreachable("test: broken"))
    declared.expect("GET", PODS, listed(pod("a")), query=OF_WEB)
    declared.expect("GET", PODS, listed(pod("b")), query=OF_WEB)
    pods = Pods(api_of(declared), web())
    pods.begin()
    first, second = settled(pods, 2, declared).all()
    assert first.gone_at is not None and first.containers[0].exit_code is None
    assert second.serving


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}',
        b'{"type": "MODIFIED", "obj',
    ],
)
def test_an_expired_or_broken_watch_begins_anew(line: bytes) -> None:
    declared = Watched().tell(line)
    declared.expect("GET", PODS, listed(pod("a")), listed(pod("a")), query=OF_WEB)
    pods = Pods(api_of(declared), web())
    pods.begin()
    assert [found.name for found in settled(pods, 2, declared).all()] == ["a"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"type": "ERROR", "object": {"code": 403, "message": "no"}}', "cannot watch pods in namespace shop"),
        (b'{"type": "MODIFIED", "object": {}}', "unexpected response"),
    ],
)
def test_pods_that_can_no_longer_be_seen_end_the_drill(line: bytes, words: str) -> None:
    declared = Watched().tell(line)
    pods = begun(declared, pod("a"))
    settled(pods, 99, declared)
    with pytest.raises(SourceError, match=words):
        pods.all()
    assert len(pods.seen()) == 1


def test_pods_of_others_under_the_same_labels_and_bookmarks_are_left_out() -> None:
    other = pod("x")
    other["metadata"]["ownerReferences"][0]["name"] = "web-api-1"
    declared = Watched().tell(("BOOKMARK", {"metadata": {"resourceVersion": "9"}}), ("MODIFIED", other))
    pods = begun(declared, pod("a"), other)
    assert [found.name for found in settled(pods, 2, declared).all()] == ["a"]


def test_a_native_sidecar_may_end_as_it_likes() -> None:
    ended = pod("a", deleted=True, code=0)
    ended["status"]["initContainerStatuses"] = [{"name": "proxy", "state": {"terminated": {"exitCode": 137}}}]
    declared = Watched().tell(("DELETED", ended))
    (found,) = settled(begun(declared, pod("a")), 2, declared).all()
    assert [container.name for container in found.containers] == ["app"]
