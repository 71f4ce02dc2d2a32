# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as people write them: several documents, comments, flow style, anchors, CRLF, Lists, JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ansible_collections.graceful.termination.tests.unit.fuzz.dice import Dice
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifests.writer import Writer, Written

_HEAD = "apiVersion: apps/v1\nkind: Deployment\n"
_BROKEN = (
    f"{_HEAD}spec: [never closed\n",
    f"{_HEAD}metadata:\n  name: {{{{ .Release.Name }}}}-web\n{{{{- if .Values.on }}}}\nspec: {{}}\n{{{{- end }}}}\n",
    f"{_HEAD}metadata: {{name: part}}\nspec:\n  template:\n    spec:\n      containers: [{{name: a}}]\n",
    f"{_HEAD}metadata: {{name: twice}}\nspec: {{replicas: 1, replicas: 2}}\n",
    f"{_HEAD}metadata: {{name: typed}}\n"
    "spec:\n  replicas: three\n  template:\n    spec:\n      containers: [{name: a, image: b}]\n",
    f"{_HEAD}metadata: {{name: hooks}}\n"
    "spec:\n  template:\n    spec:\n      containers:\n      - name: a\n        image: b\n"
    "        lifecycle: {preStop: {exec: {command: [a]}, httpGet: {port: 1}}}  # two\n",
    f"{_HEAD}metadata: 5\n",
    "\tapiVersion: apps/v1\n",
)
_SILENT = (
    "# only a comment\n",
    "",
    "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: s}  # custom\nspec: {replicas: 1}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: 'b: #c'}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata:\n  a: |\n    kind: Deployment\n    ---x\n",
    "just a string\n",
)


@dataclass
class Doc:
    """One document of a file: `text` without the line that begins it, `objects` of workload kinds in it.

    `broken`: it is counted as unreadable, and never edited.
    """

    text: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False
    written: Written | None = None


@dataclass
class File:
    """A file: its documents, and how its lines end."""

    docs: list[Doc]
    newline: str = "\n"
    final: bool = True

    @property
    def text(self) -> str:
        """All of it."""
        text = "".join(f"--- # doc {index}\n{doc.text}" for index, doc in enumerate(self.docs))
        text = text if self.final else text.removesuffix("\n")
        return text.replace("\n", self.newline)

    def split(self, text: str) -> list[str]:
        """The documents of an edited text, as `Doc.text` has them."""
        whole = text if self.final else text + self.newline
        return re.split(r"^--- # doc \d+\n", whole.replace(self.newline, "\n"), flags=re.MULTILINE)[1:]


def line_ends(text: str) -> set[str]:
    """The ways in which its lines end, of those that a file may have throughout: `File.split` makes them one."""
    return set(re.findall(r"\r\n|\r|\n", text))


def file_of(dice: Dice, objects: list[dict[str, Any]]) -> File:
    """A file that holds these objects, some of them together in a List, and whatever else stands in such files."""
    random, wild = Random(dice.number(0, 2**32)), dice.one(0.0, 0.1, 0.3, 0.5)
    anchors = dice.one(0.0, 0.0, 0.0, 0.01)
    docs: list[Doc] = []
    if dice.chance(8):
        docs.append(_document({"apiVersion": "v1", "kind": "List", "items": objects}, objects, random, wild, anchors))
    elif dice.chance(6):
        indent = dice.one(None, 2, 4)
        docs += [Doc(json.dumps(obj, indent=indent, ensure_ascii=False) + "\n", [obj]) for obj in objects]
    else:
        docs += [_document(obj, [obj], random, wild, anchors) for obj in objects]
    for text in dice.some(_BROKEN, 4):
        docs.insert(dice.number(0, len(docs)), Doc(text, broken=True))
    for text in dice.some(_SILENT, 6):
        docs.insert(dice.number(0, len(docs)), Doc(text))
    return File(docs, dice.one("\n", "\n", "\n", "\r\n"), not dice.chance(10))


def _document(data: Any, objects: list[dict[str, Any]], random: Random, wild: float, anchors: float) -> Doc:
    written = Writer(random, wild, anchors).document(data)
    return Doc("".join(f"{line.text}\n" for line in written.lines), objects, written=written)
