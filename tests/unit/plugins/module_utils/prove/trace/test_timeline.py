# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nine steps: what was seen of each, and why not where it was not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import Seen
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import (
    NAMES,
    Story,
    steps_of,
)


@pytest.mark.parametrize("name", NAMES)
def test_all_nine_steps_and_the_replacement_are_there(name: str) -> None:
    trace = Story(name).document()
    assert {step["step"] for step in trace["steps"]} == set(range(10))
    for step in trace["steps"]:
        assert (step["seconds"] is None) == (step["at"] is None)
        assert step["how"] != "observed" or step["seconds"] is not None or step["name"] == "events"
        assert not step["how"].startswith("not ") or step["note"]
        assert step["seconds"] is None or 0 <= step["seconds"] < 20


def test_times_of_a_clean_stop() -> None:
    trace = Story("slow-drain").document()
    steps = steps_of(trace)
    assert steps["deletion requested"]["api_time"].endswith("Z")
    assert steps["endpoint not ready"]["seconds"] < 1
    assert steps["preStop ends"]["how"] == "derived"
    assert steps["SIGTERM"]["seconds"] == steps["preStop ends"]["seconds"]
    assert 2.0 <= steps["SIGTERM"]["seconds"] < 3.0
    assert steps["container ended"]["seconds"] == pytest.approx(10.3, abs=0.5)
    assert steps["object removed"]["seconds"] > steps["end reported"]["seconds"]
    assert steps["proxies and balancers follow"]["how"] == "not observable"
    derived = trace["derived"]
    assert derived["grace_used_percent"] == 71
    assert derived["grace_used_seconds"] + derived["margin_seconds"] == derived["grace_seconds"] == 14
    assert 0 < derived["cleanup_seconds"] < 2
    assert derived["replacement_ready_seconds"] == steps["replacement ready"]["seconds"]
    assert trace["containers"][0]["prestop"] == {
        "kind": "sleep",
        "declared_seconds": 2,
        "exact": True,
        "result": "worked",
        "effective": True,
    }


def test_the_hook_that_overran_ends_sigterm_at_the_end_of_grace() -> None:
    steps = steps_of(Story("long-hook").document())
    assert steps["SIGTERM"]["seconds"] == pytest.approx(6.1, abs=0.2)
    assert steps["preStop failed"]["seconds"] == pytest.approx(8.1, abs=0.3)
    assert steps["SIGKILL"]["how"] == "inferred"
    assert steps["SIGKILL"]["seconds"] == 8.0


def test_the_last_object_with_its_grace_of_zero_does_not_count_as_the_request() -> None:
    trace = Story("deaf").document()
    assert trace["derived"]["grace_seconds"] == 6
    assert trace["pod"]["grace"] == 6


@pytest.mark.parametrize("watch", ["endpoints", "events", "replacement"])
def test_what_may_not_be_watched_is_not_observed(watch: str) -> None:
    trace = Story("no-binary").without_watch(watch).document()
    assert trace["not_observed"] == [{"watch": watch, "reason": "forbidden: cannot watch (403)"}]
    name = {"endpoints": "endpoint not ready", "events": "events", "replacement": "replacement"}[watch]
    step = steps_of(trace)[name]
    assert step["how"] == "not observed"
    assert step["note"] == "forbidden: cannot watch (403)"


def test_a_pod_without_a_service() -> None:
    story = Story("deaf").without(lambda entry: entry.watch == "endpoints")
    step = steps_of(story.document())["endpoint not ready"]
    assert (step["how"], step["note"]) == ("not observed", "no Service sends requests to it")


def test_of_two_slices_the_later_one_counts() -> None:
    story = Story("deaf")
    second = []
    for entry in story.seen:
        if entry.watch == "endpoints":
            obj = copy.deepcopy(entry.obj)
            obj["metadata"]["uid"] = "the-other-family"
            second.append(Seen(entry.at + 2.0, entry.watch, entry.type, obj))
    story.seen += [entry for entry in second if entry.type == "LISTED"]
    assert story.document()["derived"]["deregistration_seconds"] is None  # one of them has not changed
    story = Story("deaf")
    first = story.document()["derived"]["deregistration_seconds"]
    story.seen = sorted(story.seen + second, key=lambda entry: entry.at)
    assert story.document()["derived"]["deregistration_seconds"] == pytest.approx(first + 2.0)


def test_a_slice_that_was_not_seen_to_change_leaves_the_time_open() -> None:
    story = Story("deaf").without(lambda entry: entry.watch == "endpoints" and entry.type != "LISTED")
    trace = story.document()
    assert trace["derived"]["deregistration_seconds"] is None
    assert steps_of(trace)["endpoint not ready"]["how"] == "not observed"


def test_an_endpoint_that_is_published_although_not_ready() -> None:
    story = Story("deaf").without(lambda entry: entry.watch == "endpoints" and not entry.obj["endpoints"])
    story.seen = [copy.deepcopy(entry) for entry in story.seen]
    for entry in story.seen:
        if entry.watch == "endpoints":
            entry.obj["endpoints"][0]["ready"] = True
    trace = story.document()
    assert "publishNotReadyAddresses" in steps_of(trace)["endpoint not ready"]["note"]
    assert any("publishNotReadyAddresses" in note for note in trace["notes"])


def test_before_1_34_the_kubelet_does_not_say_what_it_has_seen() -> None:
    step = steps_of(Story("deaf").pods(lambda obj: obj["status"].pop("observedGeneration", None)).document())
    assert step["kubelet has seen it"]["how"] == "not observed"


def test_without_the_event_the_beginning_is_open_and_so_is_sigterm() -> None:
    steps = steps_of(Story("slow-drain").without_event("Killing").document())
    assert steps["stop and preStop begin"]["how"] == "not observed"
    assert steps["SIGTERM"]["how"] == "not observable"


def test_a_request_that_was_tried_for_long_does_not_begin_the_clock() -> None:
    story = Story("deaf")
    usual = steps_of(story.document())["object removed"]["seconds"]
    assert story.request is not None
    story.request = type(story.request)(story.request.sent_at - 9, story.request.answered_at)
    late = steps_of(story.document())
    assert late["deletion requested"]["seconds"] == 0.0
    assert late["object removed"]["seconds"] == pytest.approx(usual, abs=0.2)


def test_where_a_controller_deletes_the_mark_begins_the_clock() -> None:
    story = Story("deaf")
    story.request = None
    trace = story.document(mode="restart")
    assert steps_of(trace)["deletion requested"]["seconds"] == 0.0
    assert trace["clock"] is None


def test_the_clock_of_the_server_is_near_the_one_of_the_client() -> None:
    clock = Story("deaf").document()["clock"]
    assert clock["ahead_at_least_seconds"] < 0 < clock["ahead_at_most_seconds"]


def test_a_stateful_set_replaces_a_pod_by_its_namesake_only() -> None:
    story = Story("deaf")
    added = next(entry for entry in story.seen if entry.watch == "replacement" and entry.type == "ADDED")
    story.kind = "StatefulSet"
    assert story.document()["derived"]["replacement_ready_seconds"] is None
    namesake = {**added.obj, "name": story.pod["metadata"]["name"], "uid": "new", "ready": True}
    story.seen.append(Seen(added.at + 7, "replacement", "ADDED", namesake))
    assert story.document()["derived"]["replacement_ready_seconds"] == pytest.approx(7.1, abs=0.2)


def test_a_surge_pod_that_was_ready_before_has_a_negative_time_but_not_for_a_daemon_set() -> None:
    story = Story("deaf").without(lambda entry: entry.watch == "replacement")
    marked = next(entry for entry in story.seen if "deletionTimestamp" in entry.obj.get("metadata", {}))
    surge = {"name": "new", "uid": "new", "creationTimestamp": "2026-11-22T23:44:00Z", "ready": True}
    story.seen = sorted([*story.seen, Seen(marked.at - 0.2, "replacement", "ADDED", surge)], key=lambda entry: entry.at)
    story.request = None
    assert story.document()["derived"]["replacement_ready_seconds"] == pytest.approx(-0.2)
    story.kind = "DaemonSet"
    assert story.document()["derived"]["replacement_ready_seconds"] is None


def test_a_helper_that_takes_no_requests_is_not_said_to_race() -> None:
    story = Story("no-binary")
    assert any("preStop delay" in note for note in story.document()["notes"])
    del story.container["readinessProbe"]
    story.pod["spec"]["containers"].append({"name": "helper", "image": "x", "ports": [{"containerPort": 1}]})
    assert not any("preStop delay" in note for note in story.document()["notes"])


def test_events_from_before_do_not_count_and_repeats_do() -> None:
    story = Story("deaf")
    killing = next(entry for entry in story.seen if entry.watch == "events" and entry.obj["reason"] == "Killing")
    before = Seen(story.seen[0].at, "events", "LISTED", {**killing.obj, "count": 3})
    again = Seen(killing.at + 1, "events", "MODIFIED", {**killing.obj, "count": 5})
    story.seen = [before, *(entry for entry in story.seen if entry is not killing), again]
    trace = story.document()
    assert steps_of(trace)["events"]["note"] == "Killing x2"
    assert any("more than once" in note for note in trace["notes"])


@pytest.mark.parametrize("odd", [None, "soon", 5])
def test_times_that_cannot_be_read_are_not_known(odd: int | str | None) -> None:
    story = Story("deaf").pods(lambda obj: obj["metadata"].pop("deletionGracePeriodSeconds", None))
    assert story.document()["derived"]["grace_used_seconds"] is None
    story = Story("deaf").ending(137, finishedAt=odd)
    trace = story.document()
    assert trace["containers"][0]["seconds"] is None
    assert trace["verdict"]["cause"] == "not-observed"


def test_a_mesh_proxy_that_leaves_first_is_noted() -> None:
    story = Story("slow-drain")
    story.pod["spec"]["containers"].append({"name": "istio-proxy", "image": "x"})

    def add(obj: dict[str, Any]) -> None:
        ended = obj["status"]["containerStatuses"][0]["terminated"]
        if ended:
            early = {**ended, "finishedAt": story._at(3)}
            obj["status"]["containerStatuses"].append({"name": "istio-proxy", "terminated": early})
        else:
            obj["status"]["containerStatuses"].append({"name": "istio-proxy", "terminated": None})

    notes = story.pods(add).document()["notes"]
    assert any("istio-proxy ended 7 s before the application" in note for note in notes)
