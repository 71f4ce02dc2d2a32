# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which workload a pod belongs to: by its owner references, or by its name alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import key_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import controller_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# The label in which the maker of a ReplicaSet repeats the end of its name.
_HASHES = {"Deployment": "pod-template-hash", "Rollout": "rollouts-pod-template-hash"}
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"  # what Kubernetes makes the ends of names from
# How the pods of each kind are called, after the workload's name.
_NAMES = {
    "Deployment": rf"-{_RANDOM}{{1,10}}-{_RANDOM}{{5}}",
    "Rollout": rf"-{_RANDOM}{{1,10}}-{_RANDOM}{{5}}",
    "ReplicaSet": rf"-{_RANDOM}{{5}}",
    "StatefulSet": r"-\d{1,5}",
    "DaemonSet": rf"-{_RANDOM}{{5}}",
    "CronJob": rf"-\d{{8,}}-{_RANDOM}{{5}}",
    "Job": rf"-(?:\d+-)?{_RANDOM}{{5}}",
}


def maker_of(pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """(kind, name) of the workload that owns the pod: for a ReplicaSet its Deployment, for a Job its CronJob if any."""
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


def key_of_maker(pod: Mapping[str, Any]) -> str | None:
    """The key of the workload that owns the pod; None for a pod without a controller."""
    maker = maker_of(pod)
    return key_of(str(pod["metadata"].get("namespace")), *maker) if maker else None


def belongs(pod: Mapping[str, Any], workload: Workload) -> bool:
    """Whether the workload owns a pod of its namespace: selectors may overlap. Only the pod's metadata is read."""
    return (workload.kind, workload.name) in (maker_of(pod), controller_of(pod))


def is_named_after(name: str, workload: Workload, more: str = "") -> bool:
    """Whether a pod of this name may be one of the workload's. `more` is a pattern of what may follow the name."""
    if workload.kind not in _NAMES or not name.startswith(f"{workload.name}-"):
        return False
    return bool(re.fullmatch(_NAMES[workload.kind] + more, name.removeprefix(workload.name), re.S))


def assign(names: Iterable[str], workloads: Iterable[Workload], known: Mapping[str, str]) -> dict[str, str]:
    """Pod name to workload key, for pods of one namespace. `known` are the existing pods, by their owner.

    A deleted pod is matched by its name, and omitted if that fits two workloads.
    """
    candidates, found = list(workloads), {}
    for name in set(names):
        keys = [known[name]] if name in known else [one.key for one in candidates if is_named_after(name, one)]
        if len(keys) == 1:
            found[name] = keys[0]
    return found
