# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hook that makes HAProxy close its listening sockets at once, and waits for the drain that it began.

Reported as haproxytech/kubernetes-ingress#464 and haproxytech/helm-charts#146 (503 at every scale down),
haproxy/haproxy#1614 (hard-stop-after), jcmoraisjr/haproxy-ingress#1030.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Audited = Callable[..., dict[str, Any]]
CASE = "11-haproxy-usr1"


def test_the_hook_and_the_grace_period(audited: Audited) -> None:
    report = audited(CASE)
    found = {finding["rule"]: finding for finding in report["findings"]}
    assert found["prestop-stops-server-early"]["severity"] == "warning"
    assert found["prestop-stops-server-early"]["numbers"]["prestop_seconds"] == 0
    assert found["grace-period-insufficient"]["severity"] == "error"
    assert "prestop-missing" not in found, "one finding for one fault"
    (workload,) = report["workloads"]
    assert workload["budget"]["drain"] == 300
    assert workload["budget"]["sources"]["drain"] == "ConfigMap edge/edge-haproxy haproxy.cfg hard-stop-after"
    assert workload["budget"]["required"] == 310, "what the hook waits for is the drain, no time before it"


def test_a_grace_period_above_the_policy_is_for_a_person(case: Callable[[str], Path], remediated: Audited) -> None:
    report = remediated(case(CASE))
    assert not report["actions"]
    (finding,) = [one for one in report["findings"] if one["rule"] == "grace-period-insufficient"]
    assert "310 s" in finding["reason"]


def test_where_the_policy_allows_it_the_grace_period_covers_the_drain(
    case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    remediated(folder, policy={"max_grace_seconds": 600})
    assert "terminationGracePeriodSeconds: 310" in (folder / "d.yaml").read_text(encoding="utf-8")
    assert "grace-period-insufficient" not in {finding["rule"] for finding in audited(folder)["findings"]}
