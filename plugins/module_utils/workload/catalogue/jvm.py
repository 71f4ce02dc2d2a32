# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of the JVM and of .NET."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    APPLICATION,
    DIGITS_ONLY,
    UNIT_REQUIRED,
    Flag,
    JsonKey,
    Options,
    Server,
    SpringKey,
    Switch,
    Variable,
)

_PHASE = "spring.lifecycle.timeout-per-shutdown-phase"
_MICRONAUT = "micronaut.lifecycle.graceful-shutdown.grace-period"
_JAVA_OPTIONS = (Options("JAVA_OPTS"), Options("JDK_JAVA_OPTIONS"), Options("JAVA_TOOL_OPTIONS"))

SERVERS = (
    Server(
        name="Spring Boot",
        timeout=(
            Flag(f"--{_PHASE}", "ms", anywhere=True),
            JsonKey("SPRING_APPLICATION_JSON", _PHASE, "ms"),
            Flag(f"-D{_PHASE}", "ms", anywhere=True),
            *_JAVA_OPTIONS,
            Variable("SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE", "ms"),
            Variable("SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE", "ms"),
        ),
        ends_where=(
            Switch(
                "server.shutdown",
                "immediate",
                (
                    Flag("--server.shutdown", anywhere=True),
                    JsonKey("SPRING_APPLICATION_JSON", "server.shutdown"),
                    Flag("-Dserver.shutdown", anywhere=True),
                    *_JAVA_OPTIONS,
                    Variable("SERVER_SHUTDOWN"),
                    SpringKey("server.shutdown"),
                ),
            ),
        ),
        unknown_because="server.shutdown is graceful by default from 3.4 on, with 30 s, and immediate before",
        at_end="closes the connections",
        refuses_new="at once; Undertow answers 503",
        advice="SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE={seconds}s and SERVER_SHUTDOWN=graceful",
        note="a number without a unit is milliseconds; SPRING_APPLICATION_JSON beats system properties and variables; "
        "listeners and executors have phases of their own",
        source=("spring-boot 3.4.1, ServerProperties and LifecycleProperties",),
    ),
    Server(
        name="Quarkus",
        timeout=(
            Flag("-Dquarkus.shutdown.timeout", anywhere=True),
            Options("JAVA_OPTS_APPEND"),
            *_JAVA_OPTIONS,
            Variable("QUARKUS_SHUTDOWN_TIMEOUT"),
        ),
        own_delay=(Flag("-Dquarkus.shutdown.delay", anywhere=True), Variable("QUARKUS_SHUTDOWN_DELAY")),
        own_delay_where=Switch("quarkus.shutdown.delay-enabled", "true", (Variable("QUARKUS_SHUTDOWN_DELAY_ENABLED"),)),
        own_delay_built_in="quarkus.shutdown.delay-enabled",
        unknown_because="without quarkus.shutdown.timeout it exits at once, and its jar may set one",
        at_end="closes the connections",
        refuses_new="503 and Connection: close",
        advice="QUARKUS_SHUTDOWN_TIMEOUT={seconds}",
        note="its own delay works only where it was built with quarkus.shutdown.delay-enabled",
        source=("quarkus-core 3.17.5, runtime/shutdown",),
    ),
    Server(
        name="Micronaut",
        timeout=(
            Flag(f"--{_MICRONAUT}", anywhere=True),
            Flag(f"-D{_MICRONAUT}", anywhere=True),
            Variable("MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_GRACE_PERIOD"),
        ),
        drains_where=Switch(
            "micronaut.lifecycle.graceful-shutdown.enabled",
            "true",
            (
                Flag("--micronaut.lifecycle.graceful-shutdown.enabled", anywhere=True),
                Flag("-Dmicronaut.lifecycle.graceful-shutdown.enabled", anywhere=True),
                Variable("MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_ENABLED"),
            ),
        ),
        unknown_because="it drains only where graceful shutdown is switched on, from 4.9",
        at_end="closes the connections",
        advice="MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_GRACE_PERIOD={seconds}s and "
        "MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_ENABLED=true",
        source=("micronaut-context 4.9.10, runtime/graceful",),
    ),
    Server(
        name="Helidon",
        unknown_because="it drains for 0.5 s unless server.shutdown-grace-period says otherwise",
        at_end="closes the connections",
        refuses_new="at once",
        advice="server.shutdown-grace-period: PT{seconds}S",
        source=("helidon-webserver 4.1.6, ServerListener",),
    ),
    Server(
        name="Dropwizard",
        timeout=(Flag("-Ddw.server.shutdownGracePeriod", UNIT_REQUIRED, anywhere=True), *_JAVA_OPTIONS),
        unknown_because="it drains for 30 s unless its configuration says otherwise",
        at_end="closes the connections",
        refuses_new="at once",
        advice="server.shutdownGracePeriod: {seconds}s",
        source=("dropwizard-core 4.0.11, AbstractServerFactory",),
    ),
    Server(
        name="Ktor",
        timeout=(Flag("-P:ktor.deployment.shutdownTimeout", "ms", anywhere=True),),
        unknown_because="it drains for 1 to 5 s unless its configuration says otherwise",
        at_end="closes the connections",
        refuses_new="at once",
        advice="ktor.deployment.shutdownTimeout = {seconds}000",
        source=("ktor-server-core 3.3.3, ApplicationEngine",),
    ),
    Server(
        name="Akka and Pekko",
        timeout=(
            Flag("-Dakka.coordinated-shutdown.phases.service-requests-done.timeout", "ms", anywhere=True),
            Flag("-Dpekko.coordinated-shutdown.phases.service-requests-done.timeout", "ms", anywhere=True),
            *_JAVA_OPTIONS,
        ),
        unknown_because="coordinated shutdown gives each of its phases 5 s, and drains HTTP where the program asks",
        at_end="goes on to the next phase",
        refuses_new="at once",
        advice="pekko.coordinated-shutdown.phases.service-requests-done.timeout = {seconds}s",
        source=("pekko-actor 1.1.3, reference.conf",),
    ),
    Server(
        name="Tomcat",
        role=APPLICATION,
        programs=("catalina.sh",),
        images=("library/tomcat",),
        drains_on=("TERM", "INT"),
        unknown_because="a servlet with open requests gets 2 s, unless context.xml or server.xml says otherwise",
        at_end="closes the connections",
        refuses_new="503 on open connections",
        advice='gracefulStopAwaitMillis="{seconds}000" of the Service, and bindOnInit="false" of its Connector',
        source=("tomcat 10.1.34, StandardWrapper and StandardService",),
    ),
    Server(
        name="Jetty",
        images=("library/jetty",),
        drains_on=("TERM", "INT"),
        unknown_because="from 12 it drains only with the module graceful, before only with a StatisticsHandler",
        at_end="closes the connections",
        refuses_new="at once",
        advice="--module=graceful jetty.server.stopTimeout={seconds}000",
        source=("jetty-home 12.0.16, etc/jetty-graceful.xml",),
    ),
    Server(
        name="WildFly",
        images=("wildfly/wildfly", "jboss/wildfly"),
        drains_on=("TERM", "INT"),
        timeout=(
            Flag("-Dorg.wildfly.sigterm.suspend.timeout", anywhere=True),
            Options("JAVA_OPTS_APPEND"),
            *_JAVA_OPTIONS,
        ),
        unknown_because="without org.wildfly.sigterm.suspend.timeout it does not wait, and standalone.xml may set one",
        at_end="closes the connections",
        refuses_new="503",
        advice="-Dorg.wildfly.sigterm.suspend.timeout={seconds}",
        source=("wildfly-server 27.0.0, BootstrapImpl",),
    ),
    Server(
        name="Keycloak",
        role=APPLICATION,
        programs=("kc.sh",),
        images=("keycloak/keycloak",),
        entrypoints=("keycloak/keycloak",),
        drains_on=("TERM", "INT"),
        timeout=(Flag("--shutdown-timeout"), Variable("KC_SHUTDOWN_TIMEOUT")),
        own_delay=(Flag("--shutdown-delay"), Variable("KC_SHUTDOWN_DELAY")),
        unknown_because="it drains for 10 s from 26.6 on, and not at all before",
        at_end="closes the connections",
        refuses_new="503 and Connection: close",
        advice="KC_SHUTDOWN_TIMEOUT={seconds}s",
        source=("keycloak, HttpOptions",),
    ),
    Server(
        name=".NET",
        timeout=(
            Flag("--shutdownTimeoutSeconds", DIGITS_ONLY, anywhere=True),
            Variable("SHUTDOWNTIMEOUTSECONDS", DIGITS_ONLY),
            Variable("DOTNET_SHUTDOWNTIMEOUTSECONDS", DIGITS_ONLY),
            Variable("ASPNETCORE_SHUTDOWNTIMEOUTSECONDS", DIGITS_ONLY),
        ),
        unknown_because="the host waits 30 s from .NET 6 on, unless its code says otherwise",
        at_end="aborts the connections",
        refuses_new="at once",
        advice="DOTNET_SHUTDOWNTIMEOUTSECONDS={seconds}",
        note="digits only: `30s` is ignored",
        source=("dotnet/runtime, Microsoft.Extensions.Hosting/HostOptions.cs",),
    ),
)
