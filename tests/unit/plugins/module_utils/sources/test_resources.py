# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of an object that is read from a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.sources.resources import WORKLOADS


def deployment(updated: int, manager: str = "graceful-termination") -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "generation": 2, "managedFields": [{"manager": manager, "operation": "Update"}]},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": updated, "availableReplicas": updated},
    }


def test_the_status_of_an_unfinished_rollout_of_ours_is_kept() -> None:
    assert WORKLOADS["Deployment"].keep(deployment(updated=1))["status"]["updatedReplicas"] == 1


@pytest.mark.parametrize(
    "obj", [deployment(updated=2), deployment(updated=1, manager="kubectl")], ids=["complete", "somebody else's"]
)
def test_any_other_status_is_dropped(obj: dict[str, Any]) -> None:
    assert "status" not in WORKLOADS["Deployment"].keep(obj)
