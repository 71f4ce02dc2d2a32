# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: how many pods stop with one of them, and how long it waits for them when it is removed."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    NODE_BUDGET,
    TOPOLOGY_SPREAD,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.spot_nodes import (
    GKE_SPOT,
    SPOT_SECONDS,
    SpotLabel,
    asked_by,
    shortest,
    spot_label,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import SCALED_KINDS, Workload

_SCALER_SECONDS = 600  # how long the Cluster Autoscaler waits by default (max-graceful-termination-sec)
_GKE_EXTENDED, _GKE_SECONDS = Version(1, 35), 120  # since then a node pool may give up to this many seconds


def _spread(case: Case) -> Iterator[Hit]:
    workload, replicas = case.workload, case.replicas
    if workload.kind not in SCALED_KINDS or replicas is None or replicas < 2 or len(case.context.cluster.nodes) == 1:
        return
    affinity = get_map(workload.pod, "affinity", workload.pod_path)
    if workload.pod.get("topologySpreadConstraints") or affinity.get("podAntiAffinity"):
        return
    yield Hit(
        f"no topologySpreadConstraints and no podAntiAffinity: all {replicas} pods may run on one node, and stop with "
        "it",
        f"{workload.pod_path}.topologySpreadConstraints",
        Remedy(
            TOPOLOGY_SPREAD,
            "its owner must decide where pods may run",
            {"selector": get_map(workload.spec, "selector", "spec")},
        ),
        numbers={"replicas": replicas},
    )


def _beyond_node(case: Case) -> Iterator[Hit | NotEvaluated]:
    workload, grace = case.workload, case.workload.grace
    path = f"{workload.pod_path}.terminationGracePeriodSeconds"
    spot = _spot(case)
    seconds = SPOT_SECONDS[spot] if spot else grace
    if spot and seconds is None:
        yield NotEvaluated(f"how long nodes with the label {spot[0]} wait after their notice is not documented")
    # A shutdown that is known to fit loses nothing.
    if spot and seconds is not None and grace > seconds and not (case.budget.known and case.budget.required <= seconds):
        may_have_more = spot in GKE_SPOT and case.version >= _GKE_EXTENDED and grace <= _GKE_SECONDS
        yield Hit(
            f"its pods run on spot nodes ({spot[0]}), which are reclaimed at short notice: a pod then has {seconds} "
            f"s{', unless the node pool gives more' if may_have_more else ''}, not its grace period of {grace} s: "
            "what is in flight after that is cut",
            path,
            Remedy(
                NODE_BUDGET,
                "check whether these pods can stop in less time or need other nodes",
                {"node_seconds": seconds},
            ),
            severity="info" if may_have_more else None,
            numbers={"grace_seconds": grace, "node_seconds": seconds},
        )
    elif grace > _SCALER_SECONDS:
        yield Hit(
            f"a grace period of {grace} s is longer than the Cluster Autoscaler waits by default ({_SCALER_SECONDS} "
            "s), and rollouts may take as long",
            path,
            Remedy(
                NODE_BUDGET,
                "check whether these pods can stop in less time",
                {"node_seconds": _SCALER_SECONDS},
            ),
            severity="info",
            numbers={"grace_seconds": grace, "node_seconds": _SCALER_SECONDS},
        )


def _spot(case: Case) -> tuple[str, str] | None:
    """The label of the spot nodes that its pods run on for certain: it asks for them, or there are no others."""
    chosen = _chosen(case.workload)
    if chosen:
        return chosen
    kinds = {node.spot for node in case.context.cluster.nodes}
    if None in kinds:
        return None
    # Where there are several kinds, the one that waits longest: no more than that is certain.
    return max((kind for kind in kinds if kind), key=shortest, default=None)


def _chosen(workload: Workload) -> tuple[str, str] | None:
    """The label by which the pod spec allows spot nodes and no others; a toleration only allows them as well."""
    selector = get_map(workload.pod, "nodeSelector", workload.pod_path)
    path = f"{workload.pod_path}.affinity.nodeAffinity"
    affinity = get_map(get_map(workload.pod, "affinity", workload.pod_path), "nodeAffinity", path)
    required = get_map(affinity, "requiredDuringSchedulingIgnoredDuringExecution", path)
    terms = get_maps(required, "nodeSelectorTerms", path)
    chosen = spot_label({str(key): str(value) for key, value in selector.items()})
    if chosen or not terms:
        return chosen
    # A node need meet one term only, so each must ask for spot nodes; the kind that waits longest is certain.
    asked = [_asked_by(term, path) for term in terms]
    return max((label for label in asked if label), key=shortest) if all(asked) else None


def _asked_by(term: Obj, path: str) -> SpotLabel | None:
    """The label of spot nodes that a term asks for; all of its expressions hold, so one is enough."""
    expressions = get_maps(term, "matchExpressions", path)
    asked = (asked_by(one.get("key"), one.get("operator"), one.get("values")) for one in expressions)
    return min((label for label in asked if label), key=shortest, default=None)


RULES = (
    Rule(
        id="topology-spread-missing",
        title="Nothing spreads the pods over the nodes",
        severity="info",
        evidence="context",
        why="Several replicas on one node stop together when that node is drained or fails. The scheduler spreads "
        "pods by itself only as far as nothing else decides; a constraint asks for it.",
        exceptions=(
            "topologySpreadConstraints or pod anti-affinity of any kind",
            "one replica, DaemonSets and batch",
            "a cluster of one node",
            "workloads that serve no requests",
        ),
        check=_spread,
        serving_only=True,
        seed="conclusion",
        remedies=(TOPOLOGY_SPREAD,),
        opt_in=True,
        needs=("Service", "HorizontalPodAutoscaler"),
    ),
    Rule(
        id="grace-exceeds-node-budget",
        title="Grace period longer than the node waits",
        severity="warning",
        evidence="context",
        why="A node that is reclaimed or scaled down gives a pod a limited time, whatever its grace period says.",
        exceptions=(
            "a toleration of spot nodes, or a preference for them: the pod may run elsewhere",
            "an affinity with a term that other nodes meet as well",
            "a cluster in which some nodes are not spot nodes",
            "labels that users choose themselves, and clouds that document no time: not evaluated",
            "a shutdown that is known to fit into what the node gives",
            "on Google's spot nodes from 1.35 an info up to 120 s: the node pool may give more",
        ),
        check=_beyond_node,
        seed="nine steps: 5",
        remedies=(NODE_BUDGET,),
        needs=("Node",),
    ),
)
