# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reverse proxies and the application servers behind them: by program, and by image.

Those of the catalogue are known from there; the lists here have others, of which nothing is known of how they stop,
and further names. Images are compared by whole path segments, without what publishers append, and by the last word of
their name, so that an exporter or a controller that is named after a proxy is not taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import programs_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import APPLICATION, PROXY
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.image_names import image_names
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    behind_init,
    script_of,
)

PROXIES = frozenset(
    (
        *programs_of(PROXY),
        *("nginx-unprivileged", "nginx-plus", "openresty", "angie", "tengine", "freenginx"),
        *("apache2-foreground", "apache", "apachectl", "lighttpd", "h2o", "nghttpx", "hitch", "varnish"),
        *("oauth2_proxy", "keycloak-gatekeeper", "louketo-proxy", "gatekeeper/gatekeeper"),
        *("gogatekeeper", "pomerium", "oathkeeper", "kong", "kong-gateway", "apisix", "krakend", "tyk-gateway"),
        *("skipper", "mod_auth_openidc"),
    )
)
APPLICATION_SERVERS = frozenset(
    (
        *programs_of(APPLICATION),
        *("daphne", "waitress-serve", "thin", "passenger", "falcon", "rackup", "starman", "hypnotoad", "plackup"),
    )
)
_PHP_FPM = re.compile(r"php-?fpm[\d.]*")
# In the tag too: php:8.3-fpm-alpine.
_FPM_IMAGE = re.compile(r"(?:^|[-_.:\d])(?:php-?)?fpm(?:$|[-_.:])")
# Programs that run another one, which their words name.
_RUNNERS = (
    *("python", "python3", "bundle", "poetry", "uv", "pipenv", "ddtrace-run", "newrelic-admin"),
    "opentelemetry-instrument",
)
_ENTRYPOINT = re.compile(r".*(?:entrypoint|\.sh)")
# What runs beside an application and serves it, or its operators, not its users.
_COMPANION = re.compile(
    r"(?:^|[-_./])(?:\w*exporter|agent|collector|\w*reloader?|config-reload|sync|watcher|logger|shipper|log|logs|logging|syslog"
    r"|fluentd|fluent-?bit|filebeat|promtail|vector|logrotate|vault|consul-template|consul-dataplane|daprd|datadog|newrelic"
    r"|statsd|telegraf|cadvisor|node-problem-detector|kube-rbac-proxy|xray|aws-xray-daemon|otelcol[\w-]*|otel[\w-]*"
    r"|opentelemetry-collector[\w-]*|aws-otel-collector|tailscale|cloudflared|memcached)$"
)


def is_proxy(container: Container) -> bool:
    """Whether a container runs a known reverse proxy: as its program, or as its image where that is not written out."""
    if is_companion(container):
        return False
    named = _names_program(container, PROXIES)
    if named is None:
        image = image_name(container)
        return any(name in PROXIES or name.rpartition("-")[2] in PROXIES for name in image_names(image))
    return named


def is_application_server(container: Container) -> bool:
    """Whether a container runs a known server of applications; an image alone says so of php-fpm only."""
    if is_companion(container):
        return False
    named = _names_program(container, APPLICATION_SERVERS)
    if named is None:
        # The entrypoint of an image runs the command that its arguments name.
        plain = not container.args or container.args[0].startswith("-") or bool(container.command)
        return plain and bool(_FPM_IMAGE.search(container.image.partition("@")[0].rpartition("/")[2].lower()))
    return named


def is_companion(container: Container) -> bool:
    """Whether a container only helps: an exporter, an agent, a shipper of logs, a reloader and the like."""
    names = (container.name, image_name(container).lower(), *image_names(image_name(container)))
    return any(_COMPANION.search(name) for name in names)


def _names_program(container: Container, programs: Collection[str]) -> bool | None:
    """Whether the command runs one of these; None where it does not say what it runs, so that its image tells."""
    words = behind_init(container.words) or container.words
    if not words or words[0].startswith("-"):
        return None
    for command in commands_in(words):
        if command.program in programs or (_PHP_FPM.fullmatch(command.program) and "php-fpm" in programs):
            return True
        if command.program in _RUNNERS and any(basename(word) in programs for word in command.words[1:8]):
            return True
    shown = bool(container.command) and not (_ENTRYPOINT.fullmatch(words[0]) and script_of(words) is None)
    return False if shown else None
