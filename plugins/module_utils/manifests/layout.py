# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are in the text of a manifest: its nodes with PyYAML's marks, its lines, its habits of indentation."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import BaseLoader
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import BREAK, BREAKS

_COMMENT = re.compile(r"([ \t]*)#")
_HEADER = re.compile(rf"[|>][-+0-9]{{0,2}}([ \t]+#[^{BREAKS}]*)")
_REMARK = re.compile(rf"(?:(?<=[ \t{BREAKS}])|\A)(#[^{BREAKS}]*)")
_BLANK = re.compile(rf"[ \t]*(?:#[^{BREAKS}]*)?(?=[{BREAKS}]|\Z)")


@dataclass(slots=True, eq=False)
class Node:
    """One node of the text. `kind`: map, seq, scalar or alias.

    `start` and `end` are indexes into the text, `line` and `column` are 0-based. A block collection's `end` is that of
    the next token, comments included: use `Layout.content_end`. `style` is a scalar's quote or block indicator, empty
    when plain. `children` of a map are its keys and values in turn.
    """

    kind: str
    start: int
    end: int
    line: int
    column: int
    style: str = ""
    value: str = ""
    plain: bool = False
    flow: bool = False
    anchored: bool = False
    tagged: bool = False
    children: list[Node] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """A value that is not written at all, as in `key:`."""
        return self.start == self.end

    @property
    def block(self) -> bool:
        """A map or list in block style, whose first line may be another than its key's."""
        return self.kind in ("map", "seq") and not self.flow


def compose(text: str) -> Node:
    """Return the root node of the one document in a text. Raises yaml.YAMLError, also where there are two or none."""
    top = Node("top", 0, len(text), 0, 0)
    open_nodes = [top]
    for event in yaml.parse(text, Loader=BaseLoader):
        found: Any = event
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop().end = found.end_mark.index
        elif isinstance(event, yaml.NodeEvent):
            start = found.start_mark
            node = Node("alias", start.index, found.end_mark.index, start.line, start.column)
            open_nodes[-1].children.append(node)
            if isinstance(event, yaml.AliasEvent):
                continue
            node.anchored = found.anchor is not None
            node.tagged = found.tag is not None
            if isinstance(event, yaml.ScalarEvent):
                node.kind, node.style, node.value, node.plain = (
                    "scalar",
                    event.style or "",
                    event.value,
                    found.implicit[0],
                )
            else:
                node.kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
                node.flow = bool(found.flow_style)
                open_nodes.append(node)
    if len(top.children) != 1:
        raise yaml.YAMLError(f"{len(top.children)} documents")
    return top.children[0]


def _leaves(node: Node) -> Iterator[Node]:
    """The scalars and aliases of a node, in the order of the text."""
    if not node.children:
        yield node
    for child in node.children:
        yield from _leaves(child)


class Layout:
    """Answers where a line, a node or a comment ends. Positions are indexes into a text that ends with a break."""

    def __init__(self, text: str, newline: str) -> None:
        self.text = text
        self._newline = newline
        breaks = list(BREAK.finditer(text))
        self._breaks = [match.group() for match in breaks]
        self._starts = [0, *(match.end() for match in breaks)]

    def newline(self, position: int) -> str:
        """The line break in use at a position; at the start of a line, the one of the line before it."""
        line = self.line(position)
        if line and self._starts[line] == position:
            line -= 1
        found = self._breaks[line] if line < len(self._breaks) else self._newline
        return found if found in ("\n", "\r\n", "\r") else self._newline

    def line_start(self, position: int) -> int:
        return self._starts[self.line(position)]

    def next_line(self, position: int) -> int:
        line = self.line(position) + 1
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def begins_line(self, position: int) -> bool:
        """Whether only white space precedes it on its line."""
        return not self.text[self.line_start(position) : position].strip(" \t")

    def ends_line(self, position: int) -> bool:
        """Whether only white space and a comment follow on its line."""
        return _BLANK.match(self.text, position) is not None

    def content_end(self, node: Node) -> int:
        """Where the last character that belongs to a node ends, comments after it and the line break not included."""
        node = self.last_leaf(node)
        if node.kind != "scalar" or node.style not in ("|", ">"):
            return node.end
        header_end = BREAK.search(self.text, node.start)
        if header_end is None:
            return node.end
        end = node.end
        if self.chomping(node) == "+":
            # Its trailing empty lines are content.
            if self.text[end - 1] in BREAKS:
                end -= 2 if self.text[end - 2 : end] == "\r\n" else 1
            return end
        while end > header_end.start() and self.text[end - 1] in BREAKS:
            end -= 1
        return end

    def chomping(self, node: Node) -> str:
        """What a block scalar's header says of its last line breaks: `+`, `-` or nothing. Other nodes say nothing."""
        if node.style not in ("|", ">"):
            return ""
        header = self.text[node.start : self.next_line(node.start)].partition(" #")[0]
        return "+" if "+" in header else "-" if "-" in header else ""

    def header_remark(self, node: Node) -> str:
        """The comment in a block scalar's header, and the white space before it; empty where there is none."""
        found = _HEADER.match(self.text, node.start)
        return found[1].rstrip() if found and node.style in ("|", ">") else ""

    def last_leaf(self, node: Node) -> Node:
        """The node whose text ends a block collection; any other node itself."""
        while node.block:
            last = node.children[-1]
            if node.kind == "map" and last.empty and self.text[last.start - 1] != ":":
                # `? key` without a value: the value's mark is somewhere behind.
                last = node.children[-2]
            node = last
        return node

    def after(self, node: Node, column: int) -> int:
        """The start of the line behind a node and behind the comments that are indented deeper than `column`."""
        result = self.next_line(self.content_end(node))
        line = self.line(result)
        while line + 1 < len(self._starts):
            start, end = self._starts[line], self._starts[line + 1]
            comment = _COMMENT.match(self.text, start, end)
            if comment and len(comment.group(1)) > column:
                result = end
            elif self.text[start:end].strip():
                break
            line += 1
        return result

    def comments(self, node: Node, end: int) -> list[str]:
        """The comments from a node on up to a position, in it and behind it on its lines."""
        found = []
        position = self.text.rfind(":", 0, node.start) + 1 if node.block else node.start
        for leaf in [*_leaves(node), Node("end", end, end, 0, 0)]:
            found += [match[1].rstrip() for match in _REMARK.finditer(self.text, position, leaf.start)]
            position = max(position, self.content_end(leaf) if leaf.kind == "scalar" else leaf.end)
        return found

    def skip_empty_lines(self, line_start: int) -> int:
        line = self.line(line_start)
        while line + 1 < len(self._starts) and not self.text[self._starts[line] : self._starts[line + 1]].strip():
            line += 1
        return self._starts[line]

    def line(self, position: int) -> int:
        """The 0-based line of a position."""
        return bisect_right(self._starts, position) - 1

    def before_break(self, line_start: int) -> int:
        """The end of the line before, its break not included."""
        return line_start - len(self._breaks[self.line(line_start) - 1])


def habits(root: Node) -> tuple[int, int]:
    """How far a document usually indents a map, and a list, under its key, in columns."""
    maps: Counter[int] = Counter()
    lists: Counter[int] = Counter()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        if node.kind == "map" and node.block:
            for value in node.children[1::2]:
                # An anchor or a tag would be at the mark instead of the content.
                if value.block and not value.anchored and not value.tagged and value.column >= node.children[0].column:
                    (maps if value.kind == "map" else lists)[value.column - node.children[0].column] += 1
    step = maps.most_common(1)[0][0] if maps else 2
    return step, lists.most_common(1)[0][0] if lists else 0
