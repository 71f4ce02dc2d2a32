# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses from the planned changes, within the guardrails, the next wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.canary import Canary
from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import Guardrails
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.screening import cleared
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import (
    ALL_AT_ONCE,
    Schedule,
    in_last_wave,
    schedule,
)
from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan_file import Approved
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Source
from ansible_collections.graceful.termination.plugins.module_utils.report.document import action_entry, report_action
from ansible_collections.graceful.termination.plugins.module_utils.run.wave import Wave
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot

_Entry = dict[str, Any]  # an action, as the report has it


def choose(
    snapshot: Snapshot, judged: Audit, source: Source, guardrails: Guardrails, approved: Approved | None, *, check: bool
) -> Wave:
    """The next wave, in check mode all of them. Raises ValueError if the canary is not selected."""
    progress, live = guardrails.progress, snapshot.type == "cluster"
    done = {_place(entry) for entry in progress.actions}
    planned = [one for one in judged.planned if _place(_entry(one, "", None)) not in done]
    entries = [report_action(Action(workload, "refused", reason)) for workload, reason in judged.refused]
    if approved:
        planned, entries = _as_approved(approved, planned, entries, judged, snapshot, source)
    canary = guardrails.canary if live and (planned or guardrails.canary_failure) else None
    if live:
        plan, warning = _within_guardrails(planned, canary, snapshot, source, guardrails, check=check)
    else:
        plan, warning = Schedule(((1, tuple(planned)),)), None
    now = plan.waves if check else plan.waves[:1]
    later = [one for _number, wave in plan.waves[len(now) :] for one in wave]
    left_out = plan.blocked
    if later:
        later += (one for one, _reason in plan.over_limit)  # decided again when the next wave starts
    else:
        left_out += plan.over_limit
    entries += [_entry(one, "skipped", reason) for one, reason in left_out]
    # The actions of a wave whose canary failed are reported again.
    again = _failed_wave(guardrails)
    failed = {workload.key: workload for workload in snapshot.workloads if workload.key in again}
    kept = [entry for entry in progress.actions if entry["object"] not in failed]
    numbers = {one.change.workload.identity: number for number, wave in now for one in wave}
    waves = guardrails.waves if live else ALL_AT_ONCE
    return Wave(
        changes=tuple(one for _number, wave in now for one in wave),
        later=tuple(later),
        numbers=numbers | {workload.identity: progress.wave for workload in failed.values()},
        number=now[-1][0] if now else len(waves),
        of=len(waves),
        total=progress.total or len(planned),
        actions=kept + [entry for entry in entries if _place(entry) not in done],
        canary=canary,
        warning=warning,
    )


def canary_pods(canary: Canary, snapshot: Snapshot, wave: int) -> int:
    """How many pods the drill restarts. Raises ValueError if the workload is not selected before the first `wave`."""
    for workload in snapshot.workloads:
        if workload.key == canary.key:
            return workload.pods_wanted or 0
    if wave:
        return 0  # deleted in the meantime: the drill reports that
    raise ValueError(
        f"canary_drill (termination_canary_drill): {canary.key} is not among the workloads that this run selects; "
        "nothing was done"
    )


def _as_approved(
    approved: Approved,
    planned: Sequence[PlannedChange],
    refused: Sequence[_Entry],
    judged: Audit,
    snapshot: Snapshot,
    source: Source,
) -> tuple[list[PlannedChange], list[_Entry]]:
    """(the changes as approved, the entries of the other objects of the plan)."""
    names = {workload.identity for workload, _reason in judged.refused}
    exact, others = approved.measure(planned, snapshot.workloads, source, names)
    objects = {(entry["object"], entry["file"]) for entry in approved.objects.values()}
    entries = [entry for entry in refused if (entry["object"], entry["file"]) in objects]
    return exact, entries + [
        action_entry(entry["object"], entry["file"], entry["line"], *why) for entry, *why in others
    ]


def _within_guardrails(
    planned: Sequence[PlannedChange],
    canary: Canary | None,
    snapshot: Snapshot,
    source: Source,
    guardrails: Guardrails,
    *,
    check: bool,
) -> tuple[Schedule, str | None]:
    """(the remaining waves, a warning about them)."""
    progress = guardrails.progress
    first, reserved = (canary.key, canary_pods(canary, snapshot, progress.wave)) if canary else ("", 0)

    def arrange(blocked: Mapping[tuple[Any, ...], str]) -> Schedule:
        limits = guardrails.waves, guardrails.max_pods, progress
        return schedule(planned, *limits, first=first, reserved=reserved, blocked=blocked)

    failure = guardrails.canary_failure
    if failure:
        return arrange({}).closed(f"not started: after wave {progress.wave} of {progress.of} {failure}"), None
    over = None if check else guardrails.over(datetime.now(UTC))
    plan = arrange({})
    amount = sum(len(wave) for _number, wave in plan.waves)
    if over and amount:
        warning = f"{count(amount, 'workload')} not started: {over}; run again to continue"
        return plan.closed(f"not started: {over}"), warning
    return cleared(arrange, source, every=check), None


def _failed_wave(guardrails: Guardrails) -> set[str]:
    """The workloads of the last wave if its canary failed, as reports name them."""
    progress = guardrails.progress
    if not guardrails.canary_failure:
        return set()
    return {entry["object"] for entry in progress.actions if in_last_wave(entry, progress)}


def _entry(planned: PlannedChange, status: str, reason: str | None) -> _Entry:
    return report_action(Action(planned.change.workload, status, reason))


def _place(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry["object"], entry["file"], entry["line"]
