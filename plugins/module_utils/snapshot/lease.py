# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: which workloads elect a leader among their pods. One of these pods works, the others wait."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import is_named_after
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_HEARTBEATS = "kube-node-lease"  # the namespace of the Leases that kubelets renew
# What a client adds to the name of its pod: client-go _UUID, some -TEXT. Where the end of that name is short, a dash
# after it may be part of another workload's name.
_ADDED = r"(?:_.*)?"
_ADDED_TO_LONG = r"(?:[_-].*)?"
_ELECTING = {
    "Deployment": _ADDED_TO_LONG,
    "Rollout": _ADDED_TO_LONG,
    "ReplicaSet": _ADDED,
    "DaemonSet": _ADDED,
    "StatefulSet": _ADDED,
}


def read_holder(namespace: str, obj: Obj) -> str | None:
    """The holder of a Lease, as it names itself; None for a node's Lease, and for one without a holder. Raises
    Unreadable."""
    owners = get_maps(get_map(obj, "metadata", ""), "ownerReferences", "metadata")
    if namespace == _HEARTBEATS or any(owner.get("kind") == "Node" for owner in owners):
        return None
    return get(get_map(obj, "spec", ""), "holderIdentity", str, "spec", "") or None


def is_held_by(workload: Workload, holders: Iterable[str]) -> bool:
    """Whether one of the holders is a pod of the workload: its name, alone or with what clients add to it."""
    added = _ELECTING.get(workload.kind)
    return added is not None and any(is_named_after(holder, workload, added) for holder in holders)
