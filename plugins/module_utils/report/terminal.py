# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for a person at a terminal: calm, aligned, bounded, and worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import (
    cells,
    count,
    number,
    pad,
    shorten,
    visible,
    wrap,
)
from ansible_collections.graceful.termination.plugins.module_utils.report.actions import (
    actions,
    aftermath,
    cost,
    in_waves,
    preflight,
)
from ansible_collections.graceful.termination.plugins.module_utils.report.causes import sources_line
from ansible_collections.graceful.termination.plugins.module_utils.report.entries import by_status, explanation
from ansible_collections.graceful.termination.plugins.module_utils.report.needs import declared
from ansible_collections.graceful.termination.plugins.module_utils.report.view import (
    MODES,
    Card,
    by_hand,
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
from ansible_collections.graceful.termination.plugins.module_utils.report.waivers import waived

_LEAST_WIDTH = 40
_BOLD, _DIM, _RED, _YELLOW, _GREEN, _CYAN = "1", "2", "31", "33", "32", "36"
_MARKS = {"error": ("ERROR", "E", _RED), "warning": ("WARN", "W", _YELLOW), "info": ("INFO", "i", _CYAN)}
_STATUS_COLORS = {"failed": _RED, "refused": _YELLOW, "skipped": _YELLOW, "changed": _GREEN, "would-change": _CYAN}
_STATUS_COLORS |= {"invalid": _RED, "expired": _YELLOW, "unused": _YELLOW}
# Every path of a change begins with one of these, which says nothing to a person.
_POD_PREFIXES = ("spec.template.spec.", "spec.jobTemplate.spec.template.spec.")


def render(
    report: Mapping[str, Any], *, width: int = 100, color: bool = False, limit: int = 20, hints: Sequence[str] = ()
) -> str:
    """A report.json dictionary as text that ends with a line end.

    `width` in columns; `color` adds SGR codes and nothing else; at most `limit` entries are shown of each list;
    `hints` are commands to run next, which are never cut.
    """
    page = _Page(max(width, _LEAST_WIDTH), color, limit)
    cards = read_cards(report)
    sections = [
        _head(report, page),
        *_blocks(cards, report["source"]["type"], page),
        _pairs("not judged", others(report), page),
        _pairs("not evaluated", not_evaluated(report), page),
        _concerning("notes", remarks(cards), page),
        _entries("drains", report["drains"], declared, page),
        _entries("waivers", report["waivers"], waived, page),
        _pairs("skipped", [(_skipped_where(entry), visible(entry["reason"])) for entry in report["skipped"]], page),
        _actions(report, page),
        _concerning("preflight", preflight(report), page),
        _closing(report, cards, hints, page),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Page:
    width: int
    color: bool
    limit: int

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text and code else text

    def hang(self, label: str, text: str, code: str = "") -> list[str]:
        """Text beside its label, at most three lines, all of them indented as the first one."""
        first, *rest = wrap(text, self.width - cells(label))
        return [(self.paint(label, code) + first).rstrip(), *(" " * cells(label) + line for line in rest)]

    def more(self, amount: int) -> list[str]:
        """The line that stands for what the limit left out of a list."""
        hidden = amount - self.limit
        return [self.paint(f"  … and {hidden:,} more in report.json", _DIM)] if hidden > 0 else []


def _head(report: Mapping[str, Any], page: _Page) -> list[str]:
    source, summary = report["source"], report["summary"]
    version = report["kubernetes_version"]
    words = [MODES[report["mode"]]]
    name = visible(source["name"])
    if source["type"] == "cluster":
        name += f" {visible(source.get('server_version') or version['value'])}"
        words.append(count(source["requests"], "request"))
    else:
        assumed = " (assumed)" if version["assumed"] else ""
        words.append(f"judged as Kubernetes {visible(version['value'])}{assumed}")
    total = (
        f"{summary['found']:,} found = {summary['workloads']:,} judged + {summary['excluded']:,} excluded"
        f" + {summary['unreadable']:,} unreadable{not_judged(summary)}"
    )
    return [*wrap(f"{name}, {', '.join(words)}", page.width), *wrap(total, page.width)]


def _blocks(cards: list[Card], source_type: str, page: _Page) -> list[list[str]]:
    worth = [card for card in cards if not card.clean]
    blocks = [_block(card, source_type, page) for card in worth[: page.limit]]
    tail = page.more(len(worth))
    infos = sum(card.worst == "info" for card in cards)
    if infos:
        tail.append(page.paint(f"  … and {count(infos, 'workload')} with infos only, in report.json", _DIM))
    return [*blocks, tail]


def _block(card: Card, source_type: str, page: _Page) -> list[str]:
    word, _mark, code = _MARKS[card.worst or "info"]
    name = shorten(object_name(card.workload), page.width - 6)
    about = shorten(describe(card.workload), page.width - 9 - cells(name)) if cells(name) < page.width - 20 else ""
    lines = [f"{page.paint(pad(word, 5), code)} {page.paint(name, _BOLD)}   {about}".rstrip()]
    lines += _budget(card, page)
    lines += _findings(card, page)
    if card.workload.get("owner"):
        lines += page.hang("  owner  ", visible(card.workload["owner"]))
    remedy = fix(card, source_type)
    if remedy:
        lines += page.hang("  fix    ", remedy)
    elif place(card.workload):
        lines += page.hang("  file   ", place(card.workload))
    for text in by_hand(card):
        lines += page.hang("  manual ", text)
    return lines


def _budget(card: Card, page: _Page) -> list[str]:
    budget, after = card.workload.get("budget"), card.workload.get("budget_after")
    if not budget:
        return []
    rows = [("now", budget)]
    if after and differs(budget, after):
        rows.append(("fixed", after))
    names = parts_of(row for _label, row in rows)
    widths = {key: max(len(number(row[key])) for _label, row in rows) for key in (*names, "required", "grace")}
    sign_width = max(len(compare(row)[0]) for _label, row in rows)
    verdict_width = max(len(compare(row)[1]) for _label, row in rows)
    lines = []
    for label, row in rows:
        sign, verdict = compare(row)
        parts = " + ".join(f"{name} {number(row[key]):>{widths[key]}}" for key, name in names.items())
        total = f"{sign:>{sign_width}} {number(row['required']):>{widths['required']}} s"
        limit = f"grace {number(row['grace']):>{widths['grace']}}"
        outcome = f" {verdict:>{verdict_width}} {limit}" if verdict else f", {limit}"
        code = _RED if verdict == ">" else _GREEN if verdict else ""
        lines.append(f"  {label:<6} {parts} {total}{page.paint(outcome, code)}")
    return lines + _sources(card, rows, page)


def _sources(card: Card, rows: list[tuple[str, Mapping[str, Any]]], page: _Page) -> list[str]:
    """Where the numbers come from; an unknown drain is listed once, under the notes."""
    texts = []
    budget = rows[0][1]
    if len(card.containers) > 1 and budget.get("container"):
        texts.append(("container", visible(budget["container"])))
    for _label, row in rows:
        for key, name in parts_of([row]).items():
            shown = row[key] != 0 or row["sources"][key].startswith("assumed")
            if key == "margin" or not shown or (key == "drain" and row[key] is None):
                continue
            if row is budget or row[key] != budget[key]:
                texts.append((f"{name} {number(row[key])}{' s' if row[key] is not None else ''}", row["sources"][key]))
    width = max((cells(label) for label, _text in texts), default=0)
    return [
        page.paint("    " + shorten(f"{pad(label, width)}  {visible(text)}", page.width - 4), _DIM)
        for label, text in texts
    ]


def _findings(card: Card, page: _Page) -> list[str]:
    grave = [finding for finding in card.open if finding["severity"] != "info"]
    infos = [visible(finding["rule"]) for finding in card.open if finding["severity"] == "info"]
    shown = grave[: page.limit]
    rules = [shorten(visible(finding["rule"]), 30) for finding in shown]
    width = max((cells(rule) for rule in rules), default=0)
    lines = []
    for rule, finding in zip(rules, shown, strict=True):
        _word, mark, code = _MARKS[finding["severity"]]
        text = message(finding)
        if len(card.containers) > 1 and finding.get("container"):
            text = f"{visible(finding['container'])}: {text}"
        first, *rest = wrap(text, page.width - width - 6, 4)
        lines.append(f"  {page.paint(mark, code)} {pad(rule, width)}  {first}".rstrip())
        lines += [f"{'':{width + 6}}{line}" for line in rest]
    lines += page.more(len(grave))
    if infos:
        # Hygiene gets one line beside what loses requests; the report has its messages.
        lines += page.hang("  i ", ", ".join(dict.fromkeys(infos)), _CYAN)
    return lines


def _pairs(title: str, rows: list[tuple[str, str]], page: _Page) -> list[str]:
    if not rows:
        return []
    # A place that is cut is hard to find: one that needs more than half of the line has it for itself.
    width = max((cells(label) for label, _text in rows if cells(label) <= page.width // 2), default=0)
    lines = [page.paint(title, _BOLD)]
    for label, text in rows[: page.limit]:
        if cells(label) > width:
            lines.append(f"  {shorten(label, page.width - 2)}")
            lines += page.hang("    ", text)
        else:
            lines += page.hang(f"  {pad(label, width)}  ", text)
    return lines + page.more(len(rows))


def _concerning(title: str, rows: list[tuple[str, str]], page: _Page) -> list[str]:
    lines = [page.paint(title, _BOLD)] if rows else []
    for text, concerned in rows[: page.limit]:
        lines += page.hang("  - ", f"{text} ({concerned})")
    return lines + page.more(len(rows))


def _entries(
    title: str, listed: Sequence[Mapping[str, Any]], what: Callable[[Mapping[str, Any]], str], page: _Page
) -> list[str]:
    counts, entries = by_status(listed)
    lines = [f"{page.paint(title, _BOLD)}  {counts}"] if entries else []
    shown = [entry for entry in entries if entry["status"] != "unjudged"]
    for entry in shown[: page.limit]:
        status = f"  {pad(visible(entry['status']), 7)}  "
        lines += page.hang(status, what(entry), _STATUS_COLORS.get(entry["status"], ""))
        lines += page.hang(" " * cells(status), explanation(entry))
    return lines + page.more(len(shown))


def _skipped_where(entry: Mapping[str, Any]) -> str:
    return place(entry) or visible(entry.get("object") or "unnamed")


def _actions(report: Mapping[str, Any], page: _Page) -> list[str]:
    if report["mode"] == "audit":
        return []
    counts, rows = actions(report)
    waves = in_waves(report)
    lines = [f"{page.paint('actions', _BOLD)}  {counts}"]
    width = max((cells(visible(row["status"])) for row in rows[: page.limit]), default=0)
    for row in rows[: page.limit]:
        status = f"  {pad(visible(row['status']), width)}  "
        where = f"  {place(row)}" if place(row) else ""
        lines += page.hang(status, visible(row["object"]) + where, _STATUS_COLORS.get(row["status"], ""))
        for detail in (
            ", ".join(_short_path(path) for path in row.get("fields") or ()),
            ", ".join(f"{_short_path(path)} rolled back" for path in row.get("restored") or ()),
            visible(aftermath(row, waves=waves)),
        ):
            if detail:
                lines += page.hang(" " * cells(status), detail)
    lines += page.more(len(rows))
    if cost(report):
        lines += page.hang("  ", visible(cost(report)))
    if report["source"]["type"] == "manifests" and any(row["status"] in ("changed", "would-change") for row in rows):
        lines += page.hang("  ", "edits take effect when they are applied; the first rollout still runs the old spec")
    return lines


def _short_path(path: str) -> str:
    text = visible(path)
    for prefix in _POD_PREFIXES:
        text = text.removeprefix(prefix)
    return text


def _closing(report: Mapping[str, Any], cards: list[Card], hints: Sequence[str], page: _Page) -> list[str]:
    lines = wrap(tally(cards), page.width)
    for text in (totals(report), sources_line(report)):
        if text:
            lines += wrap(text, page.width)
    for index, hint in enumerate(hints):
        lines.append(f"{page.paint('next', _BOLD) if index == 0 else '    '}   {visible(hint)}")
    return lines
