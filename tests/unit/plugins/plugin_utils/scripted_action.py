# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An action of Ansible whose connection and module are scripted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class Shell:
    """Of a shell plugin what is used here."""

    join_path = staticmethod(os.path.join)

    def __init__(self, tmpdir: Path) -> None:
        self.tmpdir = str(tmpdir)

    def remove(self, path: str, recurse: bool = False) -> str:
        return f"rm {path}"


class Connection:
    """To this machine; `remote` fetches files instead of opening them."""

    become: object = None

    def __init__(self, tmpdir: Path, *, remote: bool = False) -> None:
        self._shell = Shell(tmpdir)
        self.transport = "ssh" if remote else "local"
        self.fetched: list[str] = []

    def fetch_file(self, path: str, copy: str) -> None:
        self.fetched.append(copy)
        shutil.copy(path, copy)


class Scripted(ActionBase):
    """Each answer is (what Ansible carries, what is in the file, or None), or what makes that of the arguments."""

    def __init__(self, tmpdir: Path, *answers: Any, remote: bool = False) -> None:
        self._connection = Connection(tmpdir, remote=remote)
        self.answers = list(answers)
        self.calls: list[dict[str, Any]] = []
        self.names: list[str | None] = []
        self.commands: list[str] = []
        self.unprivileged: Path | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        raise NotImplementedError

    def _is_become_unprivileged(self) -> bool:
        return self.unprivileged is not None

    def _low_level_execute_command(self, cmd: str, sudoable: bool = True) -> dict[str, Any]:
        assert sudoable
        self.commands.append(cmd)
        return {"rc": 0, "stdout": f"{self.unprivileged}\n", "stderr": ""}

    def _execute_module(
        self, module_args: dict[str, Any], task_vars: Any, module_name: str | None = None
    ) -> dict[str, Any]:
        arguments = dict(module_args)
        path = arguments.pop("_result_file", None)
        self.calls.append(arguments)
        self.names.append(module_name)
        answer = self.answers.pop(0)
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            return answer(arguments)
        carried, whole = answer
        if whole is None:
            return dict(carried)
        Path(path).write_text(json.dumps({"result": carried} | whole))
        return carried | {"result_file": True}
