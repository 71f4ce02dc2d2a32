# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that a server makes by itself after its stop signal, serving as before, before it drains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import (
    is_switched,
    read_places,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import RunningServer


@dataclass(frozen=True, slots=True)
class OwnDelay:
    """Seconds, and the setting that says so. `exact`: no setting that cannot be read may make it longer."""

    seconds: int
    source: str
    exact: bool = True

    def as_report(self) -> dict[str, Any]:
        """`budget.own_delay` of report.json."""
        return {"seconds": self.seconds, "source": self.source}


NO_DELAY = OwnDelay(0, "no delay of the server's own")


def own_delay_of(settings: Settings) -> OwnDelay:
    """The longest that the settings of a container say; none where they do not. Raises Unreadable."""
    running = settings.running
    found, exact = [NO_DELAY], True
    if running and running.server.origin:
        return _of_users(running, settings)
    for server in CATALOGUE:
        if not server.own_delay or (server.own_delay_where and not is_switched(server.own_delay_where, settings)):
            continue
        runs = running if running is not None and running.server is server else None
        read = read_places(server.own_delay, settings, server.name, runs)
        if read and read.seconds:
            found.append(OwnDelay(read.seconds, read.source))
        exact = exact and (read is None or read.seconds is not None)
    return replace(max(found, key=lambda one: one.seconds), exact=exact)


def _of_users(running: RunningServer, settings: Settings) -> OwnDelay:
    """That of a server that the user declares; what others of that name are known to do does not count."""
    server = running.server
    read = read_places(server.own_delay, settings, server.name, running)
    if read:
        return OwnDelay(read.seconds or 0, server.told(read.source), exact=read.seconds is not None)
    certain = running.is_first and running.signal_of(settings.container) in server.drains_on
    if certain and server.own_delay_default:
        return OwnDelay(server.own_delay_default, server.told(f"own delay of {server.name}"))
    return NO_DELAY
