# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a snapshot and plans its fixes: from what was read to what the report says. No input or output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.base.parallel import on_all_cores
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case, open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.doubts import doubts
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.judge.finding import Finding
from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import judge
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import NO_WAIVERS, Waiver, Waivers
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange, pods_restarted
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change, grace_after, plan, variables
from ansible_collections.graceful.termination.plugins.module_utils.plan.regression import Regression
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import SnippetError, Snippets
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Judging, Source
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.population import Population
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Skipped, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

Undecided = tuple[tuple[str, str], ...]  # pairs of a rule id and the reason why the rule could not be judged


@dataclass
class Judgement:
    """One judged workload. `manual` maps the fingerprint of a finding that a person must fix to the reason.

    `undecided` are the ids of the rules that lacked their evidence; `waived` maps the id of a rule that is waived
    on this workload to the waiver; `doubts` say what objects that were not read leave open. `refusal` is why the source
    cannot or may not write the change; then a person must.
    """

    case: Case
    findings: tuple[Finding, ...]
    change: Change | None
    manual: dict[str, str]
    undecided: frozenset[str] = frozenset()
    waived: dict[str, Waiver] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    refusal: str | None = None

    @cached_property
    def open(self) -> tuple[Finding, ...]:
        """The findings that are not waived."""
        return tuple(finding for finding in self.findings if finding.rule.id not in self.waived)

    @cached_property
    def _grace_seconds(self) -> int:
        return _together(self.case, [finding.hit for finding in self.open if finding.severity != "info"])

    def grace_seconds(self, finding: Finding) -> int:
        """The grace period that goes with a remedy: that of all errors and warnings, as each would replace the others'.

        What an info proposes counts for itself alone.
        """
        return max(self._grace_seconds, _together(self.case, [finding.hit]))

    def is_auto(self, finding: Finding) -> bool:
        """Whether remediation would fix this finding by itself."""
        return self.change is not None and not self.refusal and finding in self.change.solves


@dataclass
class Audit:
    """All judgements of a run, sorted by namespace, kind and name, and the rules and waivers that they followed.

    `undecided` counts rules without their evidence.
    """

    rules: tuple[Rule, ...]
    waivers: Waivers
    judgements: list[Judgement] = field(default_factory=list)
    undecided: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """What remediation would do."""
        return [planned.change for planned in self.planned]

    @property
    def planned(self) -> list[PlannedChange]:
        """The same, with the pods that it restarts."""
        return [
            PlannedChange(entry.change, pods_restarted(entry.case, entry.change) or 0)
            for entry in self.judgements
            if entry.change and not entry.refusal
        ]

    @property
    def refused(self) -> list[tuple[Workload, str]]:
        """The workloads whose change the source cannot or may not write, with the reason."""
        return [(entry.case.workload, entry.refusal) for entry in self.judgements if entry.refusal]


def audit(
    snapshot: Snapshot,
    source: Source,
    rules: Sequence[Rule],
    policy: Policy,
    snippets: Snippets,
    waivers: Waivers = NO_WAIVERS,
) -> Audit:
    """Judge every workload of the snapshot. Those with fields of a wrong type move to its `skipped`.

    Raises SnippetError if a template cannot be used.
    """
    first = min((workload.identity for workload in snapshot.workloads), default=None)
    for context in snapshot.contexts:
        context.population = Population(first)
    for workload in snapshot.workloads:
        for context in snapshot.contexts_with(workload):
            context.population.add(workload, context.scaling)

    def judged(workload: Workload) -> tuple[Judgement, Undecided] | Skipped:
        try:
            with barrier(SnippetError):
                case = open_case(workload, snapshot.context_of(workload), policy, snapshot.version)
                verdict = judge(case, rules)
                waived = waivers.in_force(workload, rules)
                # A waived rule neither causes a change nor prevents one.
                active = [rule for rule in rules if rule.id not in waived]
                unwaived = [finding for finding in verdict.findings if finding.rule.id not in waived]
                outcome = plan(case, unwaived, active, snippets)
                open_questions = tuple(doubts(case))
        except Unreadable as error:
            origin = workload.origin
            line = error.line or origin.line
            return Skipped(origin.file or workload.key, line, error.reason, origin.file is not None)
        undecided = frozenset(rule for rule, _reason in verdict.undecided)
        judgement = Judgement(case, verdict.findings, outcome.change, outcome.manual, undecided, waived, open_questions)
        return judgement, verdict.undecided

    def shared() -> Iterator[object]:
        yield from (*snapshot.contexts, policy, snapshot.version, *rules)
        for workload in snapshot.workloads:
            yield from (workload, *workload.containers, *workload.sidecars)

    result = Audit(tuple(rules), waivers)
    for outcome in on_all_cores(judged, snapshot.workloads, known=shared):
        if isinstance(outcome, Skipped):
            snapshot.skipped.append(outcome)
            continue
        judgement, undecided = outcome
        result.judgements.append(judgement)
        for pair in undecided:
            result.undecided[pair] = result.undecided.get(pair, 0) + 1
    snapshot.workloads = [judgement.case.workload for judgement in result.judgements]
    _refuse(result, source, Regression(snapshot, rules, policy, waivers))
    result.judgements.sort(key=_order)
    return result


def _together(case: Case, hits: Sequence[Hit]) -> int:
    """The grace period for these remedies. Some say themselves which one they need."""
    own = [hit.remedy.variables["grace_seconds"] for hit in hits if "grace_seconds" in hit.remedy.variables]
    return max([grace_after(case, [hit for hit in hits if "grace_seconds" not in hit.remedy.variables]), *own])


def _order(judgement: Judgement) -> Identity:
    return judgement.case.workload.identity


def _refuse(result: Audit, source: Source, judging: Judging) -> None:
    """Mark the changes that the source cannot write, so that `remediable` promises only what will happen."""
    changing = [judgement for judgement in result.judgements if judgement.change]
    changes = [judgement.change for judgement in changing if judgement.change]
    for index, reason in source.refusals(changes, judging).items():
        judgement = changing[index]
        judgement.refusal = reason
        judgement.manual |= {finding.fingerprint: reason for finding in changes[index].solves}


def snippet_of(judgement: Judgement, finding: Finding, snippets: Snippets) -> str:
    """The remedy of a finding as YAML for a person to apply; of a change that the source refused, the whole change."""
    case, change = judgement.case, judgement.change
    if change and judgement.refusal and finding in change.solves:
        return yaml.safe_dump(change.patch, sort_keys=False)
    grace = judgement.grace_seconds(finding)
    values = variables(case, finding.hit, grace) | {"grace_seconds": grace}
    return snippets.render(finding.hit.remedy.name, case.workload.kind, values)
