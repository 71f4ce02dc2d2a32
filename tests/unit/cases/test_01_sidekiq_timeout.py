# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidekiq is told to wait 600 s for its jobs, in a pod that is killed after 60.

Reported as sidekiq/sidekiq#4822 and #5109, and chatwoot/chatwoot#15886: the jobs are killed and, with the open-source
fetch, gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CASE = "01-sidekiq-timeout"


def test_the_grace_period_cuts_the_jobs(audited: Callable[..., dict[str, Any]]) -> None:
    report = audited(CASE)
    (workload,) = report["workloads"]
    assert workload["budget"]["drain"] == 600
    assert workload["budget"]["sources"]["drain"] == "argument -t of Sidekiq"
    (finding,) = report["findings"]
    assert (finding["rule"], finding["severity"]) == ("grace-period-insufficient", "error")
    assert finding["numbers"] == {"required_seconds": 610, "grace_seconds": 60}
    assert finding["remedy"] == "manual", "610 s are above the policy's 300 s"
