# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as their status shows them: which are ready, which are being stopped, and how containers ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    Unreadable,
    get,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import Ended

_REASON = 40  # characters of what a server gives as a reason
_REVISIONS = ("pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash")


def epoch(text: str) -> float | None:
    """A time of the API in seconds since the epoch; None where there is none that can be read."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One application container. `ended` is its last end, in its place (`restarted`) or with its pod.

    `since`: when it began to run, seconds since the epoch; None while it does not run. `stop_signal`: the effective
    one, if the server reports it.
    """

    since: float | None
    stop_signal: str
    ended: Ended | None
    restarted: bool


@dataclass(frozen=True, slots=True)
class PodState:
    """One pod. `deletion` is its deletionTimestamp, which is the request's time plus `grace` seconds.

    `revision` tells the pod templates of a workload apart. `disruption`: the reason of its condition DisruptionTarget.
    `lost`: its node does not report. `debugged`: it has an ephemeral container, which the stop waits for.
    """

    name: str
    created: str
    revision: str
    ready: bool
    lost: bool
    deletion: str
    grace: int | None
    finalizers: int
    disruption: str
    debugged: bool
    containers: dict[str, ContainerState] = field(default_factory=dict)

    def running_for(self, container: str, now: float) -> float | None:
        """For how many seconds a container has been running; None when it is not."""
        state = self.containers.get(container)
        return now - state.since if state and state.since is not None else None


def trim(pod: Obj) -> Obj:
    """The pod, trimmed to what is needed: above all without environments and command lines. Changes nothing."""
    metadata, spec, status = (pod.get(key) or {} for key in ("metadata", "spec", "status"))
    kept = (
        *("name", "namespace", "labels", "ownerReferences", "creationTimestamp"),
        *("finalizers", "deletionTimestamp", "deletionGracePeriodSeconds"),
    )
    shown = ("conditions", "containerStatuses", "phase")
    return {
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"ephemeralContainers": [{}] * len(spec.get("ephemeralContainers") or ())},
        "status": {key: status[key] for key in shown if key in status},
    }


def read_pod(obj: Obj) -> PodState:
    """Read one pod. Raises Unreadable where a field has a wrong type."""
    metadata, status = get_map(obj, "metadata", ""), get_map(obj, "status", "")
    conditions = {str(one.get("type")): one for one in get_maps(status, "conditions", "status")}
    ready, disruption = conditions.get("Ready", {}), conditions.get("DisruptionTarget", {})
    labels = get_map(metadata, "labels", "metadata")
    deletion = get(metadata, "deletionTimestamp", str, "metadata", "")
    return PodState(
        name=get(metadata, "name", str, "metadata", ""),
        created=get(metadata, "creationTimestamp", str, "metadata", ""),
        revision=next((str(labels[key]) for key in _REVISIONS if labels.get(key)), ""),
        ready=ready.get("status") == "True",
        lost=ready.get("status") == "Unknown",
        deletion=deletion if epoch(deletion) is not None else "",
        grace=get(metadata, "deletionGracePeriodSeconds", int, "metadata"),
        finalizers=len(get(metadata, "finalizers", list, "metadata", [])),
        disruption=str(disruption.get("reason") or "")[:_REASON] if disruption.get("status") == "True" else "",
        debugged=bool(get_map(obj, "spec", "").get("ephemeralContainers")),
        containers=dict(_containers(status)),
    )


def _containers(status: Obj) -> Iterator[tuple[str, ContainerState]]:
    for entry in get_maps(status, "containerStatuses", "status"):
        name = get(entry, "name", str, "status.containerStatuses", "")
        state, last = (get_map(entry, key, "status.containerStatuses") for key in ("state", "lastState"))
        now, before = get_map(state, "terminated", "state"), get_map(last, "terminated", "lastState")
        running = get_map(state, "running", "state")
        yield (
            name,
            ContainerState(
                since=epoch(str(running.get("startedAt") or "")),
                stop_signal=get(entry, "stopSignal", str, "status.containerStatuses", ""),
                ended=_ended(name, now or before) if now or before else None,
                restarted=not now,
            ),
        )


def _ended(name: str, terminated: dict[str, Any]) -> Ended:
    finished = get(terminated, "finishedAt", str, "terminated", "")
    return Ended(
        name,
        get(terminated, "exitCode", int, "terminated"),
        get(terminated, "reason", str, "terminated", "")[:_REASON],
        finished if epoch(finished) is not None else "",
    )


def read_pods(objects: list[Obj]) -> list[PodState]:
    """Those that can be read; a server that sends other types knows what we do not, and then nothing is known."""
    found = []
    for obj in objects:
        try:
            found.append(read_pod(obj))
        except Unreadable:
            continue
    return found


def representative(pods: list[PodState]) -> PodState | None:
    """The pod to inspect: the oldest ready pod of the newest template."""
    ready = [pod for pod in pods if pod.ready and not pod.deletion]
    if not ready:
        return None
    newest = max(ready, key=lambda pod: pod.created).revision
    return min((pod for pod in ready if pod.revision == newest), key=lambda pod: (pod.created, pod.name))
