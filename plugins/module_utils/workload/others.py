# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that run pods and are not judged, because they were not asked for or because no rule knows their kind."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import (
    API_VERSIONS,
    DEFAULT_KINDS,
    OPT_IN_KINDS,
    OTHER_KINDS,
)

ROLLOUT = "Rollout"
_OTHERS = frozenset((entry.kind, entry.group) for entry in OTHER_KINDS)


def group_of(api_version: str) -> str:
    """The API group; empty for the core group."""
    return api_version.rpartition("/")[0]


def title_of(kind: str, group: str) -> str:
    """How reports name a kind: with its group where it is none of Kubernetes and none that can be asked for."""
    if kind in API_VERSIONS and group == group_of(API_VERSIONS[kind]):
        return kind
    return f"{kind}.{group}" if group else kind


def why_not_judged(title: str) -> str:
    """What to do about objects of a kind, for the notes."""
    if title in API_VERSIONS:
        return f"seen, and not asked for: name it in kinds (termination_kinds), beside {', '.join(DEFAULT_KINDS)}"
    return "seen, and no rule knows this kind: how its pods stop is for a person to read"


def runs_pods(obj: dict[str, Any]) -> bool:
    """Whether an object of any kind has pods: a kind that is known for it, or one that holds a list of containers."""
    kind, group = obj["kind"], group_of(obj["apiVersion"])
    if (kind, group) in _OTHERS or (kind in OPT_IN_KINDS and group == group_of(API_VERSIONS[kind])):
        return True
    pending, seen = [obj.get("spec"), obj.get("template"), obj.get("objects")], set()
    while pending:
        node = pending.pop()
        if not isinstance(node, dict | list) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict) and _are_containers(node.get("containers")):
            return True
        pending += node if isinstance(node, list) else node.values()
    return False


def _are_containers(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) and "image" in one and "name" in one for one in value)


def workload_of(rollout: dict[str, Any]) -> tuple[str, str] | None:
    """(kind, name) of the object whose pod template a Rollout of Argo runs; None where it has one of its own."""
    spec = rollout.get("spec")
    reference = spec.get("workloadRef") if isinstance(spec, dict) else None
    if not isinstance(reference, dict):
        return None
    return str(reference.get("kind")), str(reference.get("name"))
