# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A debug session for a person at a terminal: what was seen inside, then the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible, wrap
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.summary import render as render_trace

_LEAST_WIDTH = 76
_SHOWN = 60  # lines of each part; the file has them all
_BOLD = "1"
_LABEL = "  observer  "


def render(document: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
    """Text that ends with a line end. `width` in columns; `color` adds SGR codes and nothing else."""
    lines = [*_inside(document, max(width, _LEAST_WIDTH), color), ""]
    # The verdict comes last, where a person looks first.
    text = "\n".join(line.rstrip() for line in lines) + "\n" + render_trace(document["trace"], width=width, color=color)
    own = [path for path in document.get("files", ()) if path not in document["trace"].get("files", ())]
    return text + "".join(f"{'file':<11}{visible(path)}\n" for path in own)


def _inside(document: Mapping[str, Any], width: int, color: bool) -> Iterator[str]:
    observer = document["observer"]
    part = "all containers" if observer["sees"] == "all containers" else f"container {observer['target']}"
    title = visible(f"inside {document['pod']['namespace']}/Pod/{document['pod']['name']}, {part}")
    yield f"\x1b[{_BOLD}m{title}\x1b[0m" if color else title
    yield from _entries(document["timeline"], width)
    if document["packets"]:
        yield f"  {len(document['packets']):,} packets that open, close or reset a connection"
        yield from _entries(document["packets"], width)
    lines = [f"{observer['container']} ({observer['image']}): {observer['text']}"]
    if observer["sees"] == "sockets":
        lines.append("the runtime does not share processes between containers: only sockets were seen")
    lines += [observer["trouble"]] if observer["trouble"] else []
    for text in lines:
        first, *rest = wrap(visible(text), width - len(_LABEL))
        yield _LABEL + first
        yield from (" " * len(_LABEL) + line for line in rest)


def _entries(entries: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    for entry in entries[:_SHOWN]:
        when = "-" if entry["seconds"] is None else f"{entry['seconds']:+.1f} s"
        first, *rest = wrap(visible(entry["text"]), width - 14)
        yield f"  {when:>10}  {first}"
        yield from (" " * 14 + line for line in rest)
    if len(entries) > _SHOWN:
        yield f"  and {len(entries) - _SHOWN:,} more in the JSON file"
