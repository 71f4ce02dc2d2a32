# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that pod_trace and pod_debug share."""

from __future__ import annotations


class ModuleDocFragment:
    """The documented options; their argument spec is TRACE_OPTIONS of module_utils/prove/trace/options.py."""

    DOCUMENTATION = r"""
options:
  pod:
    description:
      - The name of the pod; O(namespaces) then is its namespace alone, and O(kinds) and O(names) are not used. Unset
        means the oldest ready pod of the one workload that these three select.
    type: str
  mode:
    description:
      - V(evict) uses the Eviction API, as a drain of nodes does, and respects disruption budgets. V(delete) deletes the
        pod, whatever the budgets. V(restart) does what C(kubectl rollout restart) does, and traces this pod among
        those that are replaced.
      - The rollout of V(restart) continues when the trace has ended.
    type: str
    choices: [evict, delete, restart]
    default: evict
  allow_last_endpoint:
    description:
      - Whether to stop a pod although it is the last ready endpoint of a Service. Requests are lost then.
      - Where EndpointSlices cannot be read, another ready pod of its workload counts as another endpoint.
    type: bool
    default: false
"""
