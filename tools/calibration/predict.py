# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill of a variant will show, from an audit of it by this collection, and nothing else.

Each variant is predicted twice, by the same tables: from an audit of its manifests alone, and from one of its running
pods with evidence, none of which was ever stopped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tools.calibration.meanings import (
    CAPACITY,
    ENOUGH_SECONDS,
    FLOOR_SECONDS,
    FRESH,
    IN_FLIGHT,
    KILLED,
    MEANINGS,
    NO,
    OUTCOMES,
    SERIOUS,
    STUCK,
    UNKNOWN,
    YES,
)
from ansible_collections.graceful.termination.tools.calibration.variants import EVICT, Refused, Variant

KUBERNETES = "1.37"  # the test cluster's
MANIFESTS, PODS = "manifests", "pods"
KINDS = (MANIFESTS, PODS)  # what a variant is predicted from
_MEANINGS = {meaning.rule: meaning for meaning in MEANINGS}


def audit_manifests(variant: Variant) -> dict[str, Any]:
    """report.json of the manifests of one variant."""
    options = read_options(
        {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
        | {"source": variant.name, "kubernetes_version": KUBERNETES, "_snippets": read_templates(None)}
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "manifests.yaml").write_text(yaml.safe_dump_all(variant.objects), encoding="utf-8")
        version = parse_version(KUBERNETES)
        source = ManifestSource(folder, variant.name, options.selection, version, version_assumed=False)
        return run_audit(source, options).report


def predict(variant: Variant, report: dict[str, Any]) -> dict[str, Any]:
    """One prediction: rules, budget, outcomes, clean and stop_seconds, from a report.json about the variant.

    Raises Refused for a report on something else, and for a finding of which no table says what it means.
    """
    if len(report["workloads"]) != 1 or report["skipped"]:
        raise Refused(f"{variant.name} is not judged as one workload: {report['skipped']}")
    budget = report["workloads"][0]["budget"]
    rules = _rules_that_count(report, variant)
    outcomes = _outcomes(rules, budget, variant)
    return {
        "rules": rules,
        "budget": {key: budget[key] for key in ("grace", "prestop", "drain", "required", "known")},
        "outcomes": outcomes,
        "clean": not rules and budget["known"] and YES not in (outcomes[FRESH], outcomes[IN_FLIGHT], outcomes[KILLED]),
        "stop_seconds": _stop_seconds(rules, budget, outcomes),
    }


def predict_manifests(variant: Variant) -> dict[str, Any]:
    """The prediction from its manifests alone."""
    return predict(variant, audit_manifests(variant))


def predictions(
    variants: Iterable[Variant],
    audit_pods: Callable[[Variant], dict[str, Any]],
    show: Callable[[str, dict[str, Any]], None] = lambda name, entry: None,
) -> dict[str, Any]:
    """predictions.json; `audit_pods` returns the report.json of the variant as it runs, `show` gets each as it comes.

    What the audits saw on the pods, and when, is no part of a prediction: to ask again must not ask for other drills.
    """
    entries, audits = {}, {}
    for variant in variants:
        report = audit_pods(variant)
        entries[variant.name] = {
            "digest": variant.digest,
            MANIFESTS: predict_manifests(variant),
            PODS: predict(variant, report),
        }
        audits[variant.name] = {"at": report["generated_at"], "seen": seen_on_pods(report)}
        show(variant.name, entries[variant.name])
    return {"version": VERSION, "kubernetes": KUBERNETES, "predictions": entries, "audits": audits}


def seen_on_pods(report: dict[str, Any]) -> list[str]:
    """What only running pods show, as `rule (severity)`."""
    found = [entry for entry in report["findings"] if entry["evidence"] == "runtime"]
    return sorted({f"{entry['rule']} ({entry['severity']})" for entry in found})


def _rules_that_count(report: dict[str, Any], variant: Variant) -> list[str]:
    """Of its open findings: the errors and the warnings, and infos where their meaning says so."""
    rules = set()
    for entry in report["findings"]:
        meaning = _MEANINGS.get(entry["rule"])
        severities = meaning.severities if meaning else SERIOUS
        if entry["status"] == "open" and entry["severity"] in severities:
            rules.add(entry["rule"])
    unknown = sorted(rules - _MEANINGS.keys())
    if unknown:
        raise Refused(f"{variant.name}: what does {unknown[0]} mean for a drill? Say it in MEANINGS of meanings.py")
    return sorted(rules)


def _outcomes(rules: list[str], budget: dict[str, Any], variant: Variant) -> dict[str, str]:
    mode, outcomes = variant.drill["mode"], dict.fromkeys(OUTCOMES, NO)
    if not budget["known"]:
        outcomes |= {IN_FLIGHT: UNKNOWN, KILLED: UNKNOWN}
    meanings = [_MEANINGS[rule] for rule in rules if mode in _MEANINGS[rule].modes]
    outcomes |= {outcome: UNKNOWN for meaning in meanings for outcome in meaning.open}
    if budget["prestop"] is None:
        outcomes[FRESH] = UNKNOWN
    certain = {outcome for meaning in meanings for outcome in meaning.outcomes}
    prestop, drain = budget["prestop"] or 0, budget["drain"] or 0
    if prestop + drain > budget["grace"]:
        certain |= {IN_FLIGHT, KILLED}
    if 0 < prestop < ENOUGH_SECONDS:
        certain.add(FRESH)
    if mode == EVICT:
        certain.add(CAPACITY)  # the pod goes before there is another
    if STUCK in certain:  # then nothing stops
        return dict.fromkeys(OUTCOMES, NO) | {STUCK: YES}
    return outcomes | dict.fromkeys(sorted(certain), YES)


def _stop_seconds(rules: list[str], budget: dict[str, Any], outcomes: dict[str, str]) -> list[int | None] | None:
    """[least, most] seconds from the request to the end of a container; None as a bound that is not known."""
    if outcomes[STUCK] == YES:
        return None
    if outcomes[KILLED] == YES:
        floor = FLOOR_SECONDS if "prestop-exceeds-grace" in rules else 0
        return [budget["grace"] + floor] * 2
    least = budget["prestop"] or 0
    return [least, least + budget["drain"] if budget["known"] and outcomes[KILLED] == NO else None]
