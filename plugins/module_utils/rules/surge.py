# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling updates that start the new pod first: where they could but do not, and where they do but cannot."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    get,
    get_int_or_percent,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import DAEMONSET_SURGE, RECREATE, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.claim import ONE_POD, is_shared

_DAEMONSET_SURGE = Version(1, 22)  # maxSurge of DaemonSets is on by default since
# All other pods on the node depend on these ports: DNS, and the entry to the cluster.
_VITAL_PORTS = {53: "DNS", 80: "HTTP", 443: "HTTPS"}
_NO_SURGE = (None, 0, "0%")
_BY_HAND = Remedy(
    RECREATE,
    "with Recreate nothing runs during a rollout; if that is not acceptable, use another volume or a StatefulSet",
)


def _daemonset_gap(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if workload.kind != "DaemonSet" or case.version < _DAEMONSET_SURGE or "host-port" in case.profile.traits:
        return
    if any(volume.get("hostPath") for volume in get_maps(workload.pod, "volumes", workload.pod_path)):
        return  # two pods of one node would share that directory
    strategy = get_map(workload.spec, "updateStrategy", "spec")
    if get(strategy, "type", str, "spec.updateStrategy", "RollingUpdate") != "RollingUpdate":
        return
    rolling = get_map(strategy, "rollingUpdate", "spec.updateStrategy")
    if get_int_or_percent(rolling, "maxSurge", "spec.updateStrategy.rollingUpdate") not in _NO_SURGE:
        return
    ports = sorted(_VITAL_PORTS.keys() & _served_ports(case))
    what = f" {' and '.join(f'{_VITAL_PORTS[port]} (port {port})' for port in ports)}" if ports else ""
    yield Hit(
        "a rolling update stops a node's pod before the new one starts there (maxSurge 0): until the new one is "
        f"ready, the node has no pod that serves{what}",
        "spec.updateStrategy.rollingUpdate.maxSurge",
        Remedy(DAEMONSET_SURGE, "check whether two of these pods can run on one node"),
        severity="warning" if ports else None,
        numbers={"port": ports[0]} if ports else {},
    )


def _served_ports(case: Case) -> set[int]:
    """The container ports to which Services bring requests."""
    targets = {str(port.target) for service in case.profile.services for port in service.ports}
    return {
        port.number
        for container in case.profile.drain_containers
        for port in container.ports
        if str(port.number) in targets or port.name in targets
    }


def _volume_deadlock(case: Case) -> Iterator[Hit | NotEvaluated]:
    workload, replicas = case.workload, case.replicas
    rolling = workload.rolling_update
    if rolling is None or not replicas or rolling.resolve(replicas)[1] > 0 or case.shared_data:
        return
    claims = case.claims
    for name, modes in sorted(claims.items()):
        if modes and not is_shared(modes):
            once = ONE_POD in modes
            if not once and _stays_on_its_node(case):
                continue
            yield Hit(
                f"the claim {name} is {'ReadWriteOncePod' if once else 'ReadWriteOnce'}, and a rolling update with "
                "maxUnavailable 0 stops no old pod before a new one is ready: the new one "
                + ("never gets the volume" if once else "gets no volume on another node")
                + ", so the rollout hangs",
                "spec.strategy.rollingUpdate.maxUnavailable",
                _BY_HAND,
                severity="error" if once else None,
                numbers={"replicas": replicas, "max_unavailable": 0},
            )
            return  # one finding a workload, whichever volumes block it
    if case.disks and not _stays_on_its_node(case):
        yield Hit(
            f"only one node at a time can mount the disk {case.disks[0]:.63}, and a rolling update with maxUnavailable "
            "0 stops no old pod before a new one is ready: the new one gets no volume on another node, so the rollout "
            "hangs",
            "spec.strategy.rollingUpdate.maxUnavailable",
            _BY_HAND,
            numbers={"replicas": replicas, "max_unavailable": 0},
        )
        return
    if not all(claims.values()):
        reason = case.why_unknown("PersistentVolumeClaim")
        yield NotEvaluated(reason or "the access modes of a mounted claim are unknown: add the claim to the input")


def _stays_on_its_node(case: Case) -> bool:
    """Whether every pod of the workload lands on one and the same node, where they can share what is mounted."""
    pod = case.workload.pod
    pinned = "kubernetes.io/hostname" in get_map(pod, "nodeSelector", case.workload.pod_path) or pod.get("nodeName")
    return bool(pinned) or len(case.context.cluster.nodes) == 1


RULES = (
    Rule(
        id="daemonset-rollout-gap",
        title="DaemonSet that stops a node's pod before the next one runs",
        severity="info",
        evidence="context",
        why="Without surge every node is without its pod for a while in each rollout. A pod that serves DNS or the "
        "entry to the cluster is missed at once.",
        exceptions=(
            "hostPort or hostNetwork: two pods of one node cannot bind it; hostPath: they would share it",
            "a DaemonSet that surges, or with strategy OnDelete",
            "Kubernetes before 1.22, which has no surge for DaemonSets",
            "agents that no Service routes to, or only for metrics",
            "a warning only where a Service routes to container port 53, 80 or 443",
        ),
        check=_daemonset_gap,
        serving_only=True,
        seed="fault 2",
        since="1.22",
        remedies=(DAEMONSET_SURGE,),
        needs=("Service",),
    ),
    Rule(
        id="surge-volume-deadlock",
        title="Rolling update in which the old and the new pod need the same volume",
        severity="warning",
        evidence="context",
        why="With maxUnavailable 0 the old pod waits for the new one, and the new one for the volume that the old one "
        "has mounted. A person then deletes the old pod by hand, or the rollout times out.",
        exceptions=(
            "Recreate, or a maxUnavailable of one pod or more: the old pod stops first",
            "a claim that many nodes may mount (ReadWriteMany, ReadOnlyMany)",
            "ReadWriteOnce or a disk on one node: a nodeSelector by host name, or a cluster of one node",
            "StatefulSets and volumes made for each pod: no two pods share them",
            "a claim whose access modes are unknown: not evaluated",
            "the data of a known database or broker: surge-data-conflict",
        ),
        check=_volume_deadlock,
        seed="nine steps: 7",
        remedies=(RECREATE,),
        needs=("PersistentVolumeClaim", "HorizontalPodAutoscaler"),
    ),
)
