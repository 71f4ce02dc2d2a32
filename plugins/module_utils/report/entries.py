# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of an entry of a user's list: whether it is used, and which should be renewed, corrected or removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Judgement
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.entry import Entry
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection, is_pattern

# Those that need a person first. `unjudged`: unknown whether it is used, since its rule or workload was not judged.
STATUSES = ("invalid", "expired", "unused", "used", "unjudged")
NO_WORKLOAD = "it matches no workload of this run"


def beyond(
    entry: Entry,
    judgements: Sequence[Judgement],
    selection: Selection,
    snapshot: Snapshot,
    concerns: Callable[[str], bool],
) -> str:
    """Why an entry that covers `judgements` may apply to workloads that the run did not see; empty if it cannot.

    `concerns` says whether what was not seen for a rule, by its id, may hide one.
    """
    if judgements and not entry.open_ended:
        return ""
    if not _selects(selection, entry):
        return "not all that it covers was selected"
    unseen = [gap for gap in snapshot.gaps if gap.rule == "all" or concerns(gap.rule)]
    if unseen:
        return f"not all that it covers was seen: {unseen[0].reason}"
    return "not all that it covers could be read" if snapshot.skipped else ""


def _selects(selection: Selection, entry: Entry) -> bool:
    """Whether everything that the entry covers was selected."""
    wanted = set(DEFAULT_KINDS) if is_pattern(entry.kind) else {entry.kind}
    if not wanted <= set(selection.kinds) or selection.label_selectors:
        return False
    if is_pattern(entry.namespace) and (selection.namespaces or selection.exclude_namespaces):
        return False
    if is_pattern(entry.name) and selection.names:
        return False
    # A pattern that gets here has no restriction, so it may match any value.
    return selection.includes(entry.namespace, entry.name, {})


def by_status(entries: Sequence[Mapping[str, Any]]) -> tuple[str, list[Mapping[str, Any]]]:
    """The counts by status in one line, and every entry of a report's list, those that need a person first."""
    amounts = Counter(entry["status"] for entry in entries)
    counts = ", ".join(f"{amounts[status]:,} {status}" for status in STATUSES if amounts[status])
    return counts, sorted(entries, key=lambda entry: STATUSES.index(entry["status"]))


def explanation(entry: Mapping[str, Any]) -> str:
    """An entry as text: its reason, date and status note."""
    parts = [visible(entry["reason"])] if entry["reason"] else []
    if entry["until"]:
        parts.append(f"until {visible(entry['until'])}")
    if entry["note"]:
        parts.append(visible(entry["note"]))
    return "; ".join(parts)
