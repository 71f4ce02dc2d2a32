# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders one of the collection's snippets for a workload."""

from __future__ import annotations

DOCUMENTATION = r"""
name: snippet
short_description: Render a remedy as YAML for a workload
version_added: 1.0.0
description:
  - Renders C(templates/<remedy>.yaml.j2), or the file of the same name in O(template_dir). Most are strategic merge
    patches of the workload; some are patches of other objects or objects of their own. L(docs/templates.md,
    https://github.com/graceful-termination/graceful.termination/blob/main/docs/templates.md) tells which.
  - The numbers are those that remediation would use, as far as the workload alone tells. What it does not tell is a
    default, or V(CHANGE-ME).
options:
  _terms:
    description:
      - Names of remedies.
    type: list
    elements: str
    choices:
      - prestop-sleep
      - prestop-exec-sleep
      - grace-period
      - rollout-strategy
      - readiness-probe
      - poststart-remove
      - prestop-remove
      - exec-entrypoint
      - rollout-in-place
      - replicas
      - pod-disruption-budget
      - liveness-probe
      - min-ready-seconds
      - probe-grace-period
      - startup-probe
      - readiness-probe-request
      - unhealthy-pod-eviction-policy
      - daemonset-surge
      - update-one-by-one
      - recreate-strategy
      - job-pod-replacement
      - job-pod-failure-policy
      - cronjob-forbid
      - worker-grace-period
      - topology-spread
      - node-budget
      - readiness-gate
      - ready-addresses
      - deregistration-delay
      - connection-age
      - log-sidecar-native
      - fluentd-buffer
      - fluent-bit-storage
      - otel-collector-storage
      - termination-alerts
      - prestop-delay-first
      - registry-deregister
      - mesh-drain
      - mesh-native-sidecar
      - stop-signal
      - uwsgi-sigterm
      - init-process
      - trace
      - stuck-pod
      - database-proxy-native
      - server-timeout
    required: true
  workload:
    description: The Deployment, StatefulSet, DaemonSet or CronJob as a map, as from a manifest or the API.
    type: dict
    required: true
  policy:
    description: As O(graceful.termination.audit_info#module:policy).
    type: dict
    default: {}
  template_dir:
    description: A folder whose files replace those of the collection, by file name.
    type: str
"""

EXAMPLES = r"""
- name: Show the preStop delay for a Deployment
  ansible.builtin.debug:
    msg: "{{ lookup('graceful.termination.snippet', 'prestop-sleep', workload=deployment) }}"
"""

RETURN = r"""
_raw:
  description: The snippets as YAML text.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case, open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import ASSUMED, parse_version
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import grace_after, variables
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DEFAULT_VARIABLES,
    REMEDIES,
    STOP_SIGNAL,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit
from ansible_collections.graceful.termination.plugins.module_utils.rules.stop_signal import stop_signal_values
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates


class LookupModule(LookupBase):
    """The lookup of this file."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Render each remedy named in `terms`. Raises AnsibleError with what was wrong."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            case = _case(self.get_option("workload"), self.get_option("policy"))
            snippets = Snippets(read_templates(self.get_option("template_dir")))
            return [_render(case, snippets, str(term)) for term in terms]
        except ValueError as error:
            raise AnsibleError(f"snippet: {error}") from None


def _case(obj: dict[str, Any], policy: dict[str, Any]) -> Case:
    if obj.get("kind") not in API_VERSIONS or "apiVersion" not in obj:
        raise ValueError(f"workload: a map with apiVersion and a kind of {', '.join(API_VERSIONS)} is needed")
    return open_case(read_workload(obj), Context(), Policy.from_options(policy), parse_version(ASSUMED))


def _render(case: Case, snippets: Snippets, remedy: str) -> str:
    if remedy not in REMEDIES:
        raise ValueError(f"no remedy '{remedy}'; there are {', '.join(REMEDIES)}")
    container = case.profile.drain_containers[0]
    known = stop_signal_values(case, container) if remedy == STOP_SIGNAL else {}
    hit = Hit("", "", Remedy(remedy, variables=DEFAULT_VARIABLES.get(remedy, {}) | known), container)
    return snippets.render(remedy, case.workload.kind, variables(case, hit, grace_after(case, [hit])))
