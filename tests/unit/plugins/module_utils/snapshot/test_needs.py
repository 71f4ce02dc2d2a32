# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs that a user declares for workloads of others: what they change, and what is said of those that do nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.report import markdown, terminal
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import replan, run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import DeclaredNeeds
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    DRAIN,
    TEMPLATES,
    TODAY,
    Result,
    container,
    run,
    service,
    workload,
)

WHY = "the longest export took 95 s"


def listed(*objects: dict[str, Any], **entry: Any) -> Result:
    """The run with one entry, for the workload web of the namespace shop where `entry` names no other."""
    return run(*objects, service(), drains=[{"namespace": "shop", "seconds": 120, "reason": WHY} | entry])


def bare(*containers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A workload whose owner declares nothing."""
    return workload(*containers, drain=None, **fields)


def status(result: Result) -> tuple[str, int, str | None]:
    """(status, workloads, note) of the only entry."""
    (entry,) = result.report["drains"]
    return entry["status"], entry["workloads"], entry["note"]


def test_it_is_a_need_as_the_annotation_is_and_names_its_reason() -> None:
    result = listed(bare())
    budget = result.workload["budget"]
    assert budget["need"] == {
        "seconds": 120,
        "how": "declared",
        "source": f"termination_drains: {WHY}",
        "bound": "exact",
    }
    assert (budget["drain"], budget["known"]) == (120, True)
    assert budget["sources"]["drain"] == f"termination_drains: {WHY}"
    finding, told = result.one("grace-period-insufficient"), run(bare(annotations={DRAIN: "120"}), service())
    same = told.one("grace-period-insufficient")
    assert [finding[key] for key in ("severity", "message", "remedy")] == [
        same[key] for key in ("severity", "message", "remedy")
    ]
    assert result.pod["terminationGracePeriodSeconds"] == 140
    assert not result.applied().of("grace-period-insufficient")
    assert result.report["drains"] == [
        {
            "source": "drains[0]",
            "object": "shop/*/*",
            "seconds": 120,
            "reason": WHY,
            "until": None,
            "status": "used",
            "workloads": 1,
            "note": None,
        }
    ]


def test_a_server_that_cuts_it_is_a_finding() -> None:
    result = listed(bare(container(command=["gunicorn", "--graceful-timeout", "30"]), grace=300))
    assert result.one("server-timeout-too-short")["severity"] == "error"
    assert result.workload["budget"]["drain"] == 30


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        ({}, True),
        ({"name": "w?b", "kind": "Deploy*"}, True),
        ({"label_selector": "tier=front,!legacy"}, True),
        ({"label_selector": "tier in (front)", "namespace": None}, True),
        ({"namespace": None, "name": "*"}, True),
        ({"label_selector": "tier=back"}, False),
        ({"name": "we"}, False),
        ({"namespace": "shop-2"}, False),
        ({"kind": "StatefulSet"}, False),
    ],
)
def test_which_workloads_it_is_for(entry: dict[str, Any], counts: bool) -> None:
    obj = bare()
    obj["metadata"]["labels"] = {"tier": "front"}
    result = listed(obj, **entry)
    assert (result.workload["budget"]["drain"] == 120) == counts
    assert (status(result)[0] == "used") == counts


def test_the_annotation_wins_and_a_contradiction_is_said() -> None:
    result = listed(workload(drain=20))
    assert result.workload["budget"]["drain"] == 20
    (note,) = result.workload["notes"]
    assert note == (
        f"annotation {DRAIN} says 20 s and counts; termination_drains says 120 s (drains[0]: {WHY}): "
        "correct one of them"
    )
    assert status(result) == ("unused", 0, "an annotation or a longer entry counts for all that it covers")
    assert listed(workload(drain=120)).workload["notes"] == []


def test_an_annotation_that_is_no_number_hides_no_entry() -> None:
    budget = listed(bare(annotations={DRAIN: "soon"})).workload["budget"]
    assert budget["drain"] == 120
    assert budget["sources"]["drain"].endswith(f"; annotation {DRAIN} is not a whole number of seconds")


def test_of_several_the_longest_counts() -> None:
    entries = [
        {"namespace": "shop", "seconds": 30, "reason": "all"},
        {"name": "web", "seconds": 60, "reason": "web"},
        {"name": "web", "seconds": 90, "reason": "over", "until": "2027-01-03"},
    ]
    for drains in (entries, entries[::-1]):
        result = run(bare(), service(), drains=drains)
        assert result.workload["budget"]["sources"]["drain"] == "termination_drains: web"
        found = {entry["reason"]: entry["status"] for entry in result.report["drains"]}
        assert found == {"all": "unused", "web": "used", "over": "expired"}


@pytest.mark.parametrize(("until", "counts"), [("2027-01-04", True), ("2027-01-05", True), ("2027-01-03", False)])
def test_it_counts_on_its_last_day_and_an_expired_one_is_said(until: str, counts: bool) -> None:
    assert date(2027, 1, 4) == TODAY
    result = listed(bare(), until=until)
    assert (result.workload["budget"]["drain"] == 120) == counts
    over = ("expired", 0, "it no longer counts for 1 workload: renew its date or remove it")
    assert status(result) == (("used", 1, None) if counts else over)
    assert status(listed(bare(), until="2027-01-03", name="gone")) == ("expired", 0, None)


def test_one_that_is_not_used_is_said_unless_its_workloads_may_not_have_been_seen() -> None:
    gone = {"name": "gone", "kind": "Deployment"}
    assert status(listed(bare(), **gone)) == ("unused", 0, "it matches no workload of this run")
    selection = Selection.from_options({"namespaces": ["blog"]})
    given = [{"namespace": "shop", "seconds": 5, "reason": WHY}]
    blind = run(bare(name="other"), drains=[given[0] | {"name": "gone"}], selection=selection)
    assert status(blind) == ("unjudged", 0, "not all that it covers was selected")
    broken = bare(name="broken")
    broken["spec"]["replicas"] = "three"
    assert status(listed(broken, bare(), name="gone*"))[0] == "unjudged"
    assert status(listed(broken, bare(), label_selector="a=b"))[0] == "unjudged"


def test_the_formats_list_those_that_need_a_person() -> None:
    report = listed(bare(), until="2027-01-03").report
    assert "| **expired** | `shop/*/*` | 120 |" in markdown.render(report).replace("shop/\\*/\\*", "`shop/*/*`")
    assert "drains  1 expired" in terminal.render(report)
    assert "Declared drains" not in markdown.render(run(bare()).report)


def test_a_reason_of_somebody_else_is_no_markup() -> None:
    report = listed(bare(), reason="<b>|`x`\x1b[31m").report
    for text in (markdown.render(report), terminal.render(report)):
        assert "<b>|" not in text.replace("&lt;b>|", "") or "\x1b[31m" not in text
        assert "\x1b" not in text


@pytest.mark.parametrize("given", [None, [], ()])
def test_no_list_is_no_need(given: Any) -> None:
    assert DeclaredNeeds.from_options(given, TODAY).entries == ()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"seconds": None}, r"drains\[1\]: seconds is missing: an entry says how many seconds"),
        ({"reason": " "}, r"drains\[1\]: reason is missing"),
        ({"reason": ["x"]}, r"drains\[1\].reason: must be text"),
        ({"seconds": "2m"}, r"drains\[1\].seconds: '2m' is not a whole number of seconds from 0 to 999999"),
        ({"seconds": "-1"}, r"drains\[1\].seconds: '-1' is not"),
        ({"seconds": True}, r"drains\[1\].seconds: must be text"),
        ({"seconds": "1.5"}, r"drains\[1\].seconds: '1.5' is not"),
        ({"seconds": 10**6}, r"drains\[1\].seconds: '1000000' is not"),
        ({"namespace": ""}, r"drains\[1\]: it names no workload: set namespace, name, label_selector, or name to '\*'"),
        ({"namespace": "", "kind": "Deployment"}, r"drains\[1\]: it names no workload"),
        ({"kind": "deployment"}, r"drains\[1\].kind: 'deployment' is not one of Deployment, "),
        ({"until": "soon"}, r"drains\[1\].until: 'soon' is not a date such as 2027-01-31"),
        (
            {"label_selector": "a b"},
            r"drains\[1\].label_selector: label selector 'a b': cannot read 'a b'; write it as",
        ),
        ({"second": 5}, r"drains\[1\]: unknown key 'second'; valid keys are seconds, reason, kind, namespace, name"),
    ],
)
def test_a_malformed_entry_is_an_error_that_says_which(entry: dict[str, Any], message: str) -> None:
    good = {"namespace": "shop", "seconds": 5, "reason": WHY}
    with pytest.raises(ValueError, match=message):
        DeclaredNeeds.from_options([good, good | entry], TODAY)


MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          ports: [{containerPort: 8080}]
          lifecycle: {preStop: {sleep: {seconds: 10}}}
"""


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(("day", "written"), [(TODAY, True), (date(2027, 2, 1), False)])
def test_a_whole_run_reads_the_option(tmp_path: Path, day: date, written: bool, check: bool) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST)
    parameters = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    entry = {"name": "web", "seconds": "60", "reason": WHY, "until": "2027-01-31"}
    given = {"source": ".", "_directory": str(tmp_path), "_snippets": TEMPLATES, "drains": [entry]}
    chosen = read_options(parameters | given | {"rules": ["grace-period-insufficient"]}, day)
    source = ManifestSource(str(tmp_path), ".", chosen.selection, parse_version("1.34"), version_assumed=False)
    assert run_audit(source, chosen).report["summary"]["drain"]["declared"] == written
    outcome = run_remediate(source, chosen, check=check)
    assert outcome.changed == written
    assert (file.read_text() != MANIFEST) == (written and not check)
    (said,) = outcome.report["drains"]
    assert said["status"] == ("used" if written else "expired")
    snapshot = source.read()
    snapshot.context.inputs = Inputs(needs=chosen.needs)
    (one,) = snapshot.workloads
    assert (replan(one, snapshot, chosen) is not None) == (written and check)
