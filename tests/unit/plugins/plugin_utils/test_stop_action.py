# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions whose module stops pods: what it saw is shown, and stays out of the result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.plugin_utils import stop_action
from ansible_collections.graceful.termination.plugins.plugin_utils.stop_action import StopAction
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.scripted_action import Scripted

FAILED = {"failed": True, "msg": "web: failed: 3 requests lost", "status": "failed"}


class Action(StopAction, Scripted):
    """With what its module answers."""

    _supports_async = False
    _supports_check_mode = True

    def __init__(self, tmpdir: Path, answer: tuple[dict[str, Any], dict[str, Any] | None], **given: Any) -> None:
        Scripted.__init__(self, tmpdir, answer)
        self._task = SimpleNamespace(args=given, async_val=0, check_mode=given.pop("check_mode", False), action="drill")

    def render(self, document: Mapping[str, Any], *, width: int, color: bool) -> str:
        return f"{document['rounds']} rounds"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(stop_action.display, "display", lines.append)
    monkeypatch.setattr(Scripted, "run", lambda *_arguments: {})  # there only because Ansible demands one
    return lines


def test_the_document_is_shown_and_is_not_in_the_result(tmp_path: Path, shown: list[str]) -> None:
    assert Action(tmp_path, (FAILED, {"document": {"rounds": 3}})).run(None, {}) == FAILED
    assert shown == ["3 rounds"]
    assert list(tmp_path.iterdir()) == []


def test_check_mode_shows_what_would_be_stopped(tmp_path: Path, shown: list[str]) -> None:
    said = {"changed": True, "msg": "would stop all pods of web\x1b[2J"}
    assert Action(tmp_path, (said, None), check_mode=True).run(None, {}) == said | {"msg": shown[0]}
    assert len(shown) == 1 and shown[0].startswith("would stop all pods of web") and "\x1b" not in shown[0]


def test_nothing_is_stopped_where_its_files_could_not_be_written(tmp_path: Path, shown: list[str]) -> None:
    action = Action(tmp_path, (FAILED, None), report_dir="/dev/null/report")
    assert action.run(None, {})["msg"].endswith("; nothing was stopped")
    assert action.calls == []
