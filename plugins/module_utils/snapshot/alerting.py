# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PrometheusRules: whether an alert fires when pods end badly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get_map, get_maps

# Metrics that show a bad end: kills, overdue deletions and last exit codes. A pod that restarts often is another
# matter.
_TERMINATION = re.compile(
    r"kube_pod_deletion_timestamp|last_terminated_(?:exitcode|reason)|kubelet_terminated_containers_total"
)
_PODS = re.compile(r"kube_pod_(?:container_)?status_")


@dataclass(frozen=True, slots=True)
class AlertingRules:
    """One PrometheusRule. `pods`: an alert of it looks at pods; `terminations`: one looks at how they end."""

    pods: bool
    terminations: bool


def read_alerting(obj: Obj) -> AlertingRules:
    """A PrometheusRule. Raises Unreadable."""
    groups = get_maps(get_map(obj, "spec", ""), "groups", "spec")
    rules = [rule for group in groups for rule in get_maps(group, "rules", "spec.groups")]
    looks = any(rule.get("alert") and _TERMINATION.search(str(rule.get("expr"))) for rule in rules)
    # An alert may use the name that a recording rule gave to such a metric.
    recorded = [
        str(rule["record"]) for rule in rules if rule.get("record") and _TERMINATION.search(str(rule.get("expr")))
    ]
    through = any(rule.get("alert") and name in str(rule.get("expr")) for rule in rules for name in recorded)
    pods = any(rule.get("alert") and _PODS.search(str(rule.get("expr"))) for rule in rules)
    return AlertingRules(pods or looks or through, looks or through)
