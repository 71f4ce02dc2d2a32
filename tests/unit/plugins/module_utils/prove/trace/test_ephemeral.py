# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ephemeral containers are part of no count of a trace, and one that delayed the pod is reported."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.streams import trim_event, trim_pod
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.cluster import ended
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import Story


def with_ephemeral(story: Story, seconds: float) -> Story:
    """As if an ephemeral container had ended so long after the request."""

    def change(obj: dict[str, Any]) -> None:
        done = any(status["terminated"] for status in obj["status"]["containerStatuses"])
        state = {"exitCode": 137, "reason": "Error", "finishedAt": story._at(seconds)} if done else None
        obj["status"]["ephemeralContainerStatuses"] = [{"name": "shell", "terminated": state}]

    return story.pods(change)


@pytest.mark.parametrize("name", ["deaf", "no-binary", "long-hook", "slow-drain"])
def test_causes_exit_codes_and_stop_times_leave_it_out(name: str) -> None:
    bare, told = Story(name).document(), with_ephemeral(Story(name), 60).document()
    for key in ("verdict", "causes", "derived", "steps", "containers", "events"):
        assert told[key] == bare[key]
    assert bare["ephemeral"] == []


@pytest.mark.parametrize(("seconds", "after"), [(4, -6), (10, 0), (11, 1), (14, 4)])
def test_how_long_it_outlived_the_pod_is_told_where_that_is_more_than_the_clock_hides(seconds: int, after: int) -> None:
    trace = with_ephemeral(Story("slow-drain"), seconds).document()
    assert trace["containers"][0]["seconds"] == 10
    assert [entry["after_seconds"] for entry in trace["ephemeral"]] == [after]
    notes = [note for note in trace["notes"] if note.startswith("ephemeral container shell ended 4 s after")]
    assert len(notes) == (after > 1)


def test_one_whose_end_was_not_reported_is_named_without_a_time() -> None:
    trace = with_ephemeral(Story("slow-drain"), 14).without(lambda entry: entry.type == "DELETED").document()
    assert trace["ephemeral"][0]["after_seconds"] == 4
    story = with_ephemeral(Story("slow-drain"), 14).pods(
        lambda obj: obj["status"].update(ephemeralContainerStatuses=[{"name": "shell", "terminated": None}])
    )
    assert story.document()["ephemeral"] == [{"name": "shell", "finished_at": None, "after_seconds": None}]


def test_its_events_are_not_kept() -> None:
    event = {"metadata": {"uid": "1"}, "reason": "Killing", "involvedObject": {"fieldPath": "spec.containers{app}"}}
    kept = trim_event(event)
    assert kept is not None
    assert kept["reason"] == "Killing"
    assert trim_event({**event, "involvedObject": {"fieldPath": "spec.ephemeralContainers{shell}"}}) is None


def test_its_state_is_kept_beside_those_of_the_pods_containers() -> None:
    obj = ended()
    state = {"terminated": {"exitCode": 137, "finishedAt": "2027-01-04T09:30:30Z", "message": "secret"}}
    obj["status"]["ephemeralContainerStatuses"] = [{"name": "shell", "state": state}]
    status = trim_pod(obj)["status"]
    assert [entry["name"] for entry in status["containerStatuses"]] == ["app"]
    assert status["ephemeralContainerStatuses"] == [
        {"name": "shell", "terminated": {"exitCode": 137, "finishedAt": "2027-01-04T09:30:30Z"}}
    ]
