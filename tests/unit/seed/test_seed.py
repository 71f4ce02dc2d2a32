# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The article that this collection grew from: each of its rows and examples as a manifest, with its verdict.

A file of `article/` is a List of one workload and what is around it. Beside `items`, which is all that the product
reads, its `expected` holds the verdict:

findings: severity by rule, of all findings there are, infos too.
silent: rules that might be expected to find something here, were judged, and find nothing.
not_evaluated: rules for which a manifest is not evidence enough, beside those that always need running pods.
not_asked: rules that would need running pods elsewhere and make no sense here.
budget, numbers: parts of the workload's budget, and of findings by rule. Seconds; null is unknown.
rules: the rules to judge by, where opinions are among them.
formula: the average time and the concurrency that the article's formula makes the grace period from.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.filter.grace_period import grace_period
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.tests.unit.audited import audit_file

FOLDER = Path(__file__).with_name("article")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "article.md"
FIXTURES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
# What the article is made of; each has at least one fixture.
PARTS = (
    *(f"step-{number}" for number in range(1, 10)),
    *("setting-prestop", "setting-grace", "setting-probes"),
    *(f"fault-{number}" for number in range(1, 7)),
    *("debugging", "soul-test", "conclusion"),
)
KEYS = {"rules", "findings", "silent", "not_evaluated", "not_asked", "budget", "numbers", "formula"}
NEEDS_PODS = {rule.id for rule in RULES if rule.evidence == "runtime" and not rule.opt_in}


def expected(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["expected"]


def audit(name: str) -> dict[str, Any]:
    """The report of an audit of the file as a user would give it."""
    return audit_file(FOLDER / f"{name}.yaml", rules=expected(name).get("rules"))


@pytest.mark.parametrize("name", FIXTURES)
def test_verdict(name: str) -> None:
    wanted, report = expected(name), audit(name)
    assert wanted.keys() <= KEYS
    assert report["skipped"] == []
    [workload] = report["workloads"]
    findings = [(entry["rule"], entry["severity"]) for entry in report["findings"]]
    assert sorted(findings) == sorted(wanted["findings"].items())
    undecided = {entry["rule"] for entry in report["not_evaluated"]}
    assert undecided == (NEEDS_PODS - set(wanted.get("not_asked", ()))) | set(wanted.get("not_evaluated", ()))
    silent = set(wanted.get("silent", ()))
    assert silent <= set(report["scope"]["rules"]) - undecided - wanted["findings"].keys()
    assert wanted.get("budget", {}).items() <= workload["budget"].items()
    numbers = {entry["rule"]: entry["numbers"] for entry in report["findings"]}
    for rule, some in wanted.get("numbers", {}).items():
        assert some.items() <= numbers[rule].items()


@pytest.mark.parametrize("name", [name for name in FIXTURES if "formula" in expected(name)])
def test_the_formula_gives_the_grace_period(name: str) -> None:
    formula, [workload] = expected(name)["formula"], audit(name)["workloads"]
    assert grace_period(formula["average"], formula["concurrency"]) == workload["budget"]["grace"]


def test_an_unknown_drain_says_what_would_settle_it() -> None:
    [workload] = audit("setting-grace-java")["workloads"]
    assert "annotation graceful.termination/drain-seconds would settle it" in workload["budget"]["sources"]["drain"]


def test_every_part_of_the_article_has_a_fixture_and_every_fixture_a_part() -> None:
    names = re.compile("|".join(f"{part}(?=-|$)" for part in PARTS))
    found = {match[0] if (match := names.match(name)) else name for name in FIXTURES}
    assert found == set(PARTS)


def verdict(wanted: dict[str, Any]) -> str:
    """The verdict as the page shows it."""
    parts = [f"{severity} `{rule}`" for rule, severity in wanted["findings"].items()] or ["nothing"]
    if wanted.get("not_evaluated"):
        parts.append("not evaluated: " + ", ".join(f"`{rule}`" for rule in wanted["not_evaluated"]))
    numbers = {key: value for key, value in wanted.get("budget", {}).items() if key != "known"}
    if numbers:
        parts.append(", ".join(f"{key} {'unknown' if value is None else value}" for key, value in numbers.items()))
    return "; ".join(parts)


def test_the_page_has_each_fixture_once_with_its_verdict() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|[^|]+\| ([^|]+) \|[^|]+\|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert sorted(rows) == sorted((name, verdict(expected(name))) for name in FIXTURES)
