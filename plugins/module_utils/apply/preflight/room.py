# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room to surge: whether a node has room for a new pod while all old ones still run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import Demand
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.places import (
    HOSTNAME,
    Node,
    Tenant,
    apart_terms,
    free_on,
    keeps_apart,
    may_run,
)
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quantity import format_quantity
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get_int_or_percent, get_map
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

NEXT = "add capacity, or set maxUnavailable to 1 so that an old pod stops first"


def needs_room(workload: Workload) -> bool:
    """Whether its rollout makes no progress unless a new pod runs next to all old ones."""
    if workload.rolling_update is None:
        return False
    surge, unavailable = workload.rolling_update.resolve(workload.replicas or 0)
    return surge > 0 and unavailable == 0


def surges_on_each_node(workload: Workload) -> bool:
    """Whether it is a DaemonSet whose new pods run next to the old ones."""
    update = get_map(workload.spec, "updateStrategy", "spec") if workload.kind == "DaemonSet" else {}
    path = "spec.updateStrategy.rollingUpdate"
    rolling = get_map(update, "rollingUpdate", "spec.updateStrategy")
    return get_int_or_percent(rolling, "maxSurge", path) not in (None, 0, "0%")


def fits(node: Node, tenants: Sequence[Tenant], pod: Obj, namespace: str, demand: Demand) -> bool:
    """Whether the node certainly has room for one more pod."""
    free = free_on(node, tenants)
    wanted = {"pods": Fraction(1)} | {name: amount for name, amount in demand.requests.items() if amount}
    return all(free.get(name, 0) >= amount for name, amount in wanted.items()) and not keeps_apart(
        pod, namespace, tenants
    )


def judge_room(
    workload: Workload, pod: Obj, demand: Demand, nodes: Sequence[Node], tenants: Mapping[str, Sequence[Tenant]]
) -> Verdict:
    """The verdict if no node has room. `tenants` are the pods of every node that may run the workload's pods."""
    able = [node for node in nodes if may_run(node, pod)]
    wanted = [f"{format_quantity(amount)} {name}" for name, amount in sorted(demand.requests.items()) if amount]
    text = f"no room to surge: {len(able)} of {len(nodes)} nodes can run its pods"
    if able:
        text += f", and none has room for one more ({', '.join(wanted) or 'no requests'})"
        apart = sum(keeps_apart(pod, workload.namespace, tenants[node.name]) for node in able)
        text += f"; its own anti-affinity rules out {apart}" if apart else ""
    doubt = _doubt(workload, pod, nodes, [one for node in able for one in tenants[node.name]])
    return Verdict(notes=(f"{text}; {doubt}",)) if doubt else Verdict(blocks=(f"{text}; {NEXT}",))


def _doubt(workload: Workload, pod: Obj, nodes: Sequence[Node], tenants: Sequence[Tenant]) -> str | None:
    """Why the pod may still find room; None if it cannot."""
    if not all(node.fixed for node in nodes):
        return "unknown whether an autoscaler adds a node"
    if pod.get("schedulerName") not in (None, "default-scheduler"):
        return "its pods use another scheduler"
    maker = (workload.kind, workload.name)
    own = [one.priority for one in tenants if one.namespace == workload.namespace and one.maker == maker]
    if not own and tenants:
        return "unknown whether it may preempt other pods"
    if any(one.priority < max(own) for one in tenants):
        return "it may preempt pods of a lower priority"
    return None


def unjudged(pod: Obj) -> Iterator[str]:
    """What else decides where the pod can run, and was not checked."""
    affinity = pod.get("affinity") or {}
    if (affinity.get("podAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
        yield "pod affinity"
    if any(
        term.get("topologyKey") != HOSTNAME or set(term) - {"topologyKey", "labelSelector"} for term in apart_terms(pod)
    ):
        yield "pod anti-affinity"
    if any(one.get("whenUnsatisfiable") == "DoNotSchedule" for one in pod.get("topologySpreadConstraints") or ()):
        yield "topology spread"
    if any(port.get("hostPort") for one in pod.get("containers") or () for port in one.get("ports") or ()):
        yield "host ports"
    if any("persistentVolumeClaim" in volume for volume in pod.get("volumes") or ()):
        yield "volumes"
    if pod.get("resourceClaims"):
        yield "resource claims"
