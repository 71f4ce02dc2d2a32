# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The allowance: for how long a server goes on with what is in flight after its stop signal, before it cuts the rest.

Written in its settings, or the documented default of a server that is known and certain to get the signal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import (
    declared_timeout,
    timeout_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import is_set, is_switched
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNLIMITED,
    FileKey,
    Server,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import RunningServer
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import script_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION

# In a source: what the workload alone does not tell.
_FROM_ELSEWHERE = ("ConfigMap ", "termination_")
_SETTLE = f"annotation {ANNOTATION}drain-seconds would settle it"


@dataclass(frozen=True, slots=True)
class Allowance:
    """`seconds` is None where the server waits without limit (`bound` unlimited) or nothing says for how long.

    `how`: declared or default. `certain`: no file of the image can say otherwise. `server`: None where only a setting
    is known. `source` is a text for reports; where `seconds` is None it says what would settle it.
    """

    seconds: int | None
    how: str
    source: str
    bound: str = "exact"
    server: Server | None = None
    certain: bool = True

    @property
    def evidence(self) -> str:
        """Whether the workload alone tells it: `static`, else `context`."""
        return evidence_of(self.source)

    def as_report(self) -> dict[str, Any]:
        """`budget.allowance` of report.json."""
        return {"seconds": self.seconds, "how": self.how, "source": self.source, "bound": self.bound}


def evidence_of(*sources: str) -> str:
    """Whether the workload alone tells what has these sources: `static`, else `context`."""
    return "context" if any(mark in source for source in sources for mark in _FROM_ELSEWHERE) else "static"


def allowance_of(settings: Settings) -> Allowance | None:
    """The allowance of a container with these settings; None where neither its settings nor its server say one.

    Raises Unreadable.
    """
    running = settings.running
    server = running.server if running else None
    found = _allowance(running, settings)
    return replace(found, source=server.told(found.source)) if found and server and server.origin else found


def _allowance(running: RunningServer | None, settings: Settings) -> Allowance | None:
    server = running.server if running else None
    # Of a server that the user declares, nothing else counts.
    ends = None if server and server.origin else _does_not_drain(settings)
    ends = ends or (_ends_at_once(running, settings.container) if running else None)
    if ends:
        return ends
    found = _declared(running, settings)
    # A default counts only where the signal certainly arrives.
    if found and not (found.is_default and running and not running.is_first):
        # Celery's limit is none whatever its settings say.
        bound = "unlimited" if found.unlimited else "unknown" if found.seconds is None else "exact"
        return Allowance(found.seconds, "default" if found.is_default else "declared", found.source, bound, server)
    return _default(running, settings) if running else None


def _declared(running: RunningServer | None, settings: Settings) -> Timeout | None:
    if running is None:
        return declared_timeout(settings)
    own = timeout_of(running.server, settings, running)
    if own is None or own.seconds is None or running.server.origin or script_of(settings.container.words) is None:
        return own
    # A script may have started another server before this one.
    other = declared_timeout(settings)
    return other if other and (other.seconds is None or other.seconds > own.seconds) else own


def _does_not_drain(settings: Settings) -> Allowance | None:
    for server in CATALOGUE:
        for switch in server.ends_where:
            if is_switched(switch, settings):
                source = f"{server.name} does not drain: {switch.name} is {switch.value}"
                return Allowance(0, "declared", source, server=server)
    return None


def _ends_at_once(running: RunningServer, container: Container) -> Allowance | None:
    """What it is where the signal that the server gets does not make it drain; a hook that stops it comes first."""
    server, signal = running.server, running.signal_of(container)
    if not running.is_first or signal not in server.ends_on or hook_stops_server(container):
        return None
    # A server that drains on no signal at all does so whichever its image declares.
    certain = running.signal_is_certain(container) or not server.drains_on
    hedge = "" if certain else f", unless its image declares SIG{server.drains_on[0]}"
    source = f"SIG{signal} ends {server.name} at once{hedge}: nothing in flight is finished"
    return Allowance(0, "default", source, server=server, certain=certain)


def _default(running: RunningServer, settings: Settings) -> Allowance | None:
    server, container = running.server, settings.container
    if hook_stops_server(container) or not running.is_first:
        return None
    if server.default is None and server.unknown_because:
        why = f"unknown: {server.name}: {server.unknown_because}; {_SETTLE}"
        return Allowance(None, "default", why, "unknown", server)
    if server.default is None or running.signal_of(container) not in server.drains_on:
        return None
    holds = running.default_holds(container)
    since = server.default_since[0][1] if server.default_since else ""
    if holds is False:
        why = f"unknown: the default of {server.name} is known from {since} on; {_SETTLE}"
        return Allowance(None, "default", why, "unknown", server)
    older = f", unless it is older than {since}, which the image does not tell" if holds is None else ""
    if server.default == UNLIMITED:
        waits = f"unknown: {server.name} waits without limit for what is in flight{older}; {_SETTLE}"
        return Allowance(None, "default", waits, "unknown" if older else "unlimited", server)
    seconds = math.ceil(server.default)
    named = is_set(server.file_from, settings, running)
    hedge = ", unless its configuration file says otherwise" if named else ""
    unseen = settings.unseen_at(server.folders)
    if unseen:
        hedge = f", unless a file in {unseen} says otherwise"
    if server.file_in_image:
        hedge = f", unless {server.file_in_image} of the image says otherwise"
    for file, word, texts in _own_files(server, settings):
        if any(word.lower() in text.lower() for text in texts):
            why = f"unknown: {file} has {word} for {server.name}, in a form that is not read; {_SETTLE}"
            return Allowance(None, "default", why, "unknown", server)
        if not texts and settings.unseen:
            hedge = f", unless {file} in {settings.unseen[0]} says otherwise"
    hedge = older or hedge
    # What was not read may hold its configuration.
    hidden = _hidden_variables(settings) or _hidden_words(running)
    certain = not hedge and not settings.missing and not hidden
    source = f"default of {server.name}{hedge}"
    if not seconds:
        source = f"by default {server.name} finishes nothing that is in flight{hedge}"
    return Allowance(seconds, "default", source, "exact", server, certain=certain)


def _own_files(server: Server, settings: Settings) -> Iterator[tuple[str, str, list[str]]]:
    """(name, last word of the key, known contents) of the files in which a server that a user declares is set.

    Such an entry says no more than a file's name: not where it lies, nor in which language it is written.
    """
    for place in server.timeout if server.origin else ():
        if isinstance(place, FileKey):
            texts = [file.text for file in settings.files if re.fullmatch(place.file, file.name)]
            yield place.file.replace("\\", ""), re.split(r"\W+", place.name.rstrip(" .:="))[-1], texts


def _hidden_variables(settings: Settings) -> bool:
    """Whether the environment has a part whose variables are not known, such as a Secret."""
    container = settings.container
    for source in get_maps(container.spec, "envFrom", container.path):
        name = get(get_map(source, "configMapRef", container.path), "name", str, container.path, "")
        if not name or settings.context.dependencies.config_of(settings.namespace, name) is None:
            return True
    return False


def _hidden_words(running: RunningServer) -> bool:
    """Whether an argument is a variable, a substitution, or quoted text of a script, which is blanked."""
    return any(word.startswith("$") or word == "_" for word in running.words)
