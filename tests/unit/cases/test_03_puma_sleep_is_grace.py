# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A preStop sleep as long as the grace period, as a comment on puma/puma#2343 advises it.

puma.rb is in a ConfigMap, so that its drain of 60 s is known.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Audited = Callable[..., dict[str, Any]]


CASE = "03-puma-sleep-is-grace"


def test_puma_is_killed_two_seconds_after_sigterm(
    case: Callable[[str], Path], audited: Audited, remediated: Audited
) -> None:
    found = {one["rule"]: one for one in audited(CASE)["findings"]}
    hook = found["prestop-exceeds-grace"]
    assert (hook["severity"], hook["numbers"]["left_seconds"]) == ("error", 2)
    assert found["grace-period-insufficient"]["numbers"] == {"required_seconds": 85, "grace_seconds": 15}
    folder = case(CASE)
    remediated(folder)
    after = audited(folder)
    budget = after["workloads"][0]["budget"]
    assert (budget["drain"], budget["grace"], after["summary"]["drain_unknown"]) == (60, 85, 0)
    assert not [one for one in after["findings"] if one["rule"] == "prestop-exceeds-grace"]
