# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Own delays of servers that set one for each of their parts: a part without one stops serving at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import is_named
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.side_ports import is_side_port
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import ConfigFile, Settings

_KEY = "requestacceptgracetimeout"
_FLAG = re.compile(r"--entrypoints\.([\w-]{1,100})((?:\.[\w-]{1,100}){0,6})(?:[=\s]+([^\s'\"]{1,100}))?", re.IGNORECASE)
_VARIABLE = re.compile(r"TRAEFIK_ENTRYPOINTS_([^_]+)_(\w+)")
_TRAEFIK_FILE = re.compile(r"[\w.-]+\.(ya?ml|toml)")
# The entry point of its own API, dashboard and ping.
_OWN = "traefik"
_LAMEDUCK = re.compile(r"^[^#\n]*\blameduck[ \t]+([^\s}#]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds. `shortest`: of the part that stops serving first; `longest`: of the whole server.

    `exact`: no part has a delay that cannot be read.
    """

    shortest: int
    longest: int
    source: str
    exact: bool = True


def traefik_delays(settings: Settings) -> Delays | None:
    """The delays of Traefik's entry points, but for those by which no requests come; None where none has one.

    Its file, arguments and variables exclude each other, in this order.
    """
    for found in (_in_files(settings), _in_flags(settings), _in_variables(settings)):
        if any(text != "" for text in found.points.values()):
            return _delays(found)
    return None


def coredns_delays(settings: Settings) -> Delays | None:
    """Lameduck of the plugin health: of several server blocks, one after the other; None where there is none."""
    for file in settings.files:
        if file.name != "Corefile" and not is_named(file, "CoreDNS", settings):
            continue
        texts = _LAMEDUCK.findall(file.text)
        known = [seconds for seconds in map(seconds_of, texts) if seconds is not None]
        if texts:
            exact = len(known) == len(texts)
            return Delays(max(known, default=0), sum(known), f"{file.place} lameduck", exact)
    return None


@dataclass(frozen=True, slots=True)
class _Points:
    """What entry points have as their delay, by name: empty where nothing sets it, None where it cannot be read."""

    points: dict[str, str | None]
    source: str


def _delays(found: _Points) -> Delays:
    serving = [text for name, text in found.points.items() if name != _OWN and not is_side_port(None, name)]
    read = [0 if text == "" else None if text is None else seconds_of(text) for text in serving]
    known = [seconds for seconds in read if seconds is not None]
    exact = len(known) == len(read)
    return Delays(min(known, default=0) if exact else 0, max(known, default=0), found.source, exact)


def _in_flags(settings: Settings) -> _Points:
    points: dict[str, str | None] = {}
    for name, rest, value in _FLAG.findall(settings.arguments):
        points.setdefault(name.lower(), "")
        if rest.lower() == f".transport.lifecycle.{_KEY}":
            points[name.lower()] = None if "$" in value else value
    return _Points(points, "argument --entryPoints.*.transport.lifeCycle.requestAcceptGraceTimeout")


def _in_variables(settings: Settings) -> _Points:
    points: dict[str, str | None] = {}
    for variable in (*settings.variables, *settings.hidden):
        match = _VARIABLE.fullmatch(variable)
        if not match:
            continue
        points.setdefault(match[1].lower(), "")
        if match[2].lower() == f"transport_lifecycle_{_KEY}":
            points[match[1].lower()] = settings.value(variable) or None
    return _Points(points, "env TRAEFIK_ENTRYPOINTS_*_TRANSPORT_LIFECYCLE_REQUESTACCEPTGRACETIMEOUT")


def _in_files(settings: Settings) -> _Points:
    for file in settings.files:
        if _KEY not in file.text.lower() or not _TRAEFIK_FILE.fullmatch(file.name):
            continue
        points: dict[str, str | None] = {}
        for document in _documents(file):
            for name, point in _items(_child(document, "entrypoints")):
                delay = _child(_child(_child(point, "transport"), "lifecycle"), _KEY)
                points[name] = "" if delay is None else None if "{" in str(delay) else str(delay)
        # What an engine still has to fill in is no document.
        return _Points(points or {"*": None}, f"{file.place} requestAcceptGraceTimeout")
    return _Points({}, "")


def _documents(file: ConfigFile) -> list[Any]:
    if not file.name.endswith(".toml"):
        return [document.data for document in load_documents(file.text) if not document.problem]
    try:
        return [tomllib.loads(file.text)]
    except (tomllib.TOMLDecodeError, RecursionError):
        return []


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from ((str(key).lower(), child) for key, child in node.items())


def _child(node: Any, key: str) -> Any:
    return dict(_items(node)).get(key)
