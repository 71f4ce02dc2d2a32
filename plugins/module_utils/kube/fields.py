# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading fields of an object whose types are not checked yet.

A live object has passed the API server, a manifest has not: every access says which field has which wrong type, so that
the object is reported as unreadable with a reason instead of being misjudged.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

# An object of the API or a map in one, as it was read: nothing is known of its fields.
Obj: TypeAlias = dict[str, Any]


class Unreadable(ValueError):
    """An object that cannot be judged. `line` is 1-based in its file, or None when it has none."""

    def __init__(self, reason: str, line: int | None = None):
        super().__init__(reason)
        self.reason = reason
        self.line = line


class NotWhole(Unreadable):
    """Only part of an object, such as a Kustomize patch: its effect depends on the object that it patches."""


_INT32 = 2**31  # beyond it the API server refuses most fields, and no number of seconds or pods is meant
_NAMES = {dict: "a map", list: "a list", str: "text", int: "a whole number", bool: "true or false"}


def _describe(value: Any) -> str:
    return _NAMES.get(type(value), "a map" if isinstance(value, dict) else f"a {type(value).__name__}")


def line_of(value: Any) -> int | None:
    """The 1-based line of a map that came from a file; None for one from the API."""
    return getattr(value, "line", None)


def get(parent: Obj, key: str, kind: type, path: str, default: Any = None) -> Any:
    """`parent[key]` if it has the wanted type, `default` if it is absent or null; else raises Unreadable."""
    value = parent.get(key)
    if value is None:
        return default
    # bool is a subclass of int, and `replicas: true` is an error.
    field = f"{path}.{key}" if path else key
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Unreadable(f"{field} is {_describe(value)}, not {_NAMES[kind]}", line_of(parent))
    if isinstance(value, int) and not -_INT32 <= value < _INT32:
        raise Unreadable(f"{field} is out of range", line_of(parent))
    return value


def get_map(parent: Obj, key: str, path: str) -> Obj:
    """A map; empty when absent or null."""
    return get(parent, key, dict, path, {})


def get_maps(parent: Obj, key: str, path: str) -> list[Obj]:
    """A list whose entries are all maps; empty when absent or null."""
    entries = get(parent, key, list, path, [])
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise Unreadable(f"{path}.{key}[{index}] is {_describe(entry)}, not a map", line_of(parent))
    return entries


def get_texts(parent: Obj, key: str, path: str) -> tuple[str, ...]:
    """A list of texts; empty when absent or null. Numbers and booleans in it are the author's missing quotes."""
    entries = get(parent, key, list, path, [])
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            raise Unreadable(f"{path}.{key}[{index}] is {_describe(entry)}, not text: quote it", line_of(parent))
    return tuple(entries)


def get_labels(parent: Obj, key: str, path: str) -> dict[str, str]:
    """A map of text to text, such as labels or annotations; empty when absent or null."""
    labels = get_map(parent, key, path)
    for name, value in labels.items():
        if not isinstance(name, str) or not isinstance(value, str | None):
            field = f"{path}.{key}" if path else key
            raise Unreadable(f"{field}.{name} is {_describe(value)}, not text: quote it", line_of(labels))
    return {name: value or "" for name, value in labels.items()}


def get_int_or_percent(parent: Obj, key: str, path: str) -> int | str | None:
    """A whole number or a text such as `25%`; None when absent or null."""
    value = parent.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT32):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}%", value):
        return value
    raise Unreadable(f"{path}.{key} is {value!r:.40}, not a number or a percentage such as 25%", line_of(parent))
