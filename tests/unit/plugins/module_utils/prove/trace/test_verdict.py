# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cause that a trace names: of real terminations, and of the same ones told otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.verdict import CAUSES
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import NAMES, Story


@pytest.mark.parametrize(
    ("name", "cause", "level"),
    [
        ("deaf", "sigterm-without-effect", "error"),
        ("no-binary", "prestop-failed", "error"),
        ("long-hook", "prestop-exceeds-grace", "error"),
        ("slow-drain", "slow-drain", "info"),
    ],
)
def test_each_recorded_termination_has_its_cause(name: str, cause: str, level: str) -> None:
    story = Story(name)
    assert story.verdict() == (cause, level)
    assert story.document()["verdict"]["title"] == CAUSES[cause]


@pytest.mark.parametrize("name", NAMES)
def test_no_command_of_a_container_is_told(name: str) -> None:
    story = Story(name)
    words = [*story.container.get("command", []), *story.container.get("args", [])]
    words += story.container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    secret = [word for word in words if len(word) > 6]
    text = str(story.document())
    assert not [word for word in secret if word in text]


def test_a_readiness_probe_that_failed_after_sigterm_shows_that_it_was_heard() -> None:
    assert Story("deaf").unready_after(4.0).verdict() == ("drain-exceeds-grace", "error")


@pytest.mark.parametrize(
    "probe", [None, {"exec": {"command": ["true"]}}, {"tcpSocket": {"port": 1}, "periodSeconds": 5}]
)
def test_without_a_probe_that_would_have_told_both_causes_stay_open(probe: dict[str, Any] | None) -> None:
    story = Story("deaf")
    story.container["readinessProbe"] = probe
    assert story.verdict() == ("killed-at-grace", "error")
    text = story.document()["verdict"]["text"]
    assert "no handler" in text
    assert "drain takes longer" in text


@pytest.mark.parametrize(
    ("code", "reason", "seconds", "cause", "level"),
    [
        (0, "Completed", 1, "clean", "ok"),
        (0, "Completed", 5, "slow-drain", "info"),
        (143, "Error", 1, "no-drain", "warning"),
        (2, "Error", 1, "no-drain", "error"),
        (130, "Error", 1, "no-drain", "error"),
        (1, "Error", 1, "error-exit", "error"),
        (137, "OOMKilled", 2, "out-of-memory", "error"),
        (137, "Error", 2, "killed-early", "error"),
        (137, "Error", 5, "sigterm-without-effect", "error"),
        (137, "ContainerStatusUnknown", 5, "not-observed", "unknown"),
        (255, "Unknown", 5, "not-observed", "unknown"),
    ],
)
def test_exit_codes(code: int, reason: str, seconds: int, cause: str, level: str) -> None:
    assert Story("deaf").ending(code, reason, seconds=seconds).verdict() == (cause, level)


def test_143_is_how_a_jvm_ends() -> None:
    story = Story("deaf").ending(143, seconds=1)
    story.container["command"] = ["java", "-jar", "shop.jar"]
    assert story.verdict() == ("clean", "ok")


def test_a_hook_that_fails_and_a_kill_are_two_causes() -> None:
    story = Story("no-binary").ending(137, seconds=20)
    assert [cause["id"] for cause in story.document()["causes"]] == ["prestop-failed", "sigterm-without-effect"]


def test_a_hook_that_used_up_the_grace_period_is_the_cause_even_after_a_clean_end() -> None:
    assert Story("long-hook").ending(0, "Completed", seconds=6).verdict() == ("prestop-exceeds-grace", "error")


def test_without_its_event_a_declared_hook_that_is_too_long_is_known_by_its_time() -> None:
    assert Story("long-hook").without_event("FailedPreStopHook").verdict() == ("prestop-exceeds-grace", "error")


@pytest.mark.parametrize(("seconds", "cause"), [(8, "prestop-exceeds-grace"), (6, "killed-at-grace")])
def test_of_a_hook_of_unknown_length_only_the_two_extra_seconds_tell(seconds: int, cause: str) -> None:
    story = Story("long-hook").without_event("FailedPreStopHook").ending(137, seconds=seconds)
    story.container["lifecycle"] = {"preStop": {"httpGet": {"path": "/stop", "port": 8080}}}
    assert story.verdict()[0] == cause


def test_a_container_that_ends_before_its_hook_is_no_clean_stop() -> None:
    story = Story("slow-drain").ending(0, "Completed", seconds=0)
    assert story.verdict() == ("prestop-cut-short", "warning")


def test_without_the_right_to_see_events_a_hook_is_no_all_clear() -> None:
    story = Story("no-binary").without_watch("events")
    assert story.verdict() == ("not-observed", "unknown")
    assert "403" in story.document()["verdict"]["text"]


def test_without_a_hook_events_are_not_needed_for_an_all_clear() -> None:
    assert Story("deaf").without_watch("events").ending(0, "Completed", seconds=1).verdict() == ("clean", "ok")


def test_a_deletion_by_force_leaves_no_exit_code() -> None:
    story = Story("deaf")
    story.seen = [
        entry
        for entry in story.seen
        if "phase" not in entry.obj.get("status", {}) or entry.obj["status"]["phase"] == "Running"
    ]
    assert story.verdict() == ("not-observed", "unknown")


def test_a_pod_that_was_never_marked_has_no_cause() -> None:
    story = Story("deaf").without(lambda entry: entry.type != "LISTED")
    assert story.verdict() == (None, "unknown")


def test_a_native_sidecar_may_end_as_it_likes() -> None:
    story = Story("slow-drain")
    story.pod["spec"]["initContainers"] = [{"name": "proxy", "image": "x", "restartPolicy": "Always"}]

    def add(obj: dict[str, Any]) -> None:
        ended = obj["status"]["containerStatuses"][0]["terminated"]
        obj["status"]["initContainerStatuses"] = [{"name": "proxy", "terminated": ended and {**ended, "exitCode": 137}}]

    assert story.pods(add).verdict() == ("slow-drain", "info")
    trace = story.document()
    assert [container["role"] for container in trace["containers"]] == ["application", "native sidecar"]
    assert trace["derived"]["sidecar_tail_seconds"] == 0.0


def test_a_container_that_had_ended_before_is_left_out() -> None:
    story = Story("deaf").ending(1, seconds=-100)
    assert story.document()["causes"] == []
    assert "had ended before" in str(story.document()["steps"])
