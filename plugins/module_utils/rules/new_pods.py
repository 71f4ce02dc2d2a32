# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New pods: whether an update waits until the load balancer sends to them."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    MIN_READY_SECONDS,
    READINESS_GATE,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import AWS, GKE, NLB

_GATE_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject"
_GATE_PREFIX = "target-health."  # of the AWS controller, and of what it was called before
_DEADLINE = 600  # progressDeadlineSeconds where it is not written


def _replaces_pods(case: Case) -> bool:
    """Whether an update waits for new pods before it stops further old ones."""
    workload = case.workload
    if workload.kind not in ("Deployment", "StatefulSet", "DaemonSet", "Rollout") or workload.recreates:
        return False
    update = get_map(workload.spec, "updateStrategy", "spec")
    return get(update, "type", str, "spec.updateStrategy", "") != "OnDelete"


def _is_gated(case: Case) -> bool | None:
    """Whether a pod is Ready only when the load balancer of AWS has found it healthy; None if unknown."""
    path = f"{case.workload.pod_path}.readinessGates"
    gates = get_maps(case.workload.pod, "readinessGates", case.workload.pod_path)
    if any(get(gate, "conditionType", str, path, "").startswith(_GATE_PREFIX) for gate in gates):
        return True
    namespace = case.context.cluster.namespaces.get(case.workload.namespace)
    return None if namespace is None else namespace.labels.get(_GATE_LABEL) == "enabled"


def _of_aws(senders: set[str]) -> bool:
    """Whether one of them is a load balancer for which the controller of AWS gives pods a readiness gate."""
    return not senders.isdisjoint((AWS, NLB))


def _min_ready(case: Case) -> int:
    return get(case.workload.spec, "minReadySeconds", int, "spec", 0)


def _gate_missing(case: Case) -> Iterator[Hit | NotEvaluated]:
    namespace = case.workload.namespace
    if not _of_aws(case.pods_addressed_by) or not _replaces_pods(case):
        return
    gated = _is_gated(case)
    if gated is None:
        reason = case.why_unknown("Namespace") or f"namespace {namespace} is not in the input"
        yield NotEvaluated(f"it is unknown whether the pods get a readiness gate: {reason}")
    if gated is not False:
        return
    wanted = case.wanted_prestop[0]
    waits = _min_ready(case)
    yield Hit(
        "old pods are stopped as soon as new ones are Ready, whether the load balancer has found them healthy or not: "
        "in a rolling update it may have no healthy target"
        + (f"; minReadySeconds {waits} makes that unlikely" if waits >= wanted else ""),
        f"{case.workload.pod_path}.readinessGates",
        Remedy(READINESS_GATE, "the label affects all pods created in the namespace from then on"),
        # A load balancer takes that long anyway.
        severity="info" if waits >= wanted else None,
        numbers={"min_ready_seconds": waits},
    )


def _min_ready_zero(case: Case) -> Iterator[Hit]:
    # With one pod there is no next one, and with none nothing is replaced.
    if _min_ready(case) > 0 or not _replaces_pods(case) or case.replicas in (0, 1):
        return
    senders = case.pods_addressed_by
    gated = _is_gated(case)
    if GKE in senders or (_of_aws(senders) and gated):
        return
    # Behind kube-proxy and proxies in the cluster the new address arrives as fast as the old one is removed.
    local = any(service.is_local_balancer for service in case.profile.services)
    late = local or (_of_aws(senders) and gated is False)
    seconds = case.wanted_prestop[0]
    deadline = get(case.workload.spec, "progressDeadlineSeconds", int, "spec", _DEADLINE)
    tight = (
        f"progressDeadlineSeconds is {deadline}: it must be more than minReadySeconds" if deadline <= seconds else None
    )
    yield Hit(
        "an update stops the next old pod the moment a new one is Ready"
        + (", and the load balancer finds the new one healthy only some checks later" if late else ""),
        "spec.minReadySeconds",
        Remedy(MIN_READY_SECONDS, tight, {"min_ready_seconds": seconds}),
        severity="warning" if late else None,
        numbers={"min_ready_seconds": 0, "wanted_seconds": seconds},
    )


RULES = (
    Rule(
        id="lb-readiness-gate-missing",
        title="Rolling update does not wait for the load balancer",
        severity="warning",
        evidence="context",
        why="A pod is Ready before the load balancer of AWS has registered and checked it. Without a readiness gate "
        "old targets are removed before new ones are added.",
        exceptions=(
            "targets that are nodes, and other load balancers: GKE gives its pods a readiness gate by itself",
            "a gate in the pod template, or the label on the namespace",
            "a namespace whose labels are unknown",
            "Recreate and OnDelete",
            "minReadySeconds as long as the policy's delay: an info",
        ),
        check=_gate_missing,
        remedies=(READINESS_GATE,),
        serving_only=True,
        seed="fault 2",
        needs=("Service", "Ingress", "TargetGroupBinding"),
    ),
    Rule(
        id="min-ready-seconds-zero",
        title="Next old pod stops the moment a new one is Ready",
        severity="info",
        evidence="context",
        why="minReadySeconds gives load balancers and proxies time to add a new pod, and a pod that fails right after "
        "its start stops the rollout.",
        exceptions=(
            "a readiness gate of the load balancer",
            "one replica: there is no next old pod",
            "Recreate and OnDelete",
            "behind kube-proxy or a proxy in the cluster: an info",
            "progressDeadlineSeconds must be longer",
        ),
        check=_min_ready_zero,
        remedies=(MIN_READY_SECONDS,),
        serving_only=True,
        seed="fault 2",
        needs=("Service", "HorizontalPodAutoscaler", "Ingress", "TargetGroupBinding"),
    ),
)
