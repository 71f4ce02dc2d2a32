# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two runs of the product: audit reads and judges; remediate also writes, then judges the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import Guardrails
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import Progress
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import open_case
from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import judge
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import (
    Barrier,
    barrier,
    unexpected,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change, plan
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Diff, Source
from ansible_collections.graceful.termination.plugins.module_utils.report.document import build_report
from ansible_collections.graceful.termination.plugins.module_utils.run.approval import cost, open_plan, write_plan
from ansible_collections.graceful.termination.plugins.module_utils.run.choose import choose
from ansible_collections.graceful.termination.plugins.module_utils.run.options import Options
from ansible_collections.graceful.termination.plugins.module_utils.run.wave import Wave
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import read_proofs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.measured import Durations
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import CoverageGap, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_AFTER = "after the run"  # the scope of what is not known of the state that a run leaves


@dataclass
class Outcome:
    """A run's report, and what it changed or in check mode would change.

    `progress` is the input of the call for the next wave; None when the run is over. `interrupted` is why the run ended
    early, `fault` the same if an error of the product ended it, `warning` what a person should know although nothing
    failed.
    """

    report: dict[str, Any]
    diffs: list[Diff] = field(default_factory=list)
    changed: bool = False
    progress: Progress | None = None
    interrupted: str | None = None
    warning: str | None = None
    fault: str | None = None


def run_audit(source: Source, options: Options) -> Outcome:
    """Read and judge; nothing is written. Raises SourceError, SnippetError."""
    snapshot = _read(source, options)
    return Outcome(_report(snapshot, _judge(snapshot, source, options), options, "audit"))


def run_remediate(
    source: Source, options: Options, *, check: bool, interruption: Interruption | None = None
) -> Outcome:
    """Read, judge and write the next wave. With `check` nothing is written.

    The state after a wave is the state before the next one: it is read when that starts, and after the last wave. With
    `check` the report shows what the real run would do in all its waves, and so does the plan file, if one is wanted.
    Raises SourceError, SnippetError, ValueError for a plan that must not be applied; a failed change is an action of
    the report, not an exception.
    """
    guardrails = options.guardrails
    approved = open_plan(source, guardrails, check=check)
    snapshot = _read(source, options)
    judged = _judge(snapshot, source, options)
    wave = choose(snapshot, judged, source, guardrails, approved, check=check)
    actions, diffs = [], []
    fault = None
    try:
        for action, diff in source.apply(wave.patches, check=check):
            actions.append(wave.described(action))
            if diff:
                diffs.append(diff)
    except Exception as error:
        if Barrier.transparent or (isinstance(error, SourceError) and not actions):
            raise
        # What was written must be reported, whatever failed afterwards.
        fault = str(error) if isinstance(error, SourceError) else unexpected(error)
        actions += _unknown(wave, actions, fault)
    interrupted = fault or (interruption.reason if interruption else None)
    progress = wave.end(actions, interrupted, guardrails.progress)
    written = not check and (bool(fault) or any(action.written for action in actions))
    if written and progress:
        reason = f"the state after wave {wave.number} of {wave.of} is read when the next wave starts"
        snapshot.gaps.append(CoverageGap("all", reason, _AFTER))
    elif written and interrupted:
        reason = f"the state after the changes is unknown: {interrupted}"
        snapshot.gaps.append(CoverageGap("all", reason, _AFTER))
    elif written:
        snapshot, judged = _state_after(source, options, snapshot, judged)
    costs = _plan(source, snapshot, wave, actions, guardrails) if check else None
    report = _report(
        snapshot,
        judged,
        options,
        "check" if check else "remediate",
        actions=wave.actions,
        cost=costs,
        plan=approved.as_report() if approved else None,
    )
    changed = written or any(action.status == "would-change" for action in actions)
    return Outcome(report, diffs, changed, progress, interrupted, wave.warning, fault)


def _unknown(wave: Wave, actions: Sequence[Action], fault: str) -> list[Action]:
    """The changes of which it is unknown whether they were written."""
    known = {action.workload.identity for action in actions}
    rest = [change.workload for change in wave.patches if change.workload.identity not in known]
    return [wave.described(Action(one, "failed", f"unknown whether it was changed: {fault}")) for one in rest]


def _state_after(source: Source, options: Options, snapshot: Snapshot, judged: Audit) -> tuple[Snapshot, Audit]:
    """The state after the last wave; if it cannot be read, the state before, with a coverage gap."""
    try:
        with barrier():
            now = _read(source, options)
            return now, _judge(now, source, options)
    except (SourceError, Unreadable) as error:
        # What was written must be reported, even if the state afterwards is unknown.
        reason = f"the state after the changes is unknown: {error}"
        snapshot.gaps.append(CoverageGap("all", reason, _AFTER))
        return snapshot, judged


def _plan(
    source: Source, snapshot: Snapshot, wave: Wave, actions: Sequence[Action], guardrails: Guardrails
) -> dict[str, Any]:
    """The cost of the changes. Writes the plan file if one is wanted. Raises ValueError."""
    would = {action.workload.identity for action in actions if action.status == "would-change"}
    changes = [planned for planned in wave.changes if planned.change.workload.identity in would]
    costs = cost(changes, wave, snapshot)
    if guardrails.plan:
        write_plan(source, changes, costs, guardrails.plan)
    return costs


def replan(workload: Workload, snapshot: Snapshot, options: Options) -> Change | None:
    """Plan one workload that has changed since the snapshot was read. Raises Unreadable, SnippetError."""
    case = open_case(workload, snapshot.context_of(workload), options.policy, snapshot.version)
    waived = options.waivers.in_force(workload, options.rules)
    rules = [rule for rule in options.rules if rule.id not in waived]
    return plan(case, judge(case, rules).findings, rules, options.snippets).change


def _read(source: Source, options: Options) -> Snapshot:
    """What the source has, with declared and measured durations of requests and the results of earlier drills."""
    snapshot = source.read()
    drills = read_proofs(*options.drills)
    durations = options.prometheus.durations if options.prometheus else Durations({})
    for context in snapshot.contexts:
        context.inputs = Inputs(durations.found, drills, options.needs, options.servers)
    if durations.problem:
        scope = "measured request durations"
        snapshot.gaps.append(CoverageGap("grace-period-insufficient", durations.problem, scope))
    return snapshot


def _judge(snapshot: Snapshot, source: Source, options: Options) -> Audit:
    return audit(snapshot, source, options.rules, options.policy, options.snippets, options.waivers)


def _report(snapshot: Snapshot, judged: Audit, options: Options, mode: str, **more: Any) -> dict[str, Any]:
    return build_report(
        snapshot,
        judged,
        options.snippets,
        mode=mode,
        version=VERSION,
        generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        scope=options.scope,
        **more,
    )
