# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module drill between its folder on the controller and the person at the terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.flush import FILE
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DRILL_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.progress import followed
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.summary import render
from ansible_collections.graceful.termination.plugins.plugin_utils.stop_action import StopAction

display = Display()


class ActionModule(StopAction):
    """The module writes drill.json continuously: the counts must survive a kill."""

    options = DRILL_OPTIONS

    def render(self, document: Mapping[str, Any], *, width: int, color: bool) -> str:
        """The summary of a drill."""
        return render(document, width=width, color=color)

    def renewed(self) -> tuple[str, ...]:
        """The counts, except in check mode."""
        return () if self._task.check_mode else (FILE,)

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module, show its progress, and name its file."""
        host = (task_vars or {}).get("inventory_hostname", "")  # several clusters may be drilled at the same time

        def show(line: str) -> None:
            display.display(visible(f"{host}: {line}"))

        with tempfile.NamedTemporaryFile(prefix="drill-") as progress, followed(progress.name, show):
            result = super().work(arguments | {"_progress": progress.name}, task_vars)
        folder = arguments.get("report_dir")
        if folder and "requests" in result:
            result["reports"] = [str(Path(folder).expanduser() / FILE)]
        return result
