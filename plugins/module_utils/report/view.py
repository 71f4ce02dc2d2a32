# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every human format shows: workloads with their findings, worst first, and sentences about them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, listing, number, visible
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import key_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import why_not_judged

SEVERITIES = ("error", "warning", "info")
PARTS = {"prestop": "preStop", "drain": "drain", "sidecar": "sidecar", "margin": "margin"}
_OWN_DELAY = {"own_delay": "own delay"}
MODES = {
    "audit": "read only",
    "check": "check mode, nothing written: the state now, and what the real run would do",
    "remediate": "the state after the remediation",
}
_TRAITS = {
    "external-lb": "behind a load balancer",
    "headless-only": "headless",
    "lb-ip-targets": "IP targets",
    "scaled-to-zero": "scaled to zero",
    "host-port": "host port",
}


@dataclass
class Card:
    """One workload with its findings. `judged` is False for an object that only findings name."""

    workload: Mapping[str, Any]
    judged: bool = True
    open: list[Mapping[str, Any]] = field(default_factory=list)
    suppressed: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def worst(self) -> str | None:
        """The severity of its worst open finding, or None."""
        return self.open[0]["severity"] if self.open else None

    @property
    def clean(self) -> bool:
        """Neither error nor warning."""
        return self.worst in (None, "info")

    @property
    def drain_unknown(self) -> bool:
        """Whether the drain in its budget is not declared."""
        budget = self.workload.get("budget")
        return self.judged and budget is not None and budget["drain"] is None

    @property
    def patchable(self) -> list[Mapping[str, Any]]:
        """Its open errors and warnings: infos are shown, never patched."""
        return [finding for finding in self.open if finding["severity"] != "info"]

    @property
    def containers(self) -> set[str]:
        """The containers to distinguish."""
        named = {finding.get("container") for finding in (*self.open, *self.suppressed)}
        named.add((self.workload.get("budget") or {}).get("container"))
        return {name for name in named if name}


def read_cards(report: Mapping[str, Any]) -> list[Card]:
    """All workloads of a report, worst first, each with its findings, worst first. No finding is left out."""
    cards = [Card(workload) for workload in report["workloads"]]
    named: dict[tuple[Any, ...], list[Card]] = {}
    for card in cards:
        named.setdefault(_identity(card.workload), []).append(card)
    for finding in report["findings"]:
        twins = named.setdefault(_identity(finding), [])
        if not twins:
            twins.append(Card(finding, judged=False))
            cards.append(twins[0])
        # A file may hold an object twice: a finding belongs to the last one that begins before it.
        before = [card for card in twins if _line(card.workload) <= _line(finding)] or twins[:1]
        card = max(before, key=lambda twin: _line(twin.workload))
        (card.open if finding["status"] == "open" else card.suppressed).append(finding)
    for card in cards:
        card.open.sort(key=_finding_order)
        card.suppressed.sort(key=_finding_order)
    return sorted(cards, key=_card_order)


def parts_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The parts of the sum in these budgets, and how they are called; a server's own delay only where one has it."""
    own = _OWN_DELAY if any(row.get("own_delay") for row in rows) else {}
    return {"prestop": PARTS["prestop"]} | own | PARTS


def differs(budget: Mapping[str, Any], after: Mapping[str, Any] | None) -> bool:
    """Whether a remedy changes the budget at all."""
    return after is not None and any(budget[key] != after[key] for key in (*PARTS, "grace"))


def compare(budget: Mapping[str, Any]) -> tuple[str, str]:
    """(`=`, or `>=` where the sum is a lower bound; how it compares to grace, empty if unknown)."""
    required, grace = budget["required"], budget["grace"]
    if required > grace:
        verdict = ">"
    elif not budget["known"]:
        verdict = ""
    else:
        verdict = "=" if required == grace else "<="
    return "=" if budget["known"] else ">=", verdict


def object_name(subject: Mapping[str, Any]) -> str:
    """Such as shop/Deployment/checkout."""
    return visible("/".join(str(subject[key]) for key in ("namespace", "kind", "name") if subject.get(key)))


def place(subject: Mapping[str, Any]) -> str:
    """Such as shop/checkout.yaml:12, with the Kustomize root that built it; empty for objects from a cluster."""
    file, environment = subject.get("file"), subject.get("environment")
    if not file:
        return ""
    built = f" ({environment})" if environment and environment != (os.path.dirname(file) or ".") else ""
    return visible(f"{file}:{subject['line']}{built}" if subject.get("line") else f"{file}{built}")


def describe(workload: Mapping[str, Any]) -> str:
    """Such as `6 replicas, serving, behind a load balancer`."""
    words = [] if workload.get("replicas") is None else [count(workload["replicas"], "replica")]
    profile = workload.get("profile")
    if profile:
        words.append("profile unknown" if profile == "unknown" else profile)
    return visible(", ".join(words + [_TRAITS.get(trait, trait) for trait in workload.get("traits") or ()]))


def fix(card: Card, source_type: str) -> str | None:
    """The effect of the automatic remedy on pods and files; None without one."""
    if not any(finding["remedy"] == "auto" for finding in card.patchable):
        return None
    workload = card.workload
    restarts, budget = workload.get("pods_restarted"), workload.get("budget")
    template = restarts is not None or (budget is not None and differs(budget, workload.get("budget_after")))
    live = source_type == "cluster"
    if not template:
        effect = "no pod restarts"
    elif workload["kind"] == "CronJob":
        effect = "the next run gets it, a running one keeps the old spec"
    elif not live:
        effect = "the first rollout still runs the old spec"
    elif restarts == 0:
        effect = "no pod restarts now"
    else:
        pods = "pods restart" if restarts is None else count(restarts, "pod restarts", "pods restart")
        effect = f"{pods}; the first restart still runs the old spec"
    return effect if live or not place(workload) else f"edits {place(workload)}; {effect}"


def by_hand(card: Card) -> list[str]:
    """What a person must do: `rule, rule: why`, one entry for each reason."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for finding in card.patchable:
        if finding["remedy"] == "manual":
            groups.setdefault(visible(finding.get("reason") or ""), []).append(finding)
    texts = []
    for why, findings in groups.items():
        rules = ", ".join(dict.fromkeys(visible(finding["rule"]) for finding in findings))
        help_text = "snippet in the report" if any(finding.get("snippet") for finding in findings) else ""
        explanation = "; ".join(part for part in (why, help_text) if part)
        texts.append(f"{rules}: {explanation}" if explanation else rules)
    return texts


def tally(cards: Iterable[Card]) -> str:
    """Each judged workload counted once by its worst open finding, and how many have an unknown drain."""
    judged = [card for card in cards if card.judged]
    if not judged:
        return "0 workloads judged: this is not an all-clear"
    worst = Counter(card.worst for card in judged)
    clean = sum(card.clean for card in judged)
    if clean == len(judged):
        text = f"{count(len(judged), 'workload')}: no errors, no warnings"
    else:
        text = f"{count(len(judged), 'workload')}: {worst['error']:,} with errors, {worst['warning']:,} with warnings"
        text += f", {clean:,} clean"
    unknown = sum(card.drain_unknown for card in judged)
    if unknown:
        text += f"; drain unknown for {number(unknown)}"
        among = sum(card.drain_unknown and card.clean for card in judged)
        if among and clean < len(judged):
            text += f", {number(among)} of them counted clean"
    return text


def totals(report: Mapping[str, Any]) -> str:
    """The findings in one line; empty when there are none."""
    found, summary = report["summary"]["findings"], report["summary"]
    parts = []
    total = sum(found[severity] for severity in SEVERITIES)
    if total:
        kinds = ", ".join(count(found[severity], severity) for severity in SEVERITIES)
        parts.append(f"{count(total, 'open finding')}: {kinds}; {summary['remediable']:,} remediable")
    if summary["suppressed"]:
        parts.append(f"{summary['suppressed']:,} suppressed")
    baseline = report["baseline"]
    if baseline and baseline["compared"]:
        parts.append(f"{baseline['new']:,} new since the last report")
    if baseline and baseline["not_compared"]:
        parts.append(f"{baseline['not_compared']:,} not compared: the last report did not judge them")
    return "; ".join(parts)


def message(finding: Mapping[str, Any]) -> str:
    """What is lost, and whether an earlier report did not have it."""
    return f"{'new: ' if finding['new'] else ''}{visible(finding['message'])}"


def not_judged(summary: Mapping[str, Any]) -> str:
    """The term of the sum for what runs pods and is not judged, by kind; empty where there is none."""
    kinds = summary.get("not_judged") or {}
    if not kinds:
        return ""
    named = ", ".join(f"{visible(kind)} {number:,}" for kind, number in kinds.items())
    return f" + {sum(kinds.values()):,} not judged ({named})"


def others(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(kind with its number, what to do) of what runs pods and is not judged."""
    kinds = report["summary"].get("not_judged") or {}
    return [(f"{visible(kind)} {number:,}", why_not_judged(kind)) for kind, number in kinds.items()]


def not_evaluated(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(rule, why and where); rules that lack the same thing in the same place share one entry."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in report["not_evaluated"]:
        groups.setdefault((visible(entry.get("rule") or "all rules"), visible(entry["reason"])), []).append(entry)
    rows: dict[str, list[str]] = {}
    for (rule, reason), entries in sorted(groups.items()):
        # Only there does `count` count workloads; elsewhere the scope itself says how much was not seen.
        judged = sum(entry["count"] for entry in entries if entry["scope"] == "workloads")
        scopes = sorted({visible(entry["scope"]) for entry in entries} - {"workloads"})
        detail = ", ".join([count(judged, "workload")] * bool(judged) + [listing(scopes)] * bool(scopes))
        rows.setdefault(f"{reason} ({detail})" if detail else reason, []).append(rule)
    return [
        (rules[0], text) if len(rules) == 1 else (f"{len(rules)} rules", f"{text}: {', '.join(rules)}")
        for text, rules in rows.items()
    ]


def remarks(cards: Iterable[Card]) -> list[tuple[str, str]]:
    """(text, whom it concerns): notes and unknown parts of budgets, each text once, the most frequent first."""
    about: dict[str, list[str]] = {}
    for card in cards:
        texts = [visible(note) for note in card.workload.get("notes") or ()]
        budget = card.workload.get("budget")
        if budget and budget["drain"] is None:
            texts.append(f"drain {visible(budget['sources']['drain'])}")
        if budget and budget["sources"].get("unknown"):
            texts.append(visible(budget["sources"]["unknown"]))
        for text in texts:
            about.setdefault(text, []).append(object_name(card.workload))
    return ranked(about)


def ranked(about: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """(text, whom it concerns), the most frequent text first."""
    texts = sorted(about.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(text, names[0] if len(names) == 1 else count(len(names), "workload")) for text, names in texts]


def _identity(subject: Mapping[str, Any]) -> tuple[Any, ...]:
    # Duplicates in one file are distinguished by line: a report has no document numbers.
    return key_in(subject), subject.get("file"), subject.get("environment")


def _line(subject: Mapping[str, Any]) -> int:
    return subject.get("line") or 0


def rank(value: str, order: tuple[str, ...]) -> int:
    """The position of a value in an order; other values come last."""
    return order.index(value) if value in order else len(order)


def _finding_order(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return rank(finding["severity"], SEVERITIES), finding["rule"], finding.get("container") or "", _line(finding)


def _card_order(card: Card) -> tuple[Any, ...]:
    amounts = Counter(finding["severity"] for finding in card.open)
    worst = rank(card.worst or "", SEVERITIES)
    return worst, -amounts["error"], -amounts["warning"], object_name(card.workload), place(card.workload)
