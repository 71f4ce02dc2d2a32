# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens on the controller around a module that stops pods: the folder is checked first, a summary is last."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.plugin_utils.module_result import run_module
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import (
    folder_of,
    probe,
    visible_result,
    wants_color,
    width,
)

display = Display()


class StopAction(ActionBase):
    """Base of the action plugins whose module writes its files itself, so that they survive an interruption."""

    TRANSFERS_FILES = False

    def render(self, document: Mapping[str, Any], *, width: int, color: bool) -> str:
        """What a person reads of it."""
        raise NotImplementedError

    def arguments(self) -> dict[str, Any]:
        """What the module gets."""
        return {**self._task.args, "_directory": os.getcwd()}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; what it found goes to the screen, and its bounded rest into the result."""
        super().run(tmp, task_vars)
        arguments = self.arguments()
        try:
            folder = folder_of(arguments)
            if folder:
                probe(folder)
        except ValueError as error:
            return {"failed": True, "msg": visible(error)}
        except OSError as error:
            where = error.filename or folder
            return {"failed": True, "msg": visible(f"report_dir: {where}: {error.strerror}; nothing was stopped")}
        result, whole = run_module(self, arguments, task_vars)
        document = whole.get("document")
        if document is not None:
            display.display(self.render(document, width=width(), color=wants_color()))
        elif self._task.check_mode and not result.get("failed") and "msg" in result:
            display.display(visible(result["msg"]))
        return visible_result(result)
