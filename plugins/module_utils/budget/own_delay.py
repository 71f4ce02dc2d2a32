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
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import running_server


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
    running = running_server(settings.container)
    found, exact = [NO_DELAY], True
    for server in CATALOGUE:
        if not server.own_delay or (server.own_delay_where and not is_switched(server.own_delay_where, settings)):
            continue
        runs = running if running is not None and running.server is server else None
        read = read_places(server.own_delay, settings, server.name, runs)
        if read and read.seconds:
            found.append(OwnDelay(read.seconds, read.source))
        exact = exact and (read is None or read.seconds is not None)
    return replace(max(found, key=lambda one: one.seconds), exact=exact)
