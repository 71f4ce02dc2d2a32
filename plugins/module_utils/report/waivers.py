# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of each waiver: whether it is used, and which should be renewed, corrected or removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import Waiver
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, Judgement
from ansible_collections.graceful.termination.plugins.module_utils.report.view import place
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection, is_pattern

# Those that need a person first. `unjudged`: unknown whether it is used, since its rule or workload was not judged.
STATUSES = ("invalid", "expired", "unused", "used", "unjudged")


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
        entries.append(_entry(waiver, judgements, audit, _beyond(waiver, judgements, audit, snapshot)))
    return sorted(entries, key=lambda entry: (entry["object"], entry["rule"], entry["source"], entry["file"] or ""))


def _entry(waiver: Waiver, judgements: Sequence[Judgement], audit: Audit, beyond: str) -> dict[str, Any]:
    """`beyond` is why the waiver may apply to workloads that the run did not see; empty if it cannot."""
    found = sum(waiver.names(finding.rule.id) for judgement in judgements for finding in judgement.findings)
    status, note = _status(waiver, judgements, audit, found, beyond)
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
    waiver: Waiver, judgements: Sequence[Judgement], audit: Audit, found: int, beyond: str
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
    if beyond:
        return "unjudged", beyond
    return "unused", "no longer needed: nothing is found" if judgements else "it matches no workload of this run"


def _beyond(waiver: Waiver, judgements: Sequence[Judgement], audit: Audit, snapshot: Snapshot) -> str:
    if judgements and not any(map(is_pattern, (waiver.kind, waiver.namespace, waiver.name))):
        return ""
    if not _selects(audit.waivers.selection, waiver):
        return "not all that it covers was selected"
    unseen = [entry for entry in snapshot.gaps if entry.rule == "all" or waiver.names(entry.rule)]
    if unseen:
        return f"not all that it covers was seen: {unseen[0].reason}"
    return "not all that it covers could be read" if snapshot.skipped else ""


def _selects(selection: Selection, waiver: Waiver) -> bool:
    """Whether everything that the waiver covers was selected."""
    wanted = set(DEFAULT_KINDS) if is_pattern(waiver.kind) else {waiver.kind}
    if not wanted <= set(selection.kinds) or selection.label_selectors:
        return False
    if is_pattern(waiver.namespace) and (selection.namespaces or selection.exclude_namespaces):
        return False
    if is_pattern(waiver.name) and selection.names:
        return False
    # A pattern that gets here has no restriction, so it may match any value.
    return selection.includes(waiver.namespace, waiver.name, {})


def waiver_lines(report: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """The counts by status in one line, and every waiver, those that need a person first."""
    amounts = Counter(entry["status"] for entry in report["waivers"])
    counts = ", ".join(f"{amounts[status]:,} {status}" for status in STATUSES if amounts[status])
    return counts, sorted(report["waivers"], key=lambda entry: STATUSES.index(entry["status"]))


def written(entry: Mapping[str, Any]) -> str:
    """Where a waiver is written."""
    return place(entry) or visible(entry["source"])


def explanation(entry: Mapping[str, Any]) -> str:
    """A waiver as text: its reason, date and status note."""
    parts = [visible(entry["reason"])] if entry["reason"] else []
    if entry["until"]:
        parts.append(f"until {visible(entry['until'])}")
    if entry["note"]:
        parts.append(visible(entry["note"]))
    return "; ".join(parts)
