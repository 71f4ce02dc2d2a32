# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of the JVM and of .NET."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    Flag,
    Options,
    Server,
    Variable,
)

_PHASE = "spring.lifecycle.timeout-per-shutdown-phase"

SERVERS = (
    Server(
        name="Spring Boot",
        timeout=(
            Flag(f"--{_PHASE}", "ms", anywhere=True),
            Flag(f"-D{_PHASE}", "ms", anywhere=True),
            Options("JAVA_TOOL_OPTIONS"),
            Options("JDK_JAVA_OPTIONS"),
            Options("JAVA_OPTS"),
            Variable("SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE", "ms"),
            Variable("SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE", "ms"),
        ),
        source=("https://docs.spring.io/spring-boot/reference/web/graceful-shutdown.html",),
    ),
    Server(
        name=".NET",
        timeout=(Variable("DOTNET_SHUTDOWNTIMEOUTSECONDS"), Variable("ASPNETCORE_SHUTDOWNTIMEOUTSECONDS")),
        source=("https://learn.microsoft.com/dotnet/core/extensions/generic-host#host-shutdown",),
    ),
    Server(
        name="Quarkus",
        timeout=(Variable("QUARKUS_SHUTDOWN_TIMEOUT"), Flag("-Dquarkus.shutdown.timeout", anywhere=True)),
        own_delay=(Variable("QUARKUS_SHUTDOWN_DELAY"), Flag("-Dquarkus.shutdown.delay", anywhere=True)),
        own_delay_enabled="QUARKUS_SHUTDOWN_DELAY_ENABLED",
        source=("https://quarkus.io/guides/lifecycle#graceful-shutdown",),
    ),
)
