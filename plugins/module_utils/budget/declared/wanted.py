# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ConfigMaps a cluster is asked for: those that can hold a shutdown timeout or say where logs are buffered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared import (
    celery,
    puma,
    spring,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.ingress_nginx import config_map_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import named_files
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.config_map import mounted_configs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.names import (
    FLUENT_BIT,
    FLUENTD,
    OTEL_COLLECTOR,
    agent_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import COREFILE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    FileKey,
    JsonKey,
    Options,
    Variable,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import Mount, mounts_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import running_server
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_SWITCHES = [
    switch
    for server in CATALOGUE
    for switch in (*server.ends_where, server.drains_where, server.own_delay_where)
    if switch
]
_PLACES = [
    *(place for server in CATALOGUE for place in server.timeout + server.own_delay),
    *(place for switch in _SWITCHES for place in switch.places),
]
_VARIABLES = {
    *(place.name for place in _PLACES if isinstance(place, (Variable, Options))),
    *(place.variable for place in _PLACES if isinstance(place, JsonKey)),
    *(spring.PROFILES, celery.REMAP, puma.WORKERS),
}
_FILES = [re.compile(place.file) for place in _PLACES if isinstance(place, FileKey)]
# What tells that a mounted file of unknown name may be Spring's or gunicorn's.
_READS_FILES = re.compile(r"\bgunicorn\b|\bjava\b|\.jar\b")
_FILE_VARIABLES = ("SPRING_", "JAVA_", "JDK_", "GUNICORN_")


def wanted_config_maps(workload: Workload) -> set[tuple[str, str]]:
    """(namespace, name) of the ConfigMaps that a budget or a rule may need of this workload. Raises Unreadable."""
    wanted = set()
    for container in workload.all_containers:
        names = {*_of_environment(container), *_of_volumes(workload, container)}
        wanted |= {(workload.namespace, name) for name in names if name}
        controller = config_map_of(container, workload.namespace)
        if controller:
            wanted.add(controller)
    return wanted


def _of_environment(container: Container) -> Iterator[str]:
    for entry in get_maps(container.spec, "env", container.path):
        if any(fnmatchcase(str(entry.get("name")).upper(), variable) for variable in _VARIABLES):
            source = get_map(entry, "valueFrom", container.path)
            yield get(get_map(source, "configMapKeyRef", container.path), "name", str, container.path, "")
    for source in get_maps(container.spec, "envFrom", container.path):
        prefix = get(source, "prefix", str, container.path, "").upper()
        if any(variable.startswith(prefix) for variable in _VARIABLES):
            yield get(get_map(source, "configMapRef", container.path), "name", str, container.path, "")


def _of_volumes(workload: Workload, container: Container) -> Iterator[str]:
    ships_logs = agent_of(container) in (FLUENTD, FLUENT_BIT, OTEL_COLLECTOR)
    reads_files = _READS_FILES.search(" ".join(container.words)) or any(
        str(entry.get("name")).startswith(_FILE_VARIABLES) for entry in get_maps(container.spec, "env", container.path)
    )
    named = named_files(running_server(container))
    for mount in mounts_of(workload, container):
        for config in mounted_configs(mount):
            names = {mount.sub_path} if mount.sub_path else set(config.items.values())
            is_named = bool(named) and (not names or any(name.rpartition("/")[2] in named for name in names))
            if ships_logs or is_named or _may_hold_file(mount, names, bool(reads_files)):
                yield config.name


def _may_hold_file(mount: Mount, names: set[str], reads_files: bool) -> bool:
    """Whether a ConfigMap may hold a file of Spring or gunicorn; its keys are known only where they are listed."""
    if names:
        return any(
            spring.FILE.search(name)
            or name == COREFILE
            or re.search(r"gunicorn[\w.]*\.py$|(?:^|/)puma\.rb$", name)
            or any(file.fullmatch(name.rpartition("/")[2]) for file in _FILES)
            for name in names
        )
    # Spring Boot looks into a folder of this name wherever it is started.
    return reads_files or mount.path.endswith("/config") or "haproxy" in mount.path
