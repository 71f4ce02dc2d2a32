# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that a user declares in `termination_servers`: what its owner can say for certain, in plain maps."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import whole
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNLIMITED,
    FileKey,
    Flag,
    Place,
    Server,
    Variable,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import INITS, STARTERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import SHELLS

_PLACES = ("flags", "variables", "keys", "unit", "default")
_TEXTS = ("name", "source", "stop_signal")
_LISTS = ("programs", "images", "drains_on", "ends_on")
SERVER_KEYS = (*_TEXTS[:2], *_LISTS[:2], *_PLACES, "own_delay", *_LISTS[2:], "stop_signal", "requeues")
_UNITS = ("s", "ms", "m", "h")
_LONGEST = 86400  # seconds
_SIGNALS = frozenset(one.name.removeprefix("SIG") for one in signal.Signals)
# What runs any program of its language: not the name of a server.
_INTERPRETERS = re.compile(r"(?:python|pypy|java|node|nodejs|ruby|php|perl|dotnet|deno|bun|bundle|npm|npx|yarn)[\d.]*")
_NAME = re.compile(r"[\w][\w .+-]{0,62}")
_PROGRAM = re.compile(r"[\w.+-]{1,100}")
_FLAG = re.compile(r"--?[\w.-]{1,100}")
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,100}")
_IMAGE = re.compile(r"[a-z0-9._-]+(?::\d+)?(?:/[a-z0-9._-]+)+")
_FILE = re.compile(r"[\w.+-]{1,200}")


def read_servers(entries: Sequence[Any] | None) -> tuple[Server, ...]:
    """Build from `termination_servers`. Raises ValueError: the entry, the key, the reason and what is valid."""
    read = tuple(_server(f"servers[{index}]", entry) for index, entry in enumerate(entries or ()))
    names = [server.name for server in read]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"servers: two entries are named '{twice}': reports could not tell them apart")
    return read


def _server(where: str, entry: Any) -> Server:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{where}: must be a map with the keys {', '.join(SERVER_KEYS)}")
    _refuse_others(where, entry, SERVER_KEYS)
    name, source, stop_signal = (_text(where, entry, key) for key in _TEXTS)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{where}.name: '{name:.40}' is no name: letters, digits, blanks and . + - are, up to 63")
    if not source:
        raise ValueError(f"{where}: source is missing: say how all this is known, such as its documentation")
    programs, images = _names(where, entry, "programs", _PROGRAM), _names(where, entry, "images", _IMAGE)
    if not programs and not images:
        raise ValueError(f"{where}: neither programs nor images: name what tells that a container runs it")
    for program in programs:
        if program in (*SHELLS, *INITS, *STARTERS) or _INTERPRETERS.fullmatch(program):
            raise ValueError(f"{where}.programs: '{program}' runs any program: name the one that it runs, or the image")
    ends_on = _signals(where, entry, "ends_on")
    drains_on = _signals(where, entry, "drains_on") or tuple(one for one in ("TERM",) if one not in ends_on)
    both = [one for one in drains_on if one in ends_on]
    if both:
        raise ValueError(f"{where}: SIG{both[0]} is in drains_on and in ends_on: it does one of them")
    places, default = _places(where, entry)
    own_delay, own_default = _own_delay(f"{where}.own_delay", entry.get("own_delay"))
    return Server(
        name=name,
        programs=programs,
        images=images,
        drains_on=drains_on,
        ends_on=ends_on,
        image_signal=_signal(f"{where}.stop_signal", stop_signal) if stop_signal else "TERM",
        timeout=places,
        default=default,
        own_delay=own_delay,
        own_delay_default=own_default or 0,
        requeues=_switch(f"{where}.requeues", entry.get("requeues")),
        advice=_advice(places),
        source=(source,),
        origin=f"termination_servers: {name}",
    )


def _refuse_others(where: str, entry: Mapping[Any, Any], keys: Sequence[str]) -> None:
    unknown = sorted(str(key) for key in entry if key not in keys)
    if unknown:
        raise ValueError(f"{where}: unknown key '{unknown[0]:.40}'; valid keys are {', '.join(keys)}")


def _places(where: str, entry: Mapping[Any, Any]) -> tuple[tuple[Place, ...], float | None]:
    """(where a time is set, what it is where nothing sets it)."""
    unit = _text(where, entry, "unit") or "s"
    if unit not in _UNITS:
        raise ValueError(f"{where}.unit: '{unit:.40}' is not one of {', '.join(_UNITS)}")
    flags = tuple(Flag(name, unit) for name in _names(where, entry, "flags", _FLAG))
    variables = tuple(Variable(name.upper(), unit) for name in _names(where, entry, "variables", _VARIABLE))
    return (*flags, *variables, *_keys(f"{where}.keys", entry.get("keys"), unit)), _default(where, entry)


def _default(where: str, entry: Mapping[Any, Any]) -> float | None:
    text = _text(where, entry, "default")
    if text == "unlimited":
        return UNLIMITED
    return _seconds(f"{where}.default", text, ", nor unlimited") if text else None


def _own_delay(where: str, given: Any) -> tuple[tuple[Place, ...], int | None]:
    if given is None or (isinstance(given, str | int) and not isinstance(given, bool)):
        text = str("" if given is None else given).strip()
        return (), _seconds(where, text, ", nor a map of places") if text else None
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: must be a number of seconds, or a map with the keys {', '.join(_PLACES)}")
    _refuse_others(where, given, _PLACES)
    places, default = _places(where, given)
    if default == UNLIMITED:
        raise ValueError(f"{where}.default: a delay has an end")
    return places, None if default is None else int(default)


def _seconds(where: str, text: str, otherwise: str) -> int:
    seconds = whole(text)
    if seconds is None or not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{where}: '{text:.40}' is not a whole number of seconds from 0 to {_LONGEST}{otherwise}")
    return seconds


def _keys(where: str, given: Any, unit: str) -> tuple[FileKey, ...]:
    if given in (None, "", []):
        return ()
    listed = given if isinstance(given, list | tuple) else [given]
    read = []
    for entry in listed:
        if not isinstance(entry, Mapping):
            raise ValueError(f"{where}: must be a list of maps such as {{file: app.conf, key: shutdown_timeout}}")
        _refuse_others(where, entry, ("file", "key"))
        file, key = _text(where, entry, "file"), _text(where, entry, "key")
        if not _FILE.fullmatch(file):
            raise ValueError(f"{where}.file: '{file:.40}' is no name of a file; leave its folder out")
        if not key or len(key) > 100:
            raise ValueError(f"{where}.key: it is missing: what stands before = or : in a line of {file}")
        line = rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*[:= \t][ \t]*[\"']?([^\s\"'#;,]{{1,200}})"
        read.append(FileKey(key, re.escape(file), line, unit))
    return tuple(read)


def _names(where: str, entry: Mapping[Any, Any], key: str, form: re.Pattern[str]) -> tuple[str, ...]:
    given = entry.get(key)
    listed = given if isinstance(given, list | tuple) else [] if given is None else str(given).split(",")
    names = [str(name).strip() for name in listed if str(name).strip()]
    for name in names:
        if not form.fullmatch(name):
            raise ValueError(f"{where}.{key}: '{name:.60}' is not valid here; {_VALID[key]}")
    return tuple(names)


_VALID = {
    "programs": "a program is its name without a folder, such as gateway",
    "images": "an image is its path with at least two parts and without a tag, such as acme/gateway",
    "flags": "a flag is such as --drain-timeout",
    "variables": "a variable is such as DRAIN_TIMEOUT",
}


def _signals(where: str, entry: Mapping[Any, Any], key: str) -> tuple[str, ...]:
    given = entry.get(key)
    listed = given if isinstance(given, list | tuple) else [] if given is None else str(given).split(",")
    return tuple(_signal(f"{where}.{key}", str(name)) for name in listed if str(name).strip())


def _signal(where: str, text: str) -> str:
    name = text.strip().upper().removeprefix("SIG")
    if name not in _SIGNALS:
        raise ValueError(f"{where}: '{text:.20}' is no signal such as TERM or QUIT")
    return name


def _switch(where: str, given: Any) -> bool:
    text = str("" if given is None else given).strip().lower()
    if text not in ("", "true", "false", "yes", "no"):
        raise ValueError(f"{where}: '{given!s:.20}' is neither true nor false")
    return text in ("true", "yes")


def _text(where: str, entry: Mapping[Any, Any], key: str) -> str:
    given = entry.get(key)
    if given is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError(f"{where}.{key}: must be text")
    return str(given).strip()


def _advice(places: Sequence[Place]) -> str:
    """How a user would set the time, where the first place says that."""
    place = places[0] if places else None
    if not isinstance(place, Flag | Variable | FileKey) or place.unit not in ("s", "ms"):
        return ""
    value = "{seconds}" if place.unit == "s" else "{seconds}000"
    if isinstance(place, FileKey):
        name = place.name.replace("{", "{{").replace("}", "}}")
        return f"{name} = {value}"
    return f"{place.name}={value}"
