# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes objects as people write manifests: comments, mixed styles, odd indentation. Remembers what belongs where."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

Path = tuple[Any, ...]


@dataclass
class Line:
    """One line. `path`: what it belongs to. `loose`: something below its path may be written on it as well."""

    text: str
    path: Path
    loose: bool = False


@dataclass
class Written:
    """Lines without line ends, where each comment (they are all different) belongs to, and what is anchored."""

    lines: list[Line] = field(default_factory=list)
    comments: dict[str, Path] = field(default_factory=dict)
    anchors: list[Path] = field(default_factory=list)


class Writer:
    """One file's habits and whims. `wild` and `anchors`: how often it does something unusual, 0 to 1."""

    def __init__(self, random: Random, wild: float, anchors: float = 0.0) -> None:
        self.random = random
        self.wild = wild
        self.anchors = anchors
        self.step = random.choice([2, 2, 2, 4, 3])
        self.list_step = random.choice([0, 0, 2, 2, 4])
        self.written = Written()

    def document(self, data: dict[str, Any]) -> Written:
        self.block_map(data, 0, ())
        if self.written.anchors:
            aliases = ", ".join(f"*a{number}" for number in range(len(self.written.anchors)))
            self.line(f"aliases: [{aliases}]", ("aliases",))
        return self.written

    def chance(self, weight: float = 1.0) -> bool:
        return self.random.random() < self.wild * weight

    def comment(self, path: Path) -> str:
        body = self.random.choice(
            ["why", "TODO: raise", "a\ttab", "ümläut 🦀 𝕏", "'quote", '"quote', "{x: [", "- a: b", "&a *b"]
        )
        text = f"# c{len(self.written.comments)}. {body}"
        self.written.comments[text] = path
        return text

    def trailing(self, path: Path) -> str:
        return self.random.choice([" ", "  ", "\t", " \t "]) + self.comment(path) if self.chance(0.5) else ""

    def line(self, text: str, path: Path, loose: bool = False) -> None:
        self.written.lines.append(Line(text, path, loose))

    def between(self, path: Path, column: int) -> None:
        """Comments and empty lines that belong to the collection at `path`, between its elements."""
        while self.chance(0.4):
            if self.chance():
                self.line(self.random.choice(["", "", " " * column, "  "]), ("blank",))
            else:
                self.line(" " * self.random.randint(0, column) + self.comment(path), path)

    def block_map(self, value: dict[str, Any], column: int, path: Path, head: str = "") -> None:
        """Write a map; its first line may begin with what stands before it (a dash)."""
        for index, (key, item) in enumerate(value.items()):
            here = (*path, key)
            prefix = head if index == 0 and head else " " * column
            if not (index == 0 and head):
                self.between(path, column)
            start = len(self.written.lines)
            if "labels" in path and self.chance(0.2):
                self.line(f"{prefix}? {self.scalar(key)}", here)
                self.line(f"{' ' * column}: {self.scalar(item)}", here)
            else:
                self.entry(f"{prefix}{self.key(key)}:", item, column, here)
            ends_with_text = any(
                line.text.split("#")[0].rstrip().endswith(("|", "|-", "|+", ">", ">-"))
                for line in self.written.lines[start:]
            )
            if self.chance(0.2) and not ends_with_text:
                self.line(" " * (column + 1) + self.comment((*here, "#")), (*here, "#"))

    def entry(self, head: str, item: Any, column: int, path: Path) -> None:
        if self.random.random() < self.anchors:
            head += f" &a{len(self.written.anchors)}"
            self.written.anchors.append(path)
        if isinstance(item, dict) and item and not self.chance(0.4):
            self.line(head + self.trailing(path), path)
            self.block_map(item, column + (self.step if not self.chance(0.1) else self.random.randint(1, 5)), path)
        elif isinstance(item, list) and item and not self.chance(0.4):
            self.line(head + self.trailing(path), path)
            self.block_list(item, column + self.list_step, path)
        elif isinstance(item, dict | list) and item and self.chance(0.6):
            self.flow_lines(head + " ", item, column, path)
        elif item in ({}, None) and not isinstance(item, bool | int | float | str) and self.chance():
            text = self.random.choice(["", " {}", " ~", " null", "  {  }"]) if item is None else " {}"
            self.line(head + text + self.trailing(path), path, loose=True)
        elif isinstance(item, str) and self.long_text(head, item, column, path):
            pass
        else:
            gap = "  " if self.chance(0.2) else " "
            self.line(head + gap + self.flow(item) + self.trailing(path), path, loose=isinstance(item, dict | list))

    def block_list(self, value: list[Any], column: int, path: Path) -> None:
        gap = 1 if not self.chance(0.3) else self.random.randint(1, 4)
        for index, item in enumerate(value):
            here = (*path, index)
            self.between(path, column)
            dash = " " * column + "-"
            if isinstance(item, dict) and item and not self.chance(0.3):
                if self.chance(0.15):
                    self.line(dash + (f" {self.comment(here)}" if self.chance() else ""), here)
                    self.block_map(item, column + 1 + gap, here)
                else:
                    self.block_map(item, column + 1 + gap, here, dash + " " * gap)
            elif isinstance(item, dict | list) and item and self.chance():
                self.flow_lines(dash + " ", item, column, here)
            else:
                self.line(f"{dash} {self.flow(item)}{self.trailing(here)}", here, loose=isinstance(item, dict | list))

    def long_text(self, head: str, item: str, column: int, path: Path) -> bool:
        """Write a string over several lines, if it is one that can be and the mood is right."""
        indent = " " * (column + self.random.choice([2, 2, 4]))
        lines = item.split("\n")
        if not all(line.isprintable() and not line.startswith((" ", "#")) for line in lines) or not self.chance(2):
            return False
        words = item.split(" ")
        if len(words) > 1 and all(words) and self.chance(2):
            quote = "" if all(word.isalnum() and word.isascii() and word[0].isalpha() for word in words) else '"'
            first, *rest = [json.dumps(word, ensure_ascii=False)[1:-1] for word in words]
            self.line(f"{head} {quote}{first}", path)
            for number, word in enumerate(rest):
                self.line(indent + word + (quote if number + 1 == len(rest) else ""), path)
            return True
        if lines[0] and not item.isspace():
            body = item.rstrip("\n")
            kept = len(item) - len(body)
            chomp = {0: "-", 1: ""}.get(kept, "+")
            note = " " + self.comment((*path, "|")) if self.chance(0.2) else ""
            fold = ">" if "\n" not in body and self.chance() else "|"
            self.line(f"{head} {fold}{chomp}{note}", path)
            for line in body.split("\n"):
                self.line(indent + line if line else "", path)
            for _index in range(max(kept - 1, 0) if chomp == "+" else self.random.choice([0, 0, 0, 1, 2])):
                self.line("", path if chomp == "+" else ("blank",))
            return True
        return False

    def flow_lines(self, head: str, item: Any, column: int, path: Path) -> None:
        """A flow collection over several lines, one element each, comments between."""
        opening, closing = ("{", "}") if isinstance(item, dict) else ("[", "]")
        quoted = self.chance()
        self.line(head + opening, path, loose=True)
        inner = " " * (column + self.random.choice([2, 4]))
        elements = list(item.items()) if isinstance(item, dict) else [(None, value) for value in item]
        for index, (key, value) in enumerate(elements):
            here = (*path, index if key is None else key)
            text = ("" if key is None else (json.dumps(key) if quoted else self.key(key)) + ": ") + self.flow(value)
            comma = "," if index + 1 < len(elements) or self.chance(0.3) else ""
            self.line(inner + text + comma + self.trailing((*here, "|")), path, loose=True)
        self.line(" " * (column + 1) + closing + self.trailing(path), path, loose=True)

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            entries = (f"{self.key(key)}: {self.flow(item)}" for key, item in value.items())
            return self.random.choice(["{%s}", "{ %s }"]) % ", ".join(entries)
        if isinstance(value, list):
            return "[" + ", ".join(self.flow(item) for item in value) + "]"
        return self.scalar(value)

    def key(self, key: str) -> str:
        return json.dumps(key) if self.chance(0.1) else self.scalar(key)

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        if value.isprintable() and self.chance(0.5):
            return "'" + value.replace("'", "''") + "'"
        plain = value and value.isascii() and value.replace("-", "").replace("/", "").replace(".", "").isalnum()
        if plain and value[0].isalpha() and isinstance(yaml.safe_load(value), str) and value.lower() not in ("y", "n"):
            return value
        return yaml.safe_dump(value, default_style='"', width=10**6, allow_unicode=self.chance()).strip()
