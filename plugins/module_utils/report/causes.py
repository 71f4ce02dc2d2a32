# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings by their source: a mistake in one chart causes a thousand findings, and is fixed in one place."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, Judgement
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import application_of, release_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# helm.sh/chart is name-version, and a name may end in a number, too.
_CHART = re.compile(r"(.+?)-v?\d+\.\d+.*")
# What differs between two otherwise identical pod specs.
_NAMES = ("name", "namespace", "labels", "annotations")


def causes(audit: Audit, snapshot: Snapshot) -> list[dict[str, Any]]:
    """The sources of all open findings, the one with the most first. Each workload belongs to one.

    `type` is chart, release, application, base or pod; a pod's `name` is the first of the workloads that share it.
    """
    groups: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in audit.judgements:
        if judgement.open:
            groups.setdefault(_cause(judgement.case.workload, snapshot), []).append(judgement)
    found = [_entry(cause, judgements) for cause, judgements in groups.items()]
    return sorted(found, key=lambda entry: (-_total(entry), entry["type"], entry["name"]))


def _entry(cause: tuple[str, str], judgements: Sequence[Judgement]) -> dict[str, Any]:
    kind, name = cause
    open_ones = [finding for judgement in judgements for finding in judgement.open]
    amounts = Counter(finding.severity for finding in open_ones)
    rules = Counter(finding.rule.id for finding in open_ones)
    objects = [judgement.case.workload.key for judgement in judgements]
    return {
        "type": kind,
        "name": objects[0] if kind == "pod" else name,
        "workloads": len(objects),
        "findings": {severity: amounts[severity] for severity in SEVERITIES},
        "rules": dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        "objects": objects,
    }


def _cause(workload: Workload, snapshot: Snapshot) -> tuple[str, str]:
    chart = workload.labels.get("helm.sh/chart")
    if chart:
        match = _CHART.fullmatch(chart)
        return "chart", match[1] if match else chart
    for kind, name in (("application", application_of(workload.obj)), ("release", release_of(workload.obj))):
        if name:
            return kind, name
    folder = os.path.dirname(workload.origin.file) or "." if workload.origin.file is not None else None
    if folder is not None and folder in snapshot.bases:
        return "base", folder
    return "pod", _digest(workload)


def _digest(workload: Workload) -> str:
    """A hash of the pod spec without names."""
    return _hash(workload.pod, (workload.name, workload.namespace), {})


def _hash(value: Any, own: Sequence[str], seen: dict[int, str]) -> str:
    """`own` are the names of the workload, which are removed from texts. YAML aliases are hashed once."""
    if isinstance(value, str):
        for name in own:
            if name in value:
                value = _without(value, name)
        return repr(value)
    if not isinstance(value, dict | list):
        return repr(value)
    known = seen.get(id(value))
    if known is None:
        if isinstance(value, dict):
            parts = sorted([f"{key!r}:{_hash(part, own, seen)}" for key, part in value.items() if key not in _NAMES])
        else:
            parts = ["list", *[_hash(part, own, seen) for part in value]]
        known = seen[id(value)] = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return known


def _without(text: str, name: str) -> str:
    """The text without a name that is a whole word; compiling a pattern for each name is far slower."""
    parts, done, start = [], 0, text.find(name)
    while start >= 0:
        end = start + len(name)
        if not text[max(start - 1, 0) : start].isalnum() and not text[end : end + 1].isalnum():
            parts.append(text[done:start])
            done = end
        start = text.find(name, end)
    return "".join((*parts, text[done:]))


def _total(entry: Mapping[str, Any]) -> int:
    return sum(entry["findings"].values())


def label(entry: Mapping[str, Any]) -> str:
    """The label of a source: the names of applications and releases are clear without their type."""
    name = visible(entry["name"])
    if entry["type"] == "pod":
        return f"pods like {name}" if entry["workloads"] > 1 else name
    return f"{entry['type']} {name}" if entry["type"] in ("chart", "base") else name


def explains(report: Mapping[str, Any]) -> bool:
    """Whether there are fewer sources than workloads with findings."""
    return sum(entry["workloads"] for entry in report["causes"]) > len(report["causes"])


def sources_line(report: Mapping[str, Any], limit: int = 3) -> str:
    """Such as "2,071 findings come from 38 sources: chart web-base 911, …"; empty if that explains nothing."""
    if not explains(report):
        return ""
    entries = report["causes"]
    total = count(sum(map(_total, entries)), "finding comes", "findings come")
    named = ", ".join(f"{label(entry)} {_total(entry):,}" for entry in entries[:limit])
    more = f" and {len(entries) - limit:,} more" if len(entries) > limit else ""
    return f"{total} from {count(len(entries), 'source')}: {named}{more}"


def cause_rows(report: Mapping[str, Any]) -> list[tuple[str, int, Mapping[str, int], str]]:
    """(source, workloads, findings by severity, rules) of each source; empty if they explain nothing."""
    if not explains(report):
        return []
    return [
        (label(entry), entry["workloads"], entry["findings"], ", ".join(map(visible, entry["rules"])))
        for entry in report["causes"]
    ]
