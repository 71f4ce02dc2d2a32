# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: which workloads elect a leader among their pods. One of these pods works, the others wait."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_HEARTBEATS = "kube-node-lease"  # the namespace in which each kubelet says that its node lives
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"  # what Kubernetes makes the ends of names from
# What follows the workload's name in that of a pod, and what a client adds to it: client-go _UUID, some -TEXT. Where
# the end is short, a dash after it may be part of another workload's name.
_OF_REPLICA_SETS = re.compile(rf"-{_RANDOM}{{1,10}}-{_RANDOM}{{5}}(?:[_-].*)?", re.S)
_DIRECT = re.compile(rf"-{_RANDOM}{{5}}(?:_.*)?", re.S)
_POD_NAMES = {
    "Deployment": _OF_REPLICA_SETS,
    "Rollout": _OF_REPLICA_SETS,
    "ReplicaSet": _DIRECT,
    "DaemonSet": _DIRECT,
    "StatefulSet": re.compile(r"-\d{1,5}(?:_.*)?", re.S),
}


def read_holder(namespace: str, obj: dict) -> str | None:
    """Who holds a Lease, by its own words; None for a node's, and while nobody holds it. Raises Unreadable."""
    owners = get_maps(get_map(obj, "metadata", ""), "ownerReferences", "metadata")
    if namespace == _HEARTBEATS or any(owner.get("kind") == "Node" for owner in owners):
        return None
    return get(get_map(obj, "spec", ""), "holderIdentity", str, "spec", "") or None


def is_held_by(workload: Workload, holders: Iterable[str]) -> bool:
    """Whether one of the holders is a pod of the workload: its name, alone or with what clients add to it."""
    suffix = _POD_NAMES.get(workload.kind)
    ends = [holder.removeprefix(workload.name) for holder in holders if holder.startswith(f"{workload.name}-")]
    return suffix is not None and any(suffix.fullmatch(end) for end in ends)
