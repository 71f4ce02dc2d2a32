# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shutdown timeouts read from a container's arguments and environment, and what must not be read as one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.container import read_container
from ansible_collections.graceful.termination.plugins.module_utils.declared_timeouts import declared_timeout
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    run,
    service,
    workload,
)

SPRING = "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE"


def declared(command: list[str] | None = None, args: list[str] | None = None, **env: Any) -> tuple[int, str] | None:
    spec = {"name": "app", "image": "app:1", "command": command, "args": args}
    spec["env"] = [{"name": name, "value": value} for name, value in env.items()]
    return declared_timeout(read_container(spec, "containers[0]"))


@pytest.mark.parametrize(
    ("found", "seconds", "source"),
    [
        (declared(["gunicorn", "app:main", "--graceful-timeout", "45"]), 45, "argument --graceful-timeout"),
        (declared(["sh", "-c", "exec gunicorn app --graceful-timeout=45"]), 45, "argument --graceful-timeout"),
        (
            declared(GUNICORN_CMD_ARGS="--workers 2 --graceful-timeout=20"),
            20,
            "env GUNICORN_CMD_ARGS: --graceful-timeout",
        ),
        (declared(None, ["app:main", "--timeout-graceful-shutdown", "15"]), 15, "argument --timeout-graceful-shutdown"),
        (declared(UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN="15"), 15, "env UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN"),
        (declared(**{SPRING: "30s"}), 30, f"env {SPRING}"),
        (declared(**{SPRING: "1m30s"}), 90, f"env {SPRING}"),
        (declared(**{SPRING: "PT1M"}), 60, f"env {SPRING}"),
        (declared(**{SPRING: "20500ms"}), 21, f"env {SPRING}"),
        (declared(**{SPRING: "30000"}), 30, f"env {SPRING}"),
        (
            declared(JAVA_TOOL_OPTIONS="-Xmx1g -Dspring.lifecycle.timeout-per-shutdown-phase=40s"),
            40,
            "env JAVA_TOOL_OPTIONS: -Dspring.lifecycle.timeout-per-shutdown-phase",
        ),
        (declared(DOTNET_shutdownTimeoutSeconds="25"), 25, "env DOTNET_SHUTDOWNTIMEOUTSECONDS"),
    ],
)
def test_a_declared_timeout_is_read_with_its_source(found, seconds, source) -> None:
    assert found == (seconds, source)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(declared(["gunicorn", "app:main"]), id="a default is no declaration: a file may say otherwise"),
        pytest.param(declared(["gunicorn", "app:main", "--timeout", "90"]), id="the worker's timeout"),
        pytest.param(declared(["app", "--graceful-timeout-seconds=9"]), id="another flag"),
        pytest.param(declared(["app", "--graceful-timeout"]), id="without a value"),
        pytest.param(declared(**{SPRING: "$(DRAIN)"}), id="a reference"),
        pytest.param(declared(**{SPRING: "soon"}), id="no duration"),
        pytest.param(declared(**{SPRING: ""}), id="empty"),
        pytest.param(declared(**{SPRING: "9" * 9 + "h"}), id="longer than a day"),
        pytest.param(declared(MY_GRACEFUL_TIMEOUT="30"), id="another variable"),
    ],
)
def test_nothing_else_is_taken_for_one(found) -> None:
    assert found is None


def test_a_value_from_elsewhere_is_not_known() -> None:
    spec = {"name": "app", "image": "app:1", "env": [{"name": SPRING, "valueFrom": {"configMapKeyRef": {"name": "c"}}}]}
    assert declared_timeout(read_container(spec, "containers[0]")) is None


def budget(annotations: dict[str, str] | None = None) -> dict[str, Any]:
    app = container(env=[{"name": SPRING, "value": "25s"}])
    return run(workload(app, drain=None, annotations=annotations), service()).report["workloads"][0]["budget"]


def test_the_budget_counts_it_and_names_its_source() -> None:
    found = budget()
    assert (found["drain"], found["required"], found["known"]) == (25, 45, True)
    assert found["sources"]["drain"] == f"env {SPRING}"


def test_the_owner_knows_better_than_the_server() -> None:
    assert budget({"graceful.termination/drain-seconds": "5"})["drain"] == 5
