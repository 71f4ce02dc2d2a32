# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module drill between its folder on the controller and the person at the terminal."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.drill.flush import FILE
from ansible_collections.graceful.termination.plugins.module_utils.drill.summary import render
from ansible_collections.graceful.termination.plugins.module_utils.report.text import visible

display = Display()


class ActionModule(ActionBase):
    """The module writes drill.json itself, as it goes: what is counted must survive a kill."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; what it found goes to the screen, and its bounded rest into the result."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        folder = arguments.get("report_dir")
        if folder:
            try:
                _probe(Path(folder).expanduser())
            except OSError as error:
                where = error.filename or folder
                return {"failed": True, "msg": f"report_dir: {where}: {error.strerror}; nothing was stopped"}
        arguments["_directory"] = os.getcwd()
        result = self._execute_module(module_args=arguments, task_vars=task_vars)
        document = result.pop("drill", None)
        if document is not None:
            from ansible.utils.color import ANSIBLE_COLOR

            width = shutil.get_terminal_size((100, 24)).columns
            display.display(render(document, width=width, color=bool(ANSIBLE_COLOR)))
            if folder:
                result["reports"] = [str(Path(folder) / FILE)]
        elif self._task.check_mode and not result.get("failed") and "msg" in result:
            display.display(visible(result["msg"]))
        return result


def _probe(folder: Path) -> None:
    """Raises OSError where no report could be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
