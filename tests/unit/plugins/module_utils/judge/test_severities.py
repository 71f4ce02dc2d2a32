# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Severities of the user's own are the last word."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.judge.severities import apply_severities
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    balancer,
    hooked,
    run,
    service,
    workload,
)


def judged(severities: dict[str, Any], *objects: dict[str, Any], **options: Any) -> dict[str, str]:
    return run(*objects, rules=apply_severities(RULES, severities), **options).rules


def test_a_severity_of_ones_own_replaces_any_other() -> None:
    mine = {"prestop-missing": "info"}
    bare = workload(hooked(None))
    assert judged({}, bare, service())["prestop-missing"] == "warning"
    assert judged(mine, bare, service())["prestop-missing"] == "info"
    assert judged({}, bare, balancer())["prestop-missing"] == "error"
    assert judged(mine, bare, balancer())["prestop-missing"] == "info"


def test_nothing_lowers_it_any_more() -> None:
    mine = {"prestop-missing": "error"}
    bare, unknown = workload(hooked(None)), "no Service in the input"
    assert judged({}, bare, unknown=unknown)["prestop-missing"] == "info"
    assert judged(mine, bare, unknown=unknown)["prestop-missing"] == "error"
    idle = workload(hooked(None), replicas=0)
    assert judged({}, idle, service())["prestop-missing"] == "info"
    assert judged(mine, idle, service())["prestop-missing"] == "error"


def test_only_errors_and_warnings_are_patched_as_ever() -> None:
    bare = workload(hooked(None))
    lowered = run(bare, service(), rules=apply_severities(RULES, {"prestop-missing": "info"}))
    assert lowered.audit.changes == []
    headless = run(bare, service(clusterIP="None"), rules=apply_severities(RULES, {"prestop-missing": "warning"}))
    assert headless.change.template


@pytest.mark.parametrize("off", ["off", False])
def test_off_is_the_end_of_a_rule_and_yaml_may_make_false_of_it(off: Any) -> None:
    assert "prestop-missing" not in judged({"prestop-missing": off}, workload(hooked(None)), service())


@pytest.mark.parametrize(
    ("severities", "message"),
    [
        ({"prestop-mising": "info"}, "severities: no rule 'prestop-mising'; did you mean prestop-missing?"),
        ({"prestop-missing": "high"}, "severities.prestop-missing: 'high' is not one of error, warning, info, off"),
        ({"prestop-missing": True}, "severities.prestop-missing: 'True' is not one of"),
        ({"prestop-missing": None}, "severities.prestop-missing: 'None' is not one of"),
        ({5: "info"}, "severities: no rule '5'"),
        ({rule.id: "off" for rule in RULES}, "every selected rule is off"),
    ],
)
def test_a_mistake_is_named(severities: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        apply_severities(RULES, severities)
