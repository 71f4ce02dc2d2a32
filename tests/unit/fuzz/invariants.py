# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of every automatic change, told from the objects before and after by other code than the product's.

How many pods a rollout adds and takes away is as the Deployment controller computes it (pkg/controller/deployment/util:
ResolveFenceposts), what is valid as the API server has it (pkg/apis/apps/validation, pkg/apis/core/validation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.tests.unit.fuzz.hooks import truth_of
from ansible_collections.graceful.termination.tests.unit.fuzz.valid import faults
from ansible_collections.graceful.termination.tests.unit.fuzz.volumes import SHELVES, writes
from ansible_collections.graceful.termination.tests.unit.fuzz.workloads import STORES

_POD = r"spec\.(jobTemplate\.spec\.)?template\.spec\."
_INTENDED = re.compile(
    r"spec\.(strategy\.(type|rollingUpdate\.(maxSurge|maxUnavailable))|minReadySeconds)"
    rf"|{_POD}terminationGracePeriodSeconds"
    rf"|{_POD}containers\[[a-z-]+\]\.lifecycle\.preStop\.(sleep|exec|httpGet|tcpSocket)(\..*)?"
    rf"|{_POD}containers\[[a-z-]+\]\.(liveness|startup)Probe\.terminationGracePeriodSeconds"
)
_EMPTY = re.compile(rf"spec\.strategy(\.rollingUpdate)?|{_POD}containers\[[a-z-]+\]\.lifecycle(\.preStop)?")
_FLOOR = 2  # seconds that the kubelet leaves to a container, whatever its hook took
_MESH = ("istio-proxy", "linkerd-proxy")


@dataclass
class Around:
    """What of the surroundings decides: the fewest pods that an autoscaler lets it have, nodes, claims in the input."""

    least: int | None = None
    nodes: int = 0
    claims: set[str] = field(default_factory=set)


def around_of(objects: list[dict[str, Any]], workload: dict[str, Any]) -> Around:
    """What these objects say of a workload."""
    found = Around(nodes=sum(obj["kind"] == "Node" for obj in objects))
    for obj in objects:
        spec = obj.get("spec") or {}
        if obj["kind"] == "PersistentVolumeClaim":
            found.claims.add(obj["metadata"]["name"])
        if obj["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = spec["scaleTargetRef"]
            if (target["kind"], target["name"]) == (workload["kind"], workload["metadata"]["name"]):
                default = 1 if obj["kind"] == "HorizontalPodAutoscaler" else 0
                found.least = spec.get("minReplicas", spec.get("minReplicaCount", default))
    return found


def broken(before: dict[str, Any], after: dict[str, Any], around: Around) -> list[str]:
    """What does not hold of a change."""
    return [
        *(f"{path} is not to be changed" for path in changed(before, after) if not _intended(path)),
        *_time(before, after),
        *_chain(before, after),
        *_rollout(before, after, around),
        *sorted(set(faults(after)) - set(faults(before))),
    ]


def pod_of(obj: dict[str, Any]) -> dict[str, Any]:
    """The spec of the pods of a workload."""
    spec = obj["spec"]
    if obj["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]["spec"]


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The dotted paths of all values, empty maps and lists included, that only one of them has."""
    old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
    return [path for path in {**old, **new} if old.get(path, "-") != new.get(path, "-")]


def _leaves(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            named = value.get("name") if path.endswith("ontainers") and isinstance(value, dict) else None
            yield from _leaves(value, f"{path}[{named or index}]")
    else:
        yield path, json.dumps(node)


def _intended(path: str) -> bool:
    return bool(_INTENDED.fullmatch(path) or _EMPTY.fullmatch(path))


# --- Time -------------------------------------------------------------------------------------------------------------


def _grace(obj: dict[str, Any]) -> int:
    return pod_of(obj).get("terminationGracePeriodSeconds", 30)


def _hooks(obj: dict[str, Any]) -> dict[str, dict[str, Any] | None]:
    """The preStop handler of each container that runs as long as the pod."""
    pod = pod_of(obj)
    lasting = [one for one in pod.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    return {one["name"]: (one.get("lifecycle") or {}).get("preStop") or None for one in (*pod["containers"], *lasting)}


def _time(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Grace is never lowered, no container has less time after its own hook than before, no hook is lost."""
    grace, new_grace = _grace(before), _grace(after)
    if new_grace < grace:
        yield f"the grace period is lowered from {grace} to {new_grace}"
    old, new = _hooks(before), _hooks(after)
    if old.keys() != new.keys():
        yield "other containers"
        return
    for name, handler in old.items():
        if new[name] == handler:
            continue
        was, now = truth_of(handler), new[name]
        if not was.idle or was.seconds is None:
            yield f"the hook of {name} does something, and is replaced"
        elif not now or "sleep" not in now:
            yield f"the hook of {name} is no pause"
        else:
            pause = now["sleep"]["seconds"]
            if pause < was.seconds <= grace:
                yield f"the pause of {name} is shortened from {was.seconds} to {pause}"
            if max(new_grace - pause, _FLOOR) < max(grace - was.seconds, _FLOOR):
                yield f"{name} had {grace - was.seconds} s to drain and has {new_grace - pause}"
    pod = pod_of(after)
    for container in pod["containers"]:
        own = truth_of(new[container["name"]]).seconds or 0
        for probe in ("livenessProbe", "startupProbe"):
            limit = (container.get(probe) or {}).get("terminationGracePeriodSeconds")
            if limit is None or probe_grace(before, container["name"], probe) is not None:
                continue
            if limit < own:
                yield f"when {probe} kills {container['name']}, its hook takes more than {limit} s"
            if limit < grace and writes(pod, container):
                yield f"when {probe} kills {container['name']}, it has {limit} s for its data instead of {grace}"


def probe_grace(obj: dict[str, Any], name: str, probe: str) -> int | None:
    """The grace period of a probe's own."""
    found = next(one for one in pod_of(obj)["containers"] if one["name"] == name)
    return (found.get(probe) or {}).get("terminationGracePeriodSeconds")


def _chain(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What stands behind a proxy of the pod does not stop earlier than before, seen from that proxy."""
    old, new = ({name: truth_of(handler).seconds for name, handler in _hooks(obj).items()} for obj in (before, after))
    asking = [name for name in old if name in ("app", "edge", "behind", "second", "other")]
    pairs = [("edge", "behind")] + [(one, proxy) for one in asking for proxy in ("sql", "pool")]
    for front, behind in pairs:
        if front not in old or behind not in old:
            continue
        times = [pause for pauses in (old, new) for name in (front, behind) if (pause := pauses[name]) is not None]
        if len(times) < 4:
            continue  # nobody knows
        had, has = min(times[1] - times[0], 0), min(times[3] - times[2], 0)
        if has < had:
            yield f"{behind} would stop {-has} s before {front}, instead of {-had} s"


# --- Pods during a rollout --------------------------------------------------------------------------------------------


def replicas_of(obj: dict[str, Any], around: Around) -> int:
    """The fewest pods it runs with."""
    declared = obj["spec"].get("replicas", 1)
    return declared if around.least is None or declared == 0 else around.least


def rollout(obj: dict[str, Any], replicas: int) -> tuple[int, int]:
    """(pods that a rollout adds, pods that may be missing); for Recreate all are missing."""
    strategy = obj["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, replicas
    knobs = strategy.get("rollingUpdate") or {}
    surge = _pods(knobs.get("maxSurge", "25%"), replicas, 99)
    missing = _pods(knobs.get("maxUnavailable", "25%"), replicas, 0)
    return surge, min(missing or (1 if surge == 0 else 0), replicas)


def _pods(knob: int | str, replicas: int, rounding: int) -> int:
    return knob if isinstance(knob, int) else (int(knob.rstrip("%")) * replicas + rounding) // 100


def _rollout(before: dict[str, Any], after: dict[str, Any], around: Around) -> Iterator[str]:
    if before["kind"] not in ("Deployment", "Rollout"):
        alone = _writers(before, around)
        if before["kind"] == "ReplicaSet" and alone:
            yield from _longer_overlap(before, after, alone)
        return
    replicas = replicas_of(before, around)
    (surge, missing), (new_surge, new_missing) = (rollout(obj, replicas) for obj in (before, after))
    alone = _writers(before, around)
    if alone and new_surge > surge:
        yield f"a second pod would write to {alone}"
    if alone:
        yield from _longer_overlap(before, after, alone)
    if _recreates(before) != _recreates(after):
        yield "Recreate comes or goes"
    stuck = _no_place_for_one_more(before, replicas, around)
    if stuck and new_surge > surge:
        yield f"a rollout would add {new_surge} pods instead of {surge}, though {stuck}"
    if stuck and new_missing == 0 and missing > 0:
        yield f"the rollout would hang: {stuck}"
    if new_missing > missing and not (stuck and missing == 0):
        yield f"{new_missing} pods would be missing instead of {missing}"


def _recreates(obj: dict[str, Any]) -> bool:
    return (obj["spec"].get("strategy") or {}).get("type") == "Recreate"


def _writers(obj: dict[str, Any], around: Around) -> str:
    """The data that no second pod may write to at a time; empty where there is none."""
    pod, replicas = pod_of(obj), replicas_of(obj, around)
    kept = replicas <= 1 and (_recreates(obj) or rollout(obj, replicas)[0] == 0) and obj["kind"] == "Deployment"
    for container in pod["containers"]:
        for name in sorted(writes(pod, container)):
            if replicas > 1 and SHELVES[name].shared:
                continue  # its owner has several pods write there
            folder = STORES.get(container.get("image", ""))
            mounted = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == name]
            # No second pod gets a claim for one pod; where the claim is not in the input, nobody knows that it is one.
            if kept or (SHELVES[name].one_pod and name in around.claims) or folder in mounted:
                return name
    return ""


def _longer_overlap(before: dict[str, Any], after: dict[str, Any], alone: str) -> Iterator[str]:
    old, new = _hooks(before), _hooks(after)
    for name, handler in new.items():
        if handler != old[name]:
            yield f"{name} gets a longer stop, in which the next pod writes to {alone} as well"


def _no_place_for_one_more(obj: dict[str, Any], replicas: int, around: Around) -> str:
    """Why one pod more than before finds no place, or nobody knows whether it does; empty where it does."""
    pod = pod_of(obj)
    pinned = "kubernetes.io/hostname" in (pod.get("nodeSelector") or {}) or around.nodes == 1
    for volume in pod.get("volumes") or ():
        shelf = SHELVES[volume["name"]]
        if shelf.one_pod or (shelf.one_node and not pinned):
            return f"volume {volume['name']} is mounted on one node"
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim and claim not in around.claims:
            return f"the claim {claim} is not known"
    lasting = [one for one in pod.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    ports = [port for one in (*pod["containers"], *lasting) for port in one.get("ports") or ()]
    if any(port.get("hostPort") for port in ports) or (pod.get("hostNetwork") and ports):
        return "its pods bind a port of their node"
    terms = ((pod.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    for term in terms or ():
        own = obj["spec"]["template"]["metadata"]["labels"]
        if term["labelSelector"]["matchLabels"].items() <= own.items():
            zones = term["topologyKey"] != "kubernetes.io/hostname"
            if zones or around.nodes <= replicas:
                return "its pods refuse to share a node or a zone"
    return ""
