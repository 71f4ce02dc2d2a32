# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the rules on one workload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.judge.finding import Finding, lowered
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule

# What a workload sets in vain while a Rollout of Argo runs its template.
_OF_ROLLOUTS = ("spec.strategy", "spec.minReadySeconds", "spec.progressDeadlineSeconds")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules find on one workload; `undecided` pairs a rule id with the reason why it could not be judged."""

    findings: tuple[Finding, ...]
    undecided: tuple[tuple[str, str], ...]


def judge(case: Case, rules: Sequence[Rule]) -> Verdict:
    """Judge one workload by the given rules. Raises Unreadable where a field that a rule reads has a wrong type."""
    findings, undecided = [], []
    for rule in rules:
        if rule.serving_only and not case.profile.takes_requests:
            continue
        for result in rule.check(case):
            if isinstance(result, NotEvaluated):
                undecided.append((rule.id, result.reason))
                continue
            if case.run_by and result.path.startswith(_OF_ROLLOUTS):
                continue
            findings.append(Finding(rule, result, _severity(rule, result, case), case.workload))
    findings.sort(key=lambda finding: finding.order)
    return Verdict(tuple(findings), tuple(undecided))


def _severity(rule: Rule, hit: Hit, case: Case) -> str:
    if rule.override:
        return rule.override
    if "scaled-to-zero" in case.profile.traits:
        return "info"
    severity = hit.severity or rule.severity
    return lowered(severity) if rule.serving_only and case.profile.name == "unknown" else severity
