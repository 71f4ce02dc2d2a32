# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change costs: pods that restart, and time that a node drain may take longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import STORED, rollout_of, stored
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change, and how many pods it restarts as far as is known. `notes` are those of preflight."""

    change: Change
    pods: int
    notes: tuple[str, ...] = ()


def pods_restarted(case: Case, change: Change) -> int | None:
    """How many pods the change restarts by itself; None where that is none by its nature, or not known."""
    workload = case.workload
    if not change.template or workload.kind == "CronJob":
        return None
    if workload.origin.file is None and stored(workload.obj):
        return 0
    pods = workload.pods_wanted
    return None if pods is None else max(case.replicas or 0, pods)


def cost_of(changes: Sequence[PlannedChange], drill: tuple[str, int] | None = None) -> dict[str, Any]:
    """What a plan costs in all, for the report. A node drain takes as long as the slowest pod on the node.

    `node_drain` is the workload whose grace rises most, with its grace periods in seconds; None where none rises.
    `drill` is the workload that is drilled, and how many pods that restarts once more; None where none is.
    """
    rises = [(planned.change.budget_after.grace - planned.change.workload.grace, planned.change) for planned in changes]
    seconds, slowest = max(rises, key=lambda rise: (rise[0], rise[1].workload.key), default=(0, None))
    drain = None
    if slowest and seconds > 0:
        drain = {
            "object": slowest.workload.key,
            "seconds_longer": seconds,
            "grace_before": slowest.workload.grace,
            "grace_after": slowest.budget_after.grace,
        }
    pods = sum(planned.pods for planned in changes) + (drill[1] if drill else 0)
    drilled = {"object": drill[0], "pods_restarted": drill[1]} if drill else None
    return {"workloads": len(changes), "pods_restarted": pods, "node_drain": drain, "drill": drilled}


def unready(obj: Obj) -> str | None:
    """Why a live workload must not be touched now; None when it is stable, or nothing has been seen of it yet."""
    if obj["kind"] == "Deployment" and (obj.get("spec") or {}).get("paused"):
        return "it is paused: somebody is at work on it, and its pods would not follow"
    status = obj.get("status") or {}
    if not status.get("observedGeneration"):
        return None
    rollout = rollout_of(obj)
    if rollout.state == STORED or not rollout.reason:
        return None
    return f"it is not at rest: {rollout.reason}"
