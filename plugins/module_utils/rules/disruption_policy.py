# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PodDisruptionBudgets that keep a drain from finishing by how they are set up, whatever number of pods they allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DISRUPTION_BUDGET,
    UNHEALTHY_EVICTION,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scale import DisruptionBudget

_POLICY = Version(1, 27)  # unhealthyPodEvictionPolicy is on by default since


def _budgets(case: Case) -> dict[str, DisruptionBudget]:
    """Those that bind a drain of the workload's nodes, by name: two of one name are versions of one object."""
    workload = case.workload
    # Drains skip DaemonSets, and what has no pods cannot be drained.
    if workload.kind == "DaemonSet" or case.replicas == 0:
        return {}
    return {budget.name: budget for budget in case.disruption_budgets}


def _overlap(case: Case) -> Iterator[Hit | NotEvaluated]:
    workload = case.workload
    unknown = case.why_unknown("PodDisruptionBudget")
    if unknown:
        yield NotEvaluated(unknown)
        return
    budgets = _budgets(case)
    names = sorted(budgets)
    if len(names) < 2:
        return
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    yield Hit(
        f"{len(names)} PodDisruptionBudgets select these pods ({shown}): the API server refuses to evict a pod that "
        "has more than one, so a node drain hangs until the pods are deleted by force",
        f"{workload.template_path}.metadata.labels",
        Remedy(
            DISRUPTION_BUDGET,
            "their owner must decide which one to keep; delete the others or change their selectors",
            _kept(case, list(budgets.values())),
        ),
        numbers={"budgets": len(names)},
    )


def _kept(case: Case, budgets: list[DisruptionBudget]) -> dict[str, Any]:
    """The narrowest of them as the one to keep, for all that it selects; one of its own where all select every pod."""
    workload = case.workload
    narrow = min(budgets, key=lambda one: (-len(one.selector.requirements), one.name))
    name, selector = narrow.name, narrow.selector.as_object()
    if not selector:
        # A CronJob has none.
        name = workload.name
        selector = get_map(workload.spec, "selector", "spec") or {"matchLabels": workload.template_labels}
    return {
        "selector": selector,
        "workload": {"kind": workload.kind, "namespace": workload.namespace, "name": name},
    }


def _unhealthy(case: Case) -> Iterator[Hit]:
    if case.version < _POLICY or get_maps(case.workload.spec, "volumeClaimTemplates", "spec"):
        return
    # An unset field says nothing yet: it matters where it is set, or where pods are missing right now.
    blocking = [
        budget
        for budget in _budgets(case).values()
        if budget.unhealthy_policy != "AlwaysAllow" and (budget.unhealthy_policy or _is_short(budget))
    ]
    if not blocking:
        return
    budget = min(blocking, key=lambda one: (not _is_short(one), one.name))
    short = _is_short(budget)
    yield Hit(
        f"PodDisruptionBudget {budget.name} also protects pods that are not ready: "
        + (
            f"{budget.healthy} of {budget.wanted} required pods are healthy, so the broken ones cannot be evicted "
            "either and a node drain hangs"
            if short
            else "while too many pods crash, none can be evicted and a node drain hangs"
        ),
        "spec.selector",
        Remedy(
            UNHEALTHY_EVICTION,
            "a PodDisruptionBudget is a separate object: its owner must change it",
            {"budget": budget.name},
        ),
        severity="warning" if short else None,
        numbers={"healthy": budget.healthy, "wanted": budget.wanted} if short else {},
    )


def _is_short(budget: DisruptionBudget) -> bool:
    return budget.healthy is not None and budget.wanted is not None and budget.healthy < budget.wanted


RULES = (
    Rule(
        id="pdb-overlap",
        title="More than one PodDisruptionBudget selects the same pods",
        severity="error",
        evidence="context",
        why="The eviction API always returns an error for such a pod. A drain ends with pods deleted by force: no "
        "preStop, no drain.",
        exceptions=(
            "DaemonSets, which drains skip",
            "scaled to zero: there is nothing to evict",
            "the same PodDisruptionBudget twice in the input, as in the overlays of one base",
            "a PodDisruptionBudget of another namespace, or without a selector",
        ),
        check=_overlap,
        seed="conclusion",
        remedies=(DISRUPTION_BUDGET,),
        needs=("PodDisruptionBudget",),
    ),
    Rule(
        id="pdb-unhealthy-pod-eviction-policy",
        title="PodDisruptionBudget that protects broken pods",
        severity="info",
        evidence="context",
        why="By default a pod that is not ready may be evicted only while enough others are: when an application is "
        "down, its broken pods hold up every drain.",
        exceptions=(
            "unhealthyPodEvictionPolicy AlwaysAllow",
            "StatefulSets with their own volumes: a broken member of a quorum may need manual repair",
            "DaemonSets, which drains skip",
            "scaled to zero",
            "Kubernetes before 1.27, which has no such field",
            "an unset field, as long as no pod is missing",
            "enough pods are healthy, or their number is unknown, as in manifests: an info",
        ),
        check=_unhealthy,
        seed="conclusion",
        since="1.27",
        remedies=(UNHEALTHY_EVICTION,),
        needs=("PodDisruptionBudget",),
    ),
)
