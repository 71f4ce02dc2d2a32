# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One module call for each wave; between two waves progress is shown, the report written and the canary drilled."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.plugin_utils.canary_drill import drill
from ansible_collections.graceful.termination.plugins.plugin_utils.module_result import run_module
from ansible_collections.graceful.termination.plugins.plugin_utils.report_folder import ReportFolder

display = Display()


def run_waves(
    action: ActionBase, arguments: dict[str, Any], folder: ReportFolder | None, task_vars: dict[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """(the result of all calls, the report of the last one; None if that ended without a report). Raises AnsibleError.

    Each call returns the progress of the run (`next_wave`), which is the input of the next one.
    """
    diffs: list[dict[str, Any]] = []
    changed = False
    drilled: dict[str, Any] = {}
    progress: dict[str, Any] | None = None
    while True:
        result, whole = run_module(action, arguments | ({"_progress": progress} if progress else {}), task_vars)
        diffs += result.get("diff") or []
        changed = changed or result.get("changed", False)
        progress = whole.get("next_wave")
        if not progress:
            break
        display.display(
            f"wave {progress['wave']} of {progress['of']}: {progress['started']} of {progress['total']} "
            f"workloads changed, {count(progress['pods'], 'pod')} restarted"
        )
        if folder:
            with suppress(OSError):  # the last report has everything, or fails with the error
                folder.write(whole["report"])
        due = progress.pop("drill_due", None)
        if due:
            ended, drilled["drill"] = drill(action, arguments, due, task_vars)
            progress["drill"] = ended.as_dict()
    result |= drilled
    result["changed"] = changed
    if diffs:
        result["diff"] = diffs
    return result, whole.get("report")
