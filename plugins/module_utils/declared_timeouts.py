# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shutdown timeouts that a server declares for itself: in its arguments or in its environment.

Only what is written is taken. A default is none: a configuration file inside the image may say otherwise.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.shape import get_maps

_DURATION = re.compile(r"(?:PT)?((?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s))+|\d{1,9})", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)?", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST = 86400


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is told its timeout.

    `flags` are arguments with a value; `variables` environment variables whose value is the timeout, and `options`
    variables that hold further arguments. `plain` is the unit of a number without one.
    """

    name: str
    flags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    plain: str = "s"


SERVERS = (
    Server("gunicorn", ("--graceful-timeout",), (), ("GUNICORN_CMD_ARGS",)),
    Server("uvicorn", ("--timeout-graceful-shutdown",), ("UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN",)),
    Server(
        "Spring Boot",
        ("--spring.lifecycle.timeout-per-shutdown-phase", "-Dspring.lifecycle.timeout-per-shutdown-phase"),
        ("SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE", "SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE"),
        ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS"),
        plain="ms",  # how Spring reads a number into a Duration
    ),
    Server(".NET", (), ("DOTNET_SHUTDOWNTIMEOUTSECONDS", "ASPNETCORE_SHUTDOWNTIMEOUTSECONDS")),
)


def declared_timeout(container: Container) -> tuple[int, str] | None:
    """(seconds, where they stand) of the longest timeout that the container declares; None when it declares none."""
    variables = {
        str(entry.get("name")).upper(): entry["value"]
        for entry in get_maps(container.spec, "env", container.path)
        if isinstance(entry.get("value"), str)
    }
    found = [timeout for server in SERVERS for timeout in _timeouts(server, container.words, variables)]
    return max(found, default=None)


def _timeouts(server: Server, words: tuple[str, ...], variables: dict[str, str]) -> list[tuple[int, str]]:
    found = []
    for flag in server.flags:
        texts = {"argument": " ".join(words)} | {f"env {name}:": variables.get(name, "") for name in server.options}
        for place, text in texts.items():
            match = re.search(rf"(?:^|[\s'\"]){re.escape(flag)}[=\s]\s*['\"]?([\w.]+)", text)
            seconds = _seconds(match[1], server.plain) if match else None
            if seconds is not None:
                found.append((seconds, f"{place} {flag}"))
    for name in server.variables:
        seconds = _seconds(variables.get(name, ""), server.plain)
        if seconds is not None:
            found.append((seconds, f"env {name}"))
    return found


def _seconds(text: str, plain: str) -> int | None:
    """Whole seconds, rounded up, of `30`, `30s`, `1m30s`, `500ms` or `PT30S`; None for anything else."""
    if not _DURATION.fullmatch(text.strip()):
        return None
    parts = _PART.findall(text.upper().removeprefix("PT").lower())
    seconds = math.ceil(sum(float(amount) * _SECONDS[unit or plain] for amount, unit in parts))
    return seconds if seconds <= _LONGEST else None
