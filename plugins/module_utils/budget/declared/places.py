# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the places in which an entry of the catalogue of servers says that a time is set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout, seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    FileKey,
    Flag,
    Options,
    Place,
    Variable,
)

_REFERENCE = re.compile(r"\$[({]?(\w{1,100})[)}]?")


def read_places(places: Sequence[Place], settings: Settings, name: str, *, runs: bool) -> Timeout | None:
    """What the first of these places that is set says; None where none is.

    `name` is the server's. `runs`: the container is known to run it; else only flags and variables that no other program has count.
    `seconds` of the result is None where a place is set to what cannot be read from outside.
    """
    flags = [place for place in places if isinstance(place, Flag) and (runs or place.anywhere)]
    for place in places:
        found = None
        if isinstance(place, Flag) and place in flags:
            found = _flag(place, settings.arguments, "argument", settings, "" if place.anywhere else f" of {name}")
        elif isinstance(place, Options):
            found = next(_options(place, flags, settings), None)
        elif isinstance(place, Variable):
            found = _variable(place, settings)
        elif isinstance(place, FileKey):
            found = _file(place, settings)
        if found:
            return found
    return None


def _flag(flag: Flag, text: str, where: str, settings: Settings, whose: str = "") -> Timeout | None:
    short = re.fullmatch(r"-\w", flag.name) is not None
    between = r"(?:[=\s]\s*|(?=\d))" if short else r"[=\s]\s*"
    match = re.search(rf"(?:^|[\s'\"]){re.escape(flag.name)}{between}['\"]?([\w.$(){{}}]+)", text)
    if not match:
        return None
    return _timeout(match[1], flag.unit, f"{where} {flag.name}{whose}", settings)


def _options(options: Options, flags: Sequence[Flag], settings: Settings) -> Iterator[Timeout]:
    if options.name not in settings.variables:
        return
    for flag in flags:
        place = f"{settings.variables[options.name].place}:"
        found = _flag(flag, settings.value(options.name), place, settings)
        if found:
            yield found


def _variable(variable: Variable, settings: Settings) -> Timeout | None:
    if variable.name in settings.variables:
        return _timeout(settings.value(variable.name), variable.unit, settings.variables[variable.name].place, settings)
    names = (
        str(entry.get("name")).upper() for entry in get_maps(settings.container.spec, "env", settings.container.path)
    )
    if variable.name in names:
        return _unread(f"env {variable.name}")  # from a Secret, a field, or a ConfigMap that was not read
    return None


def _file(key: FileKey, settings: Settings) -> Timeout | None:
    for file in settings.files:
        if not re.fullmatch(key.file, file.name):
            continue
        values = re.findall(key.line, file.text, re.MULTILINE)
        place = f"{file.place} {key.name}"
        if len(values) > 1 and not key.last_wins:
            return _unread(place)
        if values:
            return _timeout(values[-1], key.unit, place, settings)
    return None


def _timeout(text: str, unit: str, place: str, settings: Settings) -> Timeout | None:
    text = text.strip().strip("'\"")
    seconds = seconds_of(settings.put_in(text, _REFERENCE) if "$" in text else text, unit)
    if seconds is not None:
        return Timeout(seconds, place)
    return _unread(place) if "$" in text else None


def _unread(place: str) -> Timeout:
    return Timeout(None, f"unknown: {place} is set to a value that cannot be read here")
