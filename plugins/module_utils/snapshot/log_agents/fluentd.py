# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fluentd's configuration, as far as it is mounted from ConfigMaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.stores import Store
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings

_OPEN = re.compile(r"<(\w+)(?:\s[^>]*)?>")
_CLOSE = re.compile(r"</(\w+)>")
_VARIABLE = re.compile(r"#\{ENV\[['\"](\w+)['\"]\]\}")
_FILE_BUFFERS = ("file", "file_single")


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    place: str
    entries: dict[str, str] = field(default_factory=dict)


def fluentd_stores(settings: Settings) -> Iterator[Store]:
    """The file buffers of outputs and the position files of tailed files; of Ruby code, only `ENV` is understood."""
    texts = [(settings.put_in(file.text, _VARIABLE), file.place) for file in settings.files]
    sections = [section for text, place in texts for section in _sections(text, place)]
    for section in sections:
        entries = section.entries
        path = entries.get("path")
        if section.name == "buffer" and entries.get("@type") in _FILE_BUFFERS and path:
            yield Store("buffer", path, section.place, flushed=entries.get("flush_at_shutdown") == "true")
        elif section.name == "source" and entries.get("@type") == "tail" and entries.get("pos_file"):
            reads = tuple(part.strip() for part in (path or "").split(","))
            yield Store("position", entries["pos_file"], section.place, reads=reads)


def _sections(text: str, place: str) -> list[_Section]:
    """Every section, nested ones by themselves, each with its own entries only."""
    sections: list[_Section] = []
    inside: list[_Section] = []
    for line in map(str.strip, text.splitlines()):
        if match := _OPEN.fullmatch(line):
            inside.append(_Section(match[1], place))
            sections.append(inside[-1])
        elif _CLOSE.fullmatch(line):
            del inside[-1:]
        elif inside and line and not line.startswith("#"):
            key, _space, value = line.partition(" ")
            inside[-1].entries[key] = value.strip().strip("\"'")
    return sections
