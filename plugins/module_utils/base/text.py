# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Untrusted text made safe to print, and fitted into a number of columns.

Names, messages and reasons come from a cluster or a file: anyone who can create an object there chooses them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

ELLIPSIS = "…"
_BEYOND_ASCII = re.compile("[\x80-\U0010ffff]")


def visible(value: object) -> str:
    """The text on one line, with everything that a terminal or browser would interpret or hide shown as an escape.

    That is control characters, escape sequences, line ends, bidirectional overrides, zero-width characters and lone
    surrogates: ESC becomes the four characters ``\\x1b``.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )


def visible_lines(text: str) -> str:
    """The same for multi-line text: lines stay lines, and tabs stay tabs."""
    return "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in text.split("\n"))


def visible_all(value: Any) -> Any:
    """The same for all text in lists and maps, keys included; other values stay as is."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible_all(key): visible_all(item) for key, item in value.items()}
    return [visible_all(item) for item in value] if isinstance(value, list | tuple) else value


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON with a final newline, in which everything is escaped that `visible` escapes: it is the same data."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if not text.isascii():
        text = _BEYOND_ASCII.sub(lambda char: char[0] if char[0].isprintable() else json.dumps(char[0])[1:-1], text)
    return text.replace("\x7f", "\\u007f") + "\n"


def number(value: float | None) -> str:
    """With thousands separators; None is shown as a question mark."""
    return "?" if value is None else f"{value:,}"


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """Such as `1 pod` and `1,200 pods`."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def listing(names: list[str], limit: int = 3) -> str:
    """Such as `a, b, c and 4 more`."""
    text = ", ".join(names[:limit])
    return f"{text} and {len(names) - limit:,} more" if len(names) > limit else text


def cells(text: str) -> int:
    """Columns on a terminal. Combining marks count as one, so that no text of any length counts as none."""
    return len(text) if text.isascii() else sum(_cells(char) for char in text)


def pad(text: str, width: int) -> str:
    """Padded with blanks to a number of columns."""
    return text + " " * (width - cells(text))


def shorten(text: str, width: int) -> str:
    """At most `width` columns: cut between words if there is a blank to cut at, never inside a number, and marked."""
    if cells(text) <= width:
        return text
    end = _reach(text, width - 1)
    blank = text.rfind(" ", 0, end)
    if blank > end // 2:
        return f"{text[:blank].rstrip()} {ELLIPSIS}"
    # A cut number is another number: 1,200 must never become 1,2…
    while end > 0 and (text[end - 1].isdigit() or text[end - 1] in ".,:"):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def wrap(text: str, width: int, limit: int = 3) -> list[str]:
    """At most `limit` lines of at most `width` columns; the last one is cut if more would follow."""
    lines: list[str] = []
    while len(lines) < limit - 1 and cells(text) > width:
        blank = text.rfind(" ", 0, _reach(text, width) + 1)
        if blank <= 0:
            break
        lines.append(text[:blank].rstrip())
        text = text[blank:].lstrip()
    return [*lines, shorten(text, width)]


def _reach(text: str, width: int) -> int:
    """How many characters of the text fit into `width` columns."""
    used = 0
    for index, char in enumerate(text):
        used += _cells(char)
        if used > width:
            return index
    return len(text)


def _cells(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
