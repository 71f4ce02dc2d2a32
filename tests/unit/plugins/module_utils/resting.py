# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What findings rest on: each is judged again without what it says that it does not need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case, open_case
from ansible_collections.graceful.termination.plugins.module_utils.judge.finding import Finding
from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import Verdict, judge
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.cluster import Cluster
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.coverage import Coverage
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.dependencies import Dependencies
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import (
    EVENTS,
    EXEC,
    STATUS,
    Evidence,
    Seen,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.network import Network
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.observed import Observed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scaling import Scaling
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

KINDS = (*CONTEXT_KINDS, "Namespace", "Pod")
_READ_FROM = {
    "Service": ("services",),
    "PodDisruptionBudget": ("budgets",),
    "HorizontalPodAutoscaler": ("autoscalers",),
    "ScaledObject": ("autoscalers",),
    "PersistentVolumeClaim": ("claims",),
    "Lease": ("lease_holders",),
    "Node": ("nodes", "oldest_kubelet"),
    "Ingress": ("routes",),
    "HTTPRoute": ("routes",),
    "GRPCRoute": ("routes",),
    "TargetGroupBinding": ("routes",),
    "VirtualService": ("routes",),
    "Gateway": ("gateways",),
    "ConfigMap": ("configs",),
    "PrometheusRule": ("alerting",),
    "Namespace": ("namespaces",),
    "Pod": ("injected",),
}
PARTS = {*(part for parts in _READ_FROM.values() for part in parts), "measured", "drills"}
# What can only take a finding away, or change its remedy: where it is not known, nothing is missed.
_CLEARS = {
    "graceful-shutdown-untested": {"drills"},
    "lb-readiness-gate-missing": {"gateways", "namespaces"},
    "long-lived-connections": {"gateways"},
    "long-request-exceeds-grace": {"gateways"},
    # In manifests only, where a Namespace is either in the input or not: it makes a doubt of a silence.
    "mesh-drain-too-short": {"namespaces"},
    "mesh-job-never-completes": {"namespaces"},
    "mesh-sidecar-not-native": {"namespaces"},
    "min-ready-seconds-zero": {"gateways", "namespaces"},
    "pdb-blocks-eviction": {"scales"},
    "pdb-overlap": {"autoscalers"},
    "pdb-unhealthy-pod-eviction-policy": {"autoscalers"},
    "prestop-command-fails": {"configs"},  # where it is not known, prestop-missing says it
    "prestop-in-background": {"configs"},
    "prestop-missing": {"configs"},
    "prestop-too-short": {"configs"},
    "recreate-strategy-serving": {"autoscalers"},
    "rollout-loses-capacity": {"nodes"},
    "server-ends-at-once": {"configs"},
    "server-timeout-too-short": {"gateways"},
    "surge-data-conflict": {"claims"},
    "surge-volume-deadlock": {"nodes"},
    "topology-spread-missing": {"nodes"},
}
# lb-readiness-gate-missing is not evaluated for the same reason.
_SAID_ELSEWHERE = {("min-ready-seconds-zero", "Namespace")}
_CLEARS_ANY = {"oldest_kubelet", "unknown"}
GATED = ("error", "warning")


def check_evidence(case: Case, findings: Sequence[Finding]) -> None:
    """A finding holds without the evidence above its own, and one of running pods does not hold without them."""
    unseen = replace(
        case.context,
        observed=replace(case.context.observed, evidence=Evidence()),
        inputs=replace(case.context.inputs, drills={}),
    )
    by = {
        kind: [finding for finding in findings if finding.evidence == kind] for kind in ("static", "context", "runtime")
    }
    if by["static"]:
        refused = Context(coverage=Coverage({(kind, ""): "refused" for kind in KINDS}))
        for context in (Context(), refused):
            _require(by["static"], again(case, context, by["static"]), "without its context")
    if by["context"] and (case.context.observed.evidence.seen or case.context.inputs.drills):
        _require(by["context"], again(case, unseen, by["context"]), "without running pods")
    if by["runtime"]:
        still = {_name(finding) for finding in again(case, unseen, by["runtime"]).findings if finding.severity in GATED}
        for finding in by["runtime"]:
            assert _name(finding) not in still, (
                f"{finding.rule.id} needs no running pod for this: {finding.hit.message}"
            )


def check_needs(case: Case, findings: Sequence[Finding], kind: str, without: Context) -> None:
    """`without` is the context with `kind` refused: no finding is missed or weighs less unless its rule says so.

    A profile that is unknown for want of Services makes findings weigh less; the workload's own note says that.
    """
    verdict = again(case, without, findings)
    left = {_name(finding): finding.severity for finding in verdict.findings}
    undecided = {rule for rule, _reason in verdict.undecided}
    for finding in findings:
        severity = left.get(_name(finding))
        weaker = severity is not None and SEVERITIES.index(severity) > SEVERITIES.index(finding.severity)
        missed = severity is None or (weaker and kind != "Service" and (finding.rule.id, kind) not in _SAID_ELSEWHERE)
        if missed and kind not in finding.rule.needs:
            told = f"{finding.rule.id} is {severity or 'silent'} when {kind} is refused, and does not say so in needs"
            assert finding.rule.id in undecided, told


def again(case: Case, context: Context, findings: Sequence[Finding]) -> Verdict:
    """The rules of these findings, on the same workload in another context."""
    rules = list({finding.rule.id: finding.rule for finding in findings}.values())
    return judge(open_case(case.workload, context, case.policy, case.version), rules)


def _require(findings: Sequence[Finding], verdict: Verdict, what: str) -> None:
    left = {_name(finding) for finding in verdict.findings}
    for finding in findings:
        text = f"{finding.rule.id} ({finding.evidence}) is not found {what}: {finding.hit.message}"
        assert _name(finding) in left, text


def _name(finding: Finding) -> tuple[str, str | None]:
    return finding.rule.id, finding.container


class _Recorded:
    """Notes what of a part of a context a rule looks at."""

    reads: set[str]

    def __getattribute__(self, name: str) -> Any:
        if name in PARTS:
            object.__getattribute__(self, "reads").add(name)
        return object.__getattribute__(self, name)


RECORDED = {
    part: type(f"_{part.__name__}", (_Recorded, part), {})
    for part in (Network, Scaling, Cluster, Dependencies, Observed, Inputs)
}


def _recorded(part: Any, reads: set[str], **changes: Any) -> Any:
    """The same part, or the same with changes, which notes in `reads` what is looked at."""
    copy = RECORDED[type(part)](**(vars(part) | changes))
    object.__setattr__(copy, "reads", reads)
    return copy


def recorded_context(context: Context, reads: set[str], evidence: Evidence) -> Context:
    """The same context with other evidence, which notes in `reads` what of its parts is looked at."""
    return replace(
        context,
        network=_recorded(context.network, reads),
        scaling=_recorded(context.scaling, reads),
        cluster=_recorded(context.cluster, reads),
        dependencies=_recorded(context.dependencies, reads),
        observed=_recorded(context.observed, reads, evidence=evidence),
        inputs=_recorded(context.inputs, reads),
    )


class _Evidence(Evidence):
    reads: set[str]

    def of(self, workload: Workload) -> Any:
        return _Seen(super().of(workload), self.reads)


class _Seen:
    """What was seen of a workload, noting the source of what is looked at."""

    def __init__(self, seen: Seen, reads: set[str]):
        self._seen, self._reads = seen, reads

    def __getattr__(self, name: str) -> Any:
        self._reads.add({"pods": STATUS, "events": EVENTS, "looks": EXEC}[name])
        return getattr(self._seen, name)


def check_reads(case: Case, rules: Sequence[Rule]) -> None:
    """A rule looks at nothing but what it says: its `needs`, what it `observes`, and what can only clear it."""
    reads: set[str] = set()
    evidence = _Evidence(**vars(case.context.observed.evidence))
    evidence.reads = set()
    context = recorded_context(case.context, reads, evidence)
    for rule in rules:
        if rule.serving_only and not case.profile.takes_requests:
            continue
        reads.clear()
        evidence.reads.clear()
        list(rule.check(replace(case, context=context, reader=SettingsReader(case.workload, context))))
        declared = (
            {part for kind in rule.needs for part in _READ_FROM[kind]} | _CLEARS.get(rule.id, set()) | _CLEARS_ANY
        )
        more = (reads - declared) | (evidence.reads - set(rule.observes))
        assert not more, f"{rule.id} reads {', '.join(sorted(more))} and does not say so"
