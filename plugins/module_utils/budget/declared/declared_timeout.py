# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shutdown timeouts that a server declares for itself: in its arguments, its environment or a file of a ConfigMap.

Only what is written is read here; defaults are in the catalogue of servers.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.celery import celery_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.fluent_bit import fluent_bit_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.gunicorn import in_gunicorn_file
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.haproxy import haproxy_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.ingress_nginx import (
    ingress_nginx_timeout,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import (
    is_switched,
    read_places,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.puma import puma_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.spring import in_spring_files
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    Flag,
    Server,
    Variable,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import RunningServer
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION

_SETTLE = f"annotation {ANNOTATION}drain-seconds would settle it"
# Settings that take more than a place to read, by the server's name.
READERS: dict[str, Callable[[Settings], Timeout | None]] = {
    "gunicorn": in_gunicorn_file,
    "Spring Boot": in_spring_files,
    "Celery worker": celery_timeout,
    "ingress-nginx": ingress_nginx_timeout,
    "Fluent Bit": fluent_bit_timeout,
    "HAProxy": haproxy_timeout,
    "Puma": puma_timeout,
}


def timeout_of(server: Server, settings: Settings, running: RunningServer | None = None) -> Timeout | None:
    """The timeout that the settings declare for one server; None where they declare none. Raises Unreadable.

    `running` says how the container runs it, where that is known.
    """
    if server.drains_where and not is_switched(server.drains_where, settings):
        return None
    found = read_places(server.timeout, settings, server.name, running)
    if not server.origin and server.name in READERS:
        found = found or READERS[server.name](settings)
    if found and found.seconds is not None and _may_be_longer(server, found.seconds):
        return None
    waits = any(name in settings.arguments.split() or name in settings.variables for name in server.waits_where)
    if waits or (found and found.seconds == 0 and server.zero_is_unlimited):
        why = f"unknown: by its settings {server.name} waits without limit for what is in flight; {_SETTLE}"
        return Timeout(None, why, unlimited=True)
    return found


def _may_be_longer(server: Server, seconds: int) -> bool:
    """Whether a part of it for which nothing is set has a longer default, as another entry point of Traefik."""
    in_parts = any("*" in place.name for place in server.timeout if isinstance(place, Flag | Variable))
    return in_parts and server.default is not None and seconds < server.default


def declared_timeout(settings: Settings) -> Timeout | None:
    """The longest timeout that a container declares, whatever it runs; "without limit" being the longest."""
    found = [timeout for timeout in (timeout_of(server, settings) for server in CATALOGUE) if timeout]
    unlimited = [timeout for timeout in found if timeout.seconds is None]
    return unlimited[0] if unlimited else max(found, key=lambda timeout: timeout.seconds or 0, default=None)
