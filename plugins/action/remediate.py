# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module remediate between its templates and its reports."""

from __future__ import annotations

from typing import ClassVar

from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, REMEDIATE_OPTIONS
from ansible_collections.graceful.termination.plugins.plugin_utils.report_action import ReportAction


class ActionModule(ReportAction):
    """The module of the same name does the work."""

    options: ClassVar = {**AUDIT_OPTIONS, **REMEDIATE_OPTIONS}
    changes = True
