# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elasticsearch: a hook that speaks HTTP to the transport port, and a sleep of twice the grace period.

Reported as pires/kubernetes-elasticsearch-cluster#134, helm/charts#8618, kubernetes/kubernetes#23515.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Audited = Callable[..., dict[str, Any]]
CASE = "20-elasticsearch-hook"


def found(report: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Findings of one workload, by rule."""
    return {one["rule"]: one for one in report["findings"] if one["name"] == name}


def test_a_hook_on_a_port_that_is_not_for_http(audited: Audited) -> None:
    findings = found(audited(CASE), "es-data")
    assert findings["prestop-http-unverified"]["severity"] == "warning"
    assert "port 9300 is declared as 'transport'" in findings["prestop-http-unverified"]["message"]
    assert findings["stateful-grace-too-short"]["numbers"] == {"grace_seconds": 30, "usual_seconds": 120}


def test_all_snippets_of_a_workload_set_the_same_grace_period(audited: Audited) -> None:
    """Whatever their order, none takes back what another one needs."""
    findings = [one for one in found(audited(CASE), "es-data").values() if one["snippet"]]
    specs = [yaml.safe_load(one["snippet"])["spec"] for one in findings if one["severity"] != "info"]
    grace = [
        spec["template"]["spec"]["terminationGracePeriodSeconds"]
        for spec in specs
        if spec.get("template", {}).get("spec")
    ]
    assert len(grace) > 1
    assert set(grace) == {120}


def test_a_sleep_of_twice_the_grace_period(audited: Audited, case: Callable[[str], Path], remediated: Audited) -> None:
    findings = found(audited(CASE), "es-old")
    assert findings["prestop-exceeds-grace"]["severity"] == "error"
    assert findings["prestop-exceeds-grace"]["numbers"]["prestop_seconds"] == 60
    folder = case(CASE)
    remediated(folder)
    after = audited(folder)
    assert "prestop-exceeds-grace" not in found(after, "es-old")
    (workload,) = [one for one in after["workloads"] if one["name"] == "es-old"]
    assert workload["budget"]["grace"] == 70
