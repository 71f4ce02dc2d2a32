# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of each waiver: whether it is used, and which should be renewed, corrected or removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import Waiver
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, Judgement
from ansible_collections.graceful.termination.plugins.module_utils.report.entries import NO_WORKLOAD, beyond
from ansible_collections.graceful.termination.plugins.module_utils.report.view import place
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot


def waiver_entries(audit: Audit, snapshot: Snapshot) -> list[dict[str, Any]]:
    """One entry for each waiver: every annotation of the judged workloads, and the whole central list."""
    covered: dict[Waiver, list[Judgement]] = {entry: [] for entry in audit.waivers.entries}
    entries = []
    for judgement in audit.judgements:
        for waiver in audit.waivers.of(judgement.case.workload):
            if waiver in covered:
                covered[waiver].append(judgement)
            else:
                entries.append(_entry(waiver, [judgement], audit, ""))
    for waiver, judgements in covered.items():
        unseen = beyond(waiver, judgements, audit.waivers.selection, snapshot, waiver.names)
        entries.append(_entry(waiver, judgements, audit, unseen))
    return sorted(entries, key=lambda entry: (entry["object"], entry["rule"], entry["source"], entry["file"] or ""))


def _entry(waiver: Waiver, judgements: Sequence[Judgement], audit: Audit, unseen: str) -> dict[str, Any]:
    """`unseen` is why the waiver may apply to workloads that the run did not see; empty if it cannot."""
    found = sum(waiver.names(finding.rule.id) for judgement in judgements for finding in judgement.findings)
    status, note = _status(waiver, judgements, audit, found, unseen)
    origin = judgements[0].case.workload.origin if waiver.source == "annotation" else None
    return {
        "source": waiver.source,
        "rule": waiver.rule,
        "object": waiver.object,
        "file": origin.file if origin else None,
        "line": origin.line if origin else None,
        "reason": waiver.reason,
        "until": waiver.until.isoformat() if waiver.until else None,
        "status": status,
        "findings": found,
        "note": note,
    }


def _status(
    waiver: Waiver, judgements: Sequence[Judgement], audit: Audit, found: int, unseen: str
) -> tuple[str, str | None]:
    if waiver.problem:
        return "invalid", waiver.problem
    if waiver.expired(audit.waivers.today):
        return "expired", f"{count(found, 'finding is', 'findings are')} open again" if found else None
    if found:
        return "used", None
    if not any(waiver.names(rule.id) for rule in audit.rules):
        return "unjudged", "the rule was not judged in this run"
    if any(waiver.names(rule) for judgement in judgements for rule in judgement.undecided):
        return "unjudged", "the rule was not evaluated"
    if unseen:
        return "unjudged", unseen
    return "unused", "no longer needed: nothing is found" if judgements else NO_WORKLOAD


def written(entry: Mapping[str, Any]) -> str:
    """Where a waiver is written."""
    return place(entry) or visible(entry["source"])


def waived(entry: Mapping[str, Any]) -> str:
    """What a waiver of the report's list is for, and where it is written."""
    return f"{visible(entry['object'])} {visible(entry['rule'])}  {written(entry)}"
