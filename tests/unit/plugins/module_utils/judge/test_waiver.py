# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: what they hold back, what they leave alone, and what is said of those that do nothing."""

from __future__ import annotations

import datetime
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import Waivers
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import replan, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    TEMPLATES,
    TODAY,
    Result,
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.strategies import SURROUNDINGS, workloads

IGNORE = "ignore.graceful.termination/"
WHY = "the gateway drains"


def annotated(value: str, rule: str = "prestop-missing", **fields: Any) -> dict[str, Any]:
    """A workload without preStop whose owner says this about a rule."""
    return workload(hooked(None), annotations={IGNORE + rule: value}, **fields)


def listed(*objects: dict[str, Any], **entry: Any) -> Result:
    """The run with one central waiver."""
    return run(*objects, service(), waivers=[{"rule": "prestop-missing", "reason": WHY} | entry])


def status(result: Result) -> tuple[str, str | None]:
    """(status, note) of the only waiver."""
    (entry,) = result.report["waivers"]
    return entry["status"], entry["note"]


@pytest.mark.parametrize(
    "value", [WHY, f"{WHY}; until=2027-01-31", f"{WHY};until = 2027-01-04", f"until=2027-02-01; {WHY}"]
)
def test_an_annotation_holds_a_finding_back_with_its_reason(value: str) -> None:
    result = run(annotated(value), service())
    finding = result.one("prestop-missing")
    assert (finding["status"], finding["reason"], finding["snippet"]) == ("suppressed", WHY, None)
    assert finding["waiver"]["source"] == "annotation"
    assert finding["waiver"]["until"] == (None if value == WHY else value.partition("=")[2].strip()[:10].strip())
    assert result.report["summary"]["suppressed"] == 1
    assert sum(result.report["summary"]["findings"].values()) == len(result.report["findings"]) - 1
    assert status(result) == ("used", None)


def test_the_central_list_does_the_same() -> None:
    result = listed(workload(hooked(None)), kind="Deployment", namespace="shop", name="web", until="2027-01-31")
    assert result.one("prestop-missing")["status"] == "suppressed"
    assert result.one("prestop-missing")["waiver"] == {"source": "waivers[0]", "until": "2027-01-31"}
    (entry,) = result.report["waivers"]
    assert entry == {
        "source": "waivers[0]",
        "rule": "prestop-missing",
        "object": "shop/Deployment/web",
        "file": None,
        "line": None,
        "reason": WHY,
        "until": "2027-01-31",
        "status": "used",
        "findings": 1,
        "note": None,
    }


@pytest.mark.parametrize(
    ("entry", "held"),
    [
        ({"rule": "prestop-*"}, True),
        ({"name": "w?b", "namespace": "sh*", "kind": "*"}, True),
        ({"name": "web"}, True),
        ({"name": "we"}, False),
        ({"namespace": "shop-2"}, False),
        ({"kind": "StatefulSet"}, False),
        ({"rule": "grace-*"}, False),
    ],
)
def test_the_central_list_takes_patterns(entry: dict[str, str], held: bool) -> None:
    finding = listed(workload(hooked(None)), **entry).one("prestop-missing")
    assert finding["status"] == ("suppressed" if held else "open")


def test_a_long_list_of_plain_names() -> None:
    entries = [{"rule": "pdb-missing", "name": f"web-{number}", "reason": "known"} for number in range(1000)]
    waivers = Waivers.from_options(entries, Selection(), TODAY)
    assert not waivers.of(read_workload(workload()))
    assert len(waivers.of(read_workload(workload(name="web-999")))) == 1


def test_the_owners_reason_comes_before_the_central_one_and_both_are_used() -> None:
    result = run(annotated("mine"), service(), waivers=[{"rule": "prestop-missing", "reason": "theirs"}])
    assert result.one("prestop-missing")["reason"] == "mine"
    assert [entry["status"] for entry in result.report["waivers"]] == ["used", "used"]


@pytest.mark.parametrize("last", ["2027-01-04", "2027-01-05"])
def test_it_holds_on_its_last_day(last: str) -> None:
    assert date(2027, 1, 4) == TODAY
    assert run(annotated(f"{WHY}; until={last}"), service()).one("prestop-missing")["status"] == "suppressed"


def test_an_expired_one_holds_nothing_back_and_is_told() -> None:
    result = run(annotated(f"{WHY}; until=2027-01-03"), service())
    assert result.one("prestop-missing")["status"] == "open"
    assert result.change.template
    assert status(result) == ("expired", "1 finding is open again")
    assert status(run(annotated(f"{WHY}; until=2027-01-03"))) == ("expired", None)


@pytest.mark.parametrize(
    ("rule", "value", "problem"),
    [
        ("prestop-mising", WHY, "no rule 'prestop-mising'; did you mean prestop-missing?"),
        ("x", WHY, "no rule 'x'; the rules are "),
        ("prestop-missing", "", "it has no reason"),
        ("prestop-missing", " ; until=2027-01-31", "it has no reason"),
        ("prestop-missing", f"{WHY}; until=soon", "'soon' is not a date such as 2027-01-31"),
        ("prestop-missing", f"{WHY}; until=2027-02-30", "'2027-02-30' is not a date"),
        ("prestop-missing", f"{WHY}; until=20270131", "'20270131' is not a date"),
        ("prestop-missing", f"{WHY}; until=", "'' is not a date"),
        ("prestop-missing", f"{WHY}; until 2027", "'until 2027' is not a date: write it as"),
        ("prestop-missing", f"{WHY}; until: 2027-01-31", "'until: 2027-01-31' is not a date: write it as"),
        ("prestop-missing", f"{WHY}; expires=2027-01-31", "'expires=2027-01-31' is not a date: write it as"),
        ("prestop-missing", f"{WHY}; until=2027-01-31; until=2027-02-28", "it has more than one date"),
    ],
)
def test_a_malformed_annotation_is_told_and_holds_nothing_back(rule: str, value: str, problem: str) -> None:
    result = run(annotated(value, rule), service())
    assert result.one("prestop-missing")["status"] == "open"
    found, note = status(result)
    assert found == "invalid"
    assert note and note.startswith(problem)


@pytest.mark.parametrize("reason", ["until we have moved", "a; b; c=d", "see x=1; and https://wiki/x?until=y"])
def test_a_reason_may_say_anything_else(reason: str) -> None:
    result = run(annotated(f"{reason}; until=2027-01-31"), service())
    assert result.one("prestop-missing")["reason"] == reason


def test_annotations_of_others_and_of_pods_waive_nothing() -> None:
    obj = workload(hooked(None), annotations={"ignore-check.kube-linter.io/prestop-missing": WHY})
    obj["spec"]["template"]["metadata"]["annotations"] = {f"{IGNORE}prestop-missing": WHY}
    result = run(obj, service())
    assert result.one("prestop-missing")["status"] == "open"
    assert result.report["waivers"] == []


# What is said of those that are not used


def test_one_that_finds_nothing_to_hold_back_is_told() -> None:
    assert status(run(annotated(WHY, "grace-period-zero"), service())) == (
        "unused",
        "no longer needed: nothing is found",
    )
    assert status(listed(workload())) == ("unused", "no longer needed: nothing is found")
    gone = "it matches no workload of this run"
    assert status(listed(workload(), name="gone", namespace="shop", kind="Deployment")) == ("unused", gone)


def test_nothing_is_said_where_the_rule_did_not_run_or_was_not_evaluated() -> None:
    only = tuple(rule for rule in RULES if rule.id == "grace-period-zero")
    assert status(run(annotated(WHY), rules=only)) == ("unjudged", "the rule was not judged in this run")
    blind = run(annotated(WHY, "pod-stuck-terminating"), service())
    assert status(blind) == ("unjudged", "the rule was not evaluated")


@pytest.mark.parametrize(
    ("selection", "entry"),
    [
        ({"namespaces": ["blog"]}, {"namespace": "shop"}),
        ({"exclude_namespaces": ["shop"]}, {"namespace": "shop"}),
        ({"namespaces": ["shop"]}, {}),
        ({"names": ["api"]}, {"name": "gone"}),
        ({"names": ["api"]}, {}),
        ({"label_selectors": ["a=b"]}, {"name": "gone"}),
        ({"kinds": ["DaemonSet"]}, {"kind": "Deployment"}),
        ({"kinds": ["DaemonSet"]}, {}),
        ({}, {"kind": "Job"}),
    ],
)
def test_nothing_is_said_where_its_workloads_may_not_have_been_selected(
    selection: dict[str, Any], entry: dict[str, str]
) -> None:
    given = [{"rule": "prestop-missing", "reason": WHY} | entry]
    result = run(workload(), waivers=given, selection=Selection.from_options(selection))
    assert status(result) == ("unjudged", "not all that it covers was selected")


def test_a_selection_that_takes_all_that_it_covers_is_enough() -> None:
    selection = Selection.from_options({"namespaces": ["sh*"], "names": ["w*"], "kinds": ["Deployment"]})
    given = [{"rule": "prestop-missing", "reason": WHY, "kind": "Deployment", "namespace": "shop", "name": "w"}]
    assert status(run(waivers=given, selection=selection))[0] == "unused"


def test_nothing_is_said_where_something_could_not_be_read() -> None:
    broken = workload(hooked(None), name="broken")
    broken["spec"]["replicas"] = "three"
    assert status(listed(broken, workload()))[0] == "unjudged"
    assert status(listed(broken, workload(), name="web", namespace="shop", kind="Deployment"))[0] == "unused"


# The central list is the user's own, so that a mistake in it stops the run


@pytest.mark.parametrize("until", [date(2027, 1, 31), datetime.datetime(2027, 1, 31, 23, 59), "2027-01-31T00:00:00Z"])
def test_a_date_without_quotes_arrives_as_a_date(until: Any) -> None:
    (entry,) = Waivers.from_options([{"rule": "pdb-*", "reason": "x", "until": until}], Selection(), TODAY).entries
    assert entry.until == date(2027, 1, 31)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"rule": "pdb-mising"}, r"waivers\[1\].rule: no rule 'pdb-mising'; did you mean pdb-missing\?"),
        ({"rule": "zzz-*"}, r"waivers\[1\].rule: no rule 'zzz-\*'; the rules are "),
        ({"rule": None}, r"waivers\[1\]: rule is missing"),
        ({"reason": " "}, r"waivers\[1\]: reason is missing: a waiver names the rule and the reason"),
        ({"reason": ["x"]}, r"waivers\[1\].reason: must be text"),
        ({"name": True}, r"waivers\[1\].name: must be text"),
        ({"kind": "deployment"}, r"waivers\[1\].kind: 'deployment' is not one of Deployment, "),
        ({"until": "soon"}, r"waivers\[1\].until: 'soon' is not a date such as 2027-01-31"),
        ({"until": 2027}, r"waivers\[1\].until: '2027' is not a date"),
        ({"expires": "2027-01-31"}, r"waivers\[1\]: unknown key 'expires'; valid keys are rule, kind, namespace, name"),
    ],
)
def test_a_malformed_entry_is_an_error_that_says_which(entry: dict[str, Any], message: str) -> None:
    good = {"rule": "pdb-missing", "reason": "x"}
    with pytest.raises(ValueError, match=message):
        Waivers.from_options([good, good | entry], Selection(), TODAY)


def test_an_entry_that_is_no_map_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"waivers\[0\]: must be a map"):
        Waivers.from_options(["pdb-missing"], Selection(), TODAY)


# A waived rule neither asks for a change nor stands against one


def test_a_waived_finding_is_not_patched_and_the_others_are() -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    both = run(annotated(WHY, strategy=strategy), service())
    assert both.one("prestop-missing")["status"] == "suppressed"
    assert (bool(both.change.strategy), both.change.template) == (True, {})
    assert both.applied().one("prestop-missing")["status"] == "suppressed"


@given(workloads(), SURROUNDINGS, st.sets(st.sampled_from([rule.id for rule in RULES]), max_size=6), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_waiving_a_rule_changes_what_skipping_it_would_and_hides_nothing(
    obj: dict[str, Any], around: list[dict[str, Any]], waived: set[str], central: bool
) -> None:
    if central:
        given = [{"rule": rule, "reason": WHY, "name": "web"} for rule in sorted(waived)]
        result = run(obj, *around, waivers=given)
    else:
        told = {IGNORE + rule: WHY for rule in waived}
        marked = obj | {"metadata": obj["metadata"] | {"annotations": obj["metadata"]["annotations"] | told}}
        result = run(marked, *around)
    plain = run(obj, *around)
    left = tuple(rule for rule in RULES if rule.id not in waived)
    skipped = run(obj, *around, rules=left)
    assert [change.patch for change in result.audit.changes] == [change.patch for change in skipped.audit.changes]
    assert {f["fingerprint"] for f in result.report["findings"]} == {f["fingerprint"] for f in plain.report["findings"]}
    held = [f["rule"] for f in result.report["findings"] if f["status"] == "suppressed"]
    assert held == [f["rule"] for f in plain.report["findings"] if f["rule"] in waived]
    used = [entry["rule"] for entry in result.report["waivers"] if entry["status"] == "used"]
    assert sorted(used) == sorted(set(held))


MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    ignore.graceful.termination/prestop-exceeds-grace: "the hook ends early; until=2027-01-31"
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: app
          image: registry.example/app:1
          lifecycle: {preStop: {sleep: {seconds: 10}}}
"""


@pytest.mark.parametrize(("day", "written"), [(TODAY, False), (date(2027, 2, 1), True)])
def test_remediation_leaves_a_waived_finding_alone_until_its_day_is_over(
    tmp_path: Path, day: date, written: bool
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST)
    parameters = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    given = {"source": ".", "_directory": str(tmp_path), "_snippets": TEMPLATES}
    chosen = read_options(parameters | given | {"rules": ["prestop-exceeds-grace"]}, day)
    source = ManifestSource(str(tmp_path), ".", chosen.selection, parse_version("1.34"), version_assumed=False)
    (one,) = source.read().workloads
    assert (replan(one, source.read(), chosen) is not None) == written
    outcome = run_remediate(source, chosen, check=False)
    assert outcome.changed == written
    assert (file.read_text() != MANIFEST) == written
    assert outcome.report["summary"]["suppressed"] == (not written)
