# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as GitHub flavoured Markdown: everything with a finding, with numbers, sources and snippets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, number, visible
from ansible_collections.graceful.termination.plugins.module_utils.report.actions import (
    actions,
    aftermath,
    cost,
    in_waves,
    preflight,
)
from ansible_collections.graceful.termination.plugins.module_utils.report.causes import cause_rows
from ansible_collections.graceful.termination.plugins.module_utils.report.entries import by_status
from ansible_collections.graceful.termination.plugins.module_utils.report.view import (
    MODES,
    SEVERITIES,
    Card,
    compare,
    describe,
    differs,
    fix,
    message,
    not_evaluated,
    not_judged,
    object_name,
    others,
    parts_of,
    place,
    read_cards,
    remarks,
    tally,
    totals,
)
from ansible_collections.graceful.termination.plugins.module_utils.report.waivers import written

_LEGEND = """## How to read this

- **Budget**: a pod has its grace period (`terminationGracePeriodSeconds`) from the deletion request to SIGKILL. The
  preStop hook, the application's drain (finishing what is in flight after SIGTERM) and native sidecars share it.
  required = preStop + drain + sidecar + margin, in seconds; more than grace means that something is killed.
- **?** is a time that is not declared. The sum is then a lower bound (≥), without a verdict unless it already exceeds
  grace.
- **error**: a certain loss, or a mechanism that cannot work. **warning**: a loss under load or in a race. **info**:
  worth knowing, never patched. **clean**: neither error nor warning, as far as this run could see.
- **remediable**: `remediate` makes this change automatically. What a person must do comes with the reason and, if one
  can be rendered, a snippet."""
# Inert inside a code span, also in a table; anything else is escaped as prose.
_PLAIN_CODE = re.compile(r"[A-Za-z0-9_./:@=,+()\[\]#-]+( [A-Za-z0-9_./:@=,+()\[\]#-]+)*")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;"}
# GitHub makes links of addresses, mentions and issue numbers in plain text; an invisible joiner stops that.
_JOINT = "\u200b"
_AUTOLINKS = re.compile(r"(?i)(@|#(?=\w)|/(?=/)|www(?=\.)|(?:mailto|xmpp):)")
_ESCAPES = str.maketrans(_ENTITIES | {_JOINT: "&#8203;"} | {char: f"\\{char}" for char in "`*_[]~$"})


_NEED_COLUMNS = ("status", "object", "seconds", "reason", "until", "workloads", "note", "from")
_WAIVER_COLUMNS = ("status", "rule", "object", "reason", "until", "findings", "note", "from")


def render(report: Mapping[str, Any]) -> str:
    """A report.json dictionary as Markdown that ends with a line end."""
    cards = read_cards(report)
    source_type = report["source"]["type"]
    sections = [*_head(report, cards), *_causes(report)]
    worth = [card for card in cards if not card.clean]
    if worth:
        sections.append("## Workloads")
        sections += [_workload(card, source_type) for card in worth]
    rest = [card for card in cards if card.clean and (card.open or card.suppressed)]
    if rest:
        sections.append(f"<details><summary>{count(len(rest), 'workload')} with infos or suppressions only</summary>")
        sections += [*(_workload(card, source_type) for card in rest), "</details>"]
    sections += _section("Notes", _table(("what", "where"), (map(_text, row) for row in remarks(cards))))
    sections += _section("Not judged", _table(("what", "why"), (map(_text, row) for row in others(report))))
    # Several rules share an entry as "6 rules": that is no id.
    unevaluated = ((_text(rule) if " " in rule else _code(rule), _text(why)) for rule, why in not_evaluated(report))
    sections += _section("Not evaluated", _table(("rule", "why"), unevaluated))
    sections += _section("Declared drains", _table(_NEED_COLUMNS, map(_need, by_status(report["drains"])[1]), "  r  r"))
    sections += _section("Waivers", _table(_WAIVER_COLUMNS, map(_waiver, by_status(report["waivers"])[1]), "     r"))
    sections += _section("Skipped", _table(("where", "why"), map(_skipped, report["skipped"])))
    sections += _actions(report)
    sections += _section("Preflight", _table(("what", "where"), (map(_text, row) for row in preflight(report))))
    sections.append(_LEGEND)
    return "\n\n".join(sections) + "\n"


def _text(value: object) -> str:
    """Untrusted prose: shown as is, but never interpreted as markup, as a link or as the end of a cell."""
    return _AUTOLINKS.sub(rf"\1{_JOINT}", visible(value)).translate(_ESCAPES)


def _code(value: object) -> str:
    """An untrusted name, as code if nothing in it could end the code."""
    text = visible(value)
    return f"`{text}`" if _PLAIN_CODE.fullmatch(text) else _text(text)


def _fenced(text: str) -> str:
    """A YAML block whose fence no line of the text can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = "\n".join(visible(line) for line in text.rstrip("\n").split("\n"))
    return f"{fence}yaml\n{body}\n{fence}"


def _table(titles: Sequence[str], rows: Iterable[Iterable[str]], align: str = "") -> str:
    """A table of cells that are Markdown already; `align` has an r for each column of numbers. Empty without rows."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    rule = "|".join("---:" if mark == "r" else "---" for mark in align.ljust(len(titles)))
    return "\n".join([f"| {' | '.join(titles)} |", f"|{rule}|", *lines]) if lines else ""


def _section(title: str, *bodies: str) -> list[str]:
    return [f"## {title}", *filter(None, bodies)] if any(bodies) else []


def _head(report: Mapping[str, Any], cards: list[Card]) -> list[str]:
    source, summary, version = report["source"], report["summary"], report["kubernetes_version"]
    kubernetes = _text(source.get("server_version") or version["value"]) + (" (assumed)" if version["assumed"] else "")
    facts = [
        ("source", f"{_code(source['name'])} ({_text(source['type'])})"),
        ("mode", _text(f"{report['mode']}: {MODES[report['mode']]}")),
        ("Kubernetes", kubernetes),
        ("generated", f"{_text(report['generated_at'])} by graceful.termination {_text(report['version'])}"),
    ]
    if source["type"] == "cluster":
        facts.append(("requests", number(source["requests"])))
    keys = ("found", "workloads", "excluded", "unreadable")
    titles, cells = ["found", "= judged", "+ excluded", "+ unreadable"], [number(summary[key]) for key in keys]
    if others := not_judged(summary):
        titles.append("+ not judged")
        cells.append(_text(others.removeprefix(" + ").replace(" not judged", "")))
    counts = _table(titles, [cells], "r" * len(titles))
    sums = [f"- {_text(line)}" for line in (tally(cards), totals(report)) if line]
    return ["# Graceful termination report", _table(("", ""), facts), counts, "\n".join(sums)]


def _workload(card: Card, source_type: str) -> str:
    workload = card.workload
    facts = [("about", _text(describe(workload))), ("file", _code(place(workload)) if place(workload) else "")]
    facts += [("owner", _text(workload.get("owner") or "")), ("fix", _text(fix(card, source_type) or ""))]
    facts += [("note", _text(note)) for note in workload.get("notes") or ()]
    parts = [
        f"### {(card.worst or 'suppressed').upper()} {_code(object_name(workload))}",
        "\n".join(f"- {name}: {value}" for name, value in facts if value),
        _budget(workload),
        _table(
            ("severity", "rule", "container", "what is lost", "field", "remedy"),
            (_finding(finding) for finding in (*card.open, *card.suppressed)),
        ),
    ]
    snippets: dict[str, list[str]] = {}
    for finding in card.open:
        if finding.get("snippet"):
            where = f" in {_code(finding['container'])}" if finding.get("container") else ""
            snippets.setdefault(finding["snippet"], []).append(_code(finding["rule"]) + where)
    for snippet, rules in snippets.items():
        parts += [f"Snippet for {', '.join(rules)}:", _fenced(snippet)]
    return "\n\n".join(filter(None, parts))


def _budget(workload: Mapping[str, Any]) -> str:
    budget, after = workload.get("budget"), workload.get("budget_after")
    if not budget:
        return ""
    columns = [budget, after] if after and differs(budget, after) else [budget]
    rows = [
        [name, *(_seconds(one[key]) for one in columns), _source(columns, key)]
        for key, name in parts_of(columns).items()
    ]
    limiting = f"container {_code(budget['container'])}" if budget.get("container") else ""
    sums = [("≥ " if not one["known"] else "") + _seconds(one["required"]) for one in columns]
    rows.append(["**required**", *(f"**{total}**" for total in sums), limiting])
    rows.append(["**grace**", *(f"**{_seconds(one['grace'])}**" for one in columns), _source(columns, "grace")])
    rows.append(["verdict", *(_verdict(one) for one in columns), ""])
    titles = ["budget", "now", *["fixed"][: len(columns) - 1], "source"]
    return _table(titles, rows, " " + "r" * len(columns))


def _seconds(value: float | None) -> str:
    return f"{number(value)} s" if value is not None else "?"


def _source(columns: Sequence[Mapping[str, Any]], key: str) -> str:
    texts = dict.fromkeys(_text(one["sources"][key]) for one in columns)
    return "; fixed: ".join(texts)


def _verdict(budget: Mapping[str, Any]) -> str:
    verdict = compare(budget)[1]
    words = {">": "too long", "=": "fits exactly", "<=": "fits", "": "not known"}
    return f"**{words[verdict]}**" if verdict == ">" else words[verdict]


def _finding(finding: Mapping[str, Any]) -> list[str]:
    remedy = "automatic" if finding["remedy"] == "auto" else "by hand"
    if finding["status"] != "open":
        remedy = _text(finding["status"])
    if finding.get("reason"):
        remedy += f": {_text(finding['reason'])}"
    waiver = finding["waiver"]
    if waiver:
        remedy += _text(
            f" (until {waiver['until']}, {waiver['source']})" if waiver["until"] else f" ({waiver['source']})"
        )
    field = _code(finding["path"]) if finding.get("path") else ""
    if finding.get("file") and finding.get("line"):
        field += f" line {finding['line']}"
    container = _code(finding["container"]) if finding.get("container") else ""
    severity = f"**{finding['severity']}**" if finding["severity"] == "error" else finding["severity"]
    return [severity, _code(finding["rule"]), container, _text(message(finding)), field, remedy]


def _causes(report: Mapping[str, Any]) -> list[str]:
    rows = (
        [_text(source), number(workloads), *(number(findings[severity]) for severity in SEVERITIES), _text(rules)]
        for source, workloads, findings, rules in cause_rows(report)
    )
    table = _table(("source", "workloads", *(f"{severity}s" for severity in SEVERITIES), "rules"), rows, " rrrr")
    return _section("Where the findings come from", table)


def _need(entry: Mapping[str, Any]) -> list[str]:
    reason, until, note = (_text(entry[key] or "") for key in ("reason", "until", "note"))
    what = [_code(entry["object"]), number(entry["seconds"]), reason, until]
    return [_status(entry), *what, number(entry["workloads"]), note, _code(entry["source"])]


def _waiver(entry: Mapping[str, Any]) -> list[str]:
    reason, until, note = (_text(entry[key] or "") for key in ("reason", "until", "note"))
    what = [_code(entry["rule"]), _code(entry["object"]), reason, until]
    return [_status(entry), *what, number(entry["findings"]), note, _code(written(entry))]


def _status(entry: Mapping[str, Any]) -> str:
    return f"**{entry['status']}**" if entry["status"] in ("invalid", "expired", "unused") else entry["status"]


def _skipped(entry: Mapping[str, Any]) -> list[str]:
    return [_code(place(entry) or entry.get("object") or "unnamed"), _text(entry["reason"])]


def _actions(report: Mapping[str, Any]) -> list[str]:
    if report["mode"] == "audit":
        return []
    counts, listed = actions(report)
    waves = in_waves(report)
    rows = (
        [
            _text(row["status"]),
            _code(row["object"]),
            _code(place(row)) if place(row) else "",
            ", ".join(_code(path) for path in row.get("fields") or ()),
            "; ".join(filter(None, (_restored(row), _text(aftermath(row, waves=waves))))),
        ]
        for row in listed
    )
    total = f"In total: {_text(counts)}."
    if cost(report):
        total += f" {_text(cost(report))}."
    return _section("Actions", total, _table(("status", "object", "file", "fields", "reason"), rows))


def _restored(row: Mapping[str, Any]) -> str:
    paths = row.get("restored") or ()
    return f"rolled back {', '.join(_code(path) for path in paths)}" if paths else ""
