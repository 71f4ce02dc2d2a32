# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workloads of a run beside the one that is judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scaling import Scaling
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass
class Population:
    """`first` is the first workload of the run: what is true of the whole cluster is reported there, once.

    `scales` maps a namespace to its workloads by key: how many pods, and their labels.
    """

    first: Identity | None = None
    scales: dict[str, dict[str, tuple[int, dict[str, str]]]] = field(default_factory=dict)

    def add(self, workload: Workload, scaling: Scaling) -> None:
        """Add a workload whose pods may also be selected by Services and PodDisruptionBudgets of others."""
        pods = self.scales.setdefault(workload.namespace, {})
        autoscaler = scaling.autoscaler_of(workload) if workload.origin.file else None
        declared = scaling.replicas_of(workload)
        replicas = autoscaler.min_replicas if autoscaler and declared else declared
        if replicas:
            # Of one name in two environments the smaller one: each has its own pods.
            known = pods.get(workload.key, (replicas, workload.template_labels))
            pods[workload.key] = min(known[0], replicas), workload.template_labels

    def others_selected_by(self, selector: Selector, workload: Workload) -> int:
        """How many pods of other workloads of its namespace the selector matches, by the scale of their controllers."""
        pods = self.scales.get(workload.namespace, {})
        return sum(number for key, (number, labels) in pods.items() if key != workload.key and selector.matches(labels))
