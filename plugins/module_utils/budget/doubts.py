# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not known of a workload because objects around it were not read. They may exist, and say otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.wanted import wanted_config_maps
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route import ROUTE_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import SCALED_KINDS


def doubts(case: Case) -> list[str]:
    """Each doubt with its reason, in words; only what concerns the workload. Raises Unreadable."""
    return [f"{what} not known: {reason}" for what, kind in _open(case) if (reason := case.why_unknown(kind))]


def _open(case: Case) -> Iterator[tuple[str, str]]:
    """(what an object of a kind would tell, the kind) of those that nothing was read of."""
    workload, context = case.workload, case.context
    if workload.kind in SCALED_KINDS and not case.autoscaler:
        yield "how many pods it runs with is", "HorizontalPodAutoscaler"
    if workload.kind in SCALED_KINDS:
        yield "which PodDisruptionBudgets select its pods is", "PodDisruptionBudget"
    for name, modes in case.claims.items():
        if modes is None:
            yield f"which access modes the claim {name:.63} has is", "PersistentVolumeClaim"
    if any(context.dependencies.config_of(*key) is None for key in wanted_config_maps(workload)):
        yield "what its ConfigMaps set is", "ConfigMap"
    if case.profile.services:
        unread = (kind for kind in (*ROUTE_KINDS, "Gateway") if case.why_unknown(kind))
        yield from (("what sends requests to its Services is", kind) for kind in list(unread)[:1])
    if case.profile.name == "worker" and workload.kind in SCALED_KINDS:
        yield "whether its pods elect a leader is", "Lease"
    if workload.namespace not in context.cluster.namespaces:
        yield "whether a mesh injects a proxy into its pods is", "Namespace"
