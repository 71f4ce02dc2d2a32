# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a workload's rollout has got, read from the object alone."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"  # kubectl's own, so that its tools know the restart for one
COMPLETE, PROGRESSING, FAILED, STORED, UNKNOWN = "complete", "progressing", "failed", "stored", "unknown"


@dataclass(frozen=True, slots=True)
class Rollout:
    """`state` is COMPLETE, PROGRESSING, FAILED (it makes no progress without help), STORED (its pods are not replaced)
    or
    UNKNOWN (not readable).

    `reason` says what it waits for, why it failed, or why nothing happens; empty when complete.
    """

    state: str
    reason: str = ""


def rollout_of(obj: Obj, generation: int | None = None) -> Rollout:
    """The rollout of a Deployment, StatefulSet, DaemonSet or CronJob, as the API server returned the object.

    `generation` is the one that its controller must have seen, by default the present one. A write to the annotations
    of a Deployment also increments it: a caller that waits for its own change names its generation, since others may
    write faster than the controller follows.
    """
    kept = stored(obj)
    if kept:
        return Rollout(STORED, kept)
    status = obj.get("status") or {}
    wanted = generation if generation is not None else obj["metadata"].get("generation", 0)
    if (status.get("observedGeneration") or 0) < wanted:
        return Rollout(PROGRESSING, f"the {obj['kind']} controller has not seen the change")
    return {"Deployment": _deployment, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set}[obj["kind"]](obj, status)


def conditions_of(obj: Obj) -> str:
    """The failing conditions, as `type: message`; empty when nothing is."""
    texts = []
    for condition in (obj.get("status") or {}).get("conditions") or ():
        # ReplicaFailure is bad when it is there; of the others, what is not true is bad.
        if condition.get("status") == ("True" if condition.get("type") == "ReplicaFailure" else "False"):
            text = condition.get("message") or condition.get("reason") or ""
            texts.append(f"{condition.get('type')}: {' '.join(str(text).split())[:200]}")
    return "; ".join(sorted(texts))


def stored(obj: Obj) -> str | None:
    """Why a changed template leaves the pods that run as they are; None when they are replaced."""
    kind, spec = obj["kind"], obj.get("spec") or {}
    if kind == "CronJob":
        return "its next run gets it"
    if kind == "Deployment" and spec.get("paused"):
        return "the Deployment is paused"
    if kind in ("Deployment", "StatefulSet") and spec.get("replicas", 1) == 0:
        return "it has no replicas"
    update = spec.get("updateStrategy") or {}
    if kind in ("StatefulSet", "DaemonSet") and update.get("type") == "OnDelete":
        return "its update strategy is OnDelete: a pod gets it when it is deleted and recreated"
    partition = (update.get("rollingUpdate") or {}).get("partition") or 0
    if kind == "StatefulSet" and partition:
        return f"its partition is {partition}: only pods from that ordinal on get it"
    return None


def _deployment(obj: Obj, status: Obj) -> Rollout:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Rollout(FAILED, f"not rolled out: {conditions_of(obj)}")
    wanted = obj["spec"].get("replicas", 1)
    updated, total = status.get("updatedReplicas") or 0, status.get("replicas") or 0
    if updated < wanted:
        return _waiting(updated, wanted, "updated")
    if total > updated:
        return Rollout(PROGRESSING, f"{total - updated} of {total} pods still run the old template")
    return _available(status.get("availableReplicas") or 0, wanted)


def _stateful_set(obj: Obj, status: Obj) -> Rollout:
    wanted = obj["spec"].get("replicas", 1)
    updated = status.get("updatedReplicas") or 0
    if updated < wanted:
        return _waiting(updated, wanted, "updated")
    return _available(min(status.get("readyReplicas") or 0, status.get("availableReplicas") or 0), wanted)


def _daemon_set(obj: Obj, status: Obj) -> Rollout:
    wanted = status.get("desiredNumberScheduled") or 0
    updated = status.get("updatedNumberScheduled") or 0
    if updated < wanted:
        return _waiting(updated, wanted, "updated")
    return _available(status.get("numberAvailable") or 0, wanted)


def _available(number: int, wanted: int) -> Rollout:
    return Rollout(COMPLETE) if number >= wanted else _waiting(number, wanted, "available")


def _waiting(number: int, wanted: int, word: str) -> Rollout:
    return Rollout(PROGRESSING, f"{number} of {wanted} pods {word}")
