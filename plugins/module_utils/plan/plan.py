# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to patches: all fields of a workload are planned together, so that no fix makes another one worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.budget import Budget, compute_budget
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case, open_case
from ansible_collections.graceful.termination.plugins.module_utils.judge.finding import Finding
from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import judge
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import OPT_IN_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    MergeError,
    difference,
    in_order_of,
    merge,
    merge_patches,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.hooks import (
    falls_behind,
    fixed_hook,
    seconds_of,
    together,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.own_fields import outside
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    GRACE_PERIOD,
    OF_THE_STRATEGY,
    OF_THE_TEMPLATE,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    ROLLOUT_STRATEGY,
    TIMING,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES, Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import HookTime, hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import DEFAULT_GRACE, Workload


@dataclass(frozen=True, slots=True)
class Change:
    """The change to one workload: `strategy` alone causes no rollout, `template` restarts the pods.

    `solves` are the findings that it fixes; `fields` the dotted paths that change.
    """

    workload: Workload
    strategy: Obj
    template: Obj
    solves: tuple[Finding, ...]
    fields: tuple[str, ...]
    budget_after: Budget

    @property
    def patch(self) -> Obj:
        """Both parts as one strategic merge patch."""
        return merge_patches(self.strategy, self.template)

    @property
    def obj(self) -> Obj:
        """The object after the change; unchanged parts are shared with the workload's."""
        return merge(self.workload.obj, self.patch)


@dataclass(frozen=True, slots=True)
class Plan:
    """`change` is None if nothing is done automatically; `manual` maps the fingerprint of a finding to the reason."""

    change: Change | None = None
    manual: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A fix that is not proven yet: `wanted` are the findings it should fix, `budget` the budget it should give."""

    case: Case
    wanted: Sequence[Finding]
    strategy: Obj
    template: Obj
    budget: Budget


def plan(case: Case, findings: Sequence[Finding], rules: Sequence[Rule], snippets: Snippets) -> Plan:
    """Plan the automatic part of a workload's fix, and prove it by judging the workload again as it would be.

    `findings` are all that these rules have found. Raises SnippetError where a template cannot be used.
    """
    manual = {f.fingerprint: f.hit.remedy.manual for f in findings if f.hit.remedy.manual}
    wanted = [f for f in findings if not f.hit.remedy.manual and f.severity != "info"]
    if not case.workload.managed:
        return Plan(None, manual | _all(wanted, "its owner forbids changes (annotation managed: false)"))
    alone = case.exclusive
    if alone:
        # A deleted or evicted pod is replaced at once, whatever the strategy, so a longer stop is a longer overlap.
        longer = [f for f in wanted if f.hit.remedy.name in (PRESTOP_SLEEP, ROLLOUT_STRATEGY)]
        manual |= _all(longer, f"not changed automatically: {alone.reason}")
        wanted = [f for f in wanted if f not in longer]
    if case.scaler_unread:
        # How a rollout has to go depends on the number of pods.
        rolling = [f for f in wanted if f.hit.remedy.name in OF_THE_STRATEGY]
        manual |= _all(rolling, f"how many pods it runs with is not known: {case.scaler_unread}")
        wanted = [f for f in wanted if f not in rolling]
    if case.run_by and not case.workload.origin.file:
        reason = f"Rollout {case.run_by.name:.63} runs its template: patch it where it is kept, and follow that Rollout"
        return Plan(None, manual | _all(wanted, reason))
    if case.workload.kind in OPT_IN_KINDS:
        reason = f"a {case.workload.kind} is not changed: {OPT_IN_KINDS[case.workload.kind]}"
        return Plan(None, manual | _all(wanted, reason))
    template: Obj = {}
    budget = case.budget
    timing = [f for f in wanted if f.hit.remedy.name in TIMING]
    fixed = fixed_hook(case, [finding.hit for finding in timing])
    if fixed:
        pauses = [f for f in timing if f.hit.remedy.name == PRESTOP_SLEEP]
        manual |= _all(pauses, fixed)
        wanted, timing = ([f for f in found if f not in pauses] for found in (wanted, timing))
    hits = together(case, [finding.hit for finding in timing])
    if timing:
        budget = _budget_after(case, hits)
        if budget.grace > max(case.policy.max_grace_seconds, case.workload.grace):
            reason = f"needs a grace period of {budget.grace} s, above the policy's {case.policy.max_grace_seconds} s"
            manual |= _all(timing, reason)
            wanted = [f for f in wanted if f not in timing]
            timing, budget = [], case.budget
    if timing:
        template = _timing_patch(case, hits, budget.grace, snippets)
    # At most one of the two remedies for the strategy applies: the rule that wants surge skips host ports.
    strategy = _patch_of(case, wanted, OF_THE_STRATEGY, budget.grace, snippets)
    if not timing:  # else it rests on the new hooks and grace period: the proof adds what these entail
        template = _patch_of(case, wanted, OF_THE_TEMPLATE, budget.grace, snippets)
    if not strategy and not template:
        return Plan(None, manual)
    proven = _prove(_Draft(case, wanted, strategy, template, budget), findings, rules, snippets)
    return Plan(proven.change, manual | proven.manual)


def _patch_of(
    case: Case, findings: Sequence[Finding], remedies: Sequence[str], grace_seconds: int, snippets: Snippets
) -> Obj:
    """The snippets of the findings with one of these remedies, as one patch."""
    patch: Obj = {}
    for finding in findings:
        if finding.hit.remedy.name in remedies:
            values = variables(case, finding.hit, grace_seconds)
            patch = merge_patches(patch, snippets.patch(finding.hit.remedy.name, case.workload.kind, values))
    return patch


def variables(case: Case, hit: Hit, grace_seconds: int) -> dict[str, Any]:
    """What a snippet may use: plain values only, no other text of the object."""
    workload = case.workload
    return {
        "workload": {"kind": workload.kind, "namespace": workload.namespace, "name": workload.name},
        "container": hit.container.name if hit.container else case.budget.container,
        "containers": "initContainers" if hit.container and hit.container.native_sidecar else "containers",
        "seconds": case.wanted_prestop[0],
        "grace_seconds": grace_seconds,
        "replaces": _replaced_handlers(hit.container),
        "windows": workload.windows,
        **hit.remedy.variables,
    }


def grace_after(case: Case, hits: Sequence[Hit]) -> int:
    """The grace period that goes with these remedies, whether they are applied or only shown."""
    return _budget_after(case, hits).grace


def _replaced_handlers(container: Container | None) -> list[str]:
    """The handler that must be sent as null, since a strategic merge would keep it next to the new one."""
    return [container.pre_stop.kind] if container and container.pre_stop else []


def _all(findings: Sequence[Finding], reason: str) -> dict[str, str]:
    return {finding.fingerprint: reason for finding in findings}


def _budget_after(case: Case, hits: Sequence[Hit]) -> Budget:
    """The budget with the new hooks. The preStop time is added to the grace period, so the drain keeps its time."""
    seconds, source = case.wanted_prestop
    hooks, added = {}, 0
    for hit in hits:
        if hit.remedy.name in (PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP) and hit.container:
            before, pause = case.hook_of(hit.container).seconds, seconds_of(case, hit)
            why = source if pause == seconds else "as long as the longest preStop hook of its chain"
            hooks[hit.container.name] = HookTime(pause, True, why)
            added = max(added, pause - before)
    current, profile = case.workload.grace, case.profile.without_defaults
    # A grace period below what grace-period-zero allows is replaced by what that rule proposes.
    least = max((hit.remedy.variables.get("least_seconds", 0) for hit in hits), default=0)
    base = max(least, DEFAULT_GRACE) if current <= 2 else current
    grace = base + added
    # The default of a server raises no grace period: whether a request takes that long, only its owner knows.
    grace = max(grace, compute_budget(case.workload, profile, case.policy, prestop=hooks, grace=grace).required)
    return compute_budget(case.workload, case.profile, case.policy, prestop=hooks, grace=grace)


def _timing_patch(case: Case, hits: Sequence[Hit], grace_seconds: int, snippets: Snippets) -> Obj:
    patch: Obj = {}
    if grace_seconds != case.workload.grace:
        patch = snippets.patch(GRACE_PERIOD, case.workload.kind, variables(case, hits[0], grace_seconds))
    for hit in hits:
        if hit.remedy.name == PRESTOP_SLEEP:
            body = snippets.patch(PRESTOP_SLEEP, case.workload.kind, variables(case, hit, grace_seconds))
            patch = merge_patches(patch, body)
    return patch


def lost_time(before: Workload, after: Workload, budget: Budget) -> str | None:
    """Why the drain has less time than before; None if it has not, or if the remaining time is known to suffice."""
    if after.grace < before.grace:
        return f"the template lowers the grace period to {after.grace} s"
    if budget.known and budget.required <= budget.grace:
        return None
    left = {container.name: after.grace - hook_time(container.pre_stop).seconds for container in after.containers}
    for container in before.containers:
        had = before.grace - hook_time(container.pre_stop).seconds
        if left[container.name] < had:
            return f"the template's hook leaves {left[container.name]} s to drain instead of {had} s"
    return None


def _prove(draft: _Draft, findings: Sequence[Finding], rules: Sequence[Rule], snippets: Snippets) -> Plan:
    """Its change, if judging the patched workload shows the wanted findings fixed and nothing new that is as bad."""
    case, wanted = draft.case, draft.wanted
    refusal = outside(case.workload, draft.strategy, draft.template)
    if refusal:
        return Plan(None, _all(wanted, refusal))
    try:
        after = merge(case.workload.obj, merge_patches(draft.strategy, draft.template))
        patched = case.workload.with_object(after)
        left = judge(open_case(patched, case.context, case.policy, case.version), rules).findings
    except (MergeError, Unreadable) as error:
        return Plan(None, _all(wanted, f"the template's patch does not fit this workload: {error}"))
    budget = compute_budget(patched, case.profile, case.policy)
    if (budget.prestop.seconds, budget.grace) == (draft.budget.prestop.seconds, draft.budget.grace):
        budget = draft.budget  # the same numbers, with their sources
    lost = lost_time(case.workload, patched, budget) or falls_behind(case, patched)
    if lost:
        return Plan(None, _all(wanted, lost))
    worse = _worse(findings, left)
    asked = {finding.fingerprint for finding in (*wanted, *worse)}
    entails = [f for f in left if f.fingerprint in asked and f.hit.remedy.name in OF_THE_TEMPLATE]
    if entails and all(f in entails and not f.hit.remedy.manual for f in worse):
        # What the longer grace period requires, such as a separate one for probes, is part of the same change.
        own = [f for f in entails if not f.hit.remedy.manual]
        entailed = _patch_of(case, own, OF_THE_TEMPLATE, draft.budget.grace, snippets)
        extended = replace(draft, template=merge_patches(draft.template, entailed))
        if extended.template != draft.template:
            return _prove(extended, findings, rules, snippets)
    still = {finding.fingerprint for finding in left}
    unsolved = [f for f in wanted if f.fingerprint in still]
    if worse or len(unsolved) == len(wanted):
        reason = f"the patch would raise {worse[0].rule.id}" if worse else "the template's patch does not solve it"
        return Plan(None, _all(wanted, reason))
    solves = tuple(f for f in wanted if f not in unsolved)
    fields = tuple(difference(case.workload.obj, after))
    template = in_order_of(case.workload.obj, draft.template)
    change = Change(case.workload, draft.strategy, template, solves, fields, budget)
    return Plan(change, _all(unsolved, "the template's patch does not solve it"))


def _worse(before: Sequence[Finding], after: Sequence[Finding]) -> list[Finding]:
    """The errors and warnings that were not there before, or not as bad."""
    known = {f.fingerprint: f.severity for f in before}
    return [
        f
        for f in after
        if f.severity != "info" and SEVERITIES.index(f.severity) < SEVERITIES.index(known.get(f.fingerprint, "info"))
    ]
