# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing new values into a manifest: as YAML blocks, as one line of flow YAML, or as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.manifests.scalar import plain_value

# Characters that may be unquoted in every place, flow style and keys included. The rest is quoted.
_SAFE = re.compile(r"[\w./][\w./@%+=-]*(?: [\w./@%+=-]+)*", re.ASCII)
# Allowed raw in JSON, but not in YAML, or read as a line break there.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Block:
    """Writes block style. `step` and `list_step`: how far a map and a list are indented under their key."""

    step: int
    list_step: int

    def lines(self, value: dict[str, Any] | list[Any], column: int) -> list[str]:
        """Return the lines of a map or list that is not empty, each indented by at least `column`."""
        if isinstance(value, list):
            return [line for item in value for line in self._item(item, column)]
        return [line for key, item in value.items() for line in self._entry(key, item, column)]

    def _entry(self, key: str, value: Any, column: int) -> list[str]:
        head = " " * column + scalar(key) + ":"
        if value and isinstance(value, dict | list):
            return [head, *self.lines(value, column + (self.step if isinstance(value, dict) else self.list_step))]
        return [f"{head} {flow(value, json_style=False)}"]

    def _item(self, value: Any, column: int) -> list[str]:
        if value and isinstance(value, dict | list):
            first, *rest = self.lines(value, column + 2)
            return [f"{' ' * column}- {first[column + 2 :]}", *rest]
        return [f"{' ' * column}- {flow(value, json_style=False)}"]


def flow(value: Any, *, json_style: bool, quote: str = "") -> str:
    """Write a value in one line. `quote`: the quotes of the text that it replaces."""
    if json_style:
        return _escape(json.dumps(value, ensure_ascii=False))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item, json_style=False)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item, json_style=False) for item in value) + "]"
    return scalar(value, quote)


def json_lines(key: str | None, value: Any, unit: str) -> list[str]:
    """Write a value, behind its key if it has one, as indented JSON, one more `unit` for each level."""
    head = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
    return _escape(head + json.dumps(value, ensure_ascii=False, indent=unit)).split("\n")


def scalar(value: Any, quote: str = "") -> str:
    """Write a scalar so that every YAML reader reads the same value, plain where that is safe."""
    if not isinstance(value, str):
        return json.dumps(value)
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if quote != '"' and _SAFE.fullmatch(value) and not _means_something_else(value):
        return value
    return _escape(json.dumps(value, ensure_ascii=False))


def _means_something_else(text: str) -> bool:
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[0], [])
    return not isinstance(plain_value(text), str) or any(pattern.match(text) for _tag, pattern in resolvers)


def _escape(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
