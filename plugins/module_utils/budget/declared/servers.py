# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are told their shutdown timeout by an argument or by the environment, and those told by a file too."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.gunicorn import in_gunicorn_file
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.spring import in_spring_files
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout, seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is told its timeout; of several places, the first of this order decides.

    `flags` are arguments with a value, `options` variables that hold further arguments, `variables` those whose value
    is the timeout, `file` reads its configuration file. `plain` is the unit of a number without one.
    """

    name: str
    flags: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    file: Callable[[Settings], Timeout | None] | None = None
    plain: str = "s"

    def timeout(self, settings: Settings) -> Timeout | None:
        """The timeout that this server declares, if any."""
        texts = {"argument": settings.arguments}
        texts |= {f"{settings.variables[name].place}:": settings.value(name) for name in self._given(settings)}
        for place, text in texts.items():
            for flag in self.flags:
                match = re.search(rf"(?:^|[\s'\"]){re.escape(flag)}[=\s]\s*['\"]?([\w.]+)", text)
                seconds = seconds_of(match[1], self.plain) if match else None
                if seconds is not None:
                    return Timeout(seconds, f"{place} {flag}")
        for name in self.variables:
            seconds = seconds_of(settings.value(name), self.plain)
            if seconds is not None:
                return Timeout(seconds, settings.variables[name].place)
        return self.file(settings) if self.file else None

    def _given(self, settings: Settings) -> list[str]:
        return [name for name in self.options if name in settings.variables]


SERVERS = (
    Server("gunicorn or hypercorn", ("--graceful-timeout",), ("GUNICORN_CMD_ARGS",), file=in_gunicorn_file),
    Server("uvicorn", ("--timeout-graceful-shutdown",), (), ("UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN",)),
    Server(
        "Spring Boot",
        ("--spring.lifecycle.timeout-per-shutdown-phase", "-Dspring.lifecycle.timeout-per-shutdown-phase"),
        ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS"),
        ("SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE", "SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE"),
        file=in_spring_files,
        plain="ms",  # how Spring reads a number into a Duration
    ),
    Server(".NET", variables=("DOTNET_SHUTDOWNTIMEOUTSECONDS", "ASPNETCORE_SHUTDOWNTIMEOUTSECONDS")),
    Server("Vector", ("--graceful-shutdown-limit-secs",), (), ("VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS",)),
)
VARIABLES = frozenset(name for server in SERVERS for name in (*server.options, *server.variables))
