# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rolling update in which the new pod waits for the claim of the old one.

Reported as helmforgedev/charts#1294, mattermost/mattermost-helm#283, rcourtman/Pulse#1057, akvo/akvo-rsr#3464.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tests.unit.manifest_runs import severities

Audited = Callable[..., dict[str, Any]]


CASE = "36-rwo-deadlock"


def test_the_rollout_hangs_and_the_delay_does_no_harm(
    case: Callable[[str], Path], remediated: Audited, audited: Audited
) -> None:
    folder = case(CASE)
    assert severities(audited(folder), "docs") == {"prestop-missing": "warning", "surge-volume-deadlock": "warning"}
    (hangs,) = [one for one in audited(folder)["findings"] if one["rule"] == "surge-volume-deadlock"]
    assert hangs["remedy"] == "manual" and "type: Recreate" in hangs["snippet"]
    remediated(folder)
    assert severities(audited(folder), "docs") == {"surge-volume-deadlock": "warning"}
    assert "Recreate" not in (folder / "d.yaml").read_text(encoding="utf-8")
