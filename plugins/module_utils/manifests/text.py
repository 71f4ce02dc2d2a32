# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a manifest file as lines and documents, before anything in it is parsed."""

from __future__ import annotations

import json
import re

# YAML 1.1 breaks lines at all of these, and so do the marks of PyYAML.
BREAKS = "\n\r\x85\u2028\u2029"
BREAK = re.compile(f"\r\n|[{BREAKS}]")
_JSON_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
# A line that is `---`, or begins with `--- `, starts a document wherever it is, even inside a quoted scalar.
_DOCUMENT_START = re.compile(rf"---(?<![^{BREAKS}]---)(?=[ \t{BREAKS}]|\Z)")


def count_breaks(text: str, start: int, end: int) -> int:
    """How many line breaks there are in a part of the text."""
    return sum(text.count(character, start, end) for character in BREAKS) - text.count("\r\n", start, end)


def document_spans(text: str) -> list[tuple[int, int]]:
    """Cut a file at its `---` lines, without its byte-order mark. Each span parses on its own.

    A span holds one document, or none (empty lines and comments before the first `---`). Of a stream of JSON objects,
    which kubectl reads one after the other, each has a span.
    """
    first = 1 if text.startswith("\ufeff") else 0
    starts = [first]
    for match in _DOCUMENT_START.finditer(text, first):
        start = match.start()
        if text.find("%", starts[-1], start) >= 0:
            start = _directives_before(text, starts[-1], start)
        if start > starts[-1]:
            starts.append(start)
    spans = _pairs(starts, len(text))
    return _pairs([first for start, end in spans for first in (start, *_further_objects(text, start, end))], len(text))


def _pairs(starts: list[int], end: int) -> list[tuple[int, int]]:
    return list(zip(starts, [*starts[1:], end], strict=True))


def _further_objects(text: str, start: int, end: int) -> list[int]:
    """Where the second and later objects of a JSON stream begin; empty where the span is anything else."""
    first = _JSON_SPACE.match(text, start).end()  # type: ignore[union-attr]
    if not text.startswith("{", first) or "}" not in text[first:end].rstrip()[:-1]:
        return []
    found: list[int] = []
    position = first
    try:
        while position < end:
            _value, position = _DECODER.raw_decode(text, position)
            position = _JSON_SPACE.match(text, position).end()  # type: ignore[union-attr]
            if position < end and not text.startswith("{", position):
                return []
            found.append(position)
    except (ValueError, RecursionError):
        return []
    return found[:-1]


def _directives_before(text: str, floor: int, start: int) -> int:
    """Where the document that starts at `start` really starts: its directives (%YAML 1.1) come before its `---`."""
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
