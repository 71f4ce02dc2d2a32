# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller side of a module that stops pods: checks the folder first, shows a summary last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.prove.choose import TARGET_OPTIONS
from ansible_collections.graceful.termination.plugins.plugin_utils.host_action import HostAction
from ansible_collections.graceful.termination.plugins.plugin_utils.module_result import run_module
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import (
    folder_of,
    probe,
    wants_color,
    width,
)

display = Display()


class StopAction(HostAction):
    """Base of the action plugins whose module writes its files itself, so that they survive an interruption."""

    options = TARGET_OPTIONS

    def render(self, document: Mapping[str, Any], *, width: int, color: bool) -> str:
        """The summary for a person."""
        raise NotImplementedError

    def check(self, arguments: dict[str, Any]) -> None:
        """Create the folder."""
        folder = folder_of(arguments)
        try:
            if folder:
                probe(folder)
        except OSError as error:
            raise ValueError(f"report_dir: {error.filename or folder}: {error.strerror}; nothing was stopped") from None

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module; its summary goes to the terminal, an excerpt into the result."""
        result, whole = run_module(self, arguments, task_vars)
        document = whole.get("document")
        if document is not None:
            display.display(self.render(document, width=width(), color=wants_color()))
        elif self._task.check_mode and not result.get("failed") and "msg" in result:
            display.display(visible(result["msg"]))
        return result
