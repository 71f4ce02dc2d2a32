# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What running pods told, made up for a test: processes, pods and events of the workload shop/Deployment/web."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import read_events
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import (
    SOURCES,
    Evidence,
    Look,
    Seen,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import read_pods
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.proc import (
    Processes,
    read_processes,
)

RECORDED = Path(__file__).with_name("recorded")
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
KEY = "shop/Deployment/web"


def at(seconds: float) -> str:
    """RFC 3339, so many seconds after NOW."""
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def recorded(name: str) -> Processes:
    """What was read in a real container, or in a process namespace of its own, of that program as PID 1."""
    processes = read_processes((RECORDED / f"{name}.proc").read_bytes(), everything=True)
    assert processes
    return processes


def status(pid: int, parent: int, name: str = "app", state: str = "S (sleeping)", **masks: int) -> str:
    """A status file; the masks are blk, ign and cgt."""
    lines = [f"Name:\t{name}", f"State:\t{state}", f"Pid:\t{pid}", f"PPid:\t{parent}", f"NSpid:\t{pid}"]
    lines += [f"Sig{key.title()}:\t{masks.get(key, 0):016x}" for key in ("blk", "ign", "cgt")]
    return "".join(f"{line}\n" for line in lines)


def reading(
    *others: str, program: str = "app", waits: str = "do_wait", everything: bool = True, **masks: Any
) -> Processes:
    """PID 1 with these masks and state, and the status files of other processes."""
    text = waits + status(1, 0, program[:15], **masks) + "".join(others) + f"/usr/bin/{program}\0--password\0hunter2\0"
    processes = read_processes(text.encode(), everything=everything)
    assert processes
    return processes


def look(processes: Processes | None, **given: Any) -> Look:
    """A look into a container that has been running for a minute."""
    return Look(processes, **({"seconds": 60.0} | given))


def pod(name: str = "web-5d4f-x2x4z", *, deleted: float | None = None, grace: int = 30, **given: Any) -> dict[str, Any]:
    """A pod. `deleted`: when its grace period ends, in seconds after NOW; others are of metadata, spec and status."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "shop",
        "uid": name,
        "creationTimestamp": at(-3600),
        "labels": {"app": "web", "pod-template-hash": "5d4f"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
    }
    if deleted is not None:
        metadata |= {"deletionTimestamp": at(deleted), "deletionGracePeriodSeconds": grace}
    spec = {"containers": [{"name": "app", "env": [{"name": "TOKEN", "value": "s3cret"}]}]} | given.pop("spec", {})
    conditions = [{"type": "Ready", "status": "True"}, *given.pop("conditions", ())]
    ended = {"conditions": conditions, "containerStatuses": [given.pop("state", running())]}
    return {"metadata": metadata | given.pop("metadata", {}), "spec": spec, "status": ended | given}


def running(
    name: str = "app", *, before: dict[str, Any] | None = None, since: float = -600, **given: Any
) -> dict[str, Any]:
    """The status of a container that runs; `before` is how the one in its place ended."""
    last = {"terminated": before} if before else {}
    return {"name": name, "state": {"running": {"startedAt": at(since)}}, "lastState": last} | given


def ended(code: int, finished: float, reason: str = "Error", name: str = "app") -> dict[str, Any]:
    """The status of a container that has ended."""
    return {"name": name, "state": {"terminated": terminated(code, finished, reason)}, "lastState": {}}


def terminated(code: int, finished: float, reason: str = "Error") -> dict[str, Any]:
    """How a container ended."""
    return {"exitCode": code, "reason": reason, "startedAt": at(-3000), "finishedAt": at(finished)}


def event(
    reason: str, last: float, container: str | None = "app", name: str = "web-5d4f-x2x4z", **given: Any
) -> dict[str, Any]:
    """An event of a pod."""
    path = {"fieldPath": f"spec.containers{{{container}}}"} if container else {}
    about = {"kind": "Pod", "namespace": "shop", "name": name} | path
    return {
        "metadata": {"name": f"{name}.{reason}", "namespace": "shop"},
        "involvedObject": about,
        "reason": reason,
        "message": "a text that nobody copies",
        "count": 1,
        "lastTimestamp": at(last),
    } | given


def evidence(
    *objects: dict[str, Any], looks: dict[str, Look] | None = None, asked: tuple[str, ...] = SOURCES, **refused: str
) -> Evidence:
    """Evidence of shop/Deployment/web from pods and events; `refused` says why a source tells nothing in shop."""
    seen = Seen(
        read_pods([obj for obj in objects if "involvedObject" not in obj]),
        read_events(obj for obj in objects if "involvedObject" in obj),
        looks or {},
    )
    reasons = {(source, "shop"): reason for source, reason in refused.items()}
    return Evidence(frozenset(asked), {KEY: seen}, reasons, NOW)
