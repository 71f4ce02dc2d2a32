# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops one pod and records how it went."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_trace
short_description: Stop one pod and record the nine steps of its termination
version_added: 1.0.0
description:
  - Evicts, deletes or restarts one pod and records what the Kubernetes API shows of its end, from the request to the
    removal of the object. Each step has the time at which it became known here (milliseconds, one clock) and the API's
    own time (whole seconds), or says why it has none.
  - From these follow how long the deregistration took, whether the preStop hook worked, how much of the grace period
    was used, and why each container ended as it did.
  - All watches are opened before the pod is stopped. One that is not allowed is V(not observed); only that of the pod
    itself is a must.
  - When proxies and load balancers follow, when exactly signals are sent, and when a successful hook ends, no API
    tells. These steps are V(not observable), or derived and marked so.
  - Nothing is created in the cluster, and nothing is run in a container. When the trace is interrupted, what was seen
    is written with the status V(interrupted); a pod that is terminating continues to stop by itself.
  - C(files/rbac-namespace.yaml) and C(files/rbac-cluster.yaml) of the role P(graceful.termination.trace#role) grant
    what it needs.
options:
  wait_timeout:
    description: How many seconds to wait until the pod is deleted and its replacement is ready.
    type: int
    default: 600
  report_dir:
    description:
      - A folder on the controller for C(trace-<namespace>-<pod>.json) and the drawing C(trace-<namespace>-<pod>.svg).
        Unset means that none is written.
      - It is created when missing. Relative to the folder in which C(ansible-playbook) was started.
    type: str
extends_documentation_fragment:
  - graceful.termination.attributes
  - graceful.termination.trace_options
  - graceful.termination.target_options
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: Says which pod it would stop, and asks the server by a dry run whether it would do that.
  diff_mode:
    support: N/A
    details: A pod is replaced; nothing else changes.
  idempotent:
    support: N/A
    details: Each run stops a pod.
author:
  - Contributors to the graceful.termination project (@graceful-termination)
requirements:
  - kubernetes >= 24.2.0, not 36.0.0 and 36.0.1
  - PyYAML >= 6.0
  - jinja2 >= 3.1.0
seealso:
  - module: graceful.termination.drill
"""

EXAMPLES = r"""
- name: Trace one pod of a Deployment
  graceful.termination.pod_trace:
    namespaces: [shop]
    kinds: [Deployment]
    names: [checkout]
    report_dir: build/report

- name: Delete one pod that is known by its name
  graceful.termination.pod_trace:
    namespaces: [shop]
    pod: orders-db-0
    mode: delete
"""

RETURN = r"""
status:
  description:
    - V(complete) when the pod has gone, V(timeout) when it has not in time, V(interrupted) after SIGINT or SIGTERM,
      V(error) when it could no longer be watched.
  returned: when a pod was stopped
  type: str
pod:
  description: Which pod was stopped, and how it was chosen.
  returned: when a pod was stopped
  type: dict
verdict:
  description: The worst cause that was found.
  returned: when a pod was stopped
  type: dict
  contains:
    cause:
      description:
        - One of V(prestop-exceeds-grace), V(prestop-failed), V(sigterm-without-effect), V(drain-exceeds-grace),
          V(killed-at-grace), V(out-of-memory), V(killed-early), V(no-drain), V(error-exit), V(prestop-cut-short),
          V(not-observed), V(slow-drain), V(clean).
      type: str
    level:
      description: One of V(error), V(warning), V(unknown), V(info), V(ok).
      type: str
    container:
      description: The container that it is about.
      type: str
    title:
      description: The cause in a few words.
      type: str
    text:
      description: What was seen of it.
      type: str
derived:
  description: The durations that follow from the times, in seconds, and the grace used in percent. Null is not known.
  returned: when a pod was stopped
  type: dict
msg:
  description: What would be done.
  returned: in check mode
  type: str
reports:
  description: The files that were written.
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
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import Interrupted, interruptible
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.document import COMPLETE
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import (
    TRACE_OPTIONS,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.run import run_trace
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import find
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import rehearse


def main() -> None:
    """Run the module."""
    module = open_module(TRACE_OPTIONS)
    try:
        options = read_options(module.params)
        api = Api(open_connection(module))
        target = find(api, options)
        if module.check_mode:
            unsure = rehearse(api, target, options.mode)
            text = (
                f"would {options.mode} pod {target.namespace}/{target.name} ({target.chosen}) and record how it stops"
            )
            module.exit_json(changed=True, msg=f"{text}; not confirmed by the server: {unsure}" if unsure else text)
        with interruptible(sys.stdout.fileno()):
            document = run_trace(api, target, options)
    except Interrupted as error:
        module.fail_json(msg=f"interrupted by {error} before a pod was stopped")
    except (ValueError, SourceError, Unreadable, OSError) as error:
        module.fail_json(msg=str(error))
    result = {
        "changed": True,
        **{key: document[key] for key in ("status", "pod", "verdict", "derived")},
        "reports": document.get("files", []),
    }
    if document["status"] != COMPLETE:
        pod = f"pod {target.namespace}/{target.name}"
        result |= {"failed": True, "msg": f"{pod}: {document['status']}: {document['reason']}"}
    finish(module, result, document=document)


if __name__ == "__main__":
    main()
