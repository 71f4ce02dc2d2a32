# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks of a pod are changed together: what a fix does to a proxy, it does to what stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    balancer,
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.strategies import HANDLERS

GRACE = "terminationGracePeriodSeconds"
SQL = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.0"
SLEEP_5 = {"exec": {"command": ["sleep", "5"]}}
DRAINS = {"exec": {"command": ["/drain"]}}


def nginx(pre_stop: dict[str, Any] | None = None) -> dict[str, Any]:
    return hooked(pre_stop, "nginx", image="nginx:1.27")


def behind(
    pre_stop: dict[str, Any] | None, name: str = "app", port: int | None = 9000, **fields: Any
) -> dict[str, Any]:
    ports = [{"containerPort": port}] if port else None
    return hooked(pre_stop, name, **({"ports": ports, "readinessProbe": None} | fields))


def pauses(result: Result) -> dict[str, int]:
    """What the containers of the only patch sleep."""
    return {one["name"]: one["lifecycle"]["preStop"]["sleep"]["seconds"] for one in result.pod["containers"]}


@pytest.mark.parametrize("port", [9000, None])
def test_a_plain_pause_behind_a_proxy_grows_with_it(port: int | None) -> None:
    result = run(workload(nginx(), behind(SLEEP_5, port=port), drain=None), service())
    assert pauses(result) == {"nginx": 10, "app": 10}
    assert result.pod["containers"][1]["lifecycle"]["preStop"]["exec"] is None
    assert result.pod[GRACE] == 40
    assert not result.applied().of("prestop-uneven")


def test_the_longest_pause_of_the_chain_is_that_of_all() -> None:
    result = run(workload(nginx(), behind({"sleep": {"seconds": 25}}), grace=60, drain=None), service())
    assert pauses(result) == {"nginx": 25}
    assert result.pod[GRACE] == 85


@pytest.mark.parametrize("port", [9000, None])
@pytest.mark.parametrize("hook", [DRAINS, {"exec": {"command": ["sh", "-c", "sleep 5; kill -QUIT 1"]}}])
def test_a_hook_of_somebody_behind_leaves_it_to_a_person(hook: dict[str, Any], port: int | None) -> None:
    result = run(workload(nginx(), behind(hook, port=port), drain=None), service())
    finding = result.one("prestop-missing")
    assert not result.audit.changes
    assert finding["remedy"] == "manual" and "container app" in finding["reason"]
    assert "seconds: 10" in finding["snippet"]


def test_a_hook_of_somebody_that_pauses_as_long_stays() -> None:
    hook = {"exec": {"command": ["sh", "-c", "sleep 20; kill -QUIT 1"]}}
    result = run(workload(nginx(), behind(hook), grace=60, drain=None), service())
    assert pauses(result) == {"nginx": 20}


def test_a_hook_of_an_exporter_holds_nothing_back() -> None:
    exporter = behind(DRAINS, "exporter", 9113, image="nginx/nginx-prometheus-exporter:1.3")
    assert pauses(run(workload(nginx(), exporter, drain=None), service())) == {"nginx": 10}


def test_an_application_behind_gets_the_pause_of_its_proxy() -> None:
    result = run(workload(nginx({"sleep": {"seconds": 15}}), behind(None), grace=60, drain=20), service())
    assert pauses(result) == {"app": 15}
    assert result.pod[GRACE] == 75
    assert not result.applied().of("prestop-uneven")
    assert not result.applied().audit.changes


def test_a_load_balancer_makes_all_pauses_longer() -> None:
    result = run(workload(nginx({"sleep": {"seconds": 5}}), behind({"sleep": {"seconds": 5}}), drain=None), balancer())
    assert pauses(result) == {"nginx": 20, "app": 20}


@pytest.mark.parametrize("own", [None, {"sleep": {"seconds": 3}}])
def test_the_proxy_of_a_database_gets_no_less_than_the_application(own: dict[str, Any] | None) -> None:
    database = behind(own, "database", None, image=SQL, args=["p:r:d"])
    result = run(workload(hooked(None), database, drain=None), service())
    assert pauses(result) == {"app": 10, "database": 10}


def test_a_proxy_of_a_database_with_a_hook_of_somebody_leaves_it_to_a_person() -> None:
    database = behind(DRAINS, "database", None, image=SQL, args=["p:r:d"])
    result = run(workload(hooked(None), database, drain=None), service())
    assert not result.audit.changes
    assert "container database" in result.one("prestop-missing")["reason"]


def test_a_template_that_leaves_the_application_behind_is_refused() -> None:
    only = "spec: {template: {spec: {containers: [{name: nginx, lifecycle: {preStop: {sleep: {seconds: 10}}}}]}}}"
    result = run(workload(nginx(), behind(None), drain=None), service(), templates={"prestop-sleep": only})
    assert not result.audit.changes
    assert result.one("prestop-missing")["reason"].startswith("container app would stop 10 s before")


def test_what_is_longer_behind_may_stay_so() -> None:
    result = run(workload(nginx({"sleep": {"seconds": 5}}), behind({"sleep": {"seconds": 30}}), grace=60), balancer())
    assert pauses(result)["nginx"] == 30


def _falls_short(result: Result, name: str) -> int:
    """By how many seconds a container's pause is shorter than the longest of the pod's applications."""
    (judgement,) = result.audit.judgements
    seconds = {one.name: hook_time(one.pre_stop).seconds for one in judgement.case.workload.containers}
    return max(max(seconds["nginx"], seconds["app"] if name == "database" else 0) - seconds[name], 0)


@settings(deadline=None)
@given(
    hooks=st.tuples(HANDLERS, HANDLERS, HANDLERS),
    port=st.sampled_from([9000, None]),
    drain=st.none() | st.integers(0, 60),
    grace=st.integers(0, 200),
    sender=st.sampled_from([service, balancer]),
)
def test_whatever_the_hooks_are_no_fix_leaves_a_container_further_behind(
    hooks: tuple[dict[str, Any] | None, ...],
    port: int | None,
    drain: int | None,
    grace: int,
    sender: Callable[[], dict[str, Any]],
) -> None:
    front, middle, back = hooks
    database = behind(back, "database", None, image=SQL, args=["p:r:d"])
    before = run(workload(nginx(front), behind(middle, port=port), database, drain=drain, grace=grace), sender())
    after = before.applied()
    for name in ("app", "database"):
        assert _falls_short(after, name) <= _falls_short(before, name)
    if before.audit.changes:
        assert after.workload["budget"]["grace"] >= grace
    assert not after.audit.changes, "a second run has nothing to do"
