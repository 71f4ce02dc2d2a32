# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fluent Bit's configuration, classic or YAML, as far as it is mounted from ConfigMaps."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.stores import Store
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import ConfigFile, Settings

_SECTION = re.compile(r"\[([\w-]+)\][ \t]*")
_ENTRY = re.compile(r"[ \t]+([^\s#]\S*)[ \t]+(.*)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_INCLUDE = re.compile(r"[ \t]*@include[ \t]+(\S+)[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """One section, such as `service` or `input`; names and keys in lower case."""

    name: str
    entries: dict[str, str]
    place: str


@dataclass(frozen=True, slots=True)
class Config:
    """`complete`: every file that the mounted ones include is among them."""

    sections: tuple[Section, ...]
    complete: bool


def read_fluent_bit(settings: Settings) -> Config:
    """The sections of all mounted configuration files, environment variables put in where their value is known."""
    sections: list[Section] = []
    included: list[str] = []
    for file in settings.files:
        expanded = replace(file, text=settings.put_in(file.text, _VARIABLE))
        if file.name.endswith(".conf"):
            _read_classic(expanded, sections, included)
        elif file.name.endswith((".yaml", ".yml")):
            _read_yaml(expanded, sections, included)
    names = {file.name for file in settings.files}
    found = all(fnmatch.filter(names, posixpath.basename(pattern)) for pattern in included)
    return Config(tuple(sections), found and not settings.missing)


def fluent_bit_stores(settings: Settings) -> Iterator[Store]:
    """The buffer folder, if an input uses it, and the position databases of tailed files."""
    config = read_fluent_bit(settings)
    services = [section for section in config.sections if section.name == "service"]
    inputs = [section for section in config.sections if section.name == "input"]
    inherited = any(
        section.entries.get("storage.type", "").lower() == "filesystem"
        and section.entries.get("storage.inherit", "").lower() in ("on", "true")
        for section in services
    )
    used = inherited or any(section.entries.get("storage.type", "").lower() == "filesystem" for section in inputs)
    for section in services:
        path = section.entries.get("storage.path")
        if path and used:
            flushed = section.entries.get("storage.backlog.flush_on_shutdown", "").lower() in ("on", "true")
            yield Store("buffer", path, section.place, flushed)
    for section in inputs:
        path = section.entries.get("db")
        if path and section.entries.get("name", "").lower() == "tail":
            reads = tuple(part.strip() for part in section.entries.get("path", "").split(","))
            yield Store("position", path, section.place, reads=reads)


def _read_classic(file: ConfigFile, sections: list[Section], included: list[str]) -> None:
    entries: dict[str, str] = {}
    for line in file.text.splitlines():
        if match := _INCLUDE.fullmatch(line):
            included.append(match[1])
        elif match := _SECTION.fullmatch(line):
            entries = {}
            sections.append(Section(match[1].lower(), entries, file.place))
        elif match := _ENTRY.fullmatch(line):
            entries[match[1].lower()] = match[2].rstrip(" \t")


def _read_yaml(file: ConfigFile, sections: list[Section], included: list[str]) -> None:
    documents = load_documents(file.text)
    data = documents[0].data if len(documents) == 1 else None
    if not isinstance(data, dict):
        return
    pipeline = data.get("pipeline")
    inputs = pipeline.get("inputs") if isinstance(pipeline, dict) else None
    for name, found in [("service", [data.get("service")]), ("input", inputs if isinstance(inputs, list) else [])]:
        sections += [Section(name, _texts(entry), file.place) for entry in found if isinstance(entry, dict)]
    includes = data.get("includes")
    included += [str(entry) for entry in includes] if isinstance(includes, list) else []


def _texts(entries: dict[Any, Any]) -> dict[str, str]:
    """Keys in lower case, values as the classic format writes them."""
    return {
        str(key).lower(): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in entries.items()
        if isinstance(value, str | int | float)
    }
