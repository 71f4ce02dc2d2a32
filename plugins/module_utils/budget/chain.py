# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers of a pod stand behind which: a proxy in front of an application, and what the application asks.

All containers of a pod get SIGTERM at the same time, each when its own hook has ended. What stands behind another one
must not stop before that. Only evidence counts: a known proxy that a Service reaches with an application beside it, or
the address of a port of the pod itself in arguments and variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.graceful.termination.plugins.module_utils.base.derived import Derived
from ansible_collections.graceful.termination.plugins.module_utils.budget.side_ports import has_port, is_side_port
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings, SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, is_idle
from ansible_collections.graceful.termination.plugins.module_utils.workload.database_proxies import database_proxy_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import mounts_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.proxies import (
    is_application_server,
    is_companion,
    is_proxy,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.stores import store_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# Comments of configuration files, and addresses on which a proxy itself listens.
_NOT_ASKED = re.compile(r"^[ \t]*(?:[#;]|(?:listen|bind|stats)\b).*$", re.MULTILINE | re.IGNORECASE)
_SOCKET = re.compile(
    r"(?:^|[-_./])(?:unix|uds|fpm)?[-_]?(?:sock|socks|socket|sockets)(?:$|[-_./])|^/(?:var/)?run(?:$|/)"
)
_OWN_PORT = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})(?!\d)")


@dataclass(frozen=True)
class Chain(Derived):
    """`links` are pairs (in front, behind) of containers that get SIGTERM side by side; `database_proxies` are those
    that the applications of the pod ask: they stand behind all of these.

    `possible` are pairs of a proxy and what stands beside it, though nothing says that it gets requests: only an info
    rests on them, and no fix may make them worse.
    """

    links: tuple[tuple[Container, Container], ...] = ()
    database_proxies: tuple[Container, ...] = ()
    possible: tuple[tuple[Container, Container], ...] = ()

    @property
    def at_most(self) -> Chain:
        """The chain with all that is possible."""
        return Chain(self.links + self.possible, self.database_proxies)

    @cached_property
    def members(self) -> tuple[Container, ...]:
        """The containers of its links, each once, from the front to the back."""
        found = {one.name: one for link in self.links for one in link}
        return tuple(found.values())

    @cached_property
    def behind(self) -> tuple[Container, ...]:
        """The containers that stand behind another one."""
        return tuple({behind.name: behind for _front, behind in self.links}.values())

    def in_front_of(self, container: Container) -> tuple[Container, ...]:
        """All containers from which requests come to this one, directly or through others."""
        found: dict[str, Container] = {}
        names = [container.name]
        while names:
            name = names.pop(0)
            for front, behind in self.links:
                if behind.name == name and front.name not in (*found, container.name):
                    found[front.name] = front
                    names.append(front.name)
        return tuple(found.values())


NO_CHAIN = Chain()


def find_chain(workload: Workload, reached: Sequence[Container], reader: SettingsReader) -> Chain:
    """The chain of a workload's containers; `reached` are those that a Service reaches, none where that is not known.

    Raises Unreadable.
    """
    names = {one.name for one in reached}
    own = [one for one in workload.containers if one.name not in MESH_PROXIES and not is_idle(one)]
    if len(own) < 2:
        return NO_CHAIN
    proxies = tuple(one for one in own if one.name not in names and database_proxy_of(one))
    rest = [one for one in own if one not in proxies]
    fronts = [one for one in rest if (one.name in names if names else not is_companion(one))]
    links: dict[tuple[str, str], tuple[Container, Container]] = {}

    def add(front: Container, containers: Iterator[Container]) -> None:
        for behind in containers:
            if (behind.name, front.name) not in links:
                links[front.name, behind.name] = front, behind

    # A proxy first: what stands behind it may name it as the address of its own pages.
    for front in sorted(fronts, key=is_proxy, reverse=True):
        add(front, _behind(front, rest, names, reader))
        if is_proxy(front):
            add(front, (one for one in _beside(front, rest, names) if _share_a_socket(workload, front, one)))
    for _front, asking in list(links.values()):
        add(asking, _named_in(reader.of(asking), rest))
    serves = any(not is_companion(one) and not store_of(one) for one in rest)
    possible = [
        (front, one)
        for front in filter(is_proxy, fronts)
        for one in _beside(front, rest, names)
        if (front.name, one.name) not in links and not store_of(one)
    ]
    return Chain(tuple(links.values()), proxies if serves else (), tuple(possible))


def _behind(
    front: Container, others: Sequence[Container], reached: set[str], reader: SettingsReader
) -> Iterator[Container]:
    named = list(_named_in(reader.of(front), others, files=is_proxy(front)))
    yield from named
    if not is_proxy(front):
        return
    beside = _beside(front, others, reached)
    served = [one for one in beside if is_application_server(one) or (has_port(one) and not store_of(one))]
    yield from served
    elsewhere = _own_ports(reader.of(front), files=True) - {port.number for one in others for port in one.ports}
    if not (named or served) and elsewhere and len(beside) == 1:
        yield beside[0]  # nothing else in the pod could listen there


def _beside(front: Container, others: Sequence[Container], reached: set[str]) -> list[Container]:
    """What may be the application of a proxy. Of two that Services reach, each has requests of its own."""
    return [
        one
        for one in others
        if one.name != front.name and one.name not in reached and not is_companion(one) and not is_proxy(one)
    ]


def _share_a_socket(workload: Workload, front: Container, other: Container) -> bool:
    """Whether both mount a folder of the pod that is there for a socket, by its name."""
    folders = {str(one.volume.get("name")): one.path for one in mounts_of(workload, front) if "emptyDir" in one.volume}
    for mount in mounts_of(workload, other):
        name = str(mount.volume.get("name"))
        if name in folders and any(_SOCKET.search(text) for text in (name, mount.path, folders[name])):
            return True
    return False


def _named_in(settings: Settings, others: Sequence[Container], *, files: bool = False) -> Iterator[Container]:
    """The containers of which arguments or variables, or `files` of a proxy, name a port by which they are asked."""
    ports = _own_ports(settings, files=files)
    for one in others:
        if is_companion(one):
            continue
        if any(port.number in ports and not is_side_port(one, port.name) for port in one.ports):
            yield one


def _own_ports(settings: Settings, *, files: bool = False) -> set[int]:
    """The ports of the pod itself whose address arguments or variables hold, without those of the container.

    `files`: the configuration files of a proxy as well, which say where it sends its requests.
    """
    texts = [settings.arguments, *(variable.value for variable in settings.variables.values())]
    if files:
        texts += [_NOT_ASKED.sub("", file.text) for file in settings.files]
    own = {port.number for port in settings.container.ports}
    return {int(found[1]) for text in texts for found in _OWN_PORT.finditer(text)} - own
