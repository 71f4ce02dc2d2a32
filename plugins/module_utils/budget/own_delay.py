# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that a server makes by itself after its stop signal, serving as before, before it drains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.parts import (
    Delays,
    coredns_delays,
    traefik_delays,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import (
    is_switched,
    read_places,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import RunningServer


@dataclass(frozen=True, slots=True)
class OwnDelay:
    """Seconds, and the setting that says so. `exact`: no setting that cannot be read may make it longer.

    `pause`: for how many seconds all of the server certainly goes on as before, which stands in for a preStop pause.
    `if_built`: its owner says that it is switched on, but only the build of its image can do that.
    """

    seconds: int
    source: str
    exact: bool = True
    pause: int = 0
    if_built: str = ""

    def as_report(self) -> dict[str, Any]:
        """`budget.own_delay` of report.json."""
        return {"seconds": self.seconds, "source": self.source}


# Servers that set a delay for each of their parts, by name.
_IN_PARTS: dict[str, Callable[[Settings], Delays | None]] = {"Traefik": traefik_delays, "CoreDNS": coredns_delays}
NO_DELAY = OwnDelay(0, "no delay of the server's own")


def own_delay_of(settings: Settings) -> OwnDelay:
    """The longest that the settings of a container say; none where they do not. Raises Unreadable."""
    running = settings.running
    if running and running.server.origin:
        return _of_users(running, settings)
    servers = (server for server in CATALOGUE if server.own_delay)
    found = [_of_server(server, settings, running) for server in servers]
    longest = max([NO_DELAY, *found], key=lambda one: one.seconds)
    return replace(longest, exact=all(one.exact for one in found))


def _of_server(server: Server, settings: Settings, running: RunningServer | None) -> OwnDelay:
    """What the settings say of the delay of one server."""
    runs = running if running is not None and running.server is server else None
    seen = not (runs and settings.unseen_at(server.folders))
    if server.name in _IN_PARTS:
        delays = _IN_PARTS[server.name](settings)
        if delays is None:
            return replace(NO_DELAY, exact=seen)
        return OwnDelay(delays.longest, delays.source, exact=seen and delays.exact, pause=delays.shortest)
    switched = server.own_delay_where is None or is_switched(server.own_delay_where, settings)
    built = server.own_delay_built_in
    read = read_places(server.own_delay, settings, server.name, runs) if switched or built else None
    if read is None or not read.seconds:
        return replace(NO_DELAY, exact=seen and (read is None or read.seconds is not None))
    if built:
        return OwnDelay(read.seconds, read.source, exact=seen, if_built=built if switched else "")
    return OwnDelay(read.seconds, read.source, exact=seen, pause=read.seconds)


def _of_users(running: RunningServer, settings: Settings) -> OwnDelay:
    """That of a server that the user declares; what others of that name are known to do does not count."""
    server = running.server
    read = read_places(server.own_delay, settings, server.name, running)
    if read:
        seconds = read.seconds or 0
        return OwnDelay(seconds, server.told(read.source), exact=read.seconds is not None, pause=seconds)
    certain = running.is_first and running.signal_of(settings.container) in server.drains_on
    if certain and server.own_delay_default:
        seconds = server.own_delay_default
        return OwnDelay(seconds, server.told(f"own delay of {server.name}"), pause=seconds)
    return NO_DELAY
