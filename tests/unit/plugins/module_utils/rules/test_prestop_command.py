# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks whose command cannot run, on workloads where no missing pause says so."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    claim,
    claims_volume,
    container,
    cron_job,
    hooked,
    run,
    service,
    workload,
)

RULE = "prestop-command-fails"
MISSING = "prestop-missing"
ONE_LINE = "/usr/lib/db/bin/ctl stop -D /srv/data -w"


def command(*words: str, **fields: Any) -> dict[str, Any]:
    """A container whose preStop runs this command."""
    return hooked({"exec": {"command": list(words)}}, **fields)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([ONE_LINE], "write each word of the command as a separate item"),
        (["flush-queue --all"], "write each word of the command as a separate item"),
        (["exec", "/app/flush"], "shell syntax"),
        (["sh", "/app/flush --all"], "no -c"),
        (["sleep", "20;"], "invalid duration"),
    ],
)
def test_a_worker_whose_hook_never_runs(words: list[str], why: str) -> None:
    result = run(workload(command(*words, ports=None)))
    finding = result.one(RULE)
    assert why in finding["message"]
    assert "fails at once" in finding["message"]
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert not result.of(MISSING)


def test_a_database_alone_on_its_data() -> None:
    mounts = [{"name": "data", "mountPath": "/var/lib/postgresql/data"}]
    database = command(ONE_LINE, name="postgres", image="postgres:17", volumeMounts=mounts)
    obj = workload(database, pod=claims_volume("data"), replicas=1, strategy={"type": "Recreate"})
    result = run(obj, service(), claim("data", "ReadWriteOnce"))
    assert result.one(RULE)["container"] == "postgres"
    assert not result.of(MISSING), "a longer stop would be a longer overlap"


def test_a_container_beside_the_one_that_serves() -> None:
    helper = command(ONE_LINE, name="helper", ports=None)
    assert run(workload(container(), helper), service()).one(RULE)["container"] == "helper"


def test_a_run_of_a_cron_job() -> None:
    assert run(cron_job(command(ONE_LINE, ports=None))).one(RULE)


def test_where_a_pause_is_missing_as_well_it_is_one_finding() -> None:
    result = run(workload(command(ONE_LINE)), service())
    assert "its hook fails at once" in result.one(MISSING)["message"]
    assert not result.of(RULE)


@pytest.mark.parametrize(
    "words",
    [
        ["/opt/my app/bin/stop"],
        ["/app/flush", "--all"],
        ["sh", "-c", ONE_LINE],
        ["sh", "-c", "exit 0"],
        ["true"],
    ],
)
def test_a_command_that_may_run(words: list[str]) -> None:
    assert not run(workload(command(*words, ports=None))).of(RULE)


@pytest.mark.parametrize("hook", [None, {"sleep": {"seconds": 5}}, {"tcpSocket": {"port": 8080}}])
def test_other_hooks(hook: dict[str, Any] | None) -> None:
    assert not run(workload(hooked(hook, ports=None))).of(RULE)
