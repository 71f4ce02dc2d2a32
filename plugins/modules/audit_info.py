# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what is lost when pods stop."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Find what Kubernetes workloads lose when their pods stop
version_added: 1.0.0
description:
  - Reads workloads and their context, adds up what a termination needs against what it gets, and reports with
    numbers what is lost and why.
  - Reads only, with GET and LIST, unless O(evidence) asks for more. Nothing is written but the reports on the
    controller.
  - What it may not read of a live cluster is named in the report as not evaluated. C(files/rbac-cluster.yaml) and
    C(files/rbac-namespace.yaml) of the role P(graceful.termination.audit#role) grant what it needs.
options:
  evidence:
    description:
      - What else is asked of a live cluster, of V(status) (how containers of running pods ended), V(events) (of pods,
        about the last hour) and V(exec) (C(/proc) in one ready pod of each workload, by one command in each container
        that only reads). Each needs more rights.
      - Without it, the rules that need evidence from running pods are reported as not evaluated. Manifests have none.
      - V(status) is how containers ended, and which pods are stuck, by the status of the pods.
      - V(events) are the events of pods, which a cluster keeps for about an hour.
      - V(exec) reads C(/proc) in each application container of one ready pod of each workload, by one command that only
        reads (C(find), C(cat), C(head), C(grep) or C(busybox), whichever the image has; never a shell). At most 500
        are sent in one run. Of command lines only the name of the program is kept.
      - For each of them pods are listed. C(files/rbac-evidence-cluster.yaml) and
        C(files/rbac-evidence-namespace.yaml) of the role P(graceful.termination.audit#role) grant what that needs;
        V(exec) needs the right to execute in pods, which is more than reading.
    type: list
    elements: str
    choices: [status, events, exec]
    default: []
extends_documentation_fragment:
  - graceful.termination.audit_options
  - graceful.termination.attributes
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: Nothing is changed.
  idempotent:
    support: N/A
    details: Nothing is changed.
author:
  - Contributors to the graceful.termination project (@graceful-termination)
requirements:
  - kubernetes >= 24.2.0, not 36.0.0 and 36.0.1 (for a live cluster)
  - jinja2 >= 3.1.0
  - PyYAML >= 6.0
seealso:
  - module: graceful.termination.remediate
"""

EXAMPLES = r"""
- name: What would the workloads of the current context lose?
  graceful.termination.audit_info:
    report_dir: build/report

- name: Ask the running pods of one namespace, too
  graceful.termination.audit_info:
    namespaces: [shop]
    evidence: [status, events, exec]
    report_dir: build/report

- name: What would the workloads of this checkout lose?
  graceful.termination.audit_info:
    source: deploy/
    report_dir: build/report
  register: audit

- name: Fail while there are errors, but for one that is accepted until a date
  graceful.termination.audit_info:
    source: deploy/
    report_dir: build/report
    fail_on: error
    severities:
      single-replica: error
      pdb-missing: "off"
    waivers:
      - rule: single-replica
        namespace: shop
        name: cart
        reason: a second replica comes with the new session store
        until: 2027-01-31
    drains:
      - namespace: shop
        label_selector: app.kubernetes.io/part-of=reports
        seconds: 120
        reason: the longest export of last year took 95 s
        until: 2027-06-30
    servers:
      - name: edge gateway
        images: [acme/gateway]
        flags: [--drain-timeout]
        default: 40
        source: its source code, cmd/serve.go
"""

RETURN = r"""
judged_at:
  description: Another host of the play, which is the same cluster and was asked for the same. Nothing was read for this
    one, and nothing else but RV(msg) is returned.
  returned: when the cluster is judged at another host
  type: str
msg:
  description: That the cluster is judged once, and where.
  returned: when the cluster is judged at another host
  type: str
summary:
  description: Counts of what was found, judged and excluded, and of the findings by severity.
  returned: success
  type: dict
  sample:
    found: 14
    workloads: 11
    excluded: 0
    unreadable: 1
    not_judged: {Job: 2}
    findings: {error: 2, warning: 5, info: 1}
    remediable: 6
    suppressed: 0
    drain_unknown: 9
findings:
  description: The worst 20 open findings, without snippets. The report in O(report_dir) has all of them.
  returned: unless the task fails because of O(fail_on)
  type: list
  elements: dict
findings_omitted:
  description: How many more open findings there are.
  returned: success
  type: int
actions:
  description: Always empty for an audit.
  returned: success
  type: list
  elements: dict
actions_omitted:
  description: Always 0 for an audit.
  returned: success
  type: int
reports:
  description: The report files that were written.
  returned: when O(report_dir) is set
  type: list
  elements: str
patches:
  description: At most 50 of the files that were written for live objects with another owner, patches for Kustomize
    and values for Helm.
  returned: when O(report_dir) is set
  type: list
  elements: str
"""

from ansible_collections.graceful.termination.plugins.module_utils._ansible.module import execute
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_INFO_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit


def main() -> None:
    """Run the module."""
    execute(lambda source, options, module: run_audit(source, options), AUDIT_INFO_OPTIONS)


if __name__ == "__main__":
    main()
