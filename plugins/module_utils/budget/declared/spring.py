# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spring Boot's configuration files: application.yml, application.properties and those of the active profiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import (
    Timeout,
    seconds_of,
    unread,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import ConfigFile, Settings

FILE = re.compile(r"application(?:-(?P<profile>[\w.-]+))?\.(?P<format>ya?ml|properties)")
PROFILES = "SPRING_PROFILES_ACTIVE"
_ACTIVE = re.compile(r"(?:--|-D)spring\.profiles\.active[=\s]['\"]?([\w,.-]+)")
_PROPERTY = "spring.lifecycle.timeout-per-shutdown-phase"
_CONDITIONS = ("spring.config.activate.on-profile", "spring.profiles")
_LINE = re.compile(r"[ \t]*([^#!\s:=][^\s:=]*)[ \t]*[ \t:=](.*)")


@dataclass(frozen=True, slots=True)
class Written:
    """What one document says; `profile` is what it is only for, None where it holds always."""

    profile: str | None
    value: str
    place: str


def in_spring_files(settings: Settings) -> Timeout | None:
    """The timeout of the files that are mounted from ConfigMaps."""
    written = written_in_files(_PROPERTY, settings)
    if written is None:
        return None
    seconds = seconds_of(written.value.lower(), plain="ms")  # its units are of any case
    place = f"{written.place} {_PROPERTY}"
    return unread(place) if seconds is None else Timeout(seconds, place)


def written_in_files(name: str, settings: Settings) -> Written | None:
    """A property in the files that are mounted from ConfigMaps; the last active profile that has one decides."""
    found = [written for file in settings.files for written in _written(file, name)]
    for profile in (*reversed(_active(settings)), None):
        values = [written for written in found if written.profile == profile]
        if values:
            return values[-1]
    return None


def _active(settings: Settings) -> list[str]:
    match = _ACTIVE.search(settings.arguments)
    return (match[1] if match else settings.value(PROFILES)).replace(" ", "").split(",")


def _written(file: ConfigFile, name: str) -> Iterator[Written]:
    match = FILE.fullmatch(file.name)
    if not match or "shutdown" not in file.text.lower():
        return
    documents = _properties(file.text) if match["format"] == "properties" else _yaml(file.text)
    for document in documents:
        value = look_up(document, name)
        condition = next(filter(None, (look_up(document, key) for key in _CONDITIONS)), None)
        if value is not None:
            yield Written(match["profile"] or condition, value, file.place)


def _yaml(text: str) -> list[Any]:
    documents = load_documents(text)
    if any(document.problem for document in documents):
        return []  # with a placeholder of a deployment tool in it, for instance: Spring would not read it either
    return [document.data for document in documents]


def _properties(text: str) -> list[dict[str, str]]:
    documents = re.split(r"(?m)^#---[ \t]*$", text)
    return [
        {match[1]: match[2].strip(" \t") for match in map(_LINE.fullmatch, document.splitlines()) if match}
        for document in documents
    ]


def look_up(node: Any, name: str) -> str | None:
    """The value of a property, whether its key is nested, dotted or both; in any of Spring's spellings."""
    return _look_up(node, _canonical(name))


def _look_up(node: Any, wanted: str) -> str | None:
    if not isinstance(node, dict):
        return None
    for key, child in node.items():
        name = _canonical(str(key))
        if name == wanted and isinstance(child, str | int | float) and not isinstance(child, bool):
            return str(child)
        if wanted.startswith(f"{name}."):
            value = _look_up(child, wanted[len(name) + 1 :])
            if value is not None:
                return value
    return None


def _canonical(name: str) -> str:
    """Relaxed binding: neither case nor dashes nor underscores count."""
    return re.sub(r"[-_]", "", name).lower()
