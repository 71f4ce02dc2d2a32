# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollout strategy: how many pods serve while a Deployment replaces them."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Unreadable,
    get,
    get_int_or_percent,
    get_map,
    get_maps,
    line_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    REPLICAS,
    ROLLOUT_IN_PLACE,
    ROLLOUT_STRATEGY,
    UPDATE_ONE_BY_ONE,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.claim import is_shared
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import SCALED_KINDS

# Of what kinds updateStrategy has maxUnavailable, from the version that keeps the field by default.
_MAX_UNAVAILABLE = {"DaemonSet": Version(1, 0), "StatefulSet": Version(1, 35)}


def _loses_capacity(case: Case) -> Iterator[Hit]:
    yield from _all_at_once(case) if case.workload.kind in _MAX_UNAVAILABLE else _takes_first(case)


def _all_at_once(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if case.version < _MAX_UNAVAILABLE[workload.kind]:
        return
    strategy = get_map(workload.spec, "updateStrategy", "spec")
    if get(strategy, "type", str, "spec.updateStrategy", "RollingUpdate") != "RollingUpdate":
        return
    path = "spec.updateStrategy.rollingUpdate"
    wanted = get_int_or_percent(get_map(strategy, "rollingUpdate", "spec.updateStrategy"), "maxUnavailable", path)
    pods = case.replicas if workload.kind == "StatefulSet" else None
    if wanted != "100%" and not (pods and isinstance(wanted, int) and wanted >= pods):
        return
    if pods == 1:
        return  # single-replica
    yield Hit(
        f"a rolling update may stop all {f'{pods} ' if pods else ''}pods at the same time (maxUnavailable {wanted}): "
        "none is left to serve",
        f"{path}.maxUnavailable",
        Remedy(UPDATE_ONE_BY_ONE, "how many pods may be missing, and how long a rollout may take, its owner decides"),
        severity="warning",
        numbers={"replicas": pods, "max_unavailable": wanted},
    )


def _takes_first(case: Case) -> Iterator[Hit]:
    rolling, replicas = case.workload.rolling_update, case.replicas
    if rolling is None or not replicas:
        return
    surge, unavailable = rolling.resolve(replicas)
    if unavailable == 0 or "host-port" in case.profile.traits or case.exclusive:
        return
    modes = case.claims.values()
    if case.disks or any(mode is not None and not is_shared(mode) for mode in modes):
        # One more pod could not mount the volume: the rollout would hang instead.
        return
    nodes = sum(node.schedulable for node in case.context.cluster.nodes)
    apart = _kept_apart_by(case)
    if apart == "kubernetes.io/hostname" and 0 < nodes <= replicas:
        return  # as above: there is no node for one more
    severity = None
    if unavailable >= replicas:
        severity = "error" if case.replicas_declared else "warning"
    elif replicas <= 3:
        # The default never stops one of so few: this was set on purpose.
        severity = "warning"
    manual = None
    if apart and (apart != "kubernetes.io/hostname" or not nodes):
        manual = f"its pods refuse to share a {apart.rpartition('/')[2]:.63}: check whether another one is free"
    if None in modes:
        manual = "check whether a second pod can mount its volume"
    remaining = replicas - unavailable
    yield Hit(
        f"a rolling update stops {unavailable} of {replicas} pods before new ones are ready: {remaining} "
        f"{'remains' if remaining == 1 else 'remain'} to serve",
        "spec.strategy.rollingUpdate.maxUnavailable",
        Remedy(
            ROLLOUT_STRATEGY,
            manual,
            {"max_surge": "25%" if surge == 0 else None},
        ),
        severity=severity,
        numbers={"replicas": replicas, "max_unavailable": unavailable, "max_surge": surge},
    )


def _kept_apart_by(case: Case) -> str:
    """The label of nodes whose value no two pods may share, those of another revision included; empty without."""
    workload, path = case.workload, f"{case.workload.pod_path}.affinity.podAntiAffinity"
    affinity = get_map(workload.pod, "affinity", workload.pod_path)
    terms = get_maps(get_map(affinity, "podAntiAffinity", path), "requiredDuringSchedulingIgnoredDuringExecution", path)
    for term in terms:
        selector = get_map(term, "labelSelector", path)
        if not selector or term.get("matchLabelKeys"):
            continue
        try:
            if Selector.of_object(selector).matches(workload.template_labels):
                return get(term, "topologyKey", str, path, "")
        except ValueError as error:
            raise Unreadable(f"{path}: {error}", line_of(selector)) from None
    return ""


def _wants_own_volume(case: Case) -> bool:
    """Whether a second pod at the same time could not mount the first one's volume, or that is unknown."""
    return bool(case.disks) or any(mode is None or not is_shared(mode) for mode in case.claims.values())


def _recreates(case: Case) -> Iterator[Hit]:
    if not case.workload.recreates or not case.replicas:
        return
    if "host-port" in case.profile.traits or _wants_own_volume(case) or case.exclusive:
        return
    yield Hit(
        f"strategy Recreate stops all {case.replicas} pods before a new one starts: every rollout is an outage"
        if case.replicas > 1
        else "strategy Recreate stops the only pod before the new one starts: every rollout is an outage",
        "spec.strategy.type",
        Remedy(ROLLOUT_STRATEGY, "check whether two versions may run side by side", {"max_surge": "25%"}),
        numbers={"replicas": case.replicas},
    )


def _single_replica(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if case.replicas != 1 or workload.recreates or workload.kind not in SCALED_KINDS:
        return
    if get_maps(workload.spec, "volumeClaimTemplates", "spec") or _wants_own_volume(case) or case.exclusive:
        return
    services = case.profile.services
    if services and all(case.context.population.others_selected_by(service.selector, workload) for service in services):
        return  # other workloads serve behind the same Services
    # A StatefulSet has a headless Service for the names of its pods, whether or not requests go there.
    named = workload.kind == "StatefulSet" and "headless-only" in case.profile.traits
    surges = workload.kind in ("Deployment", "Rollout")
    yield Hit(
        "one replica serves: a rolling update can start a second pod first, an eviction or a node drain cannot, and "
        "requests fail until the new pod is ready"
        if surges
        else "one replica serves: an update, an eviction or a node drain stops it before the next pod starts, and "
        "requests fail until that is ready",
        "spec.replicas",
        Remedy(REPLICAS, "its owner must decide whether two may run at once", {"replicas": 2}),
        # Not declared, it may be set by something that was not read, such as an autoscaler.
        severity=None if case.replicas_declared and not named else "info",
        numbers={"replicas": 1},
    )


def _surge_port_conflict(case: Case) -> Iterator[Hit]:
    rolling, replicas = case.workload.rolling_update, case.replicas
    if rolling is None or not replicas or not _binds_node_ports(case):
        return
    surge, unavailable = rolling.resolve(replicas)
    if surge == 0 or unavailable > 0:
        return
    nodes = sum(node.schedulable for node in case.context.cluster.nodes)
    hangs = 0 < nodes <= replicas
    where = f"{nodes} schedulable nodes" if hangs else "if no other node is free"
    yield Hit(
        f"a rolling update starts {surge} more pod{'' if surge == 1 else 's'} while the old ones hold the port of "
        "their node: "
        + (f"{replicas} replicas on {where}, so the rollout hangs" if hangs else f"{where}, the rollout hangs"),
        "spec.strategy.rollingUpdate.maxSurge",
        # Without surge a pod is missing during every rollout: only worth it where the rollout would hang.
        Remedy(ROLLOUT_IN_PLACE, None if hangs else "check whether another node is free"),
        severity="error" if hangs else None,
        numbers={"replicas": replicas, "max_surge": surge, "max_unavailable": unavailable, "nodes": nodes or None},
    )


def _binds_node_ports(case: Case) -> bool:
    ports = [port for container in case.workload.all_containers for port in container.ports]
    return any(port.host_port for port in ports) or (case.workload.pod.get("hostNetwork") is True and bool(ports))


RULES = (
    Rule(
        id="rollout-loses-capacity",
        title="Rolling update stops serving pods first",
        severity="info",
        evidence="context",
        why="maxUnavailable lets a rollout stop old pods before new ones are ready; the remaining pods must carry the "
        "load.",
        exceptions=(
            "the default of 25 % resolves to 0 for up to 3 replicas",
            "all of an undeclared number of replicas: a warning, something outside may set more",
            "DaemonSets and StatefulSets: only where maxUnavailable lets all pods go at the same time, a warning",
            "hostPort or hostNetwork: one more pod finds no free port",
            "a ReadWriteOnce volume or a disk: one more pod cannot mount it",
            "a store, or what its owner keeps to one pod at a time, on a volume that outlives the pod",
            "pods that refuse to share a node: none is free for one more, or a person must check",
        ),
        check=_loses_capacity,
        remedies=(ROLLOUT_STRATEGY, UPDATE_ONE_BY_ONE),
        serving_only=True,
        seed="fault 2",
        needs=("Service", "HorizontalPodAutoscaler", "PersistentVolumeClaim"),
    ),
    Rule(
        id="recreate-strategy-serving",
        title="Serving Deployment stops all its pods to update",
        severity="warning",
        evidence="context",
        why="Recreate stops every old pod before the first new one starts; in between nothing serves.",
        exceptions=(
            "a ReadWriteOnce volume, a disk, or a claim whose access mode is unknown: two pods could not mount it",
            "one pod that writes to a volume that outlives it: a second one would write to the same data",
            "hostPort or hostNetwork: two pods could not bind it",
            "batch and worker workloads",
        ),
        check=_recreates,
        remedies=(ROLLOUT_STRATEGY,),
        by_hand=True,
        serving_only=True,
        seed="fault 2",
        needs=("Service", "PersistentVolumeClaim"),
    ),
    Rule(
        id="single-replica",
        title="One replica serves",
        severity="warning",
        evidence="context",
        why="An eviction stops the only pod before another is ready. maxSurge helps in a rolling update, not in a "
        "drain.",
        exceptions=(
            "controllers with leader election",
            "StatefulSets and Deployments with their own volume: a second one is another database, not a replica",
            "a store, or what its owner keeps to one pod at a time, on any volume that outlives the pod",
            "a StatefulSet with only its headless Service: an info, every StatefulSet has one",
            "Recreate, which is a separate finding",
            "replicas not declared: an info, something outside may set it",
            "an autoscaler's minimum of two or more",
            "pods of another workload, such as a canary, behind each of its Services",
        ),
        check=_single_replica,
        remedies=(REPLICAS,),
        serving_only=True,
        seed="fault 2",
        needs=(
            *("Service", "HorizontalPodAutoscaler", "PersistentVolumeClaim"),
            *("Ingress", "HTTPRoute", "GRPCRoute"),
        ),
    ),
    Rule(
        id="surge-port-conflict",
        title="Surge pods find the host port in use",
        severity="warning",
        evidence="context",
        why="A pod with hostPort or hostNetwork needs a node on which the port is free. With maxUnavailable 0 the old "
        "pod waits for the new one and the new one for the port.",
        exceptions=(
            "no surge",
            "maxUnavailable of one or more: an old pod stops first and frees its port",
            "hostNetwork without declared ports",
            "DaemonSets and StatefulSets, which do not surge by default",
        ),
        check=_surge_port_conflict,
        remedies=(ROLLOUT_IN_PLACE,),
        seed="nine steps: 7",
        needs=("HorizontalPodAutoscaler", "Node"),
    ),
)
