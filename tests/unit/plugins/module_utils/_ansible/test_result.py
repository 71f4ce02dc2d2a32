# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: a small result for Ansible, and everything in a file that nobody else can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils._ansible.result import finish

ROOT = Path(__file__).resolve().parents[5]
ABANDONED = """
import sys
from types import SimpleNamespace
from ansible_collections.graceful.termination.plugins.module_utils._ansible.result import finish
sys.stdin.read()  # until whoever has started this has closed the other end of the output
finish(SimpleNamespace(params={"_result_file": sys.argv[1]}, exit_json=lambda **result: None), {"changed": True})
"""


class Ended(Exception):
    """The module is over."""


class Module:
    """Of an AnsibleModule what is used here."""

    def __init__(self, path: str) -> None:
        self.params = {"_result_file": path}
        self.ended: list[tuple[str, dict[str, Any]]] = []

    def exit_json(self, **result: Any) -> None:
        self.ended.append(("exit", result))
        raise Ended

    def fail_json(self, *, msg: str, **result: Any) -> None:
        self.ended.append(("fail", {"msg": msg} | result))
        raise Ended


def end(path: Path | str, result: dict[str, Any], **whole: Any) -> tuple[str, dict[str, Any]]:
    module = Module(str(path))
    with pytest.raises(Ended):
        finish(module, result, **whole)
    (ended,) = module.ended
    return ended


def test_the_file_has_everything_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path, before = tmp_path / "result.json", os.umask(0)
    try:
        ended = end(path, {"changed": True, "lost": "ü"}, document={"rounds": [1]})
    finally:
        os.umask(before)
    assert ended == ("exit", {"changed": True, "lost": "ü", "result_file": True})
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"result": {"changed": True, "lost": "ü"}, "document": {"rounds": [1]}}


def test_a_failure_hands_over_what_there_is_too(tmp_path: Path) -> None:
    failure = {"failed": True, "msg": "3 requests lost", "changed": True}
    ended = end(tmp_path / "result.json", failure, document={})
    assert ended == ("fail", failure | {"result_file": True})
    assert json.loads((tmp_path / "result.json").read_text())["result"] == failure


def test_nobody_has_asked_for_a_file() -> None:
    assert end("", {"changed": False}, report={"findings": []}) == ("exit", {"changed": False})


def test_a_file_that_cannot_be_written_is_a_failure_that_says_what_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "none" / "result.json"
    how, result = end(path, {"changed": True, "summary": {"found": 1}}, report={})
    assert how == "fail"
    assert result == {"changed": True, "summary": {"found": 1}, "msg": f"result file {path}: No such file or directory"}


def test_a_file_of_somebody_else_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "result.json").symlink_to(tmp_path / "target")
    assert end(tmp_path / "result.json", {"changed": True})[0] == "fail"
    assert (tmp_path / "target").read_text() == "mine"


@pytest.mark.parametrize("read", [True, False])
def test_nothing_stays_behind_where_nobody_reads_the_output_any_more(tmp_path: Path, read: bool) -> None:
    path = tmp_path / "result.json"
    process = subprocess.Popen(
        [sys.executable, "-c", ABANDONED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / ".collections")},
    )
    assert process.stdin and process.stdout
    if not read:
        process.stdout.close()
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
    assert path.exists() == read
