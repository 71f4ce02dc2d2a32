# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What workloads share with all others of their cluster: nodes, namespaces, alerts."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.alerting import AlertingRules, read_alerting
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.namespace import Namespace, read_namespace
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.node import Node, read_node


@dataclass
class Cluster:
    """`namespaces` are by name. `oldest_kubelet` is the lowest version of a node; None while no node is known."""

    nodes: list[Node] = field(default_factory=list)
    oldest_kubelet: Version | None = None
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    alerting: list[AlertingRules] = field(default_factory=list)

    def add(self, name: str, obj: Obj) -> None:
        """Index one object; those of other kinds are left out. Raises Unreadable."""
        match obj["kind"]:
            case "Node":
                if node := read_node(name, obj):
                    self.nodes.append(node)
                    self.oldest_kubelet = min(self.oldest_kubelet or node.kubelet, node.kubelet)
            case "Namespace":
                self.namespaces[name] = read_namespace(obj)
            case "PrometheusRule":
                self.alerting.append(read_alerting(obj))
