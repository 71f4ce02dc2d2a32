# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that drain on another signal than SIGTERM, and whether a signal to PID 1 certainly reaches them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    running_server,
    signalled_server,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    container,
    run,
    workload,
)


def seen(**fields: Any) -> tuple[Server | None, Server | None]:
    """(what the container runs, what of that is certainly PID 1)."""
    running = signalled_server(running_server(read_container(container(**fields), "containers[0]")))
    return (running.server, running.server if running.is_first else None) if running else (None, None)


@pytest.mark.parametrize(
    ("fields", "program"),
    [
        ({"command": ["nginx", "-g", "daemon off;"]}, "nginx"),
        ({"command": ["/usr/sbin/php-fpm8.2"], "args": ["-F"]}, "php-fpm"),
        ({"command": ["sh", "-c", "envsubst < a > b; exec /usr/sbin/nginx -g 'daemon off;'"]}, "nginx"),
        ({"command": ["httpd", "-D", "FOREGROUND"]}, "httpd"),
        ({"image": "nginx:1.27"}, "nginx"),
        ({"image": "php:8.3-fpm"}, "php-fpm"),
        ({"image": "php:8.3-apache"}, "apache2"),
        ({"command": ["tini", "--", "nginx"]}, "nginx"),  # it passes each signal on
        ({"image": "docker.io/library/haproxy@sha256:0123"}, "haproxy"),
    ],
)
def test_a_server_that_is_pid_1(fields: dict[str, Any], program: str) -> None:
    server, first = seen(**fields)
    assert server
    assert program in server.programs
    assert first == server


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ["sh", "-c", "nginx -g 'daemon off;'"]},
        {"command": ["sh", "-c", "./prepare; nginx"]},
        {"command": ["sh", "-c", "if [ -f a ]; then exec ./other; fi; exec nginx"]},
        {"command": ["sh", "-c", "exec ./other || exec nginx"]},
        {"command": ["sh", "-c", "cat a | exec nginx"]},
        {"command": ["sh", "-c", "./helper & exec timeout 60 nginx"]},
        {"command": ["timeout", "60", "nginx"]},
        {"command": ["dumb-init", "--rewrite", "15:3", "--", "nginx"]},
        {"command": ["httpd", "-f", "-p", "8080"]},
        {"command": ["./server"], "image": "nginx:1.27"},
        {"args": ["nginx-debug"], "image": "nginx:1.27"},
        {"image": "php:8"},
        {"image": "registry.example/nginx:1"},
        {"image": "busybox:1.36", "command": ["httpd", "-f"]},
    ],
)
def test_where_that_is_not_certain_there_is_none(fields: dict[str, Any]) -> None:
    assert seen(**fields)[1] is None


HOOK = {"preStop": {"exec": {"command": ["sh", "-c", "sleep 10; kill -QUIT 1; sleep 45"]}}}


@pytest.mark.parametrize(
    ("one", "pod", "required"),
    [
        (container(command=["nginx"], lifecycle=HOOK), {}, 65),
        (container(command=["nginx"], lifecycle=HOOK), {"shareProcessNamespace": True}, 110),
        (container(command=["haproxy"], lifecycle=HOOK), {}, 110),
        (container(command=["./server"], lifecycle=HOOK), {}, 110),
    ],
    ids=["drains on it", "PID 1 is another", "drains on another signal", "unknown"],
)
def test_the_budget_counts_the_wait_once_only_where_the_server_drains_in_it(
    one: dict[str, Any], pod: dict[str, Any], required: int
) -> None:
    result = run(workload(one, pod=pod, drain=45, grace=65))
    assert result.workload["budget"]["required"] == required
    assert bool(result.of("grace-period-insufficient")) == (required > 65)
    assert bool(result.of("prestop-starves-drain")) == (required > 65)


def test_a_server_that_merely_stops_early_is_found_as_ever() -> None:
    early = {"preStop": {"exec": {"command": ["sh", "-c", "kill -TERM 1; sleep 5"]}}}
    result = run(workload(container(command=["nginx"], lifecycle=early), drain=45, annotations={PROFILE: "serving"}))
    assert result.of("prestop-stops-server-early")
    assert result.workload["budget"]["required"] == 60
