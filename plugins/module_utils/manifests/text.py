# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a manifest file as lines and documents, before anything in it is parsed."""

from __future__ import annotations

import re

# YAML 1.1 breaks lines at all of these, and so do the marks of PyYAML.
BREAKS = "\n\r\x85\u2028\u2029"
BREAK = re.compile(f"\r\n|[{BREAKS}]")
# A line that is `---`, or begins with `--- `, starts a document wherever it stands, even inside a quoted scalar.
_DOCUMENT_START = re.compile(rf"---(?<![^{BREAKS}]---)(?=[ \t{BREAKS}]|\Z)")


def count_breaks(text: str, start: int, end: int) -> int:
    """How many line breaks there are in a part of the text."""
    return sum(text.count(character, start, end) for character in BREAKS) - text.count("\r\n", start, end)


def document_spans(text: str) -> list[tuple[int, int]]:
    """Cut a file at its `---` lines, without its byte-order mark. Each span parses on its own.

    A span holds one document, or none (empty lines and comments before the first `---`).
    """
    first = 1 if text.startswith("\ufeff") else 0
    starts = [first]
    for match in _DOCUMENT_START.finditer(text, first):
        start = match.start()
        if text.find("%", starts[-1], start) >= 0:
            start = _directives_before(text, starts[-1], start)
        if start > starts[-1]:
            starts.append(start)
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _directives_before(text: str, floor: int, start: int) -> int:
    """Where the document that starts at `start` really starts: its directives (%YAML 1.1) stand before its `---`."""
    found = begin = start
    while begin > floor:
        previous = max(text.rfind(character, floor, begin - 1) for character in BREAKS) + 1 or floor
        line = text[previous:begin]
        if line.startswith("%"):
            found = previous
        elif line.strip() and not line.lstrip().startswith("#"):
            break
        begin = previous
    return found
