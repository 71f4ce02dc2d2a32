# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/servers-on-kind.md: what an audit says of servers beside what a stop of each showed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from ansible_collections.graceful.termination.tools.calibration.servers import GRACE, LOST, UNKNOWN, Case
from ansible_collections.graceful.termination.tools.calibration.stops import CLOSE, disagreements

PAGE = Path(__file__).resolve().parents[2] / "docs" / "servers-on-kind.md"
TEMPLATE = Path(__file__).with_name("servers.md.j2")


def render(cases: Mapping[str, Case], results: Mapping[str, Any]) -> str:
    """The page, of the cases that have a result. Results are as stops.py keeps them."""
    rows = [(case, results[name]) for name, case in cases.items() if name in results]
    measured = [result for _case, result in rows]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        rows=[_row(case, result) for case, result in rows],
        versions=dict(sorted((case.server, result["program"]) for case, result in rows)),
        dates=sorted({result["at"][:10] for result in measured}),
        collections=sorted({result["version"] for result in measured}),
        kubernetes=sorted({result["kubernetes"].removeprefix("v") for result in measured}),
        grace=GRACE,
        close=f"{CLOSE:g}",
    )


def proven(cases: Mapping[str, Case], results: Mapping[str, Any]) -> set[str]:
    """The servers of which an audit says something, and each stop showed just that."""
    known: set[str] = set()
    wrong: set[str] = set()
    for name, case in cases.items():
        if name in results and results[name]["said"]["request"] != UNKNOWN:
            (wrong if disagreements(case, results[name]) else known).add(case.server)
    return known - wrong


def _row(case: Case, measured: dict[str, Any]) -> tuple[str, ...]:
    lost = [one for one in measured["requests"] if one["error"]]
    first = f" (from {max(min(one['left'] for one in lost), 0):.0f} s left)" if lost else ""
    killed = " (killed)" if measured["exit_code"] == 137 else ""
    return (
        case.server,
        case.what,
        f"{case.seconds} s",
        _allowance(measured["said"]),
        ", ".join(measured["said"]["findings"]) or "none",
        f"{len(lost)} of {len(measured['requests'])}{first}",
        f"{measured['seconds']:.0f} s{killed}",
        _agrees(case, measured),
    )


def _allowance(said: dict[str, Any]) -> str:
    if said["bound"] == "unlimited":
        return "no limit"
    if said["allowance"] is None:
        return "not known"
    if said["allowance"] == 0:
        return "ends at once"
    return f"at most {said['allowance']} s"


def _agrees(case: Case, measured: dict[str, Any]) -> str:
    wrong = disagreements(case, measured)
    if wrong:
        return f"**no**: {wrong[0]}" + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else "")
    request = measured["said"]["request"]
    if request == UNKNOWN:
        return UNKNOWN
    return "yes: cut" if request == LOST else "yes: finished"
