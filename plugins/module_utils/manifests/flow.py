# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splices of flow style text: maps in braces and lists in brackets, JSON included."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests import render
from ansible_collections.graceful.termination.plugins.module_utils.manifests.layout import Layout, Node
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import BREAKS

# The text from start to end gives way to the new text.
Splice = tuple[int, int, str]

_WHITE = re.compile(rf"[ \t{BREAKS}]*")
_COMMA = re.compile(rf"(?:[ \t{BREAKS}]|#[^{BREAKS}]*)*,")
_LINE_END = re.compile(rf"[ \t]*(,?)[ \t]*(?:#[^{BREAKS}]*)?(?=[{BREAKS}])")


def change_elements(
    layout: Layout,
    node: Node,
    elements: Sequence[tuple[int, int]],
    removed: Set[int],
    added: Sequence[tuple[str | None, Any]],
    json_style: bool,
) -> list[Splice]:
    """Take elements out of a flow collection that has some, and put new ones in.

    `elements`: start and end of each in the text. `removed`: indexes. `added`: (key, value); the key is None in a list.
    At least one element, old or new, is there afterwards.
    """
    if not removed:
        return _append(layout, node, elements[-1], added, json_style) if added else []
    splices: list[Splice] = []
    if added:
        # The new one is written where the first old one was.
        first = min(removed)
        removed = removed - {first}
        splices.append((*elements[first], ", ".join(_one_line(key, value, json_style) for key, value in added)))
    last_kept = max(set(range(len(elements))) - removed)
    splices += [(*_with_comma(layout, *elements[index]), "") for index in removed if index < last_kept]
    if last_kept + 1 < len(elements):
        comma = _COMMA.match(layout.text, elements[last_kept][1])
        if comma:
            splices.append((comma.end() - 1, comma.end(), ""))
        splices.append((*_tail(layout, elements[last_kept + 1][0], elements[-1][1]), ""))
    return splices


def _with_comma(layout: Layout, start: int, end: int) -> tuple[int, int]:
    """What goes with an element that others follow: its lines if it has them to itself, else what is up to the next."""
    line_end = _LINE_END.match(layout.text, end)
    if layout.begins_line(start) and line_end and line_end.group(1):
        return layout.line_start(start), layout.next_line(end)
    comma = _COMMA.match(layout.text, end)
    white = _WHITE.match(layout.text, comma.end()) if comma else None
    return start, white.end() if white else end


def _tail(layout: Layout, start: int, end: int) -> tuple[int, int]:
    """What goes with the last elements: their lines if they have them to themselves, else the space before them."""
    if layout.begins_line(start) and _LINE_END.match(layout.text, end):
        return layout.line_start(start), layout.next_line(end)
    while layout.text[start - 1] in " \t" + BREAKS:
        start -= 1
    return start, end


def _append(
    layout: Layout, node: Node, last: tuple[int, int], added: Sequence[tuple[str | None, Any]], json_style: bool
) -> list[Splice]:
    start, end = last
    line_end = _LINE_END.match(layout.text, end)
    if not line_end or not layout.begins_line(start):
        return [(end, end, "".join(f", {_one_line(key, value, json_style)}" for key, value in added))]
    # One element a line: the new ones get lines of their own, behind the comment of the last.
    indent = layout.text[layout.line_start(start) : start]
    outer = layout.text[layout.line_start(node.end - 1) : node.end - 1] if layout.begins_line(node.end - 1) else indent
    unit = indent.removeprefix(outer) or "  "
    separator = layout.newline(start) + indent
    texts = [
        separator.join(render.json_lines(key, value, unit)) if json_style else _one_line(key, value, json_style)
        for key, value in added
    ]
    splices: list[Splice] = [] if line_end.group(1) else [(end, end, ",")]
    return [*splices, (line_end.end(), line_end.end(), separator + f",{separator}".join(texts))]


def _one_line(key: str | None, value: Any, json_style: bool) -> str:
    text = render.flow(value, json_style=json_style)
    return text if key is None else f"{render.flow(key, json_style=json_style)}: {text}"
