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
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import read_places
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.spring import in_spring_files
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server

# Settings that take more than a place to read, by the server's name.
READERS: dict[str, Callable[[Settings], Timeout | None]] = {
    "gunicorn": in_gunicorn_file,
    "Spring Boot": in_spring_files,
    "Celery worker": celery_timeout,
    "ingress-nginx": ingress_nginx_timeout,
    "Fluent Bit": fluent_bit_timeout,
    "HAProxy": haproxy_timeout,
}


def timeout_of(server: Server, settings: Settings, *, runs: bool = True) -> Timeout | None:
    """The timeout that the settings declare for one server; None where they declare none. Raises Unreadable."""
    found = read_places(server.timeout, settings, server.name, runs=runs)
    return found or (READERS[server.name](settings) if server.name in READERS else None)


def declared_timeout(settings: Settings) -> Timeout | None:
    """The longest timeout that a container declares, whatever it runs; "without limit" being the longest."""
    found = [timeout for timeout in (timeout_of(server, settings, runs=False) for server in CATALOGUE) if timeout]
    unlimited = [timeout for timeout in found if timeout.seconds is None]
    return unlimited[0] if unlimited else max(found, key=lambda timeout: timeout.seconds or 0, default=None)
