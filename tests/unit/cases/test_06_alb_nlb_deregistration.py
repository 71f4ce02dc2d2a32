# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that only waits, in front of a load balancer that addresses pods.

Reported as kubernetes-sigs/aws-load-balancer-controller#1064 (5 s were too little, 25 s enough), #2106, #2366, #1719.
An NLB with pods as targets takes about 2 minutes to deregister one, whatever the delay (#2366).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Audited = Callable[..., dict[str, Any]]
CASE = "06-alb-nlb-deregistration"
RACE = "lb-deregistration-race"


def _race(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in report["findings"] if one["rule"] == RACE and one["severity"] == "warning"]


def test_that_it_only_waits_is_known(audited: Audited) -> None:
    (finding,) = _race(audited(CASE))
    assert (finding["name"], finding["numbers"]) == ("api", {"prestop_seconds": 5, "wanted_seconds": 20})
    assert "not known" not in str(finding["reason"])


def test_the_sleep_action_takes_its_place_and_the_drain_keeps_its_time(
    case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    remediated(folder)
    api = next(
        one
        for one in yaml.safe_load_all((folder / "d.yaml").read_text(encoding="utf-8"))
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "api")
    )
    pod = api["spec"]["template"]["spec"]
    assert pod["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": 20}}
    assert pod["terminationGracePeriodSeconds"] == 45
    assert not _race(audited(folder))


def test_on_an_old_cluster_the_command_stays_and_the_reason_is_true(audited: Audited) -> None:
    findings = [one for one in audited(CASE, kubernetes_version="1.29")["findings"] if one["name"] == "api"]
    (finding,) = [one for one in findings if one["rule"] == RACE and one["severity"] == "warning"]
    assert "the hook only waits" in finding["reason"]


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


def test_the_readiness_gate_is_asked_for_where_the_namespace_is_known(
    case: Callable[[str], Path], audited: Audited
) -> None:
    folder = case(CASE)
    rule = "lb-readiness-gate-missing"
    assert [one["count"] for one in audited(folder)["not_evaluated"] if one["rule"] == rule] == [2]
    (folder / "namespace.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: pay}\n")
    report = audited(folder)
    assert {one["name"] for one in report["findings"] if one["rule"] == rule} == {"api", "gateway"}
    assert rule not in {one["rule"] for one in report["not_evaluated"]}
