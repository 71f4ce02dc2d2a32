# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure's Application Gateway sends to pod addresses and learns of them through an API.

Reported as Azure/application-gateway-kubernetes-ingress#726 (preStop sleep 90, grace period 101).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Audited = Callable[..., dict[str, Any]]
CASE = "07-agic"


def test_losses_are_certain_and_nobody_promises_that_the_policy_is_enough(audited: Audited) -> None:
    (finding,) = [one for one in audited(CASE)["findings"] if one["rule"] == "prestop-missing"]
    assert (finding["name"], finding["severity"]) == ("portal", "error")
    assert "about 90 s" in finding["message"]
    assert "cover that" not in finding["message"]


@pytest.mark.parametrize("seconds", [20, 60])
def test_after_the_fix_it_still_says_what_the_gateway_needs(
    seconds: int, case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    policy = {"prestop_seconds": {"external-lb": seconds}}
    remediated(folder, policy=policy)
    report = audited(folder, policy=policy)
    found = {one["rule"]: one for one in report["findings"]}
    assert "prestop-missing" not in found and "lb-deregistration-race" not in found
    assert found["lb-deregistration-slow"]["numbers"] == {"prestop_seconds": seconds, "wanted_seconds": 90}


def test_a_policy_as_long_as_the_gateway_needs_is_enough(
    case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    policy = {"prestop_seconds": {"external-lb": 90}}
    assert "cover that" in str(audited(folder, policy=policy)["findings"])
    remediated(folder, policy=policy)
    rules = {one["rule"] for one in audited(folder, policy=policy)["findings"]}
    assert not rules & {"prestop-missing", "lb-deregistration-race", "lb-deregistration-slow"}
