# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops pods under counted load and counts what was lost."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drill
short_description: Count what a rolling restart of a Kubernetes workload loses
version_added: 1.0.0
description:
  - Stops all pods of one workload, round after round, while requests are sent to it through a URL, and counts the
    outcome of each request.
  - Three streams are sent at once. Fresh connections at a steady rate, four keep-alive connections, and four uploads
    that take longer than the preStop hook. All of them are sent to the same URL, the uploads with POST.
  - First it sends for a few seconds without stopping anything. A client that loses requests by itself proves nothing,
    and such a drill never passes.
  - A drill in which nothing is lost is no proof that nothing can be lost. RV(bound) says what the count proves.
  - Nothing is created in the cluster. When the drill is interrupted, C(drill.json) has the counts up to then, and what
    has started (a rolling restart, an eviction) continues by itself.
  - C(files/rbac-namespace.yaml) and C(files/rbac-cluster.yaml) of the role P(graceful.termination.drill#role) grant
    what it needs.
options:
  url:
    description:
      - Where the requests are sent, such as an ingress or a NodePort, as C(http://) or C(https://). A page of the
        workload that answers 200, and that does no harm when it is asked often.
      - The proxy variables of the environment are not used. Certificates are verified against the system's authorities,
        or those in the environment variable E(SSL_CERT_FILE).
    type: str
    required: true
  rounds:
    description: How often all pods are stopped, at most 1,000 times.
    type: int
    default: 3
  rate:
    description: Fresh connections a second, at most 1,000. It is lowered if the client cannot sustain it.
    type: int
    default: 50
  mode:
    description:
      - V(restart) does what C(kubectl rollout restart) does, so it tests the rollout strategy, too. V(evict) evicts one
        pod after the other through the Eviction API, as a drain of nodes does, and never the last ready one.
      - Between two evictions all other pods are ready again. Disruption budgets are respected.
    type: str
    choices: [restart, evict]
    default: restart
  max_lost:
    description: How many lost requests are allowed before the task fails.
    type: int
    default: 0
  wait_timeout:
    description: For how many seconds to wait for the new pods of one round, and for each eviction.
    type: int
    default: 600
  report_dir:
    description:
      - A folder on the controller for C(drill.json), and for the result in C(drills/), which later audits read. Unset
        means that none is written.
      - It is created when missing. Relative to the folder in which C(ansible-playbook) was started.
    type: str
  _progress:
    description: Set by the action plugin, a file for lines that it shows while the drill is under way. Not for users.
    type: str
    default: ""
extends_documentation_fragment:
  - graceful.termination.attributes
  - graceful.termination.target_options
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: Says which workload it would stop the pods of. Nothing is sent to O(url), and nothing is stopped.
  diff_mode:
    support: N/A
    details: Pods are replaced; nothing else changes.
  idempotent:
    support: N/A
    details: Each run stops the pods.
author:
  - Contributors to the graceful.termination project (@graceful-termination)
requirements:
  - kubernetes >= 24.2.0, not 36.0.0 and 36.0.1
  - PyYAML >= 6.0
  - jinja2 >= 3.1.0
seealso:
  - module: graceful.termination.audit_info
  - module: graceful.termination.remediate
"""

EXAMPLES = r"""
- name: What does a rolling restart of the shop lose?
  graceful.termination.drill:
    url: https://shop.example.com/healthz
    namespaces: [shop]
    names: [checkout]
    report_dir: build/report

- name: Five drains, of which one lost request is one too many
  graceful.termination.drill:
    url: http://127.0.0.1:30080/
    namespaces: [shop]
    kinds: [StatefulSet]
    mode: evict
    rounds: 5
    rate: 100
"""

RETURN = r"""
status:
  description:
    - V(passed) and V(failed) compare what was lost with O(max_lost).
    - V(noisy) is a client that lost requests before anything was stopped, or that could not hold the rate.
    - V(interrupted) and V(error) ended before the last round did.
  returned: always
  type: str
requests:
  description: How many requests were sent while pods were stopped.
  returned: always
  type: int
lost:
  description: How many of them were lost, by class.
  returned: always
  type: dict
  sample: {refused: 12, reset: 3}
bound:
  description: What the count proves.
  returned: always
  type: str
  sample: "0 of 8,743: below 0.034 % at 95 %"
checks:
  description: The four questions of a clean stop, each with its result and what was seen.
  returned: always
  type: list
  elements: dict
hints:
  description: What else is to be known of the losses.
  returned: always
  type: list
  elements: str
reports:
  description: The file that was written.
  returned: when O(report_dir) is set
  type: list
  elements: str
"""

import sys

from ansible_collections.graceful.termination.plugins.module_utils._ansible.front import open_connection, open_module
from ansible_collections.graceful.termination.plugins.module_utils._ansible.result import finish
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.prove.choose import choose, refuse
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import (
    DRILL_OPTIONS,
    RESTART,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.progress import reporter
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.run import run_drill
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import interruptible


def main() -> None:
    """Run the module."""
    module = open_module(DRILL_OPTIONS)
    try:
        options = read_options(module.params)
        api = Api(open_connection(module))
        workload = choose(api, options.selection)
        refuse(api, workload, restart=options.mode == RESTART)
        if module.check_mode:
            module.exit_json(
                changed=True,
                msg=f"would stop all pods of {workload.key} ({options.mode}) {options.rounds} times and send "
                f"{options.rate} fresh connections a second to {options.url} meanwhile",
            )
        with interruptible(sys.stdout.fileno()):
            document = run_drill(api, workload, options, report=reporter(module.params["_progress"]))
    except (ValueError, SourceError, Unreadable, OSError) as error:
        module.fail_json(msg=str(error))
    result = {
        "changed": document["changed"],
        "status": document["status"],
        "requests": document["requests"],
        "lost": document["lost"],
        "bound": document["bound"]["text"],
        "checks": document["checks"],
        "hints": document["hints"],
    }
    if document["status"] != "passed":
        result |= {"failed": True, "msg": f"{workload.key}: {document['status']}: {document['reason']}"}
    finish(module, result, document=document)


if __name__ == "__main__":
    main()
