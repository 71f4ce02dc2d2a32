# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers and reverse proxies."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    PROXY,
    UNLIMITED,
    FileKey,
    Flag,
    Server,
    Variable,
)

_WORKER_SHUTDOWN = r"^[ \t]*worker_shutdown_timeout[ \t]+(\"[^\"\n]*\"|'[^'\n]*'|[^;\s]+)[ \t]*;"
_TRAEFIK = "--entryPoints.*.transport.lifeCycle."
_TRAEFIK_VARIABLE = "TRAEFIK_ENTRYPOINTS_*_TRANSPORT_LIFECYCLE_"
_TRAEFIK_FILE = r"[\w.-]+\.(?:ya?ml|toml)"  # whatever --configFile calls it: no other file has these keys


def _traefik_key(name: str) -> FileKey:
    return FileKey(name, _TRAEFIK_FILE, rf"(?i)^[^#\n]*\b{name}[\"']?[ \t]*[:=][ \t]*([^\s#,}}]+)")


_NGINX = (
    FileKey("worker_shutdown_timeout", r"nginx\.conf", _WORKER_SHUTDOWN),
    Flag("worker_shutdown_timeout", anywhere=True),  # nginx -g "worker_shutdown_timeout 30s;"
)

_GRACEFUL_SHUTDOWN = FileKey(
    "GracefulShutdownTimeout",
    r"(?:httpd|apache2|mpm[\w.-]*)\.conf",
    r"(?i)^[ \t]*GracefulShutdownTimeout[ \t]+([^\s#]+)",
    last_wins=True,
)


def _caddyfile(key: str) -> FileKey:
    return FileKey(key, r"Caddyfile", rf"^[ \t]*{key}[ \t]+(\S+)")


SERVERS = (
    Server(
        name="nginx",
        role=PROXY,
        programs=("nginx",),
        images=("library/nginx", "nginxinc/nginx-unprivileged", "nginx/nginx-unprivileged", "openresty/openresty"),
        config_flags=(Flag("-c"),),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        image_signal="QUIT",
        signal_since=(("library/nginx", "1.19.5"), ("nginxinc/nginx-unprivileged", "1.19.5")),
        timeout=_NGINX,
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="nginx.conf",
        at_end="closes the connections",
        refuses_new="at once",
        advice="worker_shutdown_timeout {seconds}s",
        note="upgraded connections hold a drain open; `nginx -s quit` returns at once",
        source=("nginx, src/os/unix/ngx_process_cycle.c; docker-nginx, Dockerfile",),
    ),
    Server(
        name="nginx (Bitnami)",
        role=PROXY,
        images=("bitnami/nginx", "bitnamilegacy/nginx"),
        config_flags=(Flag("-c"),),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        timeout=_NGINX,
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="nginx.conf",
        at_end="closes the connections",
        advice="worker_shutdown_timeout {seconds}s and the stop signal SIGQUIT",
        note="its image declares no stop signal, so SIGTERM arrives",
        source=("bitnami/containers, bitnami/nginx/1.27",),
    ),
    Server(
        name="Kong",
        role=PROXY,
        images=("library/kong", "kong/kong-gateway", "kong/kong"),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        image_signal="QUIT",
        timeout=(Variable("KONG_NGINX_MAIN_WORKER_SHUTDOWN_TIMEOUT"),),
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="kong.conf",
        at_end="closes the connections",
        refuses_new="at once",
        advice="KONG_NGINX_MAIN_WORKER_SHUTDOWN_TIMEOUT={seconds}s",
        note="`kong quit --wait=P --timeout=N` as preStop pauses P s and drains for up to N s (10 s by default)",
        source=("Kong/kong, kong/cmd/quit.lua; Kong/docker-kong",),
    ),
    Server(
        name="Apache httpd",
        role=PROXY,
        programs=("httpd", "httpd-foreground", "apache2"),
        images=("library/httpd", "library/php:apache"),
        config_flags=(Flag("-f"),),
        drains_on=("WINCH",),
        ends_on=("TERM", "INT"),
        image_signal="WINCH",
        signal_since=(("library/httpd", "2.4.42"),),
        timeout=(_GRACEFUL_SHUTDOWN,),
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="httpd.conf",
        at_end="ends the children, which takes up to 10 s more",
        refuses_new="at once",
        advice="GracefulShutdownTimeout {seconds} and the stop signal SIGWINCH",
        source=("httpd, server/mpm/event/event.c; tried with 2.4.71",),
    ),
    Server(
        name="Apache httpd (Bitnami)",
        role=PROXY,
        images=("bitnami/apache", "bitnamilegacy/apache"),
        drains_on=("WINCH",),
        ends_on=("TERM", "INT"),
        timeout=(_GRACEFUL_SHUTDOWN,),
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="httpd.conf",
        at_end="ends the children",
        advice="GracefulShutdownTimeout {seconds} and the stop signal SIGWINCH",
        note="its image declares no stop signal, so SIGTERM arrives",
        source=("bitnami/containers, bitnami/apache/2.4",),
    ),
    Server(
        name="HAProxy",
        role=PROXY,
        programs=("haproxy",),
        images=("library/haproxy", "haproxytech/haproxy-alpine"),
        config_flags=(Flag("-f"),),
        drains_on=("USR1",),
        ends_on=("TERM", "INT"),
        image_signal="USR1",
        signal_since=(("library/haproxy", "1.8.14"),),
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="haproxy.cfg",
        at_end="closes the connections",
        refuses_new="at once",
        advice="hard-stop-after {seconds}s and the stop signal SIGUSR1",
        note="a number without a unit is milliseconds",
        source=("haproxy, src/proxy.c and doc/management.txt; tried with 2.6",),
    ),
    Server(
        name="Envoy",
        role=PROXY,
        programs=("envoy",),
        images=("envoyproxy/envoy", "envoyproxy/envoy-distroless"),
        drains_on=(),
        ends_on=("TERM", "INT"),
        at_end="cuts the connections",
        advice="a preStop hook that posts /healthcheck/fail and waits {seconds} s",
        note="`--drain-time-s` is for hot restarts and changed listeners, not for SIGTERM",
        source=("envoyproxy.io, arch_overview/operations/draining",),
    ),
    Server(
        name="Traefik",
        role=PROXY,
        programs=("traefik",),
        images=("library/traefik", "traefik/traefik", "rancher/mirrored-library-traefik"),
        drains_on=("TERM", "INT"),
        ends_on=("QUIT",),
        timeout=(
            _traefik_key("graceTimeOut"),
            Flag(f"{_TRAEFIK}graceTimeOut", anywhere=True),
            Variable(f"{_TRAEFIK_VARIABLE}GRACETIMEOUT"),
        ),
        default=10,
        file_from=(Flag("--configFile"), Flag("--configfile"), Variable("TRAEFIK_CONFIGFILE")),
        config_flags=(Flag("--configFile"), Flag("--configfile")),
        folders=("/etc/traefik",),
        own_delay=(
            _traefik_key("requestAcceptGraceTimeout"),
            Flag(f"{_TRAEFIK}requestAcceptGraceTimeout", anywhere=True),
            Variable(f"{_TRAEFIK_VARIABLE}REQUESTACCEPTGRACETIMEOUT"),
        ),
        at_end="closes the connections",
        refuses_new="after its own delay",
        advice="--entryPoints.web.transport.lifeCycle.graceTimeOut={seconds}s",
        note="its file, arguments and variables exclude each other, in this order",
        source=("traefik 3.7, pkg/server/server_entrypoint_tcp.go",),
    ),
    Server(
        name="Caddy",
        role=PROXY,
        programs=("caddy",),
        images=("library/caddy",),
        config_flags=(Flag("--config"), Flag("-c")),
        drains_on=("TERM", "INT"),
        ends_on=("QUIT",),
        timeout=(_caddyfile("grace_period"),),
        zero_is_unlimited=True,
        default=UNLIMITED,
        file_in_image="Caddyfile",
        own_delay=(_caddyfile("shutdown_delay"),),
        at_end="cuts the connections",
        refuses_new="after its own delay",
        advice="grace_period {seconds}s",
        source=("caddy, modules/caddyhttp/app.go; tried with 2.6.2",),
    ),
    Server(
        name="Varnish",
        role=PROXY,
        programs=("varnishd",),
        images=("library/varnish", "varnish/varnish-enterprise"),
        drains_on=(),
        ends_on=("TERM", "INT"),
        at_end="cuts the connections",
        advice="a preStop pause of {seconds} s more: it does not drain",
        source=("varnish-cache, bin/varnishd/mgt/mgt_main.c; tried with 7.1",),
    ),
    Server(
        name="oauth2-proxy",
        role=PROXY,
        programs=("oauth2-proxy",),
        images=("oauth2-proxy/oauth2-proxy",),
        entrypoints=("oauth2-proxy/oauth2-proxy",),
        drains_on=("TERM", "INT"),
        ends_on=("QUIT",),
        default=UNLIMITED,
        refuses_new="at once",
        note="upgraded connections are not waited for",
        source=("oauth2-proxy 7.15, pkg/proxyhttp/server.go",),
    ),
)
