# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers certainly do not answer the requests of a Service whose port no container of the pod declares.

Any container may listen on a port that it does not declare. Known are those that only ask, ship or copy something for
the others: database proxies, queue workers, log agents, exporters and reloaders. In doubt a container may answer: a
finding too many is the smaller fault.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ansible_collections.graceful.termination.plugins.module_utils.budget.side_ports import is_exporter
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.names import agent_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import Service
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings, SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import (
    Container,
    image_name,
    is_idle,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.database_proxies import database_proxy_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.image_names import image_names
from ansible_collections.graceful.termination.plugins.module_utils.workload.proxies import (
    is_application_server,
    is_companion,
    is_proxy,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.queue_workers import queue_worker
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import script_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# What only fetches files for the others.
_FETCHERS = frozenset(
    ("git-sync", "configmap-reload", "config-reloader", "prometheus-config-reloader", "kiwigrid/k8s-sidecar")
)
# The ports of databases, and those on which their proxies listen.
_DATABASE_PORTS = frozenset(
    (1433, 1521, 3306, 3307, 5432, 5433, 6032, 6033, 6379, 6432, 6446, 6447, 6448, 9999, 11211, 22121, 27017)
)
# Forward and HTTP of Fluentd, beats, syslog, OTLP, Jaeger, Zipkin, HEC, Promtail, Vector.
_LOG_PORTS = frozenset(
    (
        *(24224, 24284, 9880, 5044, 514, 601, 5140, 5170, 6514, 4317, 4318, 6831, 6832, 14250, 14268, 9411, 55678),
        *(8088, 3100, 3500, 9080, 6000, 8686, 9000),
    )
)
_DATABASE_NAME = re.compile(r"sql|postgres|(?:^|-)(?:pg|db|database|redis|mongo)(?:-|$)|bouncer|pool")
_LOG_NAME = re.compile(r"(?:^|-)(?:logs?|logging|syslog|otlp|otel|forward|fluent\w*|beats?|traces?|telemetry)(?:-|$)")
# Commands of a script that prepare what the last one does.
_PREPARING = frozenset(("cd", "export", "set", "umask", "ulimit", "echo", "mkdir"))


def answering(
    workload: Workload, applications: Sequence[Container], services: Sequence[Service], reader: SettingsReader
) -> tuple[Container, ...]:
    """Those of the containers that may answer; all of them where that leaves none, or nothing but companions.

    `services` bring the requests; none where they are not known. Raises Unreadable.
    """
    left = tuple(one for one in applications if not _stands_by(workload, one, services, reader))
    return tuple(applications) if all(map(is_companion, left)) else left


def _stands_by(workload: Workload, container: Container, services: Sequence[Service], reader: SettingsReader) -> bool:
    targets = {number for service in services for port in service.ports if (number := str(port.target)).isdecimal()}
    if container.ports and not (services and all(service.ports for service in services)):
        return False  # requests may come by any port that is declared
    names = [workload.name, *(name for service in services for name in _names(service))]
    if any(f"-{container.name}-" in f"-{name}-" for name in names):
        return False  # the pods are there for it
    if is_idle(container) or is_exporter(container) or not _FETCHERS.isdisjoint(image_names(image_name(container))):
        return True
    if agent_of(container):
        return _listens_elsewhere(reader.of(container), targets, _LOG_PORTS, names, _LOG_NAME)
    proxy = database_proxy_of(container)
    if proxy:
        elsewhere = _listens_elsewhere(reader.of(container), targets, _DATABASE_PORTS, names, _DATABASE_NAME)
        return elsewhere and not proxy.either_end
    return _only_works(container)


def _names(service: Service) -> Iterator[str]:
    yield service.name
    yield from (port.name for port in service.ports)


def _listens_elsewhere(
    settings: Settings, targets: Collection[str], ports: Collection[int], names: Sequence[str], own: re.Pattern[str]
) -> bool:
    """Whether nothing says that it listens on one of the targets: no usual port, no name, no setting."""
    if settings.missing or any(target in map(str, ports) for target in targets) or any(map(own.search, names)):
        return False
    texts = [settings.arguments, *(one.value for one in settings.variables.values())]
    texts += [file.text for file in settings.files]
    return not any(re.search(rf"(?<!\d){re.escape(target)}(?!\d)", text) for target in targets for text in texts)


def _only_works(container: Container) -> bool:
    """Whether a known queue worker is all that runs in it."""
    if not queue_worker(container) or is_application_server(container) or is_proxy(container):
        return False
    if script_of(container.words) is None:
        return True
    return sum(command.program not in _PREPARING for command in commands_in(container.words)) == 1
