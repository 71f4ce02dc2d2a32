# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a report a registered result holds."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.report.document import action_entry
from ansible_collections.graceful.termination.plugins.module_utils.report.excerpt import ACTIONS, FINDINGS, excerpt
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import finding, workload


def report(findings: int = 0, statuses: tuple[str, ...] = ()) -> dict[str, Any]:
    on = workload()
    return {
        "summary": {"found": 1},
        "findings": [finding(on, rule=f"rule-{number}", snippet="spec: {}") for number in range(findings)],
        "actions": [
            action_entry(f"shop/Deployment/{n}", None, None, status, None) for n, status in enumerate(statuses)
        ],
    }


def test_a_small_report_is_all_there_but_for_the_snippets() -> None:
    found = excerpt(report(FINDINGS, ("changed", "failed")))
    assert found["summary"] == {"found": 1}
    assert [entry["rule"] for entry in found["findings"]] == [f"rule-{number}" for number in range(FINDINGS)]
    assert not any("snippet" in entry for entry in found["findings"])
    assert [entry["status"] for entry in found["actions"]] == ["changed", "failed"]
    assert (found["findings_omitted"], found["actions_omitted"]) == (0, 0)


def test_of_a_large_one_the_first_findings_which_are_the_worst() -> None:
    found = excerpt(report(FINDINGS + 7))
    assert [entry["rule"] for entry in found["findings"]] == [f"rule-{number}" for number in range(FINDINGS)]
    assert found["findings_omitted"] == 7


def test_what_is_suppressed_is_neither_shown_nor_counted() -> None:
    large = report(FINDINGS + 2)
    large["findings"][0]["status"] = "suppressed"
    assert excerpt(large)["findings"][0]["rule"] == "rule-1"
    assert excerpt(large)["findings_omitted"] == 1


def test_of_many_actions_those_that_failed_come_first_and_the_others_keep_their_order() -> None:
    found = excerpt(report(statuses=("changed",) * ACTIONS + ("refused", "skipped", "failed")))
    assert [entry["status"] for entry in found["actions"]] == ["failed", "refused"] + ["changed"] * (ACTIONS - 2)
    assert [entry["object"].rpartition("/")[2] for entry in found["actions"][2:5]] == ["0", "1", "2"]
    assert found["actions_omitted"] == 3
