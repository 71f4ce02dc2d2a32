# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of the catalogue, and how they are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.graceful.termination.plugins.module_utils.base.derived import Derived
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue import (
    jvm,
    php,
    pipelines,
    platform,
    programs,
    python,
    ruby,
    stores,
    web,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server

# By what they are, as docs/servers.md shows them.
GROUPS: dict[str, tuple[Server, ...]] = {
    "Web servers and proxies": web.SERVERS,
    "Python": python.SERVERS,
    "Ruby": ruby.SERVERS,
    "PHP": php.SERVERS,
    "JVM and .NET": jvm.SERVERS,
    "Node.js, Go and others": programs.SERVERS,
    "Logs, metrics, jobs": pipelines.SERVERS,
    "Cluster and databases' proxies": platform.SERVERS,
    "Databases and brokers": stores.SERVERS,
}
CATALOGUE: tuple[Server, ...] = tuple(server for group in GROUPS.values() for server in group)


def programs_of(role: str) -> tuple[str, ...]:
    """The programs of all servers of this role."""
    return tuple(program for server in CATALOGUE if server.role == role for program in server.programs)


@dataclass(frozen=True)
class Catalogue(Derived):
    """The servers of a run; of two for one program or image the first one counts."""

    servers: tuple[Server, ...] = CATALOGUE

    @classmethod
    def with_declared(cls, declared: Sequence[Server]) -> Catalogue:
        """The catalogue with servers that a user declares, which win over those that are built in."""
        return cls((*declared, *CATALOGUE)) if declared else BUILT_IN

    @cached_property
    def by_program(self) -> dict[str, list[Server]]:
        """By the name of a program."""
        found: dict[str, list[Server]] = {}
        for server in self.servers:
            for program in server.programs:
                found.setdefault(program, []).append(server)
        return found

    @cached_property
    def by_image(self) -> dict[str, list[tuple[str, Server]]]:
        """By the path of an image: what its tag must have in it, and the server."""
        found: dict[str, list[tuple[str, Server]]] = {}
        for server in self.servers:
            for image in server.images:
                folder, slash, name = image.rpartition("/")
                name, _colon, tag = name.partition(":")
                found.setdefault(f"{folder}{slash}{name}", []).append((tag, server))
        return found


BUILT_IN = Catalogue()
