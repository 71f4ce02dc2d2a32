# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What running pods show about the workloads, and why something is unknown. Off unless the user enables it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import PodEvent
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import PodState
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.proc import Processes
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

STATUS, EVENTS, EXEC = "status", "events", "exec"
SOURCES = (STATUS, EVENTS, EXEC)


@dataclass(frozen=True, slots=True)
class Look:
    """One inspection of a container. `problem`: why there are no processes; `bare`: the image has no program that
    reads.

    `stop_signal`: the effective one if the server reports it. `seconds`: how long the container had been running.
    """

    processes: Processes | None
    problem: str = ""
    bare: bool = False
    stop_signal: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Seen:
    """Of one workload: its pods, its pods' events, and by container name an inspection of one of its pods."""

    pods: list[PodState] = field(default_factory=list)
    events: list[PodEvent] = field(default_factory=list)
    looks: dict[str, Look] = field(default_factory=dict)


_NOTHING = Seen()


@dataclass
class Evidence:
    """`asked` are the requested ones of SOURCES; `seen` is by the workload's key.

    `refused` maps (source, namespace) to the reason why it is not known there. `at`: when it was read, in seconds since
    the epoch. `execs`: how many were sent.
    """

    asked: frozenset[str] = frozenset()
    seen: dict[str, Seen] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    at: float = 0.0
    execs: int = 0

    def of(self, workload: Workload) -> Seen:
        """What was seen of a workload."""
        return self.seen.get(workload.key, _NOTHING)

    def look(self, workload: Workload, container: Container) -> Look | None:
        """The inspection of one of its containers; None if there was none."""
        return self.of(workload).looks.get(container.name)

    def why_not(self, workload: Workload, source: str) -> str | None:
        """Why a source has nothing about the workload; None if it has."""
        if workload.origin.file is not None:
            return "manifests do not show this: it needs evidence from running pods"
        if not self.asked:
            return "evidence is off"
        if source not in self.asked:
            return f"evidence from {source} is off"
        return self.refused.get((source, workload.namespace))
