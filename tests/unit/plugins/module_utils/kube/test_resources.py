# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of an object that is read from a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import WORKLOADS, unfinished


def deployment(updated: int, manager: str = "graceful-termination") -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "generation": 2, "managedFields": [{"manager": manager, "operation": "Update"}]},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": updated, "availableReplicas": updated},
    }


@pytest.mark.parametrize(("manager", "ours"), [("graceful-termination", True), ("kubectl", False)])
def test_the_status_of_what_is_not_at_rest_is_kept_and_whether_that_is_ours(manager: str, ours: bool) -> None:
    kept = WORKLOADS["Deployment"].trim(deployment(updated=1, manager=manager))
    assert kept["status"]["updatedReplicas"] == 1
    assert unfinished(kept) == ours


def test_any_other_status_is_dropped() -> None:
    kept = WORKLOADS["Deployment"].trim(deployment(updated=2))
    assert "status" not in kept
    assert not unfinished(kept)


def test_of_a_daemon_set_at_rest_only_how_many_pods_it_has_is_kept() -> None:
    names = ("observedGeneration", "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    obj = {"metadata": {"name": "agent", "generation": 1}, "spec": {}, "status": dict.fromkeys(names, 4)}
    kept = WORKLOADS["DaemonSet"].trim(obj)
    assert kept["status"] == {"desiredNumberScheduled": 4}
    assert not unfinished(kept)
