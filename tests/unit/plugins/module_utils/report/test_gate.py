# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run fails because of what it found, and what it compares an earlier report with."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.report.document import to_json
from ansible_collections.graceful.termination.plugins.module_utils.report.gate import compare, read_earlier, verdict
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import (
    finding,
    report,
    workload,
)

WEB, API = workload("web"), workload("api")
SCOPE = {
    "namespaces": [],
    "exclude_namespaces": [],
    "names": [],
    "label_selectors": [],
    "kinds": ["Deployment"],
    "rules": ["pdb-missing", "prestop-missing"],
}


def found(on: dict[str, Any] = WEB, rule: str = "prestop-missing", **over: Any) -> dict[str, Any]:
    """A finding whose fingerprint is that of its object and rule."""
    return finding(on, rule, fingerprint=f"{on['namespace']}/{on['name']}/{rule}", **over)


def made(*findings: dict[str, Any], workloads: Any = (WEB, API), **over: Any) -> dict[str, Any]:
    """A report with a scope."""
    return copy.deepcopy(report(list(workloads), list(findings), **({"scope": SCOPE} | over)))


def new(now: dict[str, Any], earlier: dict[str, Any]) -> list[bool | None]:
    """What the comparison says of each finding."""
    assert compare(now, read_earlier(to_json(earlier))) is None
    return [entry["new"] for entry in now["findings"]]


@pytest.mark.parametrize(
    ("severities", "fail_on", "says"),
    [
        (["warning", "info"], "error", None),
        (["info"], "warning", None),
        (["error"], "never", None),
        ([], "error", None),
        (["error", "warning"], "error", "fail_on error: 1 error on 1 workload: shop/Deployment/web r0"),
        (
            ["error", "error", "warning", "warning"],
            "warning",
            "fail_on warning: 2 errors and 2 warnings on 1 workload: shop/Deployment/web r0, shop/Deployment/web r1, "
            "shop/Deployment/web r2 and 1 more",
        ),
    ],
)
def test_it_fails_on_open_findings_of_a_severity(severities: list[str], fail_on: str, says: str | None) -> None:
    findings = [found(rule=f"r{index}", severity=severity) for index, severity in enumerate(severities)]
    assert verdict(made(*findings), fail_on) == says


def test_suppressed_findings_never_fail_a_run() -> None:
    now = made(found(status="suppressed"))
    assert verdict(now, "warning") is None
    compare(now, made())
    assert verdict(now, "new") is None


@pytest.mark.parametrize("fail_on", ["error", "warning", "new"])
def test_a_run_that_judged_nothing_is_no_all_clear(fail_on: str) -> None:
    says = verdict(made(workloads=()), fail_on)
    assert says is not None
    assert "no workload was judged (0 unreadable files or objects)" in says
    assert verdict(made(workloads=()), "never") is None


def test_in_check_mode_what_the_real_run_would_mend_does_not_count() -> None:
    findings = [found(), found(API, remedy="manual")]
    assert verdict(made(*findings, mode="check"), "error") == (
        "fail_on error: 1 error on 1 workload: shop/Deployment/api prestop-missing"
    )
    assert "2 workloads" in str(verdict(made(*findings, mode="remediate"), "error"))


def test_the_message_cannot_act_on_a_terminal() -> None:
    assert "\x1b" not in str(verdict(made(found(workload("\x1b[2J"))), "error"))


def test_new_is_what_the_earlier_report_does_not_have() -> None:
    now = made(found(), found(API), found(API, "pdb-missing", severity="warning"), found(rule="x", severity="info"))
    assert new(now, made(found())) == [False, True, True, None]
    assert now["baseline"] == {"compared": True, "new": 2, "not_compared": 0}
    assert verdict(now, "new") == (
        "fail_on new: 1 new error and 1 new warning on 1 workload: shop/Deployment/api prestop-missing, "
        "shop/Deployment/api pdb-missing"
    )
    assert new(made(found()), made(found(), found(API))) == [False]


def test_without_an_earlier_report_nothing_is_compared_and_nothing_fails() -> None:
    now = made(found())
    assert compare(now, None) == "there is no earlier report"
    assert now["baseline"] == {"compared": False, "new": 0, "not_compared": 0}
    assert verdict(now, "new") is None


def test_a_second_try_does_not_pass_because_the_first_one_has_written_its_report() -> None:
    first = made(found())
    assert new(first, made()) == [True]
    second = made(found())
    assert new(second, first) == [True]
    accepted = made(found())  # written by a run that did not compare
    assert new(made(found()), accepted) == [False]


@pytest.mark.parametrize("over", [{"status": "suppressed"}, {"severity": "info"}])
def test_what_was_waived_or_an_info_is_new_when_it_becomes_an_open_error(over: dict[str, Any]) -> None:
    assert new(made(found()), made(found(**over))) == [True]


def test_a_new_workload_in_the_same_scope_is_new() -> None:
    assert new(made(found(API)), made(workloads=[WEB])) == [True]


VAULT = workload("web", namespace="vault", file=None)


@pytest.mark.parametrize(
    "earlier",
    [
        {"scope": SCOPE | {"rules": ["pdb-missing"]}},
        {"scope": SCOPE | {"namespaces": ["shop"]}},
        {"scope": SCOPE | {"exclude_namespaces": ["vau*"]}},
        {"scope": SCOPE | {"names": ["api"]}},
        {"scope": SCOPE | {"kinds": ["StatefulSet"]}},
        {"scope": SCOPE | {"label_selectors": ["a=b"]}},
        {"skipped": [{"object": "vault/Deployment/web", "line": None, "reason": "x"}]},
        {"not_evaluated": [{"rule": "all", "reason": "403", "scope": "namespace vault", "count": 1}]},
        {"not_evaluated": [{"rule": "all", "reason": "403", "scope": "Deployment in all namespaces", "count": 1}]},
        {"source": {"type": "manifests", "name": "elsewhere", "server_version": None, "requests": 0}},
    ],
)
def test_what_the_earlier_run_did_not_look_at_is_not_new(earlier: dict[str, Any]) -> None:
    now = made(found(VAULT), workloads=[WEB, VAULT])
    assert new(now, made(workloads=[WEB], **earlier)) == [None]
    assert now["baseline"] == {"compared": True, "new": 0, "not_compared": 1}
    assert verdict(now, "new") is None


@pytest.mark.parametrize(
    ("rule", "scope", "is_new"),
    [
        ("prestop-missing", "namespace shop", None),
        ("prestop-missing", "all namespaces", None),
        ("prestop-missing", "all nodes", None),
        ("prestop-missing", "3 namespaces", None),
        ("prestop-missing", "namespace vault", True),
        ("prestop-missing", "workloads", True),
        ("pdb-missing", "namespace shop", True),
    ],
)
def test_what_a_rule_could_not_see_then_is_not_new_when_it_can(rule: str, scope: str, is_new: bool | None) -> None:
    unseen = [{"rule": rule, "reason": "forbidden: cannot list services (403)", "scope": scope, "count": 1}]
    assert new(made(found()), made(not_evaluated=unseen)) == [is_new]
    assert new(made(found(), not_evaluated=unseen), made(not_evaluated=unseen)) == [True]


def test_a_file_that_could_not_be_read_is_not_new_when_it_can() -> None:
    broken = [{"file": WEB["file"], "line": 3, "reason": "not YAML"}]
    assert new(made(found()), made(workloads=[API], skipped=broken)) == [None]


def test_the_same_in_a_second_environment_is_new() -> None:
    staging, prod = ({**WEB, "environment": f"overlays/{stage}"} for stage in ("staging", "prod"))
    earlier = made(found(staging), workloads=[staging, prod])
    assert new(made(found(staging), found(prod), workloads=[staging, prod]), earlier) == [False, True]


def test_a_report_without_environments_is_compared_by_name() -> None:
    """Those of earlier versions, whose paths begin with the source."""
    earlier = made(found(), skipped=[{"file": "examples/shop/api.yaml", "line": 3, "reason": "not YAML"}])
    for entry in (*earlier["workloads"], *earlier["findings"]):
        del entry["environment"]
    earlier["workloads"] = earlier["workloads"][:1]
    now = made(*(found({**on, "file": f"{on['name']}.yaml", "environment": "."}) for on in (WEB, API)))
    assert new(now, earlier) == [False, None]


def test_a_workload_that_both_runs_judged_is_compared_whatever_the_scope() -> None:
    assert new(made(found()), made(scope=SCOPE | {"names": ["web"]}, workloads=[WEB])) == [True]


@pytest.mark.parametrize(
    ("before", "now", "is_new"), [([], ["exec"], None), (["status"], [], None), (["exec"], ["exec"], True)]
)
def test_what_running_pods_tell_is_new_only_if_they_were_asked_before(
    before: list[str], now: list[str], is_new: bool | None
) -> None:
    rule = "pid1-sigterm-unhandled"
    scope = SCOPE | {"rules": [rule]}
    told = made(found(WEB, rule, evidence="runtime"), scope=scope | {"evidence": now})
    assert new(told, made(scope=scope | {"evidence": before})) == [is_new]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"type": "cluster", "name": "b"}, "the earlier report is of the cluster b"),
        ({"type": "manifests", "name": "a"}, "the earlier report is of another source"),
    ],
)
def test_another_cluster_is_not_compared(source: dict[str, Any], reason: str) -> None:
    told = {"server_version": None, "requests": 1}
    now = made(found(), source=told | {"type": "cluster", "name": "a"})
    assert compare(now, made(source=told | source)) == reason
    assert verdict(now, "new") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "5", "{}", '{"schema": "other"}'),
        to_json(made() | {"scope": 5}),
        to_json(made() | {"workloads": None}),
        to_json({key: value for key, value in made().items() if key != "skipped"}),
    ],
)
def test_a_file_that_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a report of this version: move it away"):
        read_earlier(text)
