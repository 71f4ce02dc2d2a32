# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module pod_trace between its folder on the controller and the person at the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import TRACE_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.summary import render
from ansible_collections.graceful.termination.plugins.plugin_utils.stop_action import StopAction


class ActionModule(StopAction):
    """The module writes its files at the end, also after an interruption."""

    options = TRACE_OPTIONS

    def render(self, document: Mapping[str, Any], *, width: int, color: bool) -> str:
        """The timeline of a trace."""
        return render(document, width=width, color=color)
