# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that are read around the workloads, and under which addresses a cluster has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContextKind:
    """`plural` is the path segment of the API. `addon`: of an extension that many clusters do not have; no loss then.

    `on_demand`: listed only when a chosen rule needs it.
    """

    kind: str
    api_version: str
    plural: str
    addon: bool = False
    on_demand: bool = False

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


CONTEXT_KINDS = {
    entry.kind: entry
    for entry in (
        ContextKind("Service", "v1", "services"),
        ContextKind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"),
        ContextKind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"),
        ContextKind("PersistentVolumeClaim", "v1", "persistentvolumeclaims"),
        ContextKind("Node", "v1", "nodes"),
    )
}
