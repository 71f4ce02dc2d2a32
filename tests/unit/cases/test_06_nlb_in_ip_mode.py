# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer of AWS that sends to pods and is slower than an ALB.

Reported as kubernetes-sigs/aws-load-balancer-controller#2366: deregistration takes about 2 minutes whatever the delay.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Audited = Callable[..., dict[str, Any]]
CASE = "06-alb-nlb-deregistration"


def test_an_nlb_is_known_to_need_two_minutes(audited: Audited) -> None:
    (finding,) = [one for one in audited(CASE)["findings"] if one["rule"] == "lb-deregistration-slow"]
    assert (finding["name"], finding["severity"]) == ("gateway", "info")
    assert finding["numbers"] == {"prestop_seconds": 20, "wanted_seconds": 120}
    assert "prestop_seconds" in finding["message"]


def test_a_policy_that_covers_it_is_asked_of_all(audited: Audited) -> None:
    report = audited(CASE, policy={"prestop_seconds": {"external-lb": 120}})
    assert not [one for one in report["findings"] if one["rule"] == "lb-deregistration-slow"]
    race = {one["name"] for one in report["findings"] if one["rule"] == "lb-deregistration-race" and one["container"]}
    assert race == {"api", "gateway"}


def test_no_file_is_changed_for_it(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    remediated(folder)
    assert "sleep: {seconds: 20}" in (folder / "d.yaml").read_text(encoding="utf-8").partition("name: gateway")[2]
