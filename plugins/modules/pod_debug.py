# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observes one pod from inside while it stops."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_debug
short_description: Observe one pod while it stops, from an ephemeral container
version_added: 1.0.0
description:
  - Attaches an ephemeral container to one pod, which shares the processes of one of its containers and its network,
    then stops the pod as M(graceful.termination.pod_trace) does. Each second the ephemeral container writes which
    processes the target has, what they do about SIGTERM, and how many sockets of which port are in which state.
  - This also works for images without a shell, and the pod needs no C(shareProcessNamespace).
  - An ephemeral container cannot be removed from a pod. This one is attached only to a pod that is stopped right
    after; where that fails, it ends by itself within a minute, in O(mode=restart) within O(wait_timeout).
  - It is none of the trace's containers, and it is killed by the kernel together with PID 1 of the target, whose
    processes it shares. When it ended is compared with the end of the pod's containers, and reported.
  - C(files/rbac-namespace.yaml) and C(files/rbac-cluster.yaml) of the role P(graceful.termination.debug#role) grant
    what it needs.
options:
  wait_timeout:
    description:
      - How many seconds to wait until the ephemeral container runs, and until the pod is deleted and its replacement
        is ready.
    type: int
    default: 600
  report_dir:
    description:
      - A folder on the controller for C(debug-<namespace>-<pod>.json) and C(.log), and for the files of the trace,
        C(trace-<namespace>-<pod>.json) and C(.svg). Unset means that none is written.
      - It is created when missing. Relative to the folder in which C(ansible-playbook) was started.
    type: str
  image:
    description:
      - The image of the ephemeral container. It needs C(/bin/sh), C(cat), C(awk) and C(sleep); for O(capture) also
        C(tcpdump).
      - It is pulled where the node does not have it, with the pull secrets of the pod.
    type: str
    default: docker.io/library/busybox:1.35
  container:
    description:
      - The container to observe. Unset means the one that the annotation C(kubectl.kubernetes.io/default-container)
        names, or else the first one.
    type: str
  capture:
    description:
      - Whether to record the packets that open, close or reset a connection of the pod, with C(tcpdump). It needs root
        in the ephemeral container, and the capabilities C(NET_ADMIN) and C(NET_RAW), which Pod Security refuses on the
        levels baseline and restricted.
      - No payload is kept.
    type: bool
    default: false
  _script:
    description: Set by the action plugin, what runs in the ephemeral container. Not for users.
    type: str
    required: true
extends_documentation_fragment:
  - graceful.termination.attributes
  - graceful.termination.trace_options
  - graceful.termination.target_options
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: Says which pod it would observe and stop, and asks the server by dry runs whether it would allow that.
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
  - module: graceful.termination.pod_trace
"""

EXAMPLES = r"""
- name: Observe one pod of a Deployment while it stops
  graceful.termination.pod_debug:
    namespaces: [shop]
    kinds: [Deployment]
    names: [checkout]
    report_dir: build/report
"""

RETURN = r"""
status:
  description: As that of M(graceful.termination.pod_trace).
  returned: when a pod was stopped
  type: str
pod:
  description: Which pod was stopped, and how it was chosen.
  returned: when a pod was stopped
  type: dict
observer:
  description: The ephemeral container, and whether it prolonged the stop.
  returned: when a pod was stopped
  type: dict
timeline:
  description: What was seen inside, each with its seconds since the stop began. At most the first 200.
  returned: when a pod was stopped
  type: list
  elements: dict
verdict:
  description: The worst cause that the trace found.
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
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observer import plan
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.options import (
    DEBUG_OPTIONS,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.run import foresee, run_debug
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import Interrupted, interruptible
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.document import COMPLETE
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import find

SHOWN = 200  # lines of the timeline in a registered result; the file has them all


def main() -> None:
    """Run the module."""
    module = open_module(DEBUG_OPTIONS)
    try:
        options = read_options(module.params)
        api = Api(open_connection(module))
        target = find(api, options.trace)
        observer = plan(target, options)
        pod = f"pod {target.namespace}/{target.name}"
        if module.check_mode:
            unsure = foresee(api, target, options, observer)
            text = (
                f"would attach an ephemeral container of image {observer.image} to container {observer.container} of "
                f"{pod} ({target.chosen}), {options.trace.mode} the pod, and record how it stops"
            )
            module.exit_json(changed=True, msg=f"{text}; not confirmed by the server: {unsure}" if unsure else text)
        with interruptible(sys.stdout.fileno()):
            document = run_debug(api, target, options, observer)
    except Interrupted as error:
        module.fail_json(msg=f"interrupted before a pod was stopped: {error}")
    except (ValueError, SourceError, Unreadable, OSError) as error:
        module.fail_json(msg=str(error))
    result = {
        "changed": True,
        **{key: document[key] for key in ("status", "pod", "observer")},
        "timeline": document["timeline"][:SHOWN],
        "verdict": document["trace"]["verdict"],
        "reports": document.get("files", []),
    }
    if document["status"] != COMPLETE:
        result |= {"failed": True, "msg": f"{pod}: {document['status']}: {document['reason']}"}
    finish(module, result, document=document)


if __name__ == "__main__":
    main()
