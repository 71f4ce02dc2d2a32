# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a report in a registered result: small, since it travels through callbacks and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FINDINGS = 20
ACTIONS = 50
_FIRST = ("failed", "refused")  # if there are more than ACTIONS


def excerpt(report: Mapping[str, Any]) -> dict[str, Any]:
    """Counts, the worst open findings without their snippets, and the actions, with how many of both are omitted."""
    findings = [entry for entry in report["findings"] if entry["status"] == "open"]
    actions = report["actions"]
    if len(actions) > ACTIONS:
        actions = sorted(actions, key=lambda entry: (*_FIRST, entry["status"]).index(entry["status"]))
    return {
        "summary": report["summary"],
        "findings": [{key: finding[key] for key in finding if key != "snippet"} for finding in findings[:FINDINGS]],
        "findings_omitted": max(len(findings) - FINDINGS, 0),
        "actions": actions[:ACTIONS],
        "actions_omitted": max(len(actions) - ACTIONS, 0),
    }
