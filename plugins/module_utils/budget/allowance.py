# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The allowance: for how long a server goes on with what is in flight after its stop signal, before it cuts the rest.

Written in its settings, or the documented default of a server that is known and certain to get the signal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import (
    declared_timeout,
    timeout_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import is_switched
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import UNLIMITED, Server
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    RunningServer,
    running_server,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION

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

    def as_report(self) -> dict[str, Any]:
        """`budget.allowance` of report.json."""
        return {"seconds": self.seconds, "how": self.how, "source": self.source, "bound": self.bound}


def allowance_of(settings: Settings) -> Allowance | None:
    """The allowance of a container with these settings; None where neither its settings nor its server say one.

    Raises Unreadable.
    """
    running = running_server(settings.container)
    server = running.server if running else None
    ends = _does_not_drain(settings) or (running and _ends_at_once(running, settings))
    if ends:
        return ends
    found = timeout_of(server, settings) if server else None
    if not running or not running.is_first:
        found = found or declared_timeout(settings)
    if found:
        # Celery's limit is none whatever its settings say.
        bound = "unlimited" if found.unlimited else "exact"
        return Allowance(found.seconds, "declared", found.source, bound, server)
    return _default(running, settings) if running else None


def _does_not_drain(settings: Settings) -> Allowance | None:
    for server in CATALOGUE:
        for switch in server.ends_where:
            if is_switched(switch, settings):
                source = f"{server.name} does not drain: {switch.place.name} is {switch.value}"
                return Allowance(0, "declared", source, server=server)
    return None


def _ends_at_once(running: RunningServer, settings: Settings) -> Allowance | None:
    """What it is where the signal that the server gets does not make it drain; a hook that stops it comes first."""
    signal = running.signal_of(settings.container)
    if not running.is_first or signal not in running.server.ends_on or hook_stops_server(settings.container):
        return None
    name = running.server.name
    return Allowance(
        0, "default", f"SIG{signal} ends {name} at once: nothing in flight is finished", server=running.server
    )


def _default(running: RunningServer, settings: Settings) -> Allowance | None:
    server, name = running.server, running.server.name
    signal = running.signal_of(settings.container)
    if hook_stops_server(settings.container) or not running.is_first or signal not in server.drains_on:
        return None
    if server.default is None:
        why = server.unknown_because or "its shutdown timeout depends on its version or its application"
        return Allowance(None, "default", f"unknown: {name}: {why}; {_SETTLE}", "unknown", server)
    if server.default == UNLIMITED:
        waits = f"unknown: {name} waits without limit for what is in flight; {_SETTLE}"
        return Allowance(None, "default", waits, "unlimited", server)
    seconds = math.ceil(server.default)
    hedge = f", unless {server.file_in_image} of the image says otherwise" if server.file_in_image else ""
    if not seconds and not hedge:
        return Allowance(0, "default", f"by default {name} finishes nothing that is in flight", server=server)
    # A ConfigMap that was not read may hold its configuration.
    certain = not server.file_in_image and not settings.missing
    return Allowance(seconds, "default", f"default of {name}{hedge}", "exact", server, certain=certain)
