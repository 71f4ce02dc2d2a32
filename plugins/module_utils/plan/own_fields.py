# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields that a fix may change, and no others."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# What a patch may change. Anything else in a user's template is a change that was never reviewed as a fix.
_WORKLOAD_FIELDS = {"strategy", "updateStrategy", "minReadySeconds"}
_POD_FIELDS = {"terminationGracePeriodSeconds", "containers"}
_CONTAINER_FIELDS = {"name", "lifecycle", "livenessProbe", "startupProbe"}
_NESTED_FIELDS = {
    "lifecycle": {"preStop"},
    "livenessProbe": {"terminationGracePeriodSeconds"},
    "startupProbe": {"terminationGracePeriodSeconds"},
}


def outside(workload: Workload, strategy: Obj, template: Obj) -> str | None:
    """Why a patch reaches beyond the fields that this product owns; None when it does not."""
    fields = _foreign(strategy.get("spec", {}), _WORKLOAD_FIELDS, "spec")
    path = workload.pod_path.split(".")
    node: object = template
    for step, key in enumerate(path):
        fields |= _foreign(node, {key}, ".".join(path[:step]))
        node = node.get(key, {}) if isinstance(node, dict) else {}
    fields |= _foreign(node, _POD_FIELDS, workload.pod_path)
    containers = node.get("containers") if isinstance(node, dict) else None
    for container in containers if isinstance(containers, list) else ():
        fields |= _foreign(container, _CONTAINER_FIELDS, "containers[]")
        for key, own in _NESTED_FIELDS.items():
            nested = container.get(key, {}) if isinstance(container, dict) else {}
            fields |= _foreign(nested, own, f"containers[].{key}")
    if fields:
        return f"the template sets {min(fields)}, which no remedy may change automatically"
    return None


def _foreign(node: object, own: set[str], path: str) -> set[str]:
    """The paths that a part of a patch sets outside of `own`; the part itself if it is not a map."""
    if not isinstance(node, dict):
        return {path}
    return {f"{path}.{key}" if path else key for key in node if key not in own}
