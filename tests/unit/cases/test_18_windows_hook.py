# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows pods: no program `sleep`, and PowerShell's Start-Sleep.

Reported as Azure/application-gateway-kubernetes-ingress#726, microsoft/Windows-Containers#164,
kubernetes/kubernetes#73434. The kubelet itself waits for a sleep action, on every system
(pkg/kubelet/lifecycle/handlers.go, runSleepHandler).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Audited = Callable[..., dict[str, Any]]
CASE = "18-windows-hook"


def test_a_program_that_windows_has_not_delays_nothing(audited: Audited) -> None:
    report = audited(CASE)
    (finding,) = [one for one in report["findings"] if (one["name"], one["rule"]) == ("legacy", "prestop-missing")]
    assert "Windows has no program of that name" in finding["message"]
    assert finding["template"] == "prestop-sleep"
    # What its owner wanted can be read, and the grace period of 101 s was made for it.
    assert yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"] == {
        "terminationGracePeriodSeconds": 101,
        "containers": [{"name": "web", "lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": 90}}}}],
    }
    (workload,) = [one for one in report["workloads"] if one["name"] == "legacy"]
    assert workload["budget"]["prestop"] == 0


def test_start_sleep_beyond_the_grace_period(audited: Audited) -> None:
    report = audited(CASE)
    (finding,) = [
        one for one in report["findings"] if (one["name"], one["rule"]) == ("legacy-ps", "prestop-exceeds-grace")
    ]
    assert (finding["severity"], finding["numbers"]["prestop_seconds"]) == ("error", 40)


def test_the_grace_period_is_raised_for_start_sleep(
    case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    remediated(folder)
    after = audited(folder)
    assert "prestop-exceeds-grace" not in {finding["rule"] for finding in after["findings"]}
    (workload,) = [one for one in after["workloads"] if one["name"] == "legacy-ps"]
    assert workload["budget"]["grace"] == 50


def test_before_kubernetes_1_30_the_snippet_is_for_powershell(audited: Audited) -> None:
    report = audited(CASE, kubernetes_version="1.29")
    (finding,) = [one for one in report["findings"] if (one["name"], one["rule"]) == ("legacy", "prestop-missing")]
    assert 'command: ["powershell", "-Command", "Start-Sleep -Seconds 90"]' in finding["snippet"]
