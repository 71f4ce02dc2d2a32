# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that audit_info and remediate share."""

from __future__ import annotations


class ModuleDocFragment:
    """The documented options; their argument spec is AUDIT_OPTIONS of module_utils/options.py."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - A file or a folder of manifests to look at, relative to the folder in which C(ansible-playbook) was started.
      - When unset, the live cluster that the connection options name; that needs the Python library C(kubernetes).
    type: str
  kubernetes_version:
    description:
      - The Kubernetes version that manifests are meant for, such as V(1.34). A live cluster tells its own.
      - When unset, manifests are judged as for 1.34 and the report says that this was assumed.
    type: str
  namespaces:
    description:
      - Namespaces to look at; shell patterns such as V(team-*) are allowed. Empty means all.
      - Of a live cluster, only these are read if none is a pattern, so that rights in these namespaces are enough.
    type: list
    elements: str
    default: []
  exclude_namespaces:
    description: Namespaces to leave out, as patterns. They win over O(namespaces).
    type: list
    elements: str
    default: []
  kinds:
    description:
      - Kinds of workloads to look at, of Deployment, StatefulSet, DaemonSet, CronJob, Job and ReplicaSet.
      - Empty means the first four. Jobs and ReplicaSets are reported only, never patched.
    type: list
    elements: str
    default: []
  names:
    description: Names of workloads to look at, as patterns. Empty means all.
    type: list
    elements: str
    default: []
  label_selectors:
    description:
      - Label selectors as for C(kubectl -l); a workload that one of them matches is looked at. Empty means all.
    type: list
    elements: str
    default: []
  rules:
    description: Ids of the rules to judge by. Empty means all.
    type: list
    elements: str
    default: []
  skip_rules:
    description: Ids of rules to leave out.
    type: list
    elements: str
    default: []
  policy:
    description:
      - C(prestop_seconds), a map with the keys C(default) and C(external-lb) (10 and 20), is how long a new preStop
        delay is.
      - C(margin_seconds) (10) is added to every budget.
      - C(max_grace_seconds) (300) is the highest grace period that is set without a person.
    type: dict
    default: {}
  patch_owned:
    description:
      - Whether live objects are patched although somebody else writes them, and would undo it or fight over it.
      - That is a controller (an ownerReference), Helm, Argo CD, Flux, or a field manager that applied a field of the
        patch. By default their patch is written to C(patches/<namespace>/<kind>-<name>.yaml) in O(report_dir), for
        Kustomize.
      - Objects in C(kube-system), C(kube-public) and C(kube-node-lease), and those whose own or namespace's annotation
        C(graceful.termination/managed) is V(false), are never patched.
    type: bool
    default: false
  template_dir:
    description:
      - A folder whose C(<remedy>.yaml.j2) files replace those of the collection, by file name.
      - Relative to the folder in which C(ansible-playbook) was started.
    type: str
  report_dir:
    description:
      - A folder on the controller for the reports; it is created when missing. Without it no report is written.
      - Relative to the folder in which C(ansible-playbook) was started.
      - Reports are written in check mode, too, and are never reported as a change.
    type: str
  report_formats:
    description: Which reports are written; V(json) is C(report.json), V(markdown) is C(report.md).
    type: list
    elements: str
    choices: [json, markdown]
    default: [json, markdown]
  _snippets:
    description: Set by the action plugin, which reads the templates on the controller. Not for users.
    type: dict
    default: {}
  _directory:
    description: Set by the action plugin, the folder in which C(ansible-playbook) was started. Not for users.
    type: str
    default: ""
"""
