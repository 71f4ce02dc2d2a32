# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say which workload's pods are stopped: of drill, pod_trace and pod_debug."""

from __future__ import annotations


class ModuleDocFragment:
    """The documented options; their argument spec is part of TARGET_OPTIONS of module_utils/prove/choose.py."""

    DOCUMENTATION = r"""
options:
  namespaces:
    description:
      - Namespaces to look for the workload in; patterns such as V(team-*) are allowed. Unset means all, as V(*) does; a
        list that is given and empty is refused.
      - Lists may be one string, as forms send them, with one entry in each line, or separated by commas.
    type: list
    elements: str
  kinds:
    description: Kinds to look for, of Deployment, StatefulSet and DaemonSet; others are ignored. Empty means these.
    type: list
    elements: str
    default: []
  names:
    description: Names to look for, as patterns. Together with the other two it must lead to exactly one workload.
    type: list
    elements: str
  _directory:
    description: Set by the action plugin, the folder in which C(ansible-playbook) was started. Not for users.
    type: str
    default: ""
  _result_file:
    description: Set by the action plugin, a private file for what is too large for a result. Not for users.
    type: str
    default: ""
  _identify:
    description: Set by the action plugin, to identify the cluster and nothing else. Not for users.
    type: bool
    default: false
"""
