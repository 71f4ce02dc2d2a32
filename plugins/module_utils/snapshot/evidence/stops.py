# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stops that left a trace: of pods that still exist, and of containers that were restarted in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import KILLING, PodEvent
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import PodState, epoch
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import Ended, stop_seconds
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_RESOLUTION = 1.0  # seconds: the API rounds its times down
_LATE = 60.0  # seconds after the grace period by which a container has ended
_BY_KUBELET = "TerminationByKubelet"  # for lack of memory or disk, or as the node shuts down: with its own grace period
_SYNTHETIC = ("OOMKilled", "ContainerStatusUnknown")


@dataclass(frozen=True, slots=True)
class ObservedStop:
    """How one container stopped on request; see exits.Stop. `in_place`: the pod continued with a new one."""

    container: str
    ended: Ended
    grace: int | None
    deletion: str
    in_place: bool

    @property
    def seconds(self) -> float | None:
        """From the request to the end, to about 2 s."""
        return stop_seconds(self.ended, self)

    @property
    def exceeded(self) -> bool:
        """Whether it was killed because its grace period was over."""
        killed = self.ended.exit_code == 137 and self.ended.reason not in _SYNTHETIC
        return killed and self.grace is not None and (self.seconds or 0.0) >= self.grace - _RESOLUTION


def observed_stops(workload: Workload, pods: Sequence[PodState], events: Sequence[PodEvent]) -> list[ObservedStop]:
    """The stops of application containers, those of native sidecars left out.

    Left out are also those with less time than the workload asks for, by force or by the kubelet, and of pods with an
    ephemeral container, which changes how they end.
    """
    found = []
    for pod in pods:
        if pod.disruption == _BY_KUBELET or pod.debugged:
            continue
        for container in workload.containers:
            state = pod.containers.get(container.name)
            if state is None or state.ended is None or not state.ended.finished_at:
                continue
            if pod.deletion and not state.restarted:
                stop = _deleted(pod, workload, state.ended)
            else:
                stop = _in_place(pod, workload, container, state.ended, events)
            if stop:
                found.append(stop)
    return found


def _deleted(pod: PodState, workload: Workload, ended: Ended) -> ObservedStop | None:
    grace, over, finished = pod.grace or 0, epoch(pod.deletion), epoch(ended.finished_at)
    if over is None or finished is None or grace < max(workload.grace, 1) or finished < over - grace - _RESOLUTION:
        return None
    return ObservedStop(ended.name, ended, grace, pod.deletion, in_place=False)


def _in_place(
    pod: PodState, workload: Workload, container: Container, ended: Ended, events: Sequence[PodEvent]
) -> ObservedStop | None:
    grace, finished = _probe_grace(container, workload.grace), epoch(ended.finished_at)
    for event in events:
        same = event.reason == KILLING and event.pod == pod.name and event.container == container.name
        if not same or event.last is None or finished is None:
            continue
        if event.last - _RESOLUTION <= finished <= event.last + grace + _LATE:
            over = datetime.fromtimestamp(event.last + grace, UTC).isoformat()
            return ObservedStop(ended.name, ended, grace, over, in_place=True)
    return None


def _probe_grace(container: Container, grace: int) -> int:
    """The grace period of a container that a probe restarts."""
    for probe in ("livenessProbe", "startupProbe"):
        own = container.probes.get(probe, {}).get("terminationGracePeriodSeconds")
        if isinstance(own, int):
            return own
    return grace
