# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change costs: pod restarts, and longer node drains."""

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
    """One change, and how many pods it restarts, as far as known. `notes` are those of preflight."""

    change: Change
    pods: int
    notes: tuple[str, ...] = ()


def pods_restarted(case: Case, change: Change) -> int | None:
    """How many pods the change restarts by itself; None if it never restarts any, or if that is unknown."""
    workload = case.workload
    if not change.template or workload.kind == "CronJob":
        return None
    if workload.origin.file is None and stored(workload.obj):
        return 0
    pods = workload.pods_wanted
    return None if pods is None else max(case.replicas or 0, pods)


def cost_of(changes: Sequence[PlannedChange], drill: tuple[str, int] | None = None) -> dict[str, Any]:
    """The total cost of a plan, for the report. A node drain takes as long as the slowest pod on the node.

    `node_drain` is the workload with the largest increase of the grace period, in seconds; None without an increase.
    `drill` is the workload that is drilled, and how many more pod restarts that costs; None without a drill.
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
    """Why a live workload must not be changed now; None if it is stable, or has no status yet."""
    if obj["kind"] == "Deployment" and (obj.get("spec") or {}).get("paused"):
        return "it is paused, so a patch would not roll out; resume it (kubectl rollout resume) and run again"
    status = obj.get("status") or {}
    if not status.get("observedGeneration"):
        return None
    rollout = rollout_of(obj)
    if rollout.state == STORED or not rollout.reason:
        return None
    return f"its last rollout is not complete: {rollout.reason}"
