# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PodDisruptionBudgets: what a node drain may evict at once, and what it can never evict."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_map
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import DISRUPTION_BUDGET, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scale import DisruptionBudget
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import SCALED_KINDS


def _remedy(case: Case, manual: str, replaces: DisruptionBudget | None = None) -> Remedy:
    """`replaces`: a second budget beside it would make every eviction fail, and other pods that it selects need it."""
    workload = case.workload
    selector = replaces.selector.as_object() if replaces else get_map(workload.spec, "selector", "spec")
    name = replaces.name if replaces else workload.name
    return Remedy(
        DISRUPTION_BUDGET,
        manual,
        {
            "selector": selector,
            "workload": {"kind": workload.kind, "namespace": workload.namespace, "name": name},
        },
    )


def _is_drained(case: Case) -> bool:
    """Whether a node drain evicts the pods: it skips DaemonSets, and what has no pods cannot be disrupted."""
    return case.workload.kind in SCALED_KINDS and bool(case.replicas)


def _missing(case: Case) -> Iterator[Hit | NotEvaluated]:
    replicas = case.replicas
    if not _is_drained(case) or replicas is None or replicas < 2:
        return
    unknown = case.why_unknown("PodDisruptionBudget")
    if unknown:
        yield NotEvaluated(unknown)
    elif not case.disruption_budgets:
        yield Hit(
            f"no PodDisruptionBudget selects these pods: node drains may evict all {replicas} of them at the same time",
            "spec.selector",
            _remedy(
                case,
                "a PodDisruptionBudget is a new object, and its owner must decide how many pods may be unavailable",
            ),
            numbers={"replicas": replicas},
        )


def _blocks(case: Case) -> Iterator[Hit | NotEvaluated]:
    replicas = case.replicas
    if not _is_drained(case) or replicas is None:
        return
    unknown = case.why_unknown("PodDisruptionBudget")
    if unknown:
        yield NotEvaluated(unknown)
        return
    for budget in sorted(case.disruption_budgets, key=lambda budget: budget.name):
        others = case.context.population.others_selected_by(budget.selector, case.workload)
        expected = replicas + others if budget.pods is None else budget.pods
        text = _never_allows(budget, expected)
        if text:
            pods = f"{replicas} replica{'' if replicas == 1 else 's'}"
            if others:
                pods = f"{expected} pods of this workload and others"
            when = f"with {pods}: no pod can ever be evicted"
            if case.autoscaler:
                when = f"with {pods}, the autoscaler's minimum: at that size no pod can be evicted"
            yield Hit(
                f"PodDisruptionBudget {budget.name} has {text} {when}, so a node drain hangs until the pods are "
                "deleted by force",
                "spec.selector",
                _remedy(case, "its owner must decide how many pods may be unavailable", budget),
                # What depends on the number of pods is less certain where something outside may set it.
                severity=None if case.replicas_declared or _blocks_any(budget) else "warning",
                numbers={"replicas": replicas},
            )
            return  # one finding a workload, whichever budgets block it


def _never_allows(budget: DisruptionBudget, replicas: int) -> str | None:
    """The setting that leaves no pod to evict, as text; the disruption controller rounds both values up."""
    if budget.max_unavailable is not None:
        return (
            f"maxUnavailable {budget.max_unavailable}" if _rounded_up(budget.max_unavailable, replicas) == 0 else None
        )
    if budget.min_available is not None and _rounded_up(budget.min_available, replicas) >= replicas:
        return f"minAvailable {budget.min_available}"
    return None


def _blocks_any(budget: DisruptionBudget) -> bool:
    """Whether the budget allows no eviction however many pods there are."""
    return budget.max_unavailable is not None or budget.min_available == "100%"


def _rounded_up(value: int | str, replicas: int) -> int:
    return value if isinstance(value, int) else -(-int(value[:-1]) * replicas // 100)


RULES = (
    Rule(
        id="pdb-missing",
        title="No PodDisruptionBudget for several serving replicas",
        severity="warning",
        evidence="context",
        why="Without one, draining several nodes may stop every replica at once. It does not affect rolling updates.",
        exceptions=(
            "one replica: a PodDisruptionBudget would block drains",
            "DaemonSets, which drains skip",
            "a PodDisruptionBudget with a wider selector, matchExpressions or an empty selector",
            "batch and worker workloads",
        ),
        check=_missing,
        remedies=(DISRUPTION_BUDGET,),
        serving_only=True,
        seed="conclusion",
        needs=("Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"),
    ),
    Rule(
        id="pdb-blocks-eviction",
        title="PodDisruptionBudget that never allows an eviction",
        severity="error",
        evidence="context",
        why="A drain that can never evict ends with pods deleted by force: no preStop, no drain.",
        exceptions=(
            "maxUnavailable of 1 % or more: rounded up to one pod",
            "scaled to zero: there is nothing to evict",
            "several workloads that one PodDisruptionBudget selects: all of their pods count",
            "the autoscaler's minimum counts in manifests, not the declared replicas",
            "replicas not declared: a warning, something outside may set more",
        ),
        check=_blocks,
        remedies=(DISRUPTION_BUDGET,),
        seed="conclusion",
        needs=("PodDisruptionBudget", "HorizontalPodAutoscaler"),
    ),
)
