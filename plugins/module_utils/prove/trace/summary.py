# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace for a person at a terminal: the verdict, then what happened when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import cells, pad, shorten, visible, wrap

_LEAST_WIDTH = 76
_SHOWN = 60  # steps; a pod has seldom more than three containers
_BOLD, _DIM, _RED, _YELLOW, _GREEN, _CYAN = "1", "2", "31", "33", "32", "36"
_COLORS = {"error": _RED, "warning": _YELLOW, "unknown": _YELLOW, "info": _CYAN, "ok": _GREEN}
_HAPPENED = {"evict": "evicted", "delete": "deleted", "restart": "restarted with its workload"}


def render(document: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
    """A trace as text that ends with a line end. `width` in columns; `color` adds SGR codes and nothing else."""
    page = _Page(max(width, _LEAST_WIDTH), color)
    lines = [*_head(document, page), "", *_steps(document["steps"], page), "", *_closing(document, page)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Page:
    def __init__(self, width: int, color: bool):
        self.width = width
        self._color = color

    def paint(self, text: str, code: str) -> str:
        """The text in a color."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and text else text

    def hang(self, label: str, text: str, code: str = "") -> list[str]:
        """Text beside its label."""
        first, *rest = wrap(text, self.width - cells(label), 4)
        return [(self.paint(label, code) if code else label) + first, *(" " * cells(label) + line for line in rest)]


def _head(document: Mapping[str, Any], page: _Page) -> Iterator[str]:
    pod = document["pod"]
    yield page.paint(shorten(visible(f"{pod['namespace']}/Pod/{pod['name']}"), page.width), _BOLD)
    parts = [_HAPPENED[document["mode"]], f"grace {pod['grace']} s", pod["chosen"]]
    parts += [f"of {pod['workload']}"] if pod["workload"] else ["no workload found"]
    parts += [f"on node {pod['node']}"] if pod["node"] else []
    yield from page.hang("  ", visible(", ".join(parts)))


def _steps(steps: Sequence[Mapping[str, Any]], page: _Page) -> Iterator[str]:
    shown = steps[:_SHOWN]
    names = [_name(step) for step in shown]
    width = min(max(map(cells, names), default=0), page.width * 2 // 5)
    yield page.paint(f"  {'after':>10}  {'API time':<8}  step", _DIM)
    before = None
    for step, name in zip(shown, names, strict=True):
        number = "" if step["step"] == before else str(step["step"] or "+")
        before = step["step"]
        times = f"  {_when(step):>10}  {visible((step['api_time'] or '')[11:19]):<8}"
        label = f"{times}  {number:<2}{pad(shorten(name, width), width)}  "
        first, *rest = wrap(visible(_about(step)), page.width - cells(label), 2)
        dim = step["how"].startswith("not ")
        yield page.paint(label + first, _DIM) if dim else label + first
        for line in rest:
            yield " " * cells(label) + (page.paint(line, _DIM) if dim else line)
    if len(steps) > _SHOWN:
        yield f"  and {len(steps) - _SHOWN} more steps in the JSON file"


def _when(step: Mapping[str, Any]) -> str:
    if step["seconds"] is None:
        return "-"
    if step["how"] == "observed":
        return f"{step['seconds']:.3f} s"
    return f"~{step['seconds']:.{1 if step['how'] in ('derived', 'inferred') else 3}f} s"


def _name(step: Mapping[str, Any]) -> str:
    # The name of a pod is long: it is shown where there is room.
    return visible(f"{step['name']} ({step['subject']})" if step["subject"] and step["step"] else step["name"])


def _about(step: Mapping[str, Any]) -> str:
    missing = step["how"] if step["how"].startswith("not ") else ""  # other ways have a mark at their time
    return ": ".join(part for part in (missing, step["note"] or (not step["step"] and step["subject"])) if part)


def _closing(document: Mapping[str, Any], page: _Page) -> Iterator[str]:
    derived = document["derived"]
    facts = [
        ("deregistered after", derived["deregistration_seconds"], "s"),
        ("grace used", derived["grace_used_percent"], "%"),
        ("sidecars outlived it by", derived["sidecar_tail_seconds"], "s"),
        ("cleanup", derived["cleanup_seconds"], "s"),
        ("replacement ready after", derived["replacement_ready_seconds"], "s"),
    ]
    times = ", ".join(f"{name} {value:g} {unit}" for name, value, unit in facts if value is not None)
    if times:
        yield from page.hang("  times    ", times)
    for container in document["containers"]:
        hook = container["prestop"]
        if hook["kind"]:
            yield from page.hang("  preStop  ", visible(f"{container['name']}: {hook['kind']}, {hook['result']}"))
    for note in document["notes"]:
        yield from page.hang("  note     ", visible(note))
    for missing in document["not_observed"]:
        yield from page.hang("  unseen   ", visible(f"{missing['watch']}: {missing['reason']}"))
    for cause in document["causes"][1:]:
        text = visible(f"{cause['container']}: {cause['text']}")
        yield from page.hang(f"  {cause['level']:<9}", text, _COLORS[cause["level"]])
    verdict = document["verdict"]
    if document["status"] != "complete" or document["reason"]:
        yield from page.hang(f"  {document['status']:<9}", visible(document["reason"]), _YELLOW)
    title = f"{verdict['container']}: {verdict['title']}" if verdict["container"] else verdict["title"]
    yield from page.hang(f"{verdict['level'].upper():<11}", visible(title), _COLORS[verdict["level"]])
    if verdict["text"]:
        yield from page.hang(" " * 11, visible(verdict["text"]))
    for path in document.get("files", ()):
        yield f"{'file':<11}{visible(path)}"
