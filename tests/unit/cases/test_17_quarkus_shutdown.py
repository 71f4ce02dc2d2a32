# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quarkus pauses by itself before it drains, so that it needs no preStop, but more time than it gets.

Reported as Apicurio/apicurio-registry#9837, quarkusio/quarkus#5432 and #39206, keycloak/keycloak#30986.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

CASE = "17-quarkus-shutdown"


def test_its_own_delay_is_part_of_the_budget(audited: Callable[..., dict[str, Any]]) -> None:
    report = audited(CASE)
    (workload,) = report["workloads"]
    budget = workload["budget"]
    assert (budget["prestop"], budget["own_delay"], budget["drain"], budget["required"]) == (0, 10, 60, 80)
    assert budget["sources"]["drain"] == "env QUARKUS_SHUTDOWN_TIMEOUT"
    assert budget["sources"]["own_delay"] == "env QUARKUS_SHUTDOWN_DELAY"
    found = {finding["rule"]: finding["severity"] for finding in report["findings"]}
    assert found["grace-period-insufficient"] == "error"
    assert found["prestop-missing"] == "info", "only a build can switch the delay on"


def test_the_fix_is_the_grace_period_alone(
    case: Callable[[str], Path], audited: Callable[..., dict[str, Any]], remediated: Callable[..., dict[str, Any]]
) -> None:
    folder = case(CASE)
    remediated(folder)
    assert audited(folder)["workloads"][0]["budget"]["grace"] == 80
    text = (folder / "d.yaml").read_text()
    assert "preStop" not in text
    assert "port: http}, terminationGracePeriodSeconds: 30}" in text, "probes kill no later"


def test_a_delay_that_nobody_calls_switched_on_is_time_but_no_pause(
    case: Callable[[str], Path], audited: Callable[..., Any]
) -> None:
    folder = case(CASE)
    path = folder / "d.yaml"
    path.write_text(path.read_text().replace("QUARKUS_SHUTDOWN_DELAY_ENABLED", "SOMETHING_ELSE"))
    report = audited(folder)
    assert report["workloads"][0]["budget"]["own_delay"] == 10
    found = {finding["rule"]: finding["severity"] for finding in report["findings"]}
    assert found["prestop-missing"] == "warning"
