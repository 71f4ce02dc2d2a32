# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two runs of the product: audit reads and judges; remediate also writes, then judges what is there afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.audit import Audit, audit
from ansible_collections.graceful.termination.plugins.module_utils.options import Options
from ansible_collections.graceful.termination.plugins.module_utils.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.report.document import build_report
from ansible_collections.graceful.termination.plugins.module_utils.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.sources.source import Action, Diff, Source


@dataclass
class Outcome:
    """A run's report, and for --diff what it changed or would change."""

    report: dict[str, Any]
    diffs: list[Diff] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was written, or in check mode would be."""
        return any(action["status"] in ("changed", "would-change") for action in self.report["actions"])


def run_audit(source: Source, options: Options) -> Outcome:
    """Read and judge; nothing is written. Raises SourceError, SnippetError."""
    snapshot = source.read()
    return Outcome(_report(snapshot, _judge(snapshot, source, options), options, "audit"))


def run_remediate(source: Source, options: Options, *, check: bool) -> Outcome:
    """Write what is planned, then read and judge again. With `check` nothing is written and the report shows what is.

    Raises SourceError, SnippetError; a change that fails is an action of the report, not an exception.
    """
    snapshot = source.read()
    before = _judge(snapshot, source, options)
    actions = [Action(workload, "refused", reason) for workload, reason in before.refused]
    diffs = []
    for action, diff in source.apply(before.changes, check=check):
        actions.append(action)
        if diff:
            diffs.append(diff)
    after = before
    if any(action.status == "changed" for action in actions):
        snapshot = source.read()
        after = _judge(snapshot, source, options)
    return Outcome(_report(snapshot, after, options, "check" if check else "remediate", actions), diffs)


def _judge(snapshot: Snapshot, source: Source, options: Options) -> Audit:
    return audit(snapshot, source, options.rules, options.policy, options.snippets)


def _report(
    snapshot: Snapshot, judged: Audit, options: Options, mode: str, actions: list[Action] | None = None
) -> dict[str, Any]:
    return build_report(
        snapshot,
        judged,
        options.snippets,
        mode=mode,
        version=VERSION,
        generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        actions=actions or [],
    )
