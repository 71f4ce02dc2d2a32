# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module drill between two waves of a remediation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.apply.canary import Drilled
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.summary import render
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, REMEDIATE_OPTIONS
from ansible_collections.graceful.termination.plugins.plugin_utils.module_result import run_module
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import wants_color, width

display = Display()
_SHARED = ("wait_timeout", "report_dir", "_directory")


def drill(
    action: ActionBase, arguments: Mapping[str, Any], due: Mapping[str, Any], task_vars: dict[str, Any] | None
) -> tuple[Drilled, dict[str, Any]]:
    """(the outcome, the part for the result). `arguments` are those of the remediation, `due` those of the drill.

    Arguments that are no options of the remediation are the connection to the cluster.
    """
    own = AUDIT_OPTIONS | REMEDIATE_OPTIONS
    given = {name: value for name, value in arguments.items() if name not in own or name in _SHARED}
    result, whole = run_module(action, given | dict(due), task_vars, "graceful.termination.drill")
    document = whole.get("document")
    if document:
        display.display(render(document, width=width(), color=wants_color()))
    ended = Drilled(
        status=result.get("status", "error"),
        reason=result.get("msg") or "",
        requests=result.get("requests", 0),
        lost=result.get("lost"),
    )
    return ended, ended.as_dict() | {"bound": result.get("bound")}
