# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause in one container of a pod, and what it does to the other one.

Reported as behance/docker-php#84, chatwork/charts#134, wunderio/drupal-project#303,
GoogleCloudPlatform/cloud-sql-proxy#86.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Audited = Callable[..., dict[str, Any]]
CASE = "26-pod-helper-hooks"


def _findings(report: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {one["rule"]: one for one in report["findings"] if one["name"] == name and one["severity"] != "info"}


def _pod(folder: Path, name: str) -> dict[str, Any]:
    objects = yaml.safe_load_all((folder / "d.yaml").read_text(encoding="utf-8"))
    found = next(one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Deployment", name))
    return found["spec"]["template"]["spec"]


def _pauses(pod: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one["lifecycle"]["preStop"] for one in pod["containers"]}


def test_the_application_gets_sigterm_while_its_proxy_serves_on(audited: Audited) -> None:
    report = audited(CASE)
    found = _findings(report, "only-proxy-waits")
    assert found["prestop-uneven"]["container"] == "app"
    assert "nginx in front of it serves for 15 s" in found["prestop-uneven"]["message"]
    assert found["grace-period-insufficient"]["numbers"] == {"required_seconds": 85, "grace_seconds": 45}
    (workload,) = [one for one in report["workloads"] if one["name"] == "only-proxy-waits"]
    assert (workload["budget"]["prestop"], workload["budget"]["drain"], workload["budget"]["required"]) == (15, 60, 85)


def test_the_fix_gives_both_the_longest_pause(
    case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    remediated(folder)
    both = _pod(folder, "app-waits-five")
    assert _pauses(both) == {"nginx": {"sleep": {"seconds": 10}}, "app": {"sleep": {"seconds": 10}}}
    even = _pod(folder, "only-proxy-waits")
    assert _pauses(even) == {"nginx": {"sleep": {"seconds": 15}}, "app": {"sleep": {"seconds": 15}}}
    assert even["terminationGracePeriodSeconds"] == 85
    after = audited(folder)
    for name in ("app-waits-five", "only-proxy-waits"):
        assert set(_findings(after, name)) == {"pdb-missing"}
