# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each container of the pod ended: its preStop hook, its time, and its exit code judged by its runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import (
    Change,
    History,
    seconds_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import Ended, judge_exit, runs_java
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import HookTime, hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import on_windows

APPLICATION, PROXY, SIDECAR = "application", "mesh proxy", "native sidecar"
# The outcome of a preStop hook.
NO_HOOK, WORKED, FAILED, OVERRAN, CUT, UNKNOWN = "none", "worked", "failed", "overran", "cut short", "not observable"
RESOLUTION = 1.0  # seconds: the API rounds its times down
FLOOR = 2  # seconds that the kubelet grants a container after a hook that has used up the grace period


@dataclass(frozen=True)
class End:
    """One container. `seconds` from the request to its end, to about a second; None if unknown.

    `before`: it had ended before the request. `hook_failed_after`: seconds from the start of the stop to the event of
    the failed hook, by arrival. `judged` is (result, why) as in a drill.
    """

    container: Container
    role: str
    hook_time: HookTime
    hook: str
    killing: Change | None
    hook_failed: Change | None
    hook_failed_after: float | None
    exit_code: int | None
    reason: str
    finished_at: str
    container_id: str
    seconds: float | None
    before: bool
    judged: tuple[str, str]

    @property
    def name(self) -> str:
        """The container's name."""
        return self.container.name

    @property
    def hook_seconds(self) -> float | None:
        """How long the hook ran, if known."""
        if self.hook == FAILED:
            return self.hook_failed_after
        return float(self.hook_time.seconds) if self.hook in (NO_HOOK, WORKED) else None

    @property
    def drain_seconds(self) -> float | None:
        """From SIGTERM to the end; None if the time of SIGTERM is unknown."""
        if self.seconds is None or self.hook_seconds is None:
            return None
        return max(0.0, self.seconds - self.hook_seconds)


def read_ends(pod: Mapping[str, Any], history: History) -> list[End]:
    """All containers that a stop ends, native sidecars last. Raises Unreadable."""
    spec = pod["spec"]
    containers = [
        read_container(entry, f"spec.containers[{index}]", windows=on_windows(spec))
        for index, entry in enumerate(get_maps(spec, "containers", "spec"))
    ] + [
        read_container(entry, f"spec.initContainers[{index}]", native_sidecar=True, windows=on_windows(spec))
        for index, entry in enumerate(get_maps(spec, "initContainers", "spec"))
        if entry.get("restartPolicy") == "Always"
    ]
    return [_end(container, history) for container in containers]


def _end(container: Container, history: History) -> End:
    role = SIDECAR if container.native_sidecar else PROXY if container.name in MESH_PROXIES else APPLICATION
    ended = history.ended(container.name) or {}
    code = ended.get("exitCode") if isinstance(ended.get("exitCode"), int) else None
    finished_at, reason = str(ended.get("finishedAt") or ""), str(ended.get("reason") or "")
    finished = seconds_of(finished_at)
    if finished is None:
        finished_at = ""
    exact = None if finished is None or history.requested is None else finished - history.requested
    before = exact is not None and exact < -RESOLUTION
    seconds = None if exact is None or before else max(0.0, exact)
    killing = history.event("Killing", container.name)
    failed = history.event("FailedPreStopHook", container.name)
    failed_after = max(0.0, failed.arrival - (killing.arrival if killing else 0.0)) if failed else None
    time = hook_time(container.pre_stop)
    return End(
        container=container,
        role=role,
        hook_time=time,
        hook=_hook(container, time, failed_after, seconds, history.grace),
        killing=killing,
        hook_failed=failed,
        hook_failed_after=failed_after,
        exit_code=code,
        reason=reason,
        finished_at=finished_at,
        container_id=str(ended.get("containerID") or ""),
        seconds=seconds,
        before=before,
        judged=_judged(container, Ended(container.name, code, reason, finished_at), history),
    )


def _judged(container: Container, ended: Ended, history: History) -> tuple[str, str]:
    pod = Pod("", "", grace=history.grace, deletion=history.deletion)
    return judge_exit(ended, pod, java=runs_java(container))


def _hook(
    container: Container, time: HookTime, failed_after: float | None, seconds: float | None, grace: int | None
) -> str:
    """The outcome of the preStop hook."""
    if container.pre_stop is None:
        return NO_HOOK
    if failed_after is not None:
        # A hook that overruns is also reported as failed, when it is killed with its container.
        return OVERRAN if grace is not None and failed_after >= grace - RESOLUTION / 2 else FAILED
    if seconds is None or grace is None:
        return UNKNOWN
    if time.certain >= grace and seconds >= grace - RESOLUTION:
        return OVERRAN
    if not time.exact:
        # Only after a hook that uses up the grace period does the kubelet grant the floor.
        return OVERRAN if seconds >= grace + FLOOR else UNKNOWN
    return WORKED if seconds >= time.seconds - RESOLUTION else CUT
