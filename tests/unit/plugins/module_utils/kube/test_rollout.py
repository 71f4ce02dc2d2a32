# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rollout is, from the object as the API server returns it. The statuses are those of Kubernetes 1.37."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import (
    COMPLETE,
    FAILED,
    PROGRESSING,
    STORED,
    conditions_of,
    rollout_of,
)

PROGRESS = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "is progressing"}
DEADLINE = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": 'ReplicaSet "web-1" has timed out\nprogressing.',
}
QUOTA = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: q"}


def obj(kind: str, status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A workload of three replicas whose controller has seen its second generation."""
    scaled = {} if kind == "DaemonSet" else {"replicas": 3}
    seen = {"observedGeneration": 2} | status
    return {"kind": kind, "metadata": {"generation": 2}, "spec": scaled | spec, "status": seen}


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        ({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}, COMPLETE, ""),
        # Ready and available with the old template: what a predicate without updatedReplicas takes for done.
        ({"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}, PROGRESSING, "0 of 3 pods updated"),
        ({"replicas": 4, "updatedReplicas": 2, "availableReplicas": 3}, PROGRESSING, "2 of 3 pods updated"),
        (
            {"replicas": 4, "updatedReplicas": 3, "availableReplicas": 4},
            PROGRESSING,
            "1 of 4 pods still run the old template",
        ),
        ({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}, PROGRESSING, "2 of 3 pods available"),
        (
            {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
            PROGRESSING,
            "the Deployment controller has not seen the change",
        ),
        (
            {"replicas": 4, "updatedReplicas": 1, "availableReplicas": 3, "conditions": [PROGRESS, QUOTA]},
            PROGRESSING,
            "1 of 3 pods updated",
        ),
        (
            {"replicas": 3, "updatedReplicas": 0, "availableReplicas": 3, "conditions": [QUOTA, DEADLINE]},
            FAILED,
            'not rolled out: Progressing: ReplicaSet "web-1" has timed out progressing.; '
            "ReplicaFailure: exceeded quota: q",
        ),
    ],
)
def test_deployment(status: dict[str, Any], state: str, reason: str) -> None:
    rollout = rollout_of(obj("Deployment", status))
    assert (rollout.state, rollout.reason) == (state, reason)


def test_an_old_deadline_counts_only_once_the_controller_has_seen_the_change() -> None:
    stale = obj("Deployment", {"observedGeneration": 1, "conditions": [DEADLINE]})
    assert rollout_of(stale).state == PROGRESSING


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        ({"updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}, COMPLETE, ""),
        ({"updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3}, PROGRESSING, "1 of 3 pods updated"),
        ({"readyReplicas": 3, "availableReplicas": 3}, PROGRESSING, "0 of 3 pods updated"),
        ({"updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 2}, PROGRESSING, "2 of 3 pods available"),
        ({"updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 3}, PROGRESSING, "2 of 3 pods available"),
    ],
)
def test_stateful_set(status: dict[str, Any], state: str, reason: str) -> None:
    rollout = rollout_of(obj("StatefulSet", status))
    assert (rollout.state, rollout.reason) == (state, reason)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        ({"desiredNumberScheduled": 5, "updatedNumberScheduled": 5, "numberAvailable": 5}, COMPLETE, ""),
        (
            {"desiredNumberScheduled": 5, "updatedNumberScheduled": 4, "numberAvailable": 5},
            PROGRESSING,
            "4 of 5 pods updated",
        ),
        (
            {"desiredNumberScheduled": 5, "updatedNumberScheduled": 5, "numberAvailable": 4},
            PROGRESSING,
            "4 of 5 pods available",
        ),
        ({"desiredNumberScheduled": 0}, COMPLETE, ""),
    ],
)
def test_daemon_set(status: dict[str, Any], state: str, reason: str) -> None:
    rollout = rollout_of(obj("DaemonSet", status))
    assert (rollout.state, rollout.reason) == (state, reason)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (obj("Deployment", {}, paused=True), "paused"),
        (obj("Deployment", {}, replicas=0), "no replicas"),
        (obj("StatefulSet", {}, replicas=0), "no replicas"),
        (obj("StatefulSet", {}, updateStrategy={"type": "OnDelete"}), "OnDelete"),
        (obj("DaemonSet", {}, updateStrategy={"type": "OnDelete"}), "OnDelete"),
        (
            obj("StatefulSet", {}, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
            "partition is 2",
        ),
        (obj("CronJob", {}), "next run"),
    ],
)
def test_what_is_stored_without_a_rollout(stored: dict[str, Any], reason: str) -> None:
    rollout = rollout_of(stored)
    assert rollout.state == STORED
    assert reason in rollout.reason


@pytest.mark.parametrize(
    "update", [{"type": "RollingUpdate"}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}]
)
def test_a_partition_of_zero_is_a_rollout(update: dict[str, Any]) -> None:
    status = {"updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    assert rollout_of(obj("StatefulSet", status, updateStrategy=update)).state == COMPLETE


def test_conditions_name_what_is_wrong_and_nothing_else() -> None:
    available = {"type": "Available", "status": "True", "message": "has minimum availability"}
    assert conditions_of({"status": {"conditions": [PROGRESS, available]}}) == ""
    assert conditions_of({"status": {"conditions": [PROGRESS, QUOTA]}}) == "ReplicaFailure: exceeded quota: q"
    assert conditions_of({}) == ""
