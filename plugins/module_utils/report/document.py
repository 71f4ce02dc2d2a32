# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json: the complete result of a run, from which every other format is made."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import json_text
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import HOW
from ansible_collections.graceful.termination.plugins.module_utils.judge.annotations import without_effect
from ansible_collections.graceful.termination.plugins.module_utils.judge.finding import Finding
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import Waiver
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import line_of
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, Judgement, snippet_of
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import pods_restarted
from ansible_collections.graceful.termination.plugins.module_utils.plan.helm.values import helm_values
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.report.causes import causes
from ansible_collections.graceful.termination.plugins.module_utils.report.needs import need_entries
from ansible_collections.graceful.termination.plugins.module_utils.report.waivers import waiver_entries
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import kustomize_patch, owner_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

SCHEMA = "graceful.termination/report/v1"
MODES = ("audit", "remediate", "check")


def build_report(
    snapshot: Snapshot,
    audit: Audit,
    snippets: Snippets,
    *,
    mode: str,
    version: str,
    generated_at: str,
    actions: Sequence[Mapping[str, Any]] = (),
    cost: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report as a map, sorted so that two runs on one input differ only in `generated_at` and `requests`.

    `mode` is one of MODES, `version` that of the collection, `generated_at` an RFC 3339 time, `scope` the selection of
    the run, `actions` entries from action_entry, `cost` the cost of a check-mode run, `plan` the plan that was applied.
    Raises SnippetError.
    """
    findings = [(judgement, finding) for judgement in audit.judgements for finding in judgement.findings]
    findings.sort(key=lambda pair: pair[1].order)
    return {
        "schema": SCHEMA,
        "generated_at": generated_at,
        "version": version,
        "mode": mode,
        "source": {
            "type": snapshot.type,
            "name": snapshot.name,
            "server_version": snapshot.server_version,
            "requests": snapshot.requests,
        },
        "kubernetes_version": {"value": str(snapshot.version), "assumed": snapshot.version_assumed},
        "scope": dict(scope or {}),
        "summary": _summary(snapshot, audit),
        "workloads": [_workload(judgement, snapshot) for judgement in audit.judgements],
        "findings": [_finding(judgement, finding, snapshot, snippets) for judgement, finding in findings],
        "baseline": None,  # filled where the run is compared with an earlier report
        "causes": causes(audit, snapshot),
        "drains": need_entries(audit, snapshot),
        "waivers": waiver_entries(audit, snapshot),
        "not_evaluated": _not_evaluated(snapshot, audit),
        "skipped": sorted(
            (
                {"file" if entry.is_file else "object": entry.where, "line": entry.line, "reason": entry.reason}
                for entry in snapshot.skipped
            ),
            key=lambda entry: (str(entry.get("file") or entry.get("object")), entry["line"] or 0, entry["reason"]),
        ),
        "cost": cost,
        "plan": plan,
        "actions": [
            {**entry, "environment": entry["environment"] or _place_of(entry["file"], snapshot)}
            for entry in sorted(actions, key=lambda entry: (entry["object"], entry["file"] or ""))
        ],
    }


def to_json(report: dict[str, Any]) -> str:
    """report.json as text, one final newline."""
    return json_text(report, indent=1)


def _summary(snapshot: Snapshot, audit: Audit) -> dict[str, Any]:
    counts = dict.fromkeys(SEVERITIES, 0)
    remediable = suppressed = 0
    for judgement in audit.judgements:
        for finding in judgement.open:
            counts[finding.severity] += 1
            remediable += judgement.is_auto(finding)
        suppressed += len(judgement.findings) - len(judgement.open)
    judged = len(audit.judgements)
    return {
        "found": judged + snapshot.excluded + len(snapshot.skipped) + sum(snapshot.not_judged.values()),
        "workloads": judged,
        "excluded": snapshot.excluded,
        "unreadable": len(snapshot.skipped),
        "not_judged": dict(sorted(snapshot.not_judged.items())),
        "findings": counts,
        "remediable": remediable,
        "suppressed": suppressed,
        "drain_unknown": sum(not entry.case.budget.drain_known for entry in audit.judgements),
        "drain": _drains(audit),
    }


def _drains(audit: Audit) -> dict[str, int]:
    """How the drain of each judged workload is known, counted; "unknown" are those of `drain_unknown`."""
    known = [entry.case.budget for entry in audit.judgements]
    found = Counter(budget.drain.how if budget.drain_known else "unknown" for budget in known)
    return {how: found[how] for how in (*HOW, "unknown")}


def _environment(workload: Workload, snapshot: Snapshot) -> str:
    """Distinguishes workloads of one name: the cluster, the Kustomize root, or the folder below the source."""
    return workload.origin.environment or _place_of(workload.origin.file, snapshot)


def _place_of(file: str | None, snapshot: Snapshot) -> str:
    return snapshot.name if snapshot.type == "cluster" else os.path.dirname(file or "") or "."


def _identity(judgement: Judgement, snapshot: Snapshot) -> dict[str, Any]:
    workload = judgement.case.workload
    return {
        "environment": _environment(workload, snapshot),
        "apiVersion": workload.api_version,
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
    }


def _workload(judgement: Judgement, snapshot: Snapshot) -> dict[str, Any]:
    case, change = judgement.case, judgement.change
    # An owner in manifests applies to the cluster that they are deployed to, not to the files.
    owner = owner_of(case.workload.obj, change.patch if change else None) if snapshot.type == "cluster" else None
    profile, origin = case.profile, case.workload.origin
    restarts = change is not None and bool(change.template)
    pods = pods_restarted(case, change) if change else None
    # For the owner of the object, which is why it was not patched.
    owned = change if change and judgement.refusal and owner else None
    return {
        **_identity(judgement, snapshot),
        "profile": profile.name,
        "traits": sorted(profile.traits),
        "replicas": case.context.scaling.replicas_of(case.workload),
        "owner": owner,
        "file": origin.file,
        "line": origin.line,
        "budget": case.budget.as_report(),
        "budget_after": change.budget_after.as_report() if change and restarts else None,
        "pods_restarted": pods,
        "notes": [
            *([profile.note] if profile.note else []),
            *_run_by(case),
            *judgement.doubts,
            *([case.contradiction] if case.contradiction else []),
            *without_effect(case.workload),
        ],
        "patch": kustomize_patch(case.workload.obj, owned.patch) if owned else None,
        "helm": _helm(owned) if owned else None,
    }


def _run_by(case: Case) -> list[str]:
    if not case.run_by:
        return []
    return [f"Rollout {case.run_by.name:.63} runs its pods (workloadRef): its own number and strategy are not used"]


def _helm(change: Change) -> dict[str, Any] | None:
    values = helm_values(change.workload, change.patch, change.obj)
    return asdict(values) if values else None


def _finding(judgement: Judgement, finding: Finding, snapshot: Snapshot, snippets: Snippets) -> dict[str, Any]:
    auto, waiver = judgement.is_auto(finding), judgement.waived.get(finding.rule.id)
    origin = judgement.case.workload.origin
    return {
        "rule": finding.rule.id,
        "severity": finding.severity,
        "evidence": finding.evidence,
        **_identity(judgement, snapshot),
        "container": finding.container,
        "path": finding.hit.path,
        "file": origin.file,
        "line": _line(judgement, finding),
        "message": finding.hit.message,
        "numbers": finding.hit.numbers,
        "remedy": "auto" if auto else "manual",
        "template": finding.hit.remedy.name,
        "status": "suppressed" if waiver else "open",
        "reason": None if auto else _reason(judgement, finding),
        "waiver": _waiver(waiver) if waiver else None,
        # An accepted finding needs no remedy.
        "snippet": None if auto or waiver else snippet_of(judgement, finding, snippets),
        "new": None,
        "fingerprint": finding.fingerprint,
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {"source": waiver.source, "until": waiver.until.isoformat() if waiver.until else None}


def _reason(judgement: Judgement, finding: Finding) -> str:
    waiver = judgement.waived.get(finding.rule.id)
    if waiver:
        return waiver.reason
    if finding.fingerprint in judgement.manual:
        return judgement.manual[finding.fingerprint]
    return "only errors and warnings are patched"


def _line(judgement: Judgement, finding: Finding) -> int | None:
    """The nearest line in the file: of the container, else of the deepest map on the path of the field."""
    if finding.hit.container and finding.hit.container.line:
        return finding.hit.container.line
    node, line = judgement.case.workload.obj, judgement.case.workload.origin.line
    for key in finding.hit.path.split("."):
        child = node.get(key)
        if not isinstance(child, dict):
            break
        node, line = child, line_of(child) or line
    return line


def _not_evaluated(snapshot: Snapshot, audit: Audit) -> list[dict[str, Any]]:
    entries = [
        {"rule": entry.rule, "reason": entry.reason, "scope": entry.scope, "count": entry.count}
        for entry in snapshot.gaps
    ]
    entries += [
        {"rule": rule, "reason": reason, "scope": "workloads", "count": count}
        for (rule, reason), count in audit.undecided.items()
    ]
    return sorted(entries, key=lambda entry: (entry["rule"], entry["scope"], entry["reason"]))


def action_entry(key: str, file: str | None, line: int | None, status: str, reason: str | None) -> dict[str, Any]:
    """The outcome for one workload, in a report; `key` is such as shop/Deployment/web."""
    return {
        "object": key,
        "environment": None,  # build_report knows it
        "file": file,
        "line": line,
        "status": status,
        "reason": reason,
        "fields": [],
        "restored": [],
        "wave": None,
        "preflight": [],
    }


def report_action(action: Action) -> dict[str, Any]:
    """The same for an action of this run."""
    origin = action.workload.origin
    entry = action_entry(action.workload.key, origin.file, origin.line, action.status, action.reason)
    details = {"fields": sorted(action.fields), "restored": sorted(action.restored), "preflight": [*action.preflight]}
    return entry | details | {"wave": action.wave, "environment": origin.environment or None}
