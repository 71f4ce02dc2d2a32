# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the places in which an entry of the catalogue of servers says that a time is set."""

from __future__ import annotations

import math
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
    Switch,
    Variable,
)

_REFERENCE = re.compile(r"\$[({]?(\w{1,100})[)}]?")


def read_places(places: Sequence[Place], settings: Settings, name: str, *, runs: bool) -> Timeout | None:
    """What the first of these places that is set says; None where none is.

    `name` is the server's. `runs`: the container is known to run it; else only flags and variables that no other
    program has count.
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


def is_switched(switch: Switch, settings: Settings) -> bool:
    """Whether a setting has the value with which a server does not drain."""
    if isinstance(switch.place, Variable):
        text = settings.value(switch.place.name)
    else:
        text = (_values(switch.place, settings.arguments) or [""])[-1]
    return text.strip().strip("'\"").lower() == switch.value


def _values(flag: Flag, text: str) -> list[str]:
    """What is written behind a flag, each time that it is given."""
    between = r"(?:[=\s]\s*|(?=\d))" if re.fullmatch(r"-\w", flag.name) else r"[=\s]\s*"
    name = re.escape(flag.name).replace(r"\*", r"[\w-]{1,100}")
    case = re.IGNORECASE if "*" in flag.name else 0
    return re.findall(rf"(?:^|[\s'\"]){name}{between}['\"]?([\w.$(){{}}]+)", text, case)


def _flag(flag: Flag, text: str, where: str, settings: Settings, whose: str = "") -> Timeout | None:
    found = [_timeout(value, flag.unit, f"{where} {flag.name}{whose}", settings) for value in _values(flag, text)]
    known = [one for one in found if one]
    if not known:
        return None
    if "*" in flag.name:
        return max(known, key=lambda one: math.inf if one.seconds is None else one.seconds)
    return known[-1]


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
