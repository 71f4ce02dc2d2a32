# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole result of a module: by which way it comes, and that no copy of it stays."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.graceful.termination.plugins.plugin_utils.module_result import run_module
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.scripted_action import Scripted

WHOLE = {"report": {"findings": [1]}}


def test_here_the_file_is_read_and_deleted(tmp_path: Path) -> None:
    action = Scripted(tmp_path, ({"changed": True}, WHOLE))
    assert run_module(action, {"source": "shop"}, None) == ({"changed": True}, WHOLE)
    assert action.calls == [{"source": "shop"}]
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_it_is_fetched_and_the_copy_goes(tmp_path: Path) -> None:
    action = Scripted(tmp_path, ({"changed": True}, WHOLE), remote=True)
    assert run_module(action, {}, None) == ({"changed": True}, WHOLE)
    (copy,) = action._connection.fetched
    assert not Path(copy).parent.exists()


def slurped(folder: Path) -> Any:
    """What the module slurp says of the only file in the folder."""

    def answer(arguments: dict[str, Any]) -> dict[str, Any]:
        (path,) = folder.iterdir()
        assert arguments == {"src": str(path)}
        return {"content": base64.b64encode(path.read_bytes()).decode(), "encoding": "base64"}

    return answer


def test_what_belongs_to_another_user_is_read_as_that_user(tmp_path: Path) -> None:
    action = Scripted(tmp_path, ({"changed": False}, WHOLE), slurped(tmp_path), remote=True)
    action._connection.become = object()
    assert run_module(action, {}, None) == ({"changed": False}, WHOLE)
    assert action.names == [None, "ansible.legacy.slurp"]
    assert action.commands == [], "Ansible deletes the folder of the task"


@pytest.mark.parametrize("works", [True, False])
def test_a_user_who_cannot_write_into_the_folder_of_the_task_gets_one(tmp_path: Path, works: bool) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()

    def broken(_arguments: dict[str, Any]) -> dict[str, Any]:
        raise AnsibleActionFail("connection lost")

    action = Scripted(tmp_path / "none", *([({}, WHOLE), slurped(mine)] if works else [broken]))
    action._connection.become, action.unprivileged = object(), mine
    if works:
        assert run_module(action, {}, None) == ({}, WHOLE)
    else:
        with pytest.raises(AnsibleActionFail, match="connection lost"):
            run_module(action, {}, None)
    assert action.commands == ["umask 077 && mktemp -d", f"rm {mine}"]


def test_a_file_that_cannot_be_read_is_not_an_empty_report(tmp_path: Path) -> None:
    action = Scripted(tmp_path, ({}, WHOLE), lambda _arguments: {"failed": True, "msg": "not found"})
    action._connection.become = object()
    with pytest.raises(AnsibleActionFail, match="not found"):
        run_module(action, {}, None)


def test_a_module_that_fails_half_way_has_its_own_message(tmp_path: Path) -> None:
    failure = {"failed": True, "msg": "forbidden: user jane cannot list pods"}
    assert run_module(Scripted(tmp_path, (failure, None)), {}, None) == (failure, {})


def test_what_ansible_has_masked_is_not_what_counts(tmp_path: Path) -> None:
    def masked(arguments: dict[str, Any]) -> dict[str, Any]:
        answer = Scripted(tmp_path, ({"summary": {"found": 1}, "msg": "1 of 1"}, WHOLE))
        answer._execute_module({**arguments, "_result_file": str(file)}, None)
        return {"summary": {"found": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}, "msg": "********", "result_file": True}

    file = tmp_path / "result.json"
    action = Scripted(tmp_path, masked)
    action._connection._shell.join_path = lambda *_parts: str(file)
    assert run_module(action, {}, None)[0] == {"summary": {"found": 1}, "msg": "1 of 1"}


def test_what_the_action_has_set_is_not_repeated_in_every_event(tmp_path: Path) -> None:
    invocation = {"module_args": {"source": "shop", "_snippets": {"a": "b"}, "_directory": "/"}}
    result, _whole = run_module(Scripted(tmp_path, ({"invocation": invocation}, None)), {}, None)
    assert result == {"invocation": {"module_args": {"source": "shop"}}}


def test_a_module_that_does_not_start_shows_no_password_of_a_url(tmp_path: Path) -> None:
    """Quoted or not, whatever option it stands in; the same word elsewhere is left."""
    given = {"url": "http://u:p%40ss@a.test/", "kubeconfig": {"clusters": [{"proxy-url": "http://u:changed@b"}]}}
    refused = {"failed": True, "msg": "changed: u:p@ss@a.test", "invocation": {"module_args": given}, "names": [("x",)]}
    result, _whole = run_module(Scripted(tmp_path, (refused, None)), given, None)
    assert result["msg"] == "changed: u:********@a.test"
    assert result["invocation"]["module_args"] == {
        "url": "http://u:********@a.test/",
        "kubeconfig": {"clusters": [{"proxy-url": "http://u:********@b"}]},
    }
    assert result["names"] == [["x"]]
