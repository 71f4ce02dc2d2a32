# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue: every rule tells what it is, every remedy has its template, and nothing is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES, select_rules
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import DEFAULT_VARIABLES, REMEDIES
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import EVIDENCE, SEVERITIES, Rule

ROOT = Path(__file__).resolve().parents[5]
TOPICS = ROOT / "plugins/module_utils/rules"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_tells_all_there_is_to_know(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
    assert rule.severity in SEVERITIES
    assert rule.evidence in EVIDENCE
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert rule.exceptions
    assert all(rule.exceptions)
    assert rule.seed
    assert rule.since is None or parse_version(rule.since)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.evidence != "runtime"], ids=lambda rule: rule.id)
def test_a_rule_that_can_hit_names_its_remedies(rule: Rule) -> None:
    """That it names all of them, and that those of `by_hand` are for a person, factory.py checks on each finding."""
    assert rule.remedies
    assert set(rule.remedies) <= set(REMEDIES)
    assert len(set(rule.remedies)) == len(rule.remedies)


def test_each_remedy_has_its_rule() -> None:
    assert {remedy for rule in RULES for remedy in rule.remedies} == set(REMEDIES)


def test_no_two_rules_share_an_id() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    "identifier",
    [
        *("prestop-missing", "prestop-exceeds-grace", "prestop-starves-drain", "prestop-tcp-socket"),
        *("grace-period-zero", "grace-period-insufficient", "no-readiness-probe", "rollout-loses-capacity"),
        "pid1-shell-wrapper",
    ],
)
def test_the_ids_that_users_name_stay(identifier: str) -> None:
    assert identifier in {rule.id for rule in RULES}


def test_every_file_of_rules_is_loaded() -> None:
    files = {path.stem for path in TOPICS.glob("*.py") if "\nRULES = (" in path.read_text()}
    assert files == {rule.check.__module__.rpartition(".")[2] for rule in RULES}


def test_each_remedy_has_its_template_and_each_template_its_remedy() -> None:
    assert {path.name for path in (ROOT / "templates").iterdir()} == {f"{remedy}.yaml.j2" for remedy in REMEDIES}
    assert set(DEFAULT_VARIABLES) <= set(REMEDIES)


@pytest.mark.parametrize("remedy", REMEDIES)
def test_a_template_says_first_what_it_is_for(remedy: str) -> None:
    assert (ROOT / f"templates/{remedy}.yaml.j2").read_text(encoding="utf-8").startswith("{# ")


def test_the_version_is_that_of_the_collection() -> None:
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"] == VERSION


def test_rules_are_chosen_by_id() -> None:
    chosen = select_rules(None, None)
    assert chosen == select_rules([], []) == select_rules(["default"], None)
    assert [rule.id for rule in select_rules(["grace-period-zero"], None)] == ["grace-period-zero"]
    assert len(select_rules(None, ["grace-period-zero"])) == len(chosen) - 1


@pytest.mark.parametrize("opinion", [rule.id for rule in RULES if rule.opt_in])
def test_an_opinion_is_judged_only_when_it_is_named(opinion: str) -> None:
    assert opinion not in {rule.id for rule in select_rules(None, None)}
    assert [rule.id for rule in select_rules([opinion], None)] == [opinion]
    assert {rule.id for rule in select_rules(["default", opinion], None)} == {
        opinion,
        *(rule.id for rule in select_rules(None, None)),
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_needs_only_kinds_that_are_read(rule: Rule) -> None:
    # Pods are listed only in meshed namespaces.
    assert set(rule.needs) <= {*CONTEXT_KINDS, "Pod"}


@pytest.mark.parametrize(
    ("only", "skip", "option"),
    [
        (["prestop-mising"], None, "rules"),
        (None, ["prestop-mising"], "skip_rules"),
        (["default"], ["default", "prestop-mising"], "skip_rules"),
    ],
)
def test_a_rule_that_does_not_exist_is_named_with_its_option(
    only: list[str] | None, skip: list[str] | None, option: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{option}: no rule '[\w-]+'; the rules are .*prestop-missing"):
        select_rules(only, skip)


def test_default_is_a_choice_of_rules_and_none_to_skip() -> None:
    with pytest.raises(ValueError, match=r"^skip_rules: no rule 'default'; the rules are ") as caught:
        select_rules(None, ["default"])
    assert ", default" not in str(caught.value)


def test_judging_by_no_rule_is_an_error_not_an_all_clear() -> None:
    with pytest.raises(ValueError, match="leave no rule to run"):
        select_rules(["grace-period-zero"], ["grace-period-zero"])
