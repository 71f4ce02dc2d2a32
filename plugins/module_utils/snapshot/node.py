# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: what runs the hooks, how many places there are for a pod, and how long a node waits for it when it is
removed."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    Unreadable,
    get,
    get_labels,
    get_map,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version, parse_version
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.spot_nodes import SpotLabel, spot_label


@dataclass(frozen=True, slots=True)
class Node:
    """A node: the version of its kubelet, and whether new pods may be scheduled on it.

    `spot` is its (label, value) of SPOT_SECONDS, or None.
    """

    name: str
    kubelet: Version
    schedulable: bool
    spot: SpotLabel | None = None


def read_node(name: str, obj: Obj) -> Node | None:
    """A node; None before its kubelet has reported its version. Raises Unreadable."""
    info = get_map(get_map(obj, "status", ""), "nodeInfo", "status")
    text = get(info, "kubeletVersion", str, "status.nodeInfo", "")
    if not text:
        return None
    try:
        version = parse_version(text)
    except ValueError:
        raise Unreadable("status.nodeInfo.kubeletVersion is not a version such as v1.34.4") from None
    labels = get_labels(get_map(obj, "metadata", ""), "labels", "metadata")
    return Node(name, version, get_map(obj, "spec", "").get("unschedulable") is not True, spot_label(labels))
