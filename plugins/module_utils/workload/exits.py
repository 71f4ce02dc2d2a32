# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an exit code shows about the end of a container, as far as its runtime is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename

PASSED, FAILED, UNCLEAR, NOT_OBSERVED = "passed", "failed", "unclear", "not observed"
_JAVA_IMAGE = re.compile(r"(?:^|[/:_-])(?:java|jre|jdk|openjdk|temurin|corretto|tomcat|jetty)(?:[:@_-]|\d|$)")
_JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "CATALINA_OPTS")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended. `exit_code` is None if none was reported; `finished_at` is RFC 3339."""

    name: str
    exit_code: int | None
    reason: str = ""
    finished_at: str = ""


class Stop(Protocol):
    """A requested stop. `deletion` is RFC 3339: when the grace period is over, so the request plus `grace`."""

    @property
    def grace(self) -> int | None:
        """In seconds; None if unknown."""

    @property
    def deletion(self) -> str:
        """Empty where it is not known."""


def runs_java(container: Container) -> bool:
    """Whether the template says that a JVM runs in it; if not, the runtime is unknown."""
    names = {str(entry.get("name")) for entry in get_maps(container.spec, "env", container.path)}
    return (
        any(basename(word) == "java" for word in container.words)
        or bool(_JAVA_IMAGE.search(container.image))
        or bool(names.intersection(_JAVA_VARIABLES))
    )


def judge_exit(ended: Ended, stop: Stop, *, java: bool) -> tuple[str, str]:
    """(PASSED, FAILED, UNCLEAR or NOT_OBSERVED, why)."""
    code = ended.exit_code
    if code is None:
        return NOT_OBSERVED, (
            "no exit code was reported before the pod was deleted: it was deleted by force, or its node is lost"
        )
    if code == 255 or ended.reason == "ContainerStatusUnknown":
        return NOT_OBSERVED, f"exit code {code} {ended.reason}: the container runtime did not know the code"
    if code == 0:
        return PASSED, "exit code 0"
    if code == 143:
        if java:
            return PASSED, "exit code 143: normal for a JVM, whose shutdown hooks ran"
        return UNCLEAR, (
            "exit code 143: normal for a JVM. Any other process was ended by SIGTERM without its own handler, so "
            "without a drain. The template does not show which one it is"
        )
    if code == 137:
        return FAILED, f"exit code 137: {_killed(ended, stop)}"
    if code == 2:
        return FAILED, (
            "exit code 2: a Go program without a handler for SIGTERM exits like this, at once and without a drain"
        )
    return (
        FAILED,
        f"exit code {code}: an error during shutdown"
        if code < 128
        else f"exit code {code}: ended by signal {code - 128}",
    )


def stop_seconds(ended: Ended, stop: Stop) -> float | None:
    """From the request to the end of a container, to about 2 s, since the API rounds; None if unknown."""
    if not ended.finished_at or not stop.deletion or stop.grace is None:
        return None
    asked = datetime.fromisoformat(stop.deletion).timestamp() - stop.grace
    return max(0.0, datetime.fromisoformat(ended.finished_at).timestamp() - asked)


def _killed(ended: Ended, stop: Stop) -> str:
    if ended.reason == "OOMKilled":
        return "killed for its memory, not for its grace period"
    seconds = stop_seconds(ended, stop)
    if seconds is not None and stop.grace is not None and seconds >= stop.grace - 1:
        return f"killed at the end of its grace period of {stop.grace} s"
    return "killed before its grace period was over"
