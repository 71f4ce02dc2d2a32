# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module pod_debug between the script of its role, its folder, and the person at the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.options import DEBUG_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.summary import render
from ansible_collections.graceful.termination.plugins.plugin_utils.stop_action import StopAction

# resolve(): in a checkout the collection is reached through a link.
SCRIPT = Path(__file__).resolve().parents[2] / "roles" / "debug" / "files" / "observe.sh"


class ActionModule(StopAction):
    """The script is a file of the role, so that an administrator can review what runs in a pod."""

    options = DEBUG_OPTIONS

    def render(self, document: Mapping[str, Any], *, width: int, color: bool) -> str:
        """What was seen inside, and the timeline of the trace."""
        return render(document, width=width, color=color)

    def check(self, arguments: dict[str, Any]) -> None:
        """Add the script to the arguments."""
        super().check(arguments)
        arguments["_script"] = SCRIPT.read_text(encoding="utf-8")
