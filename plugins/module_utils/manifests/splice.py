# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Working out the splices that make a text say one object instead of another, at the marks of its nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import same
from ansible_collections.graceful.termination.plugins.module_utils.manifests import render
from ansible_collections.graceful.termination.plugins.module_utils.manifests.flow import change_elements
from ansible_collections.graceful.termination.plugins.module_utils.manifests.layout import Layout, Node, habits
from ansible_collections.graceful.termination.plugins.module_utils.manifests.scalar import key_text, plain_value
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import BREAKS

_COLON = re.compile(r"[ \t]*:")
_WHITE = re.compile(rf"[ \t{BREAKS}]*")


class CannotSplice(Exception):
    """The text must be left alone. `line` is 0-based in the text."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of a value. `opener`: the index behind its colon or dash. `column`: that of its key or dash."""

    kind: str  # key, item or flow
    opener: int
    column: int
    json: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    key: Node
    value: Node
    slot: _Slot


# By the bytes of a line as editors and YAML 1.2 have them. A # in a text may look the same, which does no harm.
_ODD_COMMENT = re.compile(r"(?:(?<=[ \t\n\r])|\A)#[^\n\r]*([\x85\u2028\u2029])")


class Splicer:
    """Collects splices of one text; no two overlap, and those at one place keep the order in which they were found."""

    def __init__(self, layout: Layout, unterminated: bool) -> None:
        """`unterminated`: the last line break of the layout's text is not in the file."""
        self._layout = layout
        self._text = layout.text
        self._unterminated = unterminated
        self._splices: list[tuple[int, int, str]] = []
        self._block = render.Block(2, 0)

    def change_document(self, root: Node, before: Any, after: Any) -> None:
        """Change the text at `root` from `before` to `after`. Raises CannotSplice."""
        if not same(before, after):
            self._block = render.Block(*habits(root))
            self._change(root, before, after, None)

    def result(self) -> str:
        """Return the text with all splices made. Raises CannotSplice if two of them overlap."""
        pieces, position = [], 0
        for start, end, text in sorted(self._splices, key=lambda splice: splice[:2]):
            self._refuse_in_comment(start)
            if start < position:
                raise CannotSplice("two changes overlap", self._layout.line(start))
            pieces += [self._text[position:start], text]
            position = end
        return "".join([*pieces, self._text[position:]])

    def _refuse_in_comment(self, position: int) -> None:
        """Text put behind such a comment would be a part of it for readers of YAML 1.2."""
        begin = max(self._text.rfind(character, 0, position) for character in "\n\r") + 1
        if odd := _ODD_COMMENT.search(self._text, begin, position):
            name = f"U+{ord(odd[1]):04X}"
            raise CannotSplice(
                f"a comment before it has {name}, a line break in YAML 1.1 alone", self._layout.line(begin)
            )

    def _splice(self, start: int, end: int, text: str) -> None:
        self._splices.append((start, end, text))

    def _change(self, node: Node, before: Any, after: Any, slot: _Slot | None) -> None:
        if same(before, after):
            return
        self._refuse_shared(node)
        if node.kind == "map" and node.children and isinstance(after, dict) and after:
            self._change_map(node, before, after, slot)
        elif node.kind == "seq" and node.children and isinstance(after, list) and len(after) >= len(before):
            self._change_list(node, before, after, slot)
        elif slot is None:
            raise CannotSplice("the whole document would change", node.line)
        else:
            self._replace(node, after, slot)

    def _refuse_shared(self, node: Node) -> None:
        if node.anchored or node.kind == "alias":
            raise CannotSplice("it is shared through an anchor or alias (& or *): edit it by hand", node.line)
        if node.tagged and node.kind != "scalar":
            raise CannotSplice("it has an explicit tag (!): edit it by hand", node.line)

    def _refuse_anchors_within(self, *nodes: Node) -> None:
        """What is removed must not hold an anchor that something else refers to."""
        left = list(nodes)
        while left:
            node = left.pop()
            if node.anchored:
                raise CannotSplice("it holds an anchor (&) that may be used elsewhere: edit it by hand", node.line)
            left.extend(node.children)

    # Maps

    def _entries(self, node: Node, slot: _Slot | None) -> dict[str, _Entry]:
        keys, values = node.children[::2], node.children[1::2]
        quoted = any(key.style == '"' for key in keys) if keys else slot is not None and slot.json
        entries: dict[str, _Entry] = {}
        for key, value in zip(keys, values, strict=True):
            if key.kind != "scalar" or key.anchored or key.tagged:
                raise CannotSplice("a key beside it has an anchor, alias or tag: edit it by hand", key.line)
            if key.plain and key.value == "<<":
                raise CannotSplice("it is merged with another map (<<): edit it by hand", key.line)
            name = key_text(plain_value(key.value)) if key.plain else key.value
            if name is None or name in entries:
                raise CannotSplice(f"the key {name} occurs twice: edit it by hand", key.line)
            colon = _COLON.match(self._text, key.end)
            opener = colon.end() if colon else -1
            entries[name] = _Entry(key, value, _Slot("flow" if node.flow else "key", opener, node.column, quoted))
        return entries

    def _change_map(self, node: Node, before: dict[str, Any], after: dict[str, Any], slot: _Slot | None) -> None:
        entries = self._entries(node, slot)
        changed = [name for name in entries if name in after and not same(before[name], after[name])]
        removed = [name for name in entries if name not in after]
        added = {name: value for name, value in after.items() if name not in before}
        for name in [*changed, *removed]:
            if entries[name].slot.opener < 0:
                raise CannotSplice("it is written with an explicit key (?): edit it by hand", entries[name].key.line)
        for name in changed:
            entry = entries[name]
            self._change(entry.value, before[name], after[name], entry.slot)
        for name in removed:
            self._refuse_shared(entries[name].value)
            self._refuse_anchors_within(entries[name].value)
        if node.flow:
            if self._text[node.start] != "{":
                raise CannotSplice("it is written as a pair without braces: edit it by hand", node.line)
            elements = [(entry.key.start, max(entry.key.end, entry.value.end)) for entry in entries.values()]
            places = {index for index, name in enumerate(entries) if name in removed}
            json_style = any(entry.slot.json for entry in entries.values())
            self._splices += change_elements(self._layout, node, elements, places, list(added.items()), json_style)
        else:
            self._change_block_entries(node, list(entries.values()), [entries[name] for name in removed], added)

    def _change_block_entries(
        self, node: Node, entries: list[_Entry], removed: list[_Entry], added: dict[str, Any]
    ) -> None:
        layout = self._layout
        lines = self._block.lines(added, node.column)
        if removed and added:
            # The new entry is written where the old one was: so the map is never empty, and its first line may be a
            # dash's.
            first = removed.pop(0)
            end = layout.before_break(layout.after(first.value, node.column))
            self._require_line_end(first.value)
            # A comment about it stays: it may be the reason for it.
            lines = [f"{' ' * node.column}{text}" for text in self._layout.comments(first.value, end)] + lines
            self._splice(first.key.start, end, layout.newline(first.key.start).join(lines)[node.column :])
        elif added:
            self._append_lines(node, lines, entries[-1].key)
        if removed and removed[0] is entries[0] and not layout.begins_line(removed[0].key.start):
            # The first entries stand on a dash's line: what follows them moves up.
            run = 0
            while run < len(removed) and removed[run] is entries[run]:
                run += 1
            self._require_line_end(removed[run - 1].value)
            follower = _WHITE.match(self._text, layout.after(removed[run - 1].value, node.column))
            self._splice(removed[0].key.start, follower.end() if follower else removed[0].key.start, "")
            removed = removed[run:]
        kept: Node | None = None
        for entry in entries:
            if entry not in removed:
                kept = entry.value
                continue
            self._require_line_end(entry.value)
            end = layout.after(entry.value, node.column)
            if kept and layout.chomping(layout.last_leaf(kept)) == "+":
                # Empty lines left here would become content of the text before them.
                end = layout.skip_empty_lines(end)
            self._splice(layout.line_start(entry.key.start), end, "")

    def _append_lines(self, node: Node, lines: list[str], last: Node | None) -> None:
        """Add lines behind a block collection. `last`: the key of a map's last entry."""
        layout = self._layout
        leaf = layout.last_leaf(node)
        self._require_line_end(leaf)
        newline = layout.newline(layout.next_line(layout.content_end(node)))
        at_end = self._unterminated and leaf.end >= len(self._text) - len(newline)
        if last and at_end and leaf.style in ("|", ">") and layout.chomping(leaf) != "-":
            # Nothing can follow this text without giving it a line break more: so the new goes before it.
            self._splice(last.start, last.start, newline.join([*lines, " " * node.column])[node.column :])
        else:
            position = layout.after(node, node.column)
            self._splice(position, position, "".join(line + newline for line in lines))

    def _require_line_end(self, node: Node) -> None:
        end = self._layout.content_end(node)
        if not self._layout.ends_line(end):
            raise CannotSplice("something unexpected follows it on its line: edit it by hand", node.line)

    # Lists

    def _change_list(self, node: Node, before: list[Any], after: list[Any], slot: _Slot | None) -> None:
        here = _Slot("flow" if node.flow else "item", -1, node.column, slot is not None and slot.json)
        for child, old, new in zip(node.children, before, after, strict=False):
            self._change(child, old, new, here)
        added = after[len(before) :]
        if not added:
            return
        if node.flow:
            elements = [(child.start, child.end) for child in node.children]
            new_elements = [(None, value) for value in added]
            self._splices += change_elements(self._layout, node, elements, set(), new_elements, here.json)
        else:
            self._append_lines(node, self._block.lines(added, node.column), None)

    # Values as a whole

    def _replace(self, node: Node, after: Any, slot: _Slot) -> None:
        self._refuse_anchors_within(node)
        layout = self._layout
        end = layout.content_end(node)
        pad = " " if node.empty and self._text[node.start - 1] not in " \t" else ""
        collection = bool(after) and isinstance(after, dict | list)
        if slot.kind == "flow":
            self._splice(node.start, end, pad + render.flow(after, json_style=slot.json, quote=node.style))
        elif slot.kind == "item" and collection:
            column = slot.column + 2 if node.empty else node.column
            lines = self._block.lines(after, column)
            self._splice(node.start, end, pad + layout.newline(node.start).join(lines)[column:])
        elif collection:
            self._replace_with_block(node, after, slot)
        elif node.block and slot.kind == "key":
            # A block that becomes {} or a scalar: that goes to the key's line, where a comment may stay.
            self._require_line_end(node)
            self._splice(slot.opener, slot.opener, f" {render.flow(after, json_style=False)}")
            self._splice(layout.line_start(node.start), layout.after(node, slot.column), "")
        else:
            text = render.flow(after, json_style=False, quote=node.style)
            self._splice(node.start, end, pad + text + layout.header_remark(node))

    def _replace_with_block(self, node: Node, after: dict[str, Any] | list[Any], slot: _Slot) -> None:
        layout = self._layout
        self._require_line_end(node)
        step = self._block.step if isinstance(after, dict) else self._block.list_step
        newline = layout.newline(slot.opener)
        text = "".join(line + newline for line in self._block.lines(after, slot.column + step))
        if layout.line(slot.opener) == layout.line(node.start):
            end = layout.content_end(node)
            self._splice(slot.opener, end, "")
            self._splice(layout.next_line(end), layout.next_line(end), text)
        else:
            self._splice(layout.line_start(node.start), layout.after(node, slot.column), text)
