# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shutdown timeouts read from a container's arguments and environment, and what must not be read as one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import (
    declared_timeout,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import settings_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    container,
    run,
    service,
    workload,
)

SPRING = "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE"
GRACE = "--graceful-timeout"


UNREAD = (None, f"unknown: env {SPRING} is set to a value that cannot be read here")


def timeout(spec: dict[str, Any], *configs: dict[str, Any], pod: dict[str, Any] | None = None) -> Any:
    """(seconds, source) of a container among these ConfigMaps; None where it declares nothing."""
    context = Context()
    for config in configs:
        context.add(config)
    read = read_workload(workload(spec, pod=pod))
    found = declared_timeout(settings_of(read, read.containers[0], context))
    return found and (found.seconds, found.source)


def declared(command: list[str] | None = None, args: list[str] | None = None, /, **env: str) -> Any:
    """What a container of this command and environment declares."""
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return timeout(container(command=command, args=args, env=variables))


@pytest.mark.parametrize(
    ("found", "seconds", "source"),
    [
        (declared(["gunicorn", "app:main", GRACE, "45"]), 45, f"argument {GRACE}"),
        (declared(["sh", "-c", f"exec gunicorn app {GRACE}=45"]), 45, f"argument {GRACE}"),
        (declared(GUNICORN_CMD_ARGS=f"--workers 2 {GRACE}=20"), 20, f"env GUNICORN_CMD_ARGS: {GRACE}"),
        (declared(None, ["app:main", "--timeout-graceful-shutdown", "15"]), 15, "argument --timeout-graceful-shutdown"),
        (declared(UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN="15"), 15, "env UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN"),
        (declared(**{SPRING: "30s"}), 30, f"env {SPRING}"),
        (declared(**{SPRING: "30000"}), 30, f"env {SPRING}"),
        (
            declared(JAVA_TOOL_OPTIONS="-Xmx1g -Dspring.lifecycle.timeout-per-shutdown-phase=40s"),
            40,
            "env JAVA_TOOL_OPTIONS: -Dspring.lifecycle.timeout-per-shutdown-phase",
        ),
        (declared(DOTNET_shutdownTimeoutSeconds="25"), 25, "env DOTNET_SHUTDOWNTIMEOUTSECONDS"),
        (declared(VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS="90"), 90, "env VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS"),
        (
            declared(["vector", "--graceful-shutdown-limit-secs=9"]),
            9,
            "argument --graceful-shutdown-limit-secs",
        ),
    ],
)
def test_a_declared_timeout_is_read_with_its_source(found: tuple[int, str], seconds: int, source: str) -> None:
    assert found == (seconds, source)


@pytest.mark.parametrize(
    ("text", "plain", "seconds"),
    [
        ("30", "s", 30),
        ("30s", "ms", 30),
        ("1m30s", "ms", 90),
        ("PT1M", "ms", 60),
        ("20500ms", "ms", 21),
        ("30000", "ms", 30),
        (" 0.5 ", "s", 1),
        ("1h", "s", 3600),
        ("0", "s", 0),
        ("soon", "s", None),
        ("", "s", None),
        ("-5", "s", None),
        ("9" * 9 + "h", "s", None),
        ("${DRAIN:30s}", "s", None),
    ],
)
def test_durations(text: str, plain: str, seconds: int | None) -> None:
    assert seconds_of(text, plain) == seconds


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(declared(["gunicorn", "app:main"]), id="a default is no declaration: a file may say otherwise"),
        pytest.param(declared(["gunicorn", "app:main", "--timeout", "90"]), id="the worker's timeout"),
        pytest.param(declared(["app", "--graceful-timeout-seconds=9"]), id="another flag"),
        pytest.param(declared(["app", GRACE]), id="without a value"),
        pytest.param(declared(**{SPRING: "soon"}), id="no duration"),
        pytest.param(declared(MY_GRACEFUL_TIMEOUT="30"), id="another variable"),
        pytest.param(declared(["celery", "-A", "shop", "beat"]), id="Celery, but no worker"),
        pytest.param(declared(["hypercorn", GRACE, "7", "app"]), id="has an effect on some versions of Python only"),
        pytest.param(declared(DOTNET_shutdownTimeoutSeconds="25s"), id="digits only"),
        pytest.param(declared(["celery-worker-exporter"]), id="not Celery"),
    ],
)
def test_nothing_else_is_taken_for_one(found: None) -> None:
    assert found is None


@pytest.mark.parametrize(
    ("found", "place"),
    [
        (declared(**{SPRING: "$(DRAIN)"}), f"env {SPRING}"),
        (declared(["gunicorn", GRACE, "$(DRAIN)"]), f"argument {GRACE}"),
        (declared(["sh", "-c", f"exec gunicorn {GRACE}=${{DRAIN}} app"]), f"argument {GRACE}"),
        (declared(["gunicorn", "app"], GUNICORN_CMD_ARGS=f"{GRACE} $DRAIN"), f"env GUNICORN_CMD_ARGS: {GRACE}"),
    ],
)
def test_a_reference_that_leads_nowhere_makes_it_unknown(found: object, place: str) -> None:
    assert found == (None, f"unknown: {place} is set to a value that cannot be read here")


@pytest.mark.parametrize("text", ["$(DRAIN)", "${DRAIN}", "$DRAIN"])
def test_a_reference_to_a_variable_of_the_container_is_followed(text: str) -> None:
    assert declared(["gunicorn", GRACE, text], DRAIN="45") == (45, f"argument {GRACE}")


def test_the_place_that_the_server_prefers_decides() -> None:
    found = declared(["gunicorn", GRACE, "5"], GUNICORN_CMD_ARGS=f"{GRACE} 60")
    assert found == (5, f"argument {GRACE}")


def test_of_two_servers_the_longer_counts() -> None:
    assert declared(["gunicorn", GRACE, "5"], **{SPRING: "60s"}) == (60, f"env {SPRING}")


def from_config(**reference: str) -> list[dict[str, Any]]:
    return [{"name": SPRING, "valueFrom": {"configMapKeyRef": reference}}]


def test_a_variable_may_stand_in_a_config_map() -> None:
    spec = container(env=from_config(name="settings", key="drain"))
    assert timeout(spec, config_map(drain="35s")) == (35, f"env {SPRING} (ConfigMap shop/settings)")


@pytest.mark.parametrize(
    "configs",
    [
        pytest.param([], id="not known"),
        pytest.param([config_map(other="35s")], id="another key"),
        pytest.param([config_map("others", drain="35s")], id="another name"),
        pytest.param([config_map(drain="35s"), config_map(drain="36s")], id="two of one name"),
    ],
)
def test_what_is_not_known_is_not_guessed(configs: list[dict[str, Any]]) -> None:
    assert timeout(container(env=from_config(name="settings", key="drain")), *configs) == UNREAD


def test_the_whole_environment_may_come_from_a_config_map() -> None:
    spec = container(
        envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "SPRING_"}, {"secretRef": {"name": "x"}}]
    )
    configs = config_map(LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE="35s")
    assert timeout(spec, configs) == (35, f"env {SPRING} (ConfigMap shop/settings)")


def test_env_wins_over_env_from_even_where_its_value_is_not_known() -> None:
    source = [{"configMapRef": {"name": "settings"}}]
    configs = config_map(**{SPRING: "35s"})
    told = container(envFrom=source, env=[{"name": SPRING, "value": "5s"}])
    secret = container(envFrom=source, env=[{"name": SPRING, "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}])
    assert timeout(container(envFrom=source), configs)[0] == 35
    assert timeout(told, configs) == (5, f"env {SPRING}")
    assert timeout(secret, configs) == UNREAD


SOFT = ["celery", "-A", "shop", "worker", "-c", "4", "--", "worker.soft_shutdown_timeout=40"]


def test_a_celery_worker_has_no_limit_and_says_so() -> None:
    for words in (["celery", "-A", "shop", "worker"], ["sh", "-c", "exec celery -A shop worker"], SOFT):
        seconds, source = declared(words) or (0, "")
        assert seconds is None
        assert "without limit" in source
        assert "drain-seconds" in source


def test_no_command_of_celery_takes_long() -> None:
    started = time.process_time()
    declared(["celery " * 15_000])
    assert time.process_time() - started < 2


def test_a_celery_worker_told_to_shut_down_softly_has_one() -> None:
    assert declared(SOFT, REMAP_SIGTERM="SIGQUIT") == (40, "argument worker.soft_shutdown_timeout")
    dotted = [*SOFT[:-1], ".soft_shutdown_timeout=40"]
    assert declared(dotted, REMAP_SIGTERM="SIGQUIT") == (40, "argument worker.soft_shutdown_timeout")


def test_without_limit_is_longer_than_any_timeout() -> None:
    assert (declared(["celery", "worker"], **{SPRING: "60s"}) or (0,))[0] is None


def budget(annotations: dict[str, str] | None = None) -> dict[str, Any]:
    app = container(env=[{"name": SPRING, "value": "25s"}])
    return run(workload(app, drain=None, annotations=annotations), service()).report["workloads"][0]["budget"]


def test_the_budget_counts_it_and_names_its_source() -> None:
    found = budget()
    assert (found["drain"], found["required"], found["known"]) == (25, 45, True)
    assert found["sources"]["drain"] == f"env {SPRING}"


def test_the_owner_knows_better_than_the_server() -> None:
    assert budget({"graceful.termination/drain-seconds": "5"})["drain"] == 5
