# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx and php-fpm in one pod, whose hooks stop both after a second.

Reported as uselagoon/lagoon-images#444, api-platform/api-platform#1997, chatwork/charts#134.
process_control_timeout of php-fpm is the drain: the application behind the proxy has the work in flight.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Audited = Callable[..., dict[str, Any]]
CASE = "04-nginx-phpfpm"
EARLY = "prestop-stops-server-early"


def test_both_are_stopped_early_and_each_finding_says_by_whom_requests_come(audited: Audited) -> None:
    found = {one["container"]: one for one in audited(CASE)["findings"] if one["rule"] == EARLY}
    assert set(found) == {"nginx", "php"}
    assert {one["severity"] for one in found.values()} == {"warning"}
    assert "new requests still arrive" in found["nginx"]["message"]
    assert "nginx still forwards requests" in found["php"]["message"]


def test_the_grace_period_holds_the_drain_of_php(
    case: Callable[[str], Path], audited: Audited, remediated: Audited
) -> None:
    folder = case(CASE)
    (finding,) = [one for one in audited(folder)["findings"] if one["rule"] == "grace-period-insufficient"]
    assert finding["severity"] == "error"
    remediated(folder)
    budget = audited(folder)["workloads"][0]["budget"]
    assert (budget["drain"], budget["grace"]) == (60, 71)
    assert budget["allowance"]["source"] == "ConfigMap web/cms-fpm zz-k8s.conf process_control_timeout"


def test_the_hooks_of_a_second_are_not_blamed_for_a_drain_that_never_fitted(audited: Audited) -> None:
    assert not [one for one in audited(CASE)["findings"] if one["rule"] == "prestop-starves-drain"]


def test_what_the_hooks_do_is_left_to_their_owner(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    report = remediated(folder)
    assert (folder / "d.yaml").read_text().count("/bin/sleep 1; kill -QUIT 1") == 2
    assert all(one["remedy"] == "manual" for one in report["findings"] if one["rule"] == EARLY)
