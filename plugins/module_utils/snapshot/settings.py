# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a container from outside its image: arguments, environment, and files from ConfigMaps."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.graceful.termination.plugins.module_utils.base.derived import Derived
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.config_map import mounted_configs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import (
    Mount,
    all_mounts_of,
    mounts_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    RunningServer,
    running_server,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

COREFILE = "Corefile"  # of CoreDNS: it sets how long the server runs after SIGTERM
_LONGEST_VALUE = 256
_SEEN = ("configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable; `place` says where its value is set, for reports, which never show the value."""

    value: str
    place: str


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that the container sees from a ConfigMap; `place` is such as `ConfigMap shop/web application.yml`."""

    path: str
    place: str
    text: str

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return posixpath.basename(self.path)


@dataclass(frozen=True)
class Settings(Derived):
    """`variables` have upper-case names. `missing` are the mounted ConfigMaps whose content is not known.

    `hidden` are the names of variables that are set to what is not known, such as a key of a Secret. `unseen` are
    the paths of files and folders whose content is not known either: of a Secret, a claim, or what a container filled.
    """

    namespace: str
    container: Container
    context: Context
    variables: dict[str, Variable]
    files: tuple[ConfigFile, ...]
    missing: tuple[str, ...]
    hidden: frozenset[str] = frozenset()
    unseen: tuple[str, ...] = ()

    def unseen_at(self, folders: Sequence[str]) -> str:
        """The path of what is not known in one of these folders, or around it; empty where there is none."""
        return next((path for path in self.unseen for folder in folders if _overlap(path, folder)), "")

    @cached_property
    def running(self) -> RunningServer | None:
        """The known server that the container runs, if any."""
        return running_server(self.container, self.context.inputs.servers)

    @property
    def arguments(self) -> str:
        """Command and arguments as one text, a script of a shell included."""
        return " ".join(self.container.words)

    def put_in(self, text: str, reference: re.Pattern[str]) -> str:
        """The text with values in place of what refers to them; group 1 of `reference` is the variable.

        Only what a path may hold: a long value that a file names a million times would fill the memory.
        """

        def value_of(match: re.Match[str]) -> str:
            value = self.value(match[1].upper())
            return value if 0 < len(value) <= _LONGEST_VALUE else match[0]

        return reference.sub(value_of, text)

    def value(self, variable: str) -> str:
        """The value of an environment variable; empty where it has none, or none that is known."""
        return self.variables[variable].value if variable in self.variables else ""


@dataclass(frozen=True)
class SettingsReader(Derived):
    """Reads the settings of a workload's containers, each once."""

    workload: Workload
    context: Context

    def of(self, container: Container) -> Settings:
        """The settings of a container. Raises Unreadable."""
        if container.name not in self._read:
            self._read[container.name] = settings_of(self.workload, container, self.context)
        return self._read[container.name]

    @cached_property
    def _read(self) -> dict[str, Settings]:
        return {}


def settings_of(workload: Workload, container: Container, context: Context) -> Settings:
    """Read the settings of a container. Raises Unreadable."""
    files, missing = _files(workload, container, context)
    variables = _variables(workload.namespace, container, context)
    names = (str(entry.get("name")).upper() for entry in get_maps(container.spec, "env", container.path))
    hidden = frozenset(name for name in names if name not in variables)
    unseen = tuple(mount.path for mount in all_mounts_of(workload, container) if not _is_seen(mount))
    return Settings(workload.namespace, container, context, variables, tuple(files), tuple(missing), hidden, unseen)


def _is_seen(mount: Mount) -> bool:
    """Whether a volume holds nothing but ConfigMaps and what the kubelet writes about the pod."""
    parts = get_maps(get_map(mount.volume, "projected", "spec.volumes"), "sources", "spec.volumes.projected")
    sources = parts or [mount.volume]
    return all(any(kind in source for kind in _SEEN) for source in sources)


def _overlap(path: str, folder: str) -> bool:
    """Whether one of the two is the other one, or lies in it."""
    return posixpath.commonpath((path, folder)) in (path, folder)


def _variables(namespace: str, container: Container, context: Context) -> dict[str, Variable]:
    """As the kubelet builds them: `envFrom` in its order, then `env` over it."""
    found = {}
    for source in get_maps(container.spec, "envFrom", container.path):
        name = get(get_map(source, "configMapRef", container.path), "name", str, f"{container.path}.envFrom", "")
        prefix = get(source, "prefix", str, f"{container.path}.envFrom", "")
        for key, value in (context.dependencies.config_of(namespace, name) or {}).items():
            variable = f"{prefix}{key}".upper()
            found[variable] = Variable(value, f"env {variable} (ConfigMap {namespace}/{name})")
    for entry in get_maps(container.spec, "env", container.path):
        variable = str(entry.get("name")).upper()
        found.pop(variable, None)  # whatever envFrom says: this one wins, even if its value is unknown
        reference = get_map(get_map(entry, "valueFrom", container.path), "configMapKeyRef", container.path)
        name, given = str(reference.get("name")), entry.get("value")
        if reference:
            given = (context.dependencies.config_of(namespace, name) or {}).get(str(reference.get("key")))
        if isinstance(given, str):
            place = f"env {variable}"
            found[variable] = Variable(given, f"{place} (ConfigMap {namespace}/{name})" if reference else place)
    return found


def _files(workload: Workload, container: Container, context: Context) -> tuple[list[ConfigFile], list[str]]:
    files, missing = [], []
    for mount in mounts_of(workload, container):
        for config in mounted_configs(mount):
            data = context.dependencies.config_of(workload.namespace, config.name)
            if data is None:
                missing.append(config.name)
                continue
            for key, file in (config.items or {key: key for key in data}).items():
                path = _path(mount.path, mount.sub_path, file)
                if path and key in data:
                    place = f"ConfigMap {workload.namespace}/{config.name} {key}"
                    files.append(ConfigFile(path, place, data[key]))
    return files, missing


def _path(mounted: str, sub_path: str, file: str) -> str | None:
    """Where a file of a volume is in the container; None when the mount shows another part of the volume."""
    if not sub_path:
        return posixpath.normpath(posixpath.join(mounted, file))
    inside = posixpath.relpath(posixpath.join("/", file), posixpath.join("/", sub_path))
    return None if inside.startswith("..") else posixpath.normpath(posixpath.join(mounted, inside))
