# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence from running pods: their status, their events, and the processes of one pod of each workload."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import (
    Api,
    ApiError,
    Unreachable,
    concurrently,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import EVENT, POD, Resource, refusal
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence import events, pods
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import (
    EVENTS,
    EXEC,
    STATUS,
    Evidence,
    Look,
    Seen,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import PodState
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.proc import read_processes
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import assign, key_of_maker
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

EXEC_LIMIT = 500
_OF_PODS = (("fieldSelector", "involvedObject.kind=Pod"),)
_OF_PID_1 = ("/proc/1/wchan", "/proc/1/status", "/proc/1/cmdline")
# With a double slash, find visits these first and last, and each of them once.
_FIRST, _LAST = "/proc/1//wchan", "/proc/1//cmdline"
_WANTED = ("-path", "/proc/[0-9]*/status", "-o", "-path", _FIRST, "-o", "-path", _LAST)
# Each only reads files, and none needs a shell. The first shows every process, the others only PID 1.
READERS = (
    ("find", _FIRST, "/proc", _LAST, "-maxdepth", "2", "(", *_WANTED, ")", "-exec", "cat", "{}", "+"),
    ("cat", *_OF_PID_1),
    ("head", "-qc", "8192", *_OF_PID_1),
    ("grep", "-ah", "", *_OF_PID_1),
    ("busybox", "cat", *_OF_PID_1),
)
NO_READER = "no reader in the image (find, cat, head, grep, busybox)"


def read_evidence(
    api: Api, snapshot: Snapshot, asked: frozenset[str], rules: Sequence[Rule], now: Callable[[], float]
) -> Evidence:
    """Read evidence from running pods, as far as it is asked for. `now` in seconds since the epoch.

    What cannot be read is recorded with the reason, and the rules that need it are not evaluated there.
    """
    evidence = Evidence(asked, at=now())
    if not asked or not any(rule.observes for rule in rules):
        return evidence
    by_namespace: dict[str, list[Workload]] = defaultdict(list)
    for workload in snapshot.workloads:
        by_namespace[workload.namespace].append(workload)
    jobs = sorted(by_namespace.items())

    def read(job: tuple[str, list[Workload]]) -> None:
        try:
            with barrier():
                _read_namespace(api, evidence, *job)
        except Unreadable as error:
            for source in (STATUS, EVENTS, EXEC):
                evidence.refused[source, job[0]] = f"pods or events cannot be read: {error.reason}"

    for _done in concurrently(read, jobs):
        pass
    if EXEC in asked:
        _read_processes(api, evidence, snapshot.workloads)
    return evidence


def _read_namespace(api: Api, evidence: Evidence, namespace: str, workloads: Sequence[Workload]) -> None:
    listed = _list(api, evidence, POD, namespace, (STATUS, EVENTS, EXEC))
    by_key = {workload.key: Seen() for workload in workloads}
    evidence.seen |= by_key
    owners = {}
    for obj in listed:
        key = key_of_maker(obj) or ""
        if key in by_key:
            by_key[key].pods += pods.read_pods([obj])
        owners[str(obj["metadata"].get("name"))] = key
    if EVENTS in evidence.asked and (EVENTS, namespace) not in evidence.refused:
        found = events.read_events(_list(api, evidence, EVENT, namespace, (EVENTS,)))
        assigned = assign({event.pod for event in found}, workloads, owners)
        for event in found:
            key = assigned.get(event.pod, "")
            if key in by_key:
                by_key[key].events.append(event)


def _list(api: Api, evidence: Evidence, resource: Resource, namespace: str, lost: tuple[str, ...]) -> list[Obj]:
    """The objects; if that is forbidden, the sources in `lost` are recorded as refused."""
    trim, query = (events.trim, _OF_PODS) if resource is EVENT else (pods.trim, ())
    try:
        what = f"list {resource.plural} in namespace {namespace}"
        return api.objects(resource.path(namespace), what, trim, query)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        for source in lost:
            evidence.refused[source, namespace] = refusal(f"list {resource.plural}", error.status)
        return []


def _read_processes(api: Api, evidence: Evidence, workloads: Sequence[Workload]) -> None:
    """Read the processes in the containers of one ready pod of each workload, by name, up to EXEC_LIMIT."""
    reader = _ProcReader(api, evidence)
    jobs = [
        (workload, container, pod)
        for workload in sorted(workloads, key=lambda one: one.identity)
        for container, pod in _targets(evidence, workload)
    ]
    for (workload, container, _pod), look in zip(jobs, concurrently(lambda job: reader.look(*job), jobs), strict=True):
        if look:
            evidence.of(workload).looks[container.name] = look
    evidence.execs = reader.sent


def _targets(evidence: Evidence, workload: Workload) -> Iterator[tuple[Container, PodState]]:
    pod = pods.representative(evidence.of(workload).pods)
    if pod is None or not workload.application_is_pid1:
        return
    for container in workload.containers:
        if pod.running_for(container.name, evidence.at) is not None:
            yield container, pod


class _ProcReader:
    """Sends the execs. `sent` counts them; a namespace that forbids the first gets no more."""

    def __init__(self, api: Api, evidence: Evidence):
        self.sent = 0
        self._api = api
        self._evidence = evidence
        self._lock = threading.Lock()

    def look(self, workload: Workload, container: Container, pod: PodState) -> Look | None:
        """The processes of one container; None if its namespace forbids it."""
        signal = pod.containers[container.name].stop_signal or container.stop_signal
        seconds = pod.running_for(container.name, self._evidence.at) or 0.0
        absent = 0
        for command in READERS:
            if (EXEC, workload.namespace) in self._evidence.refused:
                return None
            if not self._may_send():
                return Look(None, f"{EXEC_LIMIT} execs were sent, the limit for one run: select fewer workloads")
            try:
                done = self._api.execute(workload.namespace, pod.name, container.name, command)
            except ApiError as error:
                if error.status != 403:
                    return Look(None, f"its processes could not be read ({error.status})")
                reason = "forbidden: cannot exec into pods (403): needs get and create on pods/exec"
                self._evidence.refused[EXEC, workload.namespace] = reason
                return None
            except Unreachable as error:
                if not error.passing:
                    self._evidence.refused[EXEC, workload.namespace] = self._api.reason(error)
                    return None
                return Look(None, "its processes could not be read: no response, or none in time")
            absent += done.absent
            processes = read_processes(done.output, everything=command is READERS[0])
            if processes:
                return Look(processes, stop_signal=signal, seconds=seconds)
            if not done.absent and command is not READERS[0]:
                return Look(None, "the tools in its image show no processes")
        return Look(None, NO_READER, bare=absent == len(READERS))

    def _may_send(self) -> bool:
        with self._lock:
            if self.sent >= EXEC_LIMIT:
                return False
            self.sent += 1
            return True
