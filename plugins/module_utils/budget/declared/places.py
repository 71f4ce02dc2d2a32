# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the places in which an entry of the catalogue of servers says that a time is set."""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Iterator, Sequence
from fnmatch import filter as fnfilter
from typing import TypeAlias

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.spring import (
    look_up,
    written_in_files,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import (
    Timeout,
    seconds_of,
    unread,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import ConfigFile, Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    DIGITS_ONLY,
    UNIT_REQUIRED,
    FileKey,
    Flag,
    JsonKey,
    Options,
    Place,
    SpringKey,
    Switch,
    Variable,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import RunningServer
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import script_of

_REFERENCE = re.compile(r"\$[({]?(\w{1,100})[)}]?")
_LONGEST_VALUE = 200
# (the text, where it stands, the unit of a number without one); no text where it cannot be read.
Found: TypeAlias = "tuple[str | None, str, str]"


def read_places(
    places: Sequence[Place], settings: Settings, name: str, running: RunningServer | None
) -> Timeout | None:
    """What the first of these places that is set says; None where none is.

    `name` is the server's. `running`: how the container runs it; where that is not known, only flags and variables
    that no other program has count.
    `seconds` of the result is None where a place is set to what cannot be read from outside.
    """
    if not (settings.arguments or settings.variables or settings.hidden or settings.files):
        return None
    flags = [place for place in places if isinstance(place, Flag) and _counts(place, settings, running)]
    for place in places:
        if isinstance(place, Flag) and place not in flags:
            continue
        read = [_timeout(found, settings, place) for found in _found(place, flags, settings, name, running)]
        known = [one for one in read if one]
        # Of parts, and of the commands of a script, the longest counts; to one command, the last one.
        if known and ("*" in getattr(place, "name", "") or script_of(settings.container.words) is not None):
            return max(known, key=lambda one: math.inf if one.seconds is None else one.seconds)
        if known:
            return known[-1]
    return None


def is_set(places: Sequence[Place], settings: Settings, running: RunningServer) -> bool:
    """Whether one of these places has any value."""
    return any(True for place in places for _one in _found(place, (), settings, running.server.name, running))


def is_switched(switch: Switch, settings: Settings) -> bool:
    """Whether a setting has this value, by the place that decides."""
    flags = [place for place in switch.places if isinstance(place, Flag)]
    for place in switch.places:
        texts = [text for text, _where, _unit in _found(place, flags, settings, "", None)]
        if texts:
            text = texts[-1] or ""
            return settings.put_in(text, _REFERENCE).strip().strip("'\"").lower() == switch.value
    return False


def _counts(flag: Flag, settings: Settings, running: RunningServer | None) -> bool:
    if running:
        return True
    return flag.anywhere and not (flag.unless and re.search(rf"\b{flag.unless}\b", settings.arguments))


def _found(
    place: Place, flags: Sequence[Flag], settings: Settings, name: str, running: RunningServer | None
) -> Iterator[Found]:
    """What stands in one place, each time that it is set."""
    if isinstance(place, Flag):
        # A script may call other programs, whose flags have such short names as well.
        text = settings.arguments if place.anywhere or not running else " ".join(running.words)
        whose = "" if place.anywhere else f" of {name}"
        yield from ((value, f"argument {place.name}{whose}", place.unit) for value in _values(place, text))
    elif isinstance(place, Options):
        yield from _in_options(place, flags, settings)
    elif isinstance(place, Variable):
        yield from ((text, where, place.unit) for text, where in _variables(place.name, settings))
    elif isinstance(place, JsonKey):
        for given, where in _variables(place.variable, settings):
            value = _in_json(given or "", place.name)
            if given is None or value is not None:
                yield value, f"{where} {place.name}", place.unit
    elif isinstance(place, SpringKey):
        written = written_in_files(place.name, settings)
        if written:
            yield written.value.lower(), f"{written.place} {place.name}", place.unit  # its units are of any case
    else:
        yield from _in_files(place, settings, name)


def _values(flag: Flag, text: str) -> list[str]:
    """What is written behind a flag, each time that it is given."""
    if flag.name.partition("*")[0].lower() not in text.lower():
        return []  # the usual case, and far quicker to see than by the pattern
    between = r"(?:[=\s]\s*|(?=\d))" if re.fullmatch(r"-\w", flag.name) else r"[=\s]\s*"
    name = re.escape(flag.name).replace(r"\*", r"[\w-]{1,100}")
    case = re.IGNORECASE if "*" in flag.name else 0
    found = re.findall(rf"(?:^|[\s'\"]){name}{between}['\"]?([^\s'\"]{{1,{_LONGEST_VALUE}}})", text, case)
    return [value.rstrip(";,&|") for value in found]


def _in_options(options: Options, flags: Sequence[Flag], settings: Settings) -> Iterator[Found]:
    for text, where in _variables(options.name, settings):
        if text is None:
            yield None, where, "s"
            return
        for flag in flags:
            values = _values(flag, text)
            if values:
                yield values[-1], f"{where}: {flag.name}", flag.unit
                return


def _variables(name: str, settings: Settings) -> Iterator[tuple[str | None, str]]:
    """(value, place) of each environment variable of this name; no value where it comes from a Secret or a field."""
    if not settings.variables and not settings.hidden:
        return
    if "*" not in name:
        known, hidden = [name] * (name in settings.variables), [name] * (name in settings.hidden)
    else:
        known, hidden = fnfilter(settings.variables, name), fnfilter(settings.hidden, name)
    yield from ((settings.value(variable), settings.variables[variable].place) for variable in known)
    yield from ((None, f"env {variable}") for variable in hidden)


def _in_json(text: str, name: str) -> str | None:
    try:
        return look_up(json.loads(text), name)
    except (ValueError, RecursionError):
        return None


def named_files(running: RunningServer | None) -> frozenset[str]:
    """Names without their folder of the configuration files that a server's arguments name."""
    if running is None:
        return frozenset()
    text = " ".join(running.words)
    return frozenset(posixpath.basename(path) for flag in running.server.config_flags for path in _values(flag, text))


def is_named(file: ConfigFile, name: str, settings: Settings) -> bool:
    """Whether a container runs the server of this name, and its arguments name this file as its configuration."""
    running = settings.running
    return running is not None and running.server.name == name and file.name in named_files(running)


def _in_files(key: FileKey, settings: Settings, name: str) -> Iterator[Found]:
    for file in settings.files:
        if not re.fullmatch(key.file, file.name) and not is_named(file, name, settings):
            continue
        values = re.findall(key.line, file.text, re.MULTILINE)
        place = f"{file.place} {key.name}"
        if values:
            # Of several lines, code or a section that is not known may choose one.
            yield (None if len(values) > 1 and not key.last_wins else values[-1]), place, key.unit
            return


def _timeout(found: Found, settings: Settings, place: Place) -> Timeout | None:
    text, where, unit = found
    if text is None:
        return unread(where)
    text = text.strip().strip("'\"")
    seconds = seconds_of(settings.put_in(text, _REFERENCE) if "$" in text else text, unit)
    if seconds is not None:
        return Timeout(seconds, where)
    if text[:1].isdigit() and unit not in (DIGITS_ONLY, UNIT_REQUIRED):
        return unread(where)  # longer than any that is meant, or in a unit of the server's own
    # A reference, a substitution, or quoted text of a script, which is blanked; in files, whatever an engine fills in.
    return unread(where) if isinstance(place, FileKey) or "$" in text or "`" in text or text == "_" else None
