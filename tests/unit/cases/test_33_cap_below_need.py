# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that cut what is in flight by themselves, long before the grace period ends.

Reported as sidekiq/sidekiq#4822, #5109 and #2006, dust-tt/dust#27048 and benoitc/gunicorn#2593.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CASE = "33-cap-below-need"
RULE = "server-timeout-too-short"


def test_the_server_itself_cuts_what_is_longer(audited: Callable[..., dict[str, Any]]) -> None:
    report = audited(CASE)
    found = {finding["name"]: finding for finding in report["findings"] if finding["rule"] == RULE}
    assert (found["exports"]["severity"], found["jobs"]["severity"]) == ("error", "warning")
    assert found["exports"]["numbers"] == {"need_seconds": 120, "allowance_seconds": 30}
    assert "--graceful-timeout 120" in found["exports"]["snippet"]
    assert "-t 280" in found["jobs"]["snippet"]
    budgets = {workload["name"]: workload["budget"] for workload in report["workloads"]}
    assert (budgets["exports"]["drain"], budgets["exports"]["required"]) == (30, 55)
    assert budgets["jobs"]["allowance"]["how"] == "default"


def test_neither_is_patched(audited: Callable[..., dict[str, Any]]) -> None:
    assert audited(CASE)["summary"]["remediable"] == 0
