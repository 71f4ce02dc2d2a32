# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action makes of a module's report: files, a summary on the screen, and a result that fails or does not."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.report.document import action_entry
from ansible_collections.graceful.termination.plugins.plugin_utils import report_action
from ansible_collections.graceful.termination.plugins.plugin_utils.report_action import ReportAction
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import (
    finding,
    report,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.scripted_action import Scripted

WEB = workload("web")
FOUND = report([WEB], [finding(WEB)])


class Action(ReportAction, Scripted):
    """The action with what its module answers."""

    _supports_async = False
    _supports_check_mode = True

    def __init__(self, tmpdir: Path, answered: dict[str, Any] | None, **given: Any) -> None:
        carried = {"changed": False} if answered else {"changed": True, "failed": True, "msg": "no answer"}
        Scripted.__init__(self, tmpdir, (carried, {"report": answered, "next_wave": None} if answered else None))
        self._task = SimpleNamespace(args=given, async_val=0, check_mode=False, action="audit_info")


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(report_action.display, "display", lines.append)
    return lines


def run(action: Action, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
    # Not Scripted.run, which is there only because Ansible demands one.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scripted, "run", lambda *_arguments: {})
        return action.run(None, task_vars or {})


def test_a_report_goes_to_the_screen_the_folder_and_as_an_excerpt_into_the_result(
    tmp_path: Path, shown: list[str]
) -> None:
    folder = tmp_path / "new" / "report"
    action = Action(tmp_path, FOUND, report_dir=str(folder))
    result = run(action)
    assert json.loads((folder / "report.json").read_text())["findings"] == FOUND["findings"]
    assert result["reports"] == [str(folder / "report.json"), str(folder / "report.md")]
    assert result["summary"]["findings"]["error"] == len(result["findings"]) == 1
    assert not result.get("failed") and "report" not in result
    (text,) = shown
    assert "shop/Deployment/web" in text
    (arguments,) = action.calls
    assert arguments["_directory"] == os.getcwd() and "prestop-sleep" in arguments["_snippets"]


def test_without_a_folder_nothing_is_written(tmp_path: Path, shown: list[str]) -> None:
    result = run(Action(tmp_path, FOUND))
    assert "reports" not in result and "patches" not in result and shown
    assert list(tmp_path.iterdir()) == []


def test_a_module_without_a_report_has_the_last_word(tmp_path: Path, shown: list[str]) -> None:
    result = run(Action(tmp_path, None, fail_on="error", report_dir=str(tmp_path / "report")))
    assert result == {"changed": True, "failed": True, "msg": "no answer"}
    assert shown == [] and list((tmp_path / "report").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"report_dir": "/dev/null/report"}, "report_dir: .*; nothing was done"),
        ({"report_dir": ["build/report"]}, "report_dir: must be the path of one folder; nothing was done"),
        ({"report_dir": {"a": "b"}}, "report_dir: must be the path of one folder; nothing was done"),
        ({"report_dir": 7}, "report_dir: must be the path of one folder; nothing was done"),
        ({"report_dir": "build\0report"}, "report_dir: must be the path of one folder; nothing was done"),
        (
            {"report_dir": "~nobody-knows-him/x"},
            "report_dir: ~nobody-knows-him/x: no such folder, and it cannot be created",
        ),
        ({"report_dir": "x" * 300}, "report_dir: x+: File name too long; nothing was done"),
        ({"template_dir": "/none"}, "template_dir: /none is not a folder"),
        ({"fail_on": "new"}, "fail_on new compares with the report.json of the last run"),
    ],
)
def test_what_cannot_work_is_said_before_the_module_runs(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    action = Action(tmp_path, FOUND, **given)
    result = run(action)
    assert result["failed"] and action.calls == []
    assert re.match(words, result["msg"])


def test_findings_fail_the_task_after_the_report_is_written(tmp_path: Path) -> None:
    result = run(Action(tmp_path, FOUND, fail_on="error", report_dir=str(tmp_path / "report")))
    assert result["failed"] and "findings" not in result
    assert result["msg"].startswith("fail_on error: 1 error on 1 workload: shop/Deployment/web prestop-missing; see ")
    assert (tmp_path / "report/report.json").exists()


def test_changes_that_failed_come_first_in_the_message(tmp_path: Path) -> None:
    failed = [action_entry(f"shop/Deployment/{name}", None, None, "failed", "timed out") for name in ("web", "db")]
    done = action_entry("shop/Deployment/ok", None, None, "changed", None)
    changed = FOUND | {"mode": "remediate", "actions": [*failed, done]}
    result = run(Action(tmp_path, changed, fail_on="error"))
    first = "2 of 3 changes failed: shop/Deployment/web: timed out (and 1 more, see actions); fail_on error: "
    assert result["failed"] and result["msg"].startswith(first)


def test_what_a_plan_does_not_get_is_a_warning(tmp_path: Path) -> None:
    refused = [action_entry("shop/Deployment/web", None, None, "refused", "it has changed\x1b[2J")]
    planned = FOUND | {"mode": "remediate", "actions": refused, "plan": {"objects": 5}}
    (warning,) = run(Action(tmp_path, planned))["warnings"]
    assert warning.startswith("1 of 5 objects of the plan were refused; first: shop/Deployment/web: it has changed")
    assert "\x1b" not in warning


def test_what_is_new_is_marked_in_the_files_and_in_the_result(tmp_path: Path) -> None:
    earlier = report([WEB], [], scope={"rules": ["prestop-missing"], "label_selectors": []})
    (tmp_path / "report.json").write_text(json.dumps(earlier))
    now = FOUND | {"scope": earlier["scope"]}
    result = run(Action(tmp_path, now, fail_on="new", report_dir=str(tmp_path)))
    assert result["failed"] and "fail_on new: 1 new error on 1 workload" in result["msg"]
    assert json.loads((tmp_path / "report.json").read_text())["findings"][0]["new"] is True


@pytest.mark.parametrize("fail_on", ["error", "warning", "new", "never"])
def test_a_run_that_judges_nothing_is_no_all_clear(tmp_path: Path, fail_on: str) -> None:
    empty = report([], [], scope={"rules": [], "label_selectors": []})
    result = run(Action(tmp_path, empty, fail_on=fail_on, report_dir=str(tmp_path)))
    assert bool(result.get("failed")) is (fail_on != "never")
    words = "no workload was judged (0 found, 0 excluded, 0 unreadable): that is no all-clear"
    assert any(warning.startswith(words) for warning in result["warnings"])


HOST = {"inventory_hostname": "eu", "ansible_play_hosts_all": ["eu"], "groups": {"all": ["eu"]}}


@pytest.mark.parametrize(("same", "known"), [(True, True), (False, False)])
def test_a_report_from_before_hosts_had_folders_is_the_baseline_once(tmp_path: Path, same: bool, known: bool) -> None:
    """Only where it is one of the same source: hosts wrote over each other's."""
    scope = {"rules": ["prestop-missing"], "label_selectors": []}
    old = report([WEB], [finding(WEB)], scope=scope)
    (tmp_path / "report.json").write_text(json.dumps(old if same else old | {"source": old["source"] | {"name": "x"}}))
    now = FOUND | {"scope": scope}
    result = run(Action(tmp_path, now, fail_on="new", report_dir=str(tmp_path)), HOST)
    assert not result.get("failed")
    assert any("the baseline is now" in warning for warning in result.get("warnings", [])) is not known
    (tmp_path / "report.json").write_text("not read any more")
    again = run(Action(tmp_path, now, fail_on="new", report_dir=str(tmp_path)), HOST)
    assert not again.get("failed") and json.loads((tmp_path / "eu/report.json").read_text())["baseline"]["compared"]


@pytest.mark.parametrize("host", [HOST, None])
def test_the_module_knows_the_folder_that_all_hosts_shared(tmp_path: Path, host: dict[str, Any] | None) -> None:
    action = Action(tmp_path, FOUND, report_dir=str(tmp_path))
    run(action, host)
    assert action.calls[0].get("_flat_dir") == (str(tmp_path) if host else None)


def test_a_killed_run_leaves_no_report_that_looks_new(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("graceful.termination, of yesterday")

    def killed(_arguments: dict[str, Any]) -> dict[str, Any]:
        note = (tmp_path / "not-renewed.txt").read_text()
        assert "report.md is from 20" in note and "is still running, or was killed" in note
        raise KeyboardInterrupt

    action = Action(tmp_path, FOUND, report_dir=str(tmp_path))
    action.answers = [killed]
    with pytest.raises(KeyboardInterrupt):
        run(action)
    assert (tmp_path / "not-renewed.txt").exists()
    run(Action(tmp_path, FOUND, report_dir=str(tmp_path)))
    assert not (tmp_path / "not-renewed.txt").exists()
