# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of each entry of the user's list of drain times: whether it is used, expired, or not needed any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, Judgement
from ansible_collections.graceful.termination.plugins.module_utils.report.entries import NO_WORKLOAD, beyond
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import DeclaredNeed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot


def need_entries(audit: Audit, snapshot: Snapshot) -> list[dict[str, Any]]:
    """One map for each entry of the list, in its order."""
    entries = snapshot.context.inputs.needs.entries
    covered: dict[DeclaredNeed, list[Judgement]] = {entry: [] for entry in entries}
    for judgement in audit.judgements if entries else ():
        for entry in snapshot.context.inputs.needs.covering(judgement.case.workload):
            covered[entry].append(judgement)
    return [_entry(entry, judgements, audit, snapshot) for entry, judgements in covered.items()]


def _entry(entry: DeclaredNeed, judgements: Sequence[Judgement], audit: Audit, snapshot: Snapshot) -> dict[str, Any]:
    used = sum(judgement.case.listed_need == entry for judgement in judgements)
    status, note = _status(entry, judgements, used, audit, snapshot)
    return {
        "source": entry.source,
        "object": entry.object,
        "seconds": entry.seconds,
        "reason": entry.reason,
        "until": entry.until.isoformat() if entry.until else None,
        "status": status,
        "workloads": used,
        "note": note,
    }


def _status(
    entry: DeclaredNeed, judgements: Sequence[Judgement], used: int, audit: Audit, snapshot: Snapshot
) -> tuple[str, str | None]:
    if entry.expired(snapshot.context.inputs.needs.today):
        left = f"it no longer counts for {count(len(judgements), 'workload')}: renew its date or remove it"
        return "expired", left if judgements else None
    if used:
        return "used", None
    unseen = beyond(entry, judgements, audit.waivers.selection, snapshot, _concerns)
    if unseen:
        return "unjudged", unseen
    return "unused", "an annotation or a longer entry counts for all that it covers" if judgements else NO_WORKLOAD


def _concerns(_rule: str) -> bool:
    return False  # what was not seen for single rules hides no workload


def declared(entry: Mapping[str, Any]) -> str:
    """What an entry of the report's list says, and where it stands."""
    return f"{visible(entry['object'])} {entry['seconds']:,} s  {visible(entry['source'])}"
