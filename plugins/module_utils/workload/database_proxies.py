# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxies through which an application asks a database or a service of the cloud, as data: what SIGTERM does to each.

Sources: cloud-sql-proxy and alloydb-auth-proxy, --max-sigterm-delay (0 s by default); version 1, -term_timeout (0 s);
PgBouncer's changelog, 1.23.0 (SIGTERM waits for clients, before it exits at once); Pgpool-II, smart shutdown;
ghostunnel, --shutdown-timeout (5 min); stunnel, ProxySQL, MySQL Router, PgCat and twemproxy exit at once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import duration
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.image_names import image_names
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import behind_init, script_of


@dataclass(frozen=True, slots=True)
class DatabaseProxy:
    """`names` are programs and path segments of images. `flags` and `variables` set how long it waits for connections
    to end after SIGTERM; `waits` is that in seconds where nothing sets it. `version`: it waits without limit from this
    one on, as the tag of its image says it. `either_end`: it may as well stand in front of an application.
    """

    title: str
    names: tuple[str, ...]
    flags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    waits: float = 0
    version: tuple[int, int] | None = None
    either_end: bool = False

    @property
    def setting(self) -> str:
        """The flag that makes it wait, such as --max-sigterm-delay; empty where it has none."""
        return self.flags[0] if self.flags else ""


DATABASE_PROXIES = (
    DatabaseProxy(
        "Cloud SQL Auth Proxy",
        ("cloud-sql-proxy", "cloud-sql-connectors/cloud-sql-proxy"),
        ("--max-sigterm-delay",),
        ("CSQL_PROXY_MAX_SIGTERM_DELAY",),
    ),
    DatabaseProxy("Cloud SQL Proxy 1", ("cloud_sql_proxy", "gce-proxy", "cloudsql-proxy"), ("-term_timeout",)),
    DatabaseProxy(
        "AlloyDB Auth Proxy",
        ("alloydb-auth-proxy", "alloydb-connectors/alloydb-auth-proxy"),
        ("--max-sigterm-delay",),
        ("ALLOYDB_PROXY_MAX_SIGTERM_DELAY",),
    ),
    DatabaseProxy("PgBouncer", ("pgbouncer",), version=(1, 23)),
    DatabaseProxy("PgCat", ("pgcat",)),
    DatabaseProxy("Pgpool-II", ("pgpool", "pgpool2", "pgpool-ii"), waits=math.inf),
    DatabaseProxy("ProxySQL", ("proxysql",)),
    DatabaseProxy("MySQL Router", ("mysqlrouter", "mysql-router")),
    DatabaseProxy("twemproxy", ("twemproxy", "nutcracker")),
    DatabaseProxy("stunnel", ("stunnel", "stunnel4"), either_end=True),
    DatabaseProxy("ghostunnel", ("ghostunnel",), ("--shutdown-timeout",), waits=300),
)
_BY_NAME = {name: proxy for proxy in DATABASE_PROXIES for name in proxy.names}
_TAG = re.compile(r":v?(\d{1,3})\.(\d{1,3})(?:\.|-|$)")


def database_proxy_of(container: Container) -> DatabaseProxy | None:
    """The known proxy that a container runs as its only process; None for any other, and for a script around one."""
    words = behind_init(container.words) or container.words
    if words and not words[0].startswith("-"):
        commands = commands_in(words)
        if script_of(words) is not None and len(commands) != 1:
            return None  # only its owner knows what the script does around it, such as wait for the application
        if "server" in words[:3]:
            return None  # ghostunnel has a mode for each end: as a server it is in front of the application
        named = _BY_NAME.get(commands[-1].program) if commands else None
        if named or container.command:
            return named
    return next((_BY_NAME[name] for name in image_names(image_name(container)) if name in _BY_NAME), None)


def seconds_of_wait(container: Container, proxy: DatabaseProxy, variables: dict[str, str]) -> float | None:
    """For how many seconds after SIGTERM it waits for its connections, at most; None if unknown.

    `variables` are those of its environment, with upper-case names.
    """
    text = " ".join(container.words)
    for flag in proxy.flags:
        if match := re.search(rf"(?:^|\s)-?{re.escape(flag)}[=\s]([\w.]+)", text):
            return _seconds(match[1])
    for name in proxy.variables:
        if name in variables:
            return _seconds(variables[name])
    if proxy.version:
        tag = _TAG.search(container.image.rpartition("/")[2])
        if tag is None:
            return None
        return math.inf if (int(tag[1]), int(tag[2])) >= proxy.version else 0
    return proxy.waits


def _seconds(text: str) -> float | None:
    return 0 if text == "0" else duration(text)
