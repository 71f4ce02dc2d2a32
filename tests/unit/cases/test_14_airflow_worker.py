# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Celery worker of Airflow: a Service for its logs, a hook that waits 600 s, the default grace period.

Reported as apache/airflow#13591, #18066, #26587, #32180, airflow-helm/charts#257.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.graceful.termination.tests.unit.manifest_runs import severities

Audited = Callable[..., dict[str, Any]]


CASE = "14-airflow-worker"


def test_a_worker_with_a_hook_that_never_fits(audited: Audited) -> None:
    report = audited(CASE)
    (worker,) = report["workloads"]
    assert worker["profile"] == "worker"
    rules = severities(report, "airflow-worker")
    assert rules["worker-grace-too-short"] == "warning"
    assert rules["prestop-exceeds-grace"] == "warning"
    (hook,) = [one for one in report["findings"] if one["rule"] == "prestop-exceeds-grace"]
    assert "may take 600 s" in hook["message"]
