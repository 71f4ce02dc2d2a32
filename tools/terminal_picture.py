# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws what a terminal shows, SGR colours included, as an SVG without scripts, fonts or links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

_CELL, _LINE, _BORDER = 8.4, 19, 16  # pixels: a character, a line, around the text
_INK, _PAPER = "#d8dee6", "#171c24"
_STYLES = {
    "1": 'font-weight="700"',
    "2": 'fill="#8b98a8"',
    "31": 'fill="#ff7b72"',
    "32": 'fill="#7ee787"',
    "33": 'fill="#f2cc60"',
    "36": 'fill="#79c0ff"',
}
_SGR = re.compile("\x1b\\[([0-9;]*)m")


def draw_terminal(text: str, columns: int, title: str) -> str:
    """The SVG of a text with SGR codes of at most `columns` characters a line. Raises ValueError for other codes."""
    lines = text.rstrip("\n").split("\n")
    width, height = round(columns * _CELL + 2 * _BORDER), len(lines) * _LINE + 2 * _BORDER
    rows = "".join(_row(line, _BORDER + (index + 1) * _LINE - 5) for index, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label={quoteattr(title)} '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">\n'
        f'<rect width="{width}" height="{height}" rx="6" fill="{_PAPER}"/>\n{rows}</svg>\n'
    )


def _row(line: str, y: int) -> str:
    spans = "".join(_spans(line, y))
    return f'<g fill="{_INK}">{spans}</g>\n' if spans else ""


def _spans(line: str, y: int) -> Iterator[str]:
    """One text element a style; textLength keeps the columns, whatever font is there."""
    column, codes = 0, ""
    for index, part in enumerate(_SGR.split(line)):
        if index % 2:
            codes = part
            continue
        words = part.strip(" ")
        if words:
            start = column + len(part) - len(part.lstrip(" "))
            place = f'x="{_BORDER + start * _CELL:.1f}" y="{y}" textLength="{len(words) * _CELL:.1f}"'
            yield f'<text {place} {_style(codes)}xml:space="preserve">{escape(words)}</text>'
        column += len(part)


def _style(codes: str) -> str:
    """Raises ValueError for a code that has no look here."""
    known = [code for code in codes.split(";") if code not in ("", "0")]
    if not set(known) <= _STYLES.keys():
        raise ValueError(f"no look for the SGR code {codes}")
    return "".join(f"{_STYLES[code]} " for code in known)
