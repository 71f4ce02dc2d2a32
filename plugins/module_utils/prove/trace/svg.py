# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trace as a drawing: one row for each endpoint, container and pod, over the seconds since the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import shorten, visible, wrap

_WIDTH, _LEFT, _RIGHT = 960, 236, 924  # pixels; the plot is between the last two
_ROW, _BAR = 34, 16
_LABEL = 28  # columns of a row's label
_LINE = 132  # columns of a line over the whole width
_TICKS = 8
_ROW_LIMIT = 30
_INK, _FAINT, _GRID = "#1f2933", "#667480", "#e3e8ec"
_READY, _GOING, _HOOK, _DRAIN, _CLEANUP, _VAGUE = "#2f9e5b", "#e0a526", "#4573d2", "#8a63d2", "#b8c2cb", "#9aa7b3"
_BAD = "#cf3f3f"
_LEVELS = {"error": _BAD, "warning": "#c77c11", "unknown": "#c77c11", "info": _HOOK, "ok": _READY}
_LEGEND = (
    (_READY, "ready"),
    (_GOING, "terminating"),
    (_HOOK, "preStop"),
    (_DRAIN, "SIGTERM to end"),
    (_VAGUE, "preStop or drain, unknown which"),
    (_CLEANUP, "starting, or cleaning up"),
)


@dataclass(frozen=True, slots=True)
class _Bar:
    start: float
    end: float
    color: str
    title: str


@dataclass(frozen=True, slots=True)
class _Row:
    """`end`: a mark and its label at the end of the last piece."""

    label: str
    bars: tuple[_Bar, ...]
    end: tuple[float, str, str] | None = None  # seconds, label, color


def draw(document: Mapping[str, Any]) -> str:
    """An SVG document. All text in it is escaped: names come from a cluster."""
    rows = list(_rows(document))
    hidden, rows = len(rows) - _ROW_LIMIT, rows[:_ROW_LIMIT]
    derived, grace = document["derived"], document["derived"]["grace_seconds"]
    ends = [piece.end for row in rows for piece in row.bars] + [grace or 0.0, derived["removed_seconds"] or 0.0, 1.0]
    span = max(ends) * 1.17  # room for the label at the end of a bar
    lines = wrap(visible(document["verdict"]["text"]), _LINE, 3) if document["verdict"]["text"] else []
    top = 84 + 17 * len(lines)
    bottom = top + _ROW * len(rows)

    def x(seconds: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * min(max(seconds, 0.0), span) / span, 1)

    parts = [*_head(document, lines), *_axis(span, x, top, bottom)]
    for index, row in enumerate(rows):
        parts += _row(row, x, top + index * _ROW)
    if grace is not None:
        at = x(float(grace))
        parts.append(f'<line x1="{at}" x2="{at}" y1="{top - 6}" y2="{bottom}" stroke="{_BAD}" stroke-dasharray="4 3"/>')
        anchor = "end" if at > _RIGHT - 90 else "start"
        parts.append(
            _text(at + (-5 if anchor == "end" else 5), top - 8, f"grace {grace} s", _BAD, anchor=anchor, size=11)
        )
    height = bottom + 84
    parts += _foot(bottom, {piece.color for row in rows for piece in row.bars}, hidden)
    label = escape(visible(f"Termination of pod {document['pod']['name']}: {document['verdict']['title']}"), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" aria-label="{label}" font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(
    x: float, y: float, text: str, color: str = _INK, *, size: int = 13, weight: int = 400, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{color}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(visible(text))}</text>"
    )


def _head(document: Mapping[str, Any], lines: list[str]) -> Iterator[str]:
    pod, verdict, derived = document["pod"], document["verdict"], document["derived"]
    yield _text(24, 30, shorten(visible(f"{pod['namespace']}/{pod['name']}"), 84), size=17, weight=600)
    used = derived["grace_used_percent"]
    about = [
        document["mode"],
        pod["workload"] or "no workload",
        f"grace {pod['grace']} s" + (f", {used} % used" if used is not None else ""),
        document["generated_at"][:19].replace("T", " ") + " UTC",
    ]
    if document["status"] != "complete":
        about.append(document["status"])
    yield _text(24, 49, shorten(visible("  ·  ".join(about)), _LINE), _FAINT, size=12)
    color = _LEVELS[verdict["level"]]
    title = f"{verdict['container']}: {verdict['title']}" if verdict["container"] else verdict["title"]
    yield f'<circle cx="30" cy="68" r="5" fill="{color}"/>'
    yield _text(42, 73, shorten(visible(title), 100), color, size=14, weight=600)
    for index, line in enumerate(lines):
        yield _text(42, 91 + 17 * index, line, _FAINT, size=12)


def _axis(span: float, x: Any, top: int, bottom: int) -> Iterator[str]:
    step = next((each for each in _nice() if span / each <= _TICKS), span)
    tick = 0.0
    while tick <= span:
        at = x(tick)
        yield f'<line x1="{at}" x2="{at}" y1="{top}" y2="{bottom}" stroke="{_GRID}"/>'
        yield _text(at, bottom + 17, f"{tick:g} s", _FAINT, size=11, anchor="middle")
        tick = round(tick + step, 6)


def _nice() -> Iterator[float]:
    for power in range(8):
        for each in (0.1, 0.2, 0.5):
            yield each * 10**power


def _row(row: _Row, x: Any, top: int) -> Iterator[str]:
    middle = top + _ROW // 2
    yield _text(_LEFT - 12, middle + 4, shorten(visible(row.label), _LABEL), anchor="end", size=12)
    for piece in row.bars:
        start, width = x(piece.start), max(2.0, round(x(piece.end) - x(piece.start), 1))
        yield (
            f'<rect x="{start}" y="{middle - _BAR // 2}" width="{width}" height="{_BAR}" rx="3" fill="{piece.color}">'
            f"<title>{escape(visible(piece.title))}</title></rect>"
        )
    if row.end is not None:
        seconds, label, color = row.end
        at = x(seconds)
        yield f'<circle cx="{at}" cy="{middle}" r="5" fill="{color}" stroke="#ffffff" stroke-width="1.5"/>'
        yield _text(at + 10, middle + 4, label, color, size=11, weight=600)


def _rows(document: Mapping[str, Any]) -> Iterator[_Row]:
    derived = document["derived"]
    times = {(step["name"], step["subject"]): step["seconds"] for step in document["steps"]}
    removed = derived["removed_seconds"]
    last = removed or max((step["seconds"] or 0.0 for step in document["steps"]), default=0.0)
    reported = derived["end_reported_seconds"]
    for service in document["pod"]["services"]:
        unready, unserving = (times.get((f"endpoint not {word}", service)) for word in ("ready", "serving"))
        gone = unserving if unserving is not None else last
        bars = [_Bar(0.0, unready if unready is not None else gone, _READY, "ready endpoint")]
        if unready is not None:
            bars.append(_Bar(unready, max(gone, unready), _GOING, "terminating, still served"))
        yield _Row(f"endpoint {service}", tuple(bars))
    for container in document["containers"]:
        if not container["ended_before"]:
            yield _container(container, times, reported if reported is not None else last)
    bars = [_Bar(0.0, reported if reported is not None else last, _GOING, "containers stop")]
    if reported is not None and removed is not None:
        bars.append(_Bar(reported, removed, _CLEANUP, f"cleanup {derived['cleanup_seconds']:g} s"))
    yield _Row("pod object", tuple(bars), (removed, "removed", _FAINT) if removed is not None else None)
    new = next((step for step in document["steps"] if step["name"] == "replacement appears"), None)
    if new is not None:
        ready = derived["replacement_ready_seconds"]
        bars = [_Bar(new["seconds"], ready if ready is not None else last, _CLEANUP, "starts")]
        if ready is not None:
            bars.append(_Bar(ready, max(last, ready + 0.02 * last), _READY, f"ready after {ready:g} s"))
        yield _Row("replacement", tuple(bars))


def _container(container: Mapping[str, Any], times: Mapping[tuple[str, str], Any], latest: float) -> _Row:
    name = container["name"]
    begin = next((at for (step, subject), at in times.items() if subject == name and "begin" in step), None) or 0.0
    end = min(container["seconds"] if container["seconds"] is not None else latest, latest)
    if container["exit_code"] == 137:
        end = max(end, min(latest, times.get(("SIGKILL", name)) or end))
    end = max(end, begin)
    signal, cut = times.get(("SIGTERM", name)), container["prestop"]["result"] == "overran"
    if signal is not None:
        signal = min(signal, end)
        bars = [_Bar(begin, signal, _HOOK, "preStop")] if signal - begin > 0.005 else []
        bars.append(_Bar(signal, end, _DRAIN, "SIGTERM to end"))
    else:
        bars = [_Bar(begin, end, _HOOK if cut else _VAGUE, "preStop" if cut else "preStop and drain")]
    code = container["exit_code"]
    color = {"passed": _READY, "failed": _BAD}.get(container["result"], _FAINT)
    label = "end not observed" if code is None else f"exit {code}"
    return _Row(name, tuple(bars), (end, label, _FAINT if container["role"] == "native sidecar" else color))


def _foot(bottom: int, used: set[str], hidden: int) -> Iterator[str]:
    at = 24.0
    for color, label in (entry for entry in _LEGEND if entry[0] in used):
        yield f'<rect x="{at}" y="{bottom + 36}" width="12" height="12" rx="2" fill="{color}"/>'
        yield _text(at + 18, bottom + 46, label, _FAINT, size=11)
        at += 38 + 6.1 * len(label)
    more = f"; {hidden} more rows are in the JSON file" if hidden > 0 else ""
    yield _text(
        24,
        bottom + 70,
        "Ends of containers are exact to about a second, arrivals to a millisecond. When proxies and load balancers "
        f"followed is not observable{more}.",
        _FAINT,
        size=11,
    )
