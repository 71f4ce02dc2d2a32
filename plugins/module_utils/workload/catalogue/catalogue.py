# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of the catalogue."""

from __future__ import annotations

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
