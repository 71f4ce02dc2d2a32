# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy of a database beside an application, and in a Job.

Reported as GoogleCloudPlatform/cloud-sql-proxy#86, #128, #799, #1333, #1640 (queries fail while requests drain),
#1501 and #1115 (Jobs that never complete).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Audited = Callable[..., dict[str, Any]]
CASE = "13-cloud-sql-proxy"


def _one(report: dict[str, Any], rule: str) -> dict[str, Any]:
    (finding,) = [one for one in report["findings"] if one["rule"] == rule]
    return finding


def test_the_proxy_leaves_while_the_application_needs_it(audited: Audited) -> None:
    finding = _one(audited(CASE), "proxy-leaves-first")
    assert (finding["name"], finding["container"], finding["severity"]) == ("ledger", "cloud-sql-proxy", "error")
    assert finding["numbers"] == {"proxy_seconds": 0, "needed_seconds": 40}
    assert "restartPolicy: Always" in finding["snippet"]
    assert "--max-sigterm-delay=40s" in finding["snippet"]


def test_the_job_never_completes_and_no_later_run_starts(audited: Audited) -> None:
    finding = _one(audited(CASE), "proxy-job-never-completes")
    assert (finding["name"], finding["container"], finding["severity"]) == ("close-books", "cloud-sql-proxy", "error")
    assert "no later run starts" in finding["message"]
    assert "initContainers" in finding["snippet"]


@pytest.mark.parametrize("without", ["lifecycle: {preStop: {sleep: {seconds: 10}}}", ""])
def test_no_fix_lengthens_the_time_without_a_database(
    without: str, case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    file = folder / "d.yaml"
    if without:
        file.write_text(file.read_text(encoding="utf-8").replace(f"          {without}\n", ""), encoding="utf-8")
    before = _gap(audited(folder))
    remediated(folder)
    assert _gap(audited(folder)) <= before


def _gap(report: dict[str, Any]) -> int:
    numbers = _one(report, "proxy-leaves-first")["numbers"]
    return numbers["needed_seconds"] - numbers["proxy_seconds"]
