# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ConfigMaps of a cluster: one GET each for those that can matter, and what becomes of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import ApiError
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    container,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    Script,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

CONFIGS = "/api/v1/namespaces/shop/configmaps"
SPRING = "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE"
NEEDED = "forbidden: cannot get configmaps (403): shutdown timeouts and log buffers declared there are unknown"


def told_by(*names: str, workload_name: str = "web") -> dict[str, Any]:
    """A workload whose environment comes from these ConfigMaps."""
    spec = container(envFrom=[{"configMapRef": {"name": name}} for name in names])
    return workload(spec, name=workload_name, drain=None)


def reading(declared: Script, *workloads: dict[str, Any]) -> dict[str, Any]:
    declared.expect_lists(
        replaced={DEPLOYMENTS: items(*workloads), "/api/v1/services": items(service(), service("other"))}
    )
    options = options_of()
    return run_audit(source_of(declared, options), options).report


def drains(report: dict[str, Any]) -> dict[str, int | None]:
    return {entry["name"]: entry["budget"]["drain"] for entry in report["workloads"]}


def test_each_wanted_one_is_read_once() -> None:
    with script() as declared:
        declared.expect("GET", f"{CONFIGS}/a", answer(config_map("a", **{SPRING: "35s"})))
        declared.expect("GET", f"{CONFIGS}/b", answer(config_map("b")))
        report = reading(declared, told_by("a"), told_by("a", "b", workload_name="other"))
    assert drains(report) == {"web": 35, "other": 35}


def test_none_is_read_where_none_can_matter() -> None:
    with script() as declared:
        report = reading(declared, workload())
    assert report["summary"]["workloads"] == 1


def test_one_that_does_not_exist_holds_nothing() -> None:
    with script() as declared:
        declared.expect("GET", f"{CONFIGS}/gone", failed(404))
        report = reading(declared, told_by("gone"))
    assert drains(report) == {"web": None}
    assert not [entry for entry in report["not_evaluated"] if "configmaps" in entry["reason"]]


def test_a_refusal_is_one_entry_a_rule_and_the_rest_is_still_read() -> None:
    with script() as declared:
        declared.expect("GET", f"{CONFIGS}/a", forbidden("get"))
        declared.expect("GET", f"{CONFIGS}/b", forbidden("get"))
        declared.expect("GET", f"{CONFIGS}/c", answer(config_map("c", **{SPRING: "35s"})))
        report = reading(declared, told_by("a", "b"), told_by("c", workload_name="other"))
    assert drains(report) == {"web": None, "other": 35}
    entries = [entry for entry in report["not_evaluated"] if entry["reason"] == NEEDED]
    assert {entry["rule"] for entry in entries} == {
        *("grace-period-insufficient", "ingress-controller-drain", "log-buffer-volatile", "prestop-starves-drain"),
        *("prestop-uneven", "proxy-leaves-first", "server-timeout-too-short", "stop-signal-mismatch"),
    }
    assert {(entry["scope"], entry["count"]) for entry in entries} == {("namespace shop", 2)}


def test_another_failure_ends_the_run() -> None:
    with script() as declared:
        declared.expect("GET", f"{CONFIGS}/a", failed(400, "odd"))
        with pytest.raises(ApiError, match="cannot get configmap a in namespace shop"):
            reading(declared, told_by("a"))
