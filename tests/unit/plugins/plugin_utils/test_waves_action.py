# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One module call a wave: what is handed on, what is shown, and what the one result of them all is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.plugin_utils import waves
from ansible_collections.graceful.termination.plugins.plugin_utils.report_folder import ReportFolder
from ansible_collections.graceful.termination.plugins.plugin_utils.waves import run_waves
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import report
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.scripted_action import Scripted

SECOND = {"run": "r", "wave": 1, "of": 3, "total": 4, "started": 1, "pods": 1, "actions": []}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(waves.display, "display", lines.append)
    return lines


Answer = tuple[dict[str, Any], dict[str, Any] | None]


def answer(next_wave: dict[str, Any] | None = None, **carried: Any) -> Answer:
    diff = [{"before": "a", "after": "b"}]
    return {"diff": diff} | carried, {"report": report(mode="remediate"), "next_wave": next_wave}


def run(action: Scripted, given: dict[str, Any]) -> dict[str, Any]:
    result, _report = run_waves(action, given, ReportFolder.of(given), None)
    return result


def test_each_call_gets_where_the_last_one_ended(tmp_path: Path, shown: list[str]) -> None:
    action = Scripted(tmp_path, answer(changed=True, next_wave=SECOND), answer(changed=False))
    result = run(action, {"report_dir": str(tmp_path)})
    assert [call.get("_progress") for call in action.calls] == [None, SECOND]
    assert shown == ["wave 1 of 3: 1 of 4 workloads changed, 1 pod restarted"]
    assert result["changed"] and len(result["diff"]) == 2 and "next_wave" not in result
    assert json.loads((tmp_path / "report.json").read_text())["mode"] == "remediate", "a kill leaves the last wave's"


def test_a_later_call_that_fails_does_not_hide_what_was_changed(tmp_path: Path, shown: list[str]) -> None:
    action = Scripted(tmp_path, answer(changed=True, next_wave=SECOND), ({"failed": True, "msg": "no answer"}, None))
    result = run(action, {})
    assert (result["failed"], result["changed"], result["msg"]) == (True, True, "no answer")


DUE = {"url": "http://127.0.0.1:1/", "rounds": 1, "max_lost": 0, "namespaces": ["shop"], "names": ["web"]}
ENDED = {"status": "failed", "msg": "web: failed: 3 requests lost, 0 allowed", "requests": 9, "lost": {"reset": 3}}


def test_the_drill_comes_between_two_calls_with_the_same_connection(tmp_path: Path, shown: list[str]) -> None:
    first = answer(changed=True, next_wave=SECOND | {"drill_due": DUE})
    action = Scripted(tmp_path, first, (ENDED | {"failed": True, "bound": "b"}, None), answer(changed=False))
    given = {"context": "prod", "namespaces": ["shop", "other"], "waves": ["1", "100%"], "wait_timeout": 9}
    result = run(action, given | {"report_dir": str(tmp_path), "_directory": "/somewhere"})
    assert action.names == [None, "graceful.termination.drill", None]
    assert action.calls[1] == DUE | {
        "context": "prod",
        "wait_timeout": 9,
        "report_dir": str(tmp_path),
        "_directory": "/somewhere",
    }
    ended = {"status": "failed", "reason": ENDED["msg"], "requests": 9, "lost": {"reset": 3}}
    assert action.calls[2]["_progress"] == SECOND | {"drill": ended}
    assert result["drill"] == ended | {"bound": "b"}


def test_a_drill_that_could_not_even_begin_has_not_passed(tmp_path: Path, shown: list[str]) -> None:
    action = Scripted(
        tmp_path,
        answer(changed=True, next_wave=SECOND | {"drill_due": DUE}),
        ({"failed": True, "msg": "no right"}, None),
        answer(),
    )
    assert run(action, {})["drill"]["status"] == "error"
    assert action.calls[2]["_progress"]["drill"]["reason"] == "no right"
