# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill of a variant will show, from nothing but an audit of its manifests by this collection.

The audit gives findings and a budget; the tables here say what each of them means for a drill. They follow from what
the rules say of themselves and from how Kubernetes stops a pod, and are not fitted to what was measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.graceful.termination.plugins.module_utils.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.run import run_audit
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.module_utils.version import parse_version
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tools.calibration.variants import EVICT, RESTART, Refused, Variant

KUBERNETES = "1.37"  # the test cluster's
YES, NO, UNKNOWN = "yes", "no", "unknown"
FRESH, IN_FLIGHT, KILLED, CAPACITY, STUCK = "fresh lost", "in flight cut", "killed", "capacity lost", "stuck"
OUTCOMES = {
    FRESH: "a request on a fresh connection is lost",
    IN_FLIGHT: "an upload that is under way is cut",
    KILLED: "a container uses up its grace period and is killed (exit code 137)",
    CAPACITY: "fewer pods are ready than the Deployment asks for",
    STUCK: "the restart, or the eviction, does not come to its end",
}
# Where requests come through kube-proxy, 5 s let that learn of a stop; prestop-stops-server-early counts so, too.
ENOUGH_SECONDS = 5
FLOOR_SECONDS = 2  # what the kubelet gives a container whose hook has used up the grace period


@dataclass(frozen=True)
class Meaning:
    """What a finding means for a drill in one of these modes."""

    rule: str
    outcomes: tuple[str, ...]
    why: str
    modes: tuple[str, ...] = (RESTART, EVICT)


MEANINGS = (
    Meaning("prestop-missing", (FRESH,), "SIGTERM comes before the proxies know that the pod stops"),
    Meaning("prestop-tcp-socket", (FRESH,), "the hook fails at once, so there is no delay"),
    Meaning("prestop-stops-server-early", (FRESH,), "the server is away before the proxies know"),
    Meaning("no-readiness-probe", (FRESH,), "requests go to new pods that do not listen yet"),
    Meaning("recreate-strategy-serving", (FRESH, CAPACITY), "all pods stop before a new one starts", (RESTART,)),
    Meaning("rollout-loses-capacity", (CAPACITY,), "a pod stops before a new one is ready", (RESTART,)),
    Meaning("prestop-exceeds-grace", (IN_FLIGHT, KILLED), "the hook leaves 2 s, then comes SIGKILL"),
    Meaning("pid1-shell-wrapper", (KILLED,), "the server never gets SIGTERM: it serves on until SIGKILL"),
    Meaning("surge-port-conflict", (STUCK,), "the new pod waits for a port that the old one has", (RESTART,)),
    Meaning("pdb-blocks-eviction", (STUCK,), "no eviction is ever allowed", (EVICT,)),
    Meaning("single-replica", (), "a rolling update starts the next pod first"),
    Meaning("grace-period-insufficient", (), "the margin is missing, or more: the budget decides"),
    Meaning("prestop-starves-drain", (), "the budget decides"),
)
BUDGET = (
    ("preStop + drain > grace", (IN_FLIGHT, KILLED), "what is longer than the rest of the grace period is cut"),
    (f"0 < preStop < {ENOUGH_SECONDS} s", (FRESH,), "SIGTERM may come before the proxies know"),
)


def audit(variant: Variant) -> dict[str, Any]:
    """report.json of the manifests of one variant."""
    options = read_options(
        {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
        | {"source": variant.name, "kubernetes_version": KUBERNETES, "_snippets": read_templates(None)}
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "manifests.yaml").write_text(yaml.safe_dump_all(variant.objects), encoding="utf-8")
        version = parse_version(KUBERNETES)
        source = ManifestSource(folder, variant.name, options.selection, version, version_assumed=False)
        report = run_audit(source, options).report
    if len(report["workloads"]) != 1 or report["skipped"]:
        raise Refused(f"{variant.name}: its manifests are not judged as one workload: {report['skipped']}")
    return report


def _serious(report: dict[str, Any]) -> list[str]:
    """The rules of its open errors and warnings."""
    open_ones = [entry for entry in report["findings"] if entry["status"] == "open"]
    return sorted({entry["rule"] for entry in open_ones if entry["severity"] in ("error", "warning")})


def predict(variant: Variant) -> dict[str, Any]:
    """The prediction for one variant. Raises Refused for a finding of which no table says what it means."""
    report = audit(variant)
    budget = report["workloads"][0]["budget"]
    rules = _serious(report)
    outcomes = _outcomes(rules, budget, variant)
    return {
        "digest": variant.digest,
        "rules": rules,
        "budget": {key: budget[key] for key in ("grace", "prestop", "drain", "required", "known")},
        "outcomes": outcomes,
        "clean": not rules and budget["known"] and YES not in (outcomes[FRESH], outcomes[IN_FLIGHT], outcomes[KILLED]),
        "stop_seconds": _stop_seconds(rules, budget, outcomes),
    }


def predictions(variants: Iterable[Variant]) -> dict[str, Any]:
    """predictions.json."""
    return {
        "version": VERSION,
        "kubernetes": KUBERNETES,
        "predictions": {variant.name: predict(variant) for variant in variants},
    }


def _outcomes(rules: list[str], budget: dict[str, Any], variant: Variant) -> dict[str, str]:
    mode, outcomes = variant.drill["mode"], dict.fromkeys(OUTCOMES, NO)
    if not budget["known"]:
        outcomes |= {IN_FLIGHT: UNKNOWN, KILLED: UNKNOWN}
    if budget["prestop"] is None:
        outcomes[FRESH] = UNKNOWN
    meanings = {meaning.rule: meaning for meaning in MEANINGS}
    unknown = [rule for rule in rules if rule not in meanings]
    if unknown:
        raise Refused(f"{variant.name}: what does {unknown[0]} mean for a drill? Say it in MEANINGS of {__file__}")
    certain = {outcome for rule in rules if mode in meanings[rule].modes for outcome in meanings[rule].outcomes}
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
    return [least, least + budget["drain"] if budget["known"] else None]
