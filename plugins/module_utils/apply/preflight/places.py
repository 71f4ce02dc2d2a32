# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes as places for a new pod: whether a node may run it, and what is free on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import Amounts
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quantity import parse_quantity
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    get,
    get_labels,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector

HOSTNAME = "kubernetes.io/hostname"
_CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
# Providers that do not add nodes by themselves.
_FIXED = ("", "kind", "k3s")


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `fixed`: nothing shows that a cloud provider created it, so no autoscaler adds another one."""

    name: str
    labels: dict[str, str]
    taints: tuple[Obj, ...]
    allocatable: Amounts
    fixed: bool


@dataclass(frozen=True, slots=True)
class Tenant:
    """A pod on a node. `maker` is (kind, name) of the workload that owns it."""

    namespace: str
    labels: dict[str, str]
    maker: tuple[str, str] | None
    requests: Amounts
    priority: int


def read_place(obj: Obj) -> Node:
    """A node as the API server has it. Raises Unreadable."""
    metadata, spec = get_map(obj, "metadata", ""), get_map(obj, "spec", "")
    taints = list(get_maps(spec, "taints", "spec"))
    if spec.get("unschedulable") is True:
        taints.append(_CORDONED)
    amounts = get_map(get_map(obj, "status", ""), "allocatable", "status")
    return Node(
        name=get(metadata, "name", str, "metadata", ""),
        labels=get_labels(metadata, "labels", "metadata"),
        taints=tuple(taints),
        allocatable={name: parse_quantity(value) for name, value in amounts.items()},
        fixed=get(spec, "providerID", str, "spec", "").partition(":")[0] in _FIXED,
    )


def may_run(node: Node, pod: Obj) -> bool:
    """Whether taints and labels let the node run the pod. What is not understood does not count against it."""
    if pod.get("nodeName"):
        return pod["nodeName"] == node.name
    tolerations = pod.get("tolerations") or ()
    if not all(_tolerated(taint, tolerations) for taint in node.taints):
        return False
    if any(node.labels.get(key) != value for key, value in (pod.get("nodeSelector") or {}).items()):
        return False
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    return terms is None or any(_meets(node, term) for term in terms)


def free_on(node: Node, tenants: Sequence[Tenant]) -> Amounts:
    """The allocatable resources that no pod has requested."""
    free = dict(node.allocatable)
    for tenant in tenants:
        for name, amount in ({"pods": Fraction(1)} | dict(tenant.requests)).items():
            free[name] = free.get(name, Fraction(0)) - amount
    return free


def keeps_apart(pod: Obj, namespace: str, tenants: Sequence[Tenant]) -> bool:
    """Whether the pod's own anti-affinity certainly keeps it off a node with these pods."""
    for term in apart_terms(pod):
        if term.get("topologyKey") != HOSTNAME or set(term) - {"topologyKey", "labelSelector"}:
            continue
        selector = _selector(term.get("labelSelector"))
        if selector and any(one.namespace == namespace and selector.matches(one.labels) for one in tenants):
            return True
    return False


def apart_terms(pod: Obj) -> list[Obj]:
    """The required terms of a pod's anti-affinity."""
    affinity = (pod.get("affinity") or {}).get("podAntiAffinity") or {}
    return list(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ())


def _tolerated(taint: Obj, tolerations: Sequence[Obj]) -> bool:
    return taint.get("effect") == "PreferNoSchedule" or any(_tolerates(one, taint) for one in tolerations)


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
    return True  # Exists, and what later versions compare


def _meets(node: Node, term: Obj) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False  # an empty term matches nothing
    by_name = {"metadata.name": node.name}
    return all(_met(one, node.labels) for one in expressions) and all(_met(one, by_name) for one in fields)


def _met(expression: Obj, labels: dict[str, str]) -> bool:
    selector = _selector({"matchExpressions": [expression]})
    return selector is None or selector.matches(labels)


def _selector(spec: Obj | None) -> Selector | None:
    """None if it selects nothing or is not understood."""
    try:
        return Selector.of_object(spec) if spec is not None else None
    except (ValueError, KeyError, TypeError):
        return None
