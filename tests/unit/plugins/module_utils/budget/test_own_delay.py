# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that a server makes by itself before it drains."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import OwnDelay, own_delay_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import settings_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    container,
    mounting,
    run,
    service,
    workload,
)

TRAEFIK = "--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout"


def delay(file: tuple[str, str] | None = None, env: dict[str, Any] | None = None, **fields: Any) -> OwnDelay:
    """The delay of a container; `file`: name and text of a file from a ConfigMap."""
    mounted, pod = mounting("settings", "/etc/app") if file else ({}, {})
    context = Context()
    if file:
        context.add(config_map(**{file[0]: file[1]}))
    variables = [
        {"name": name} | (value if isinstance(value, dict) else {"value": value}) for name, value in (env or {}).items()
    ]
    read = read_workload(workload(container(env=variables, **mounted | fields), pod=pod))
    return own_delay_of(settings_of(read, read.containers[0], context))


@pytest.mark.parametrize(
    "found",
    [
        delay(("Corefile", ".:53 {\n  health {\n    lameduck 15s\n  }\n}")),
        delay(("Corefile", ".:53 { health :8080 { lameduck 15s } }")),
        delay(("Caddyfile", "{\n  shutdown_delay 15s\n}")),
        delay(args=[f"{TRAEFIK}=15"]),
        delay(args=[f"{TRAEFIK}=5", TRAEFIK.replace("web", "admin") + "=15s"]),
        delay(env={"TRAEFIK_ENTRYPOINTS_WEB_TRANSPORT_LIFECYCLE_REQUESTACCEPTGRACETIMEOUT": "15"}),
        delay(env={"QUARKUS_SHUTDOWN_DELAY": "15s", "QUARKUS_SHUTDOWN_DELAY_ENABLED": "true"}),
        delay(env={"KC_SHUTDOWN_DELAY": "15s"}),
        delay(command=["kc.sh", "start", "--shutdown-delay=15s"]),
        delay(command=["cloud-sql-proxy", "--min-sigterm-delay=15s", "p:r:i"]),
    ],
)
def test_each_way_of_setting_it_is_read(found: OwnDelay) -> None:
    assert (found.seconds, found.exact) == (15, True)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(delay(), id="nothing"),
        pytest.param(delay(("Corefile", "# lameduck 15s")), id="a comment"),
        pytest.param(delay(("Corefile", "health { lameduck 0s }")), id="0"),
        pytest.param(delay(("README", "lameduck 15s")), id="another file"),
        pytest.param(delay(env={"QUARKUS_SHUTDOWN_DELAY": "15s"}), id="not switched on"),
        pytest.param(
            delay(env={"QUARKUS_SHUTDOWN_DELAY": "15s", "QUARKUS_SHUTDOWN_DELAY_ENABLED": "false"}), id="switched off"
        ),
        pytest.param(delay(command=["app", "--shutdown-delay=15s"]), id="another program's flag of that name"),
        pytest.param(delay(command=["cloud-sql-proxy", "--min-sigterm-delay=15"]), id="without a unit"),
    ],
)
def test_nothing_else_is_a_delay(found: OwnDelay) -> None:
    assert (found.seconds, found.exact) == (0, True)


def test_what_cannot_be_read_makes_the_sum_a_lower_bound() -> None:
    secret = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    assert not delay(env={"KC_SHUTDOWN_DELAY": secret}).exact
    spec = container(env=[{"name": "KC_SHUTDOWN_DELAY"} | secret])
    assert run(workload(spec, drain=5), service()).workload["budget"]["known"] is False


def test_it_is_part_of_the_sum_and_stands_in_for_a_pause() -> None:
    spec = container(lifecycle=None, args=[f"{TRAEFIK}=15"])
    result = run(workload(spec, drain=10, grace=30), service())
    budget = result.workload["budget"]
    assert (budget["own_delay"], budget["required"]) == (15, 35)
    assert budget["sources"]["own_delay"].startswith(f"argument {TRAEFIK[:12]}")
    assert "own delay 15" in result.one("grace-period-insufficient")["message"]
    assert not result.of("prestop-missing")
