# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run fails: by the severity of open findings, or by findings that an earlier report did not have."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible
from ansible_collections.graceful.termination.plugins.module_utils.report.document import SCHEMA
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import key_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection

_COUNTED = {"error": ("error",), "warning": ("error", "warning"), "new": ("error", "warning")}
_LISTS = ("workloads", "findings", "skipped", "not_evaluated")
_NAMED = 3  # findings that the message names; the report has them all


def read_earlier(text: str) -> dict[str, Any]:
    """Read the report of an earlier run. Raises ValueError for anything else."""
    try:
        report = json.loads(text)
        if report["schema"] != SCHEMA:
            raise ValueError
        Selection.from_options(report["scope"])
        if not all(isinstance(report[key], list) for key in _LISTS):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            "not a report of this version: move it away, and the next report becomes the baseline"
        ) from None
    return report


def compare(report: dict[str, Any], earlier: Mapping[str, Any] | None) -> str | None:
    """Mark in the report which open errors and warnings are new, and count them under `baseline`.

    Only what both runs judged is compared. Returns why nothing could be compared, or None.
    """
    reason = None if earlier else "there is no earlier report"
    source = report["source"]
    if earlier and source["type"] != earlier["source"]["type"]:
        reason = "the earlier report is of another source"
    elif earlier and source["type"] == "cluster" and source["name"] != earlier["source"]["name"]:
        reason = f"the earlier report is of the cluster {visible(earlier['source']['name'])}"
    report["baseline"] = {"compared": reason is None, "new": 0, "not_compared": 0}
    if reason or earlier is None:
        return reason
    judged = _Judged(earlier, report, same_place=source["name"] == earlier["source"]["name"])
    for finding in _open(report, "new"):
        finding["new"] = None
        if judged.knows(finding):
            finding["new"] = False
        elif judged.has(finding):
            finding["new"] = True
        report["baseline"]["new"] += finding["new"] is True
        report["baseline"]["not_compared"] += finding["new"] is None
    return None


class _Judged:
    """What an earlier run found, and what it would have found if it had been there."""

    def __init__(self, earlier: Mapping[str, Any], now: Mapping[str, Any], *, same_place: bool):
        scope = now["scope"]
        # What was new then and made that run fail stays new: a second try alone must not pass.
        # A fingerprint does not include evidence: a finding from a manifest then is known if a pod shows it now.
        self._source = earlier["source"]
        # Reports of earlier versions have no environments, and paths that start with the source.
        self._has_environments = self._source["type"] == "manifests" and all(
            "environment" in e for e in earlier["workloads"]
        )
        self._known = {self._mark(entry) for entry in _open(earlier, "new") if not entry.get("new")}
        self._rules = set(earlier["scope"]["rules"])
        asked, asked_then = (set(one.get("evidence", [])) for one in (scope, earlier["scope"]))
        self._had_evidence = asked == asked_then or (bool(asked) and asked <= asked_then)
        self._workloads = {self._subject(entry) for entry in earlier["workloads"]}
        self._selection = None
        if same_place and earlier["scope"]["label_selectors"] == scope["label_selectors"]:
            # Labels are not in a report: what the same selectors match now, they would have matched then.
            self._selection = replace(Selection.from_options(dict(earlier["scope"])), label_selectors=())
        self._unread = {entry.get("file") or entry.get("object") for entry in earlier["skipped"]}
        unseen_now = _unseen(now)
        # What a rule can see in neither run does not prevent comparing its other findings.
        self._unseen = {entry for entry in _unseen(earlier) if entry[0] == "all" or entry not in unseen_now}

    def _environment(self, entry: Mapping[str, Any]) -> str:
        return str(entry["environment"]) if self._has_environments else ""

    def _mark(self, finding: Mapping[str, Any]) -> tuple[str, str]:
        return self._environment(finding), finding["fingerprint"]

    def _subject(self, entry: Mapping[str, Any]) -> tuple[str, str]:
        return self._environment(entry), key_in(entry)

    def knows(self, finding: Mapping[str, Any]) -> bool:
        """Whether the earlier run had this finding, in the same environment."""
        return self._mark(finding) in self._known

    def has(self, finding: Mapping[str, Any]) -> bool:
        """Whether the earlier run judged this rule on this workload, or would have if the workload had been there."""
        if finding["rule"] not in self._rules:
            return False
        if finding["evidence"] == "runtime" and not self._had_evidence:
            return False
        places = (f"namespace {finding['namespace']}", "all namespaces")
        for rule, scope in self._unseen:
            # A report does not say which namespaces "3 namespaces" are.
            if rule == finding["rule"] and (scope in (*places, "all nodes") or scope.endswith(" namespaces")):
                return False
        if self._subject(finding) in self._workloads:
            return True
        if self._selection is None or finding["kind"] not in self._selection.kinds:
            return False
        file = finding["file"]
        if file and not self._has_environments:
            file = os.path.normpath(os.path.join(self._source["name"], file))
        if {file, key_in(finding)} & self._unread:
            return False
        for place in places:
            if {("all", place), ("all", f"{finding['kind']} in {place}")} & self._unseen:
                return False
        return self._selection.includes(finding["namespace"], finding["name"], {})


def verdict(report: Mapping[str, Any], fail_on: str) -> str | None:
    """Why the run fails, in one sentence with how many and where; None when it does not.

    In check mode, what the real run would fix does not count. A run that judged nothing proves nothing.
    """
    if fail_on in _COUNTED and not report["summary"]["workloads"]:
        why = count(report["summary"]["unreadable"], "unreadable file or object", "unreadable files or objects")
        return f"fail_on {fail_on}: no workload was judged ({why}): that is no all-clear"
    findings = [
        finding
        for finding in _open(report, fail_on)
        if (fail_on != "new" or finding["new"]) and not (report["mode"] == "check" and finding["remedy"] == "auto")
    ]
    if not findings:
        return None
    amounts = [
        count(amount, f"{'new ' if fail_on == 'new' else ''}{severity}")
        for severity in ("error", "warning")
        if (amount := sum(finding["severity"] == severity for finding in findings))
    ]
    objects = {key_in(finding) for finding in findings}
    named = ", ".join(f"{key_in(finding)} {finding['rule']}" for finding in findings[:_NAMED])
    more = f" and {len(findings) - _NAMED:,} more" if len(findings) > _NAMED else ""
    return f"fail_on {fail_on}: {' and '.join(amounts)} on {count(len(objects), 'workload')}: {visible(named)}{more}"


def _unseen(report: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(rule or "all", scope) of everything that a run could not see."""
    return {(entry["rule"], entry["scope"]) for entry in report["not_evaluated"]}


def _open(report: Mapping[str, Any], fail_on: str) -> list[Any]:
    severities = _COUNTED.get(fail_on, ())
    return [entry for entry in report["findings"] if entry["status"] == "open" and entry["severity"] in severities]
