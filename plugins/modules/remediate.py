# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the fixes that need no person."""

from __future__ import annotations

# Long because Ansible reads the documentation of a module in the module itself.
DOCUMENTATION = r"""
module: remediate
short_description: Fix how Kubernetes workloads stop
version_added: 1.0.0
description:
  - Finds what C(audit_info) finds and writes the fixes that are safe to write without a person; the others are rendered
    into the report as snippets.
  - Manifests are edited as text. Comments, order, quoting and line endings stay as they are, and an edit that cannot be
    verified is refused.
  - The grace period is never lowered, and rises by at least as much as a new preStop delay takes.
  - One change that fails does not stop the others. The task fails at the end and says which; the next run goes on from
    there.
  - A live workload gets one patch, which is for the very object that it was computed from. In check mode, and before a
    patch that changes the rollout strategy together with the pod template, the server is asked for a dry run. What was
    stored, and what the new pods have, is compared with what was sent. Without anything to fix, nothing is sent.
  - Live workloads that are paused, or whose pods are not all up to date and available, are skipped. So are those whose
    new pods certainly could not start, because there is no room on any node, no place in a ResourceQuota or no pull
    secret, and those whose pods would certainly get another build of an image than they run. What is not certain, or
    may not be read, is in RV(actions).
  - With O(report_dir), C(journal.jsonl) in it says of each patch what was there before; it is written before the patch
    is sent. On SIGINT or SIGTERM, what has started is finished, nothing else starts, and the reports are written.
  - C(files/rbac-cluster.yaml) and C(files/rbac-namespace.yaml) of the role P(graceful.termination.remediate#role) grant
    what that needs.
options:
  wait:
    description:
      - Whether to wait until the pods of the patched live workloads are replaced.
      - A rollout that fails or does not end in time is a failure of the task, and no further one starts in its wave.
      - Workloads without replicas, partitioned StatefulSets, the update strategy C(OnDelete) and CronJobs are not
        waited for. Their O(ignore:actions) say that the change is stored, not rolled out.
    type: bool
    default: true
  wait_timeout:
    description: For how many seconds to wait for a rollout, from when its workload was patched.
    type: int
    default: 600
  plan:
    description:
      - A plan file. Check mode writes it, in place of one that is there; a real run applies exactly that, and fails
        where there is none.
      - Relative to the folder in which C(ansible-playbook) was started.
      - A real run does exactly what the plan says and nothing else. Options are to be those of the check-mode run.
        An object of the plan is refused if it has changed since but for its status, or if its patch would be another
        one by now. The plan is refused once it has expired (72 hours), if it was edited, and on another cluster.
      - It holds names, digests and the patches, and nothing else of the objects.
    type: str
  waves:
    description:
      - How many live workloads are changed by the end of each wave, as numbers or as shares of those that there are
        to change, such as V([1, 5%, 25%, 100%]). A wave begins when the one before it is rolled out.
      - If something fails, no further wave begins. What no wave reaches is left as is.
      - Those that restart the fewest pods come first; those that restart none come last.
    type: list
    elements: str
    default: ['100%']
  max_pods_restarted:
    description:
      - How many pods of live workloads a run restarts at most. A workload that would exceed it is not started. Unset
        means no limit.
    type: int
  max_rollouts:
    description:
      - How many live workloads roll out at a time, within a wave. When one is complete, the next one is patched. V(0)
        means no limit; without O(wait) there is none either.
    type: int
    default: 10
  writes_per_second:
    description:
      - How many requests that change something are sent to a cluster in a second, evenly spread. V(0) means no limit.
      - A server that asks for a pause (status 429 with Retry-After) gets it besides. Dry runs of check mode change
        nothing, and are not counted.
    type: int
    default: 5
  end_time:
    description:
      - A moment after which no wave starts, such as V(2027-01-31T04:00:00+01:00), the end of a maintenance window. The
        wave under way then is finished, the others are skipped with a warning, and the task does not fail because of
        it.
      - The offset from UTC is required. The rollouts of the wave under way are awaited, too. Run again to go on.
    type: str
  canary_drill:
    description:
      - A drill (M(graceful.termination.drill)) of one live workload between the first wave and the next one, by its
        C(url), C(namespace), C(name) and C(kind). It is restarted once under load. If a request is lost, no further
        wave begins, and the task fails.
      - If the workload is to be changed, it comes first of all. If it needs no change, because an earlier run made it,
        it is drilled all the same. Its pods count in O(max_pods_restarted).
      - With O(on_failure=restore), what the first wave changed is rolled back if requests were lost. A drill that
        is noisy or interrupted proves nothing about the change, and the wave is left as is.
    type: dict
    suboptions:
      url:
        description: Where the requests are sent, as for M(graceful.termination.drill). It must lead to the workload.
        type: str
        required: true
      namespace:
        description: The namespace of the workload.
        type: str
        required: true
      name:
        description: The name of the workload.
        type: str
        required: true
      kind:
        description: The kind of the workload.
        type: str
        choices: [Deployment, StatefulSet, DaemonSet]
        default: Deployment
  on_failure:
    description:
      - What is done with live workloads whose rollout fails or does not end in time. V(hold) leaves them as is,
        V(restore) rolls back the fields that still have the value of the patch, and no others.
      - What was there before is known from the run itself, or from C(journal.jsonl) in O(report_dir) if an earlier run
        patched the workload.
    type: str
    choices: [hold, restore]
    default: hold
  _progress:
    description: Set by the action plugin, where the run stands after the last wave. Not for users.
    type: dict
    default: {}
extends_documentation_fragment:
  - graceful.termination.audit_options
  - graceful.termination.attributes
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - Contributors to the graceful.termination project (@graceful-termination)
requirements:
  - kubernetes >= 24.2.0, not 36.0.0 and 36.0.1 (for a live cluster)
  - jinja2 >= 3.1.0
  - PyYAML >= 6.0
seealso:
  - module: graceful.termination.audit_info
"""

EXAMPLES = r"""
- name: Show what would be patched in two namespaces of the current context
  graceful.termination.remediate:
    namespaces: [shop, payments]
  check_mode: true
  diff: true

- name: Show what would be written
  graceful.termination.remediate:
    source: deploy/
  check_mode: true
  diff: true

- name: Write down what would be done, for approval
  graceful.termination.remediate:
    plan: build/plan.json
  check_mode: true

- name: Do exactly that, one workload first, and roll back what fails
  graceful.termination.remediate:
    plan: build/plan.json
    waves: [1, 10%, 100%]
    on_failure: restore
    report_dir: build/report

- name: Prove the fix on one workload first, and start nothing after four o'clock
  graceful.termination.remediate:
    namespaces: [shop]
    waves: [1, 25%, 100%]
    canary_drill:
      url: https://shop.example.com/healthz
      namespace: shop
      name: checkout
    end_time: "2027-01-31T04:00:00+01:00"
    report_dir: build/report

- name: Write it, with the team's own preStop snippet
  graceful.termination.remediate:
    source: deploy/
    template_dir: snippets/
    policy:
      prestop_seconds: {default: 15}
    report_dir: build/report
"""

RETURN = r"""
summary:
  description: Counts as of M(graceful.termination.audit_info), of the state after the run.
  returned: always
  type: dict
findings:
  description: The worst 20 remaining open findings, without snippets. The report in O(report_dir) has all of them.
  returned: unless the task fails because of O(fail_on)
  type: list
  elements: dict
findings_omitted:
  description: How many more open findings there are.
  returned: always
  type: int
actions:
  description:
    - The outcome for each workload with a planned fix, at most 50; all of them are in the report. If there are
      more, those that failed or were refused come first.
  returned: always
  type: list
  elements: dict
  contains:
    object:
      description: Namespace, kind and name.
      type: str
      sample: shop/Deployment/checkout
    status:
      description: One of V(changed), V(would-change), V(unchanged), V(refused), V(skipped), V(failed).
      type: str
    reason:
      description: Why it was refused, skipped or failed, or what is to be known of a change.
      type: str
    fields:
      description: The fields that change, as dotted paths.
      type: list
      elements: str
    file:
      description: The file that holds the object.
      type: str
    line:
      description: The line at which the object begins.
      type: int
    restored:
      description: The fields that were rolled back because the rollout failed, as dotted paths.
      type: list
      elements: str
    wave:
      description: The wave that it was changed in, or would be.
      type: int
    preflight:
      description: What the preflight found, or could not check.
      type: list
      elements: str
actions_omitted:
  description: How many more actions there are.
  returned: always
  type: int
drill:
  description: How the drill after the first wave ended.
  returned: when O(canary_drill) is set and the first wave was rolled out
  type: dict
  contains:
    status:
      description: As of M(graceful.termination.drill).
      type: str
    reason:
      description: Why it did not pass.
      type: str
    requests:
      description: How many requests were sent while pods were stopped.
      type: int
    lost:
      description: How many of them were lost, by class.
      type: dict
    bound:
      description: What the count proves.
      type: str
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.graceful.termination.plugins.module_utils._ansible.module import execute
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Source
from ansible_collections.graceful.termination.plugins.module_utils.run.options import REMEDIATE_OPTIONS, Options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate


def main() -> None:
    """Run the module."""
    interruption = Interruption()

    def run(source: Source, options: Options, module: AnsibleModule) -> Outcome:
        if not module.check_mode:
            interruption.listen()
        return run_remediate(source, options, check=module.check_mode, interruption=interruption)

    execute(run, REMEDIATE_OPTIONS, interruption)


if __name__ == "__main__":
    main()
