# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks that are shorter than they should be, and a longer pause in their place."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import SLEEP_ACTION
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import HookTime, takes_no_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.intended import intended_pause


def short_hooks(case: Case, wanted: int) -> list[tuple[Container, HookTime]]:
    """The hooks that end before that many seconds; none where one lasts: the pod serves until the last has ended.

    A pod without any hook is prestop-missing; httpGet, tcpSocket and a sleep action on a cluster without it have their
    own rules.
    """
    hooks = [
        (container, case.hook_of(container))
        for container in case.profile.drain_containers
        if container.pre_stop
        and (container.pre_stop.kind == "exec" or (container.pre_stop.kind == "sleep" and case.oldest >= SLEEP_ACTION))
    ]
    if all(container.pre_stop and takes_no_time(container.pre_stop) for container, _hook in hooks):
        return []  # prestop-missing
    if case.delays_itself or any(_lasts(case, container, hook, wanted) for container, hook in hooks):
        return []
    return hooks


def as_intended(case: Case, container: Container) -> dict[str, Any]:
    """The variables of a pause that a hook is written to make and does not; none where the policy's is as long."""
    seconds = intended_pause(container.pre_stop) if container.pre_stop else 0
    needed = seconds + (case.drain_of(container).expected or 0) + case.budget.margin
    if seconds <= case.wanted_prestop[0] or needed > case.policy.max_grace_seconds:
        return {}
    # An owner who wrote a grace period that holds it all has counted the pause.
    counted = case.budget.explicit and case.workload.grace >= needed
    grace = case.workload.grace if counted else max(case.workload.grace + seconds, needed)
    return {"seconds": seconds, "grace_seconds": grace}


def _lasts(case: Case, container: Container, hook: HookTime, wanted: int) -> bool:
    """Whether the pod serves for that long, what the server adds by itself included."""
    return hook.drains or hook.endless or hook.certain + case.drain_of(container).delay.pause >= wanted


def longer_sleep(case: Case, container: Container, wanted: int) -> Remedy:
    """A sleep of `wanted` seconds; automatic only where nothing but a sleep of the policy's length is replaced."""
    planned = case.wanted_prestop[0]
    # What the hook takes longer must not be missing in the drain.
    longer = case.workload.grace + wanted - case.hook_of(container).seconds
    required = wanted + (case.budget.drain.expected or 0) + case.budget.margin
    values = {"seconds": wanted, "grace_seconds": max(longer, required)}
    only_waits = case.hook_of(container).only_waits
    sleeps = case.oldest_possible >= SLEEP_ACTION
    if container.pre_stop and container.pre_stop.kind == "exec" and not (only_waits and sleeps):
        why = "the hook is a command: check whether it does more than wait"
        if only_waits:
            why = f"the hook only waits; Kubernetes {case.oldest_possible} has no sleep action to replace it"
        return Remedy(PRESTOP_EXEC_SLEEP, why, values)
    if wanted > planned:
        reason = f"needs {wanted} s, more than the policy's {planned} s for external-lb"
        return Remedy(PRESTOP_SLEEP, reason, values)
    return Remedy(PRESTOP_SLEEP)
