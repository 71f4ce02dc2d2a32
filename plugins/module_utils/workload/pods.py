# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose pod it is."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import controller_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# The label in which the maker of a ReplicaSet repeats the end of its name.
_HASHES = {"Deployment": "pod-template-hash", "Rollout": "rollouts-pod-template-hash"}


def belongs(pod: dict, workload: Workload) -> bool:
    """Whether the workload made the pod: selectors may overlap."""
    made_by = workload.kind, workload.name
    if workload.kind == "Deployment":
        template = (pod["metadata"]["labels"] or {}).get("pod-template-hash")
        made_by = "ReplicaSet", f"{workload.name}-{template}"
    return controller_of(pod) == made_by


def maker_of(pod: dict) -> tuple[str, str] | None:
    """(kind, name) of the workload that made the pod: of a ReplicaSet its Deployment, of a Job its CronJob if any."""
    owner = controller_of(pod)
    if owner is None:
        return None
    kind, name = owner
    labels = pod["metadata"].get("labels") or {}
    for maker, label in _HASHES.items():
        if kind == "ReplicaSet" and name.endswith(f"-{labels.get(label)}"):
            return maker, name.removesuffix(f"-{labels[label]}")
    if kind == "Job" and re.search(r"-\d{8,}$", name):
        # The controller of CronJobs appends the scheduled time, in minutes.
        return "CronJob", name.rpartition("-")[0]
    return kind, name
