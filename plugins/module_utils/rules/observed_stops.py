# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops that left a trace in the status of pods and in their events. That none is seen proves nothing, and the report
says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    PRESTOP_EXEC_SLEEP,
    PRESTOP_REMOVE,
    PRESTOP_SLEEP,
    STUCK_POD,
    TRACE,
    Remedy,
    pause_instead,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import (
    EXCEEDED,
    HOOK_FAILED,
    KILLING,
    PodEvent,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import (
    EVENTS,
    EXEC,
    STATUS,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import PodState, epoch
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import (
    FAILED,
    UNCLEAR,
    judge_exit,
    runs_java,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server

_OVERDUE = 60  # seconds after its grace period within which a node has removed a pod


def _unknown(case: Case, source: str) -> NotEvaluated | None:
    reason = case.why_not_seen(source)
    return NotEvaluated(reason) if reason else None


def _no_stop(case: Case) -> NotEvaluated:
    reason = case.why_not_seen(EVENTS)
    if reason:
        return NotEvaluated(f"the status of its pods shows no stop; events: {reason}")
    return NotEvaluated("no stop of its pods left a trace; stop one with the trace playbook")


def _hook_failed(case: Case) -> Iterator[Hit | NotEvaluated]:
    hooked = [one for one in case.workload.all_containers if one.pre_stop]
    unknown = _unknown(case, EVENTS)
    if not hooked or not case.has_pods:
        return
    if unknown:
        yield unknown
        return
    seen = case.seen
    for container in hooked:
        about = [event for event in seen.events if event.container == container.name]
        failed = [one for one in about if one.reason == HOOK_FAILED and not _is_harmless(one, container, seen.pods)]
        if failed:
            yield _failed_hit(case, container, failed, about)
        elif not any(event.reason in (KILLING, HOOK_FAILED) for event in about):
            yield _no_stop(case)


def _is_harmless(event: PodEvent, container: Container, pods: Sequence[PodState]) -> bool:
    """Whether the hook stopped the server and so ended with it, or came when the container had ended already."""
    if hook_stops_server(container):
        return True
    state = next((pod.containers.get(container.name) for pod in pods if pod.name == event.pod), None)
    ended = epoch(state.ended.finished_at) if state and state.ended else None
    return event.count == 1 and ended is not None and event.last is not None and ended < event.last - 1


def _failed_hit(case: Case, container: Container, failed: Sequence[PodEvent], about: Sequence[PodEvent]) -> Hit:
    grace, kind = case.workload.grace, container.pre_stop.kind if container.pre_stop else ""
    begins = {event.pod: event.last for event in about if event.reason == KILLING and event.last is not None}
    overran = all(
        event.last is not None and event.last - begins.get(event.pod, event.last) >= max(grace, 1) for event in failed
    )
    what = "SIGTERM followed at once, without the delay"
    if overran:
        what = f"it still ran at the end of the grace period of {grace} s, and SIGTERM came only then"
    remedy = pause_instead(case, "only the kubelet log says why the hook fails; its owner must check what it does")
    if container.native_sidecar:
        remedy = Remedy(PRESTOP_REMOVE, "a native sidecar stops after the application: it needs no delay")
    times = sum(event.count for event in failed)
    return Hit(
        f"the preStop hook ({kind}) failed {count(times, 'time')} on {count(len({one.pod for one in failed}), 'pod')} "
        f"within about an hour (event {HOOK_FAILED}): {what}",
        f"{container.path}.lifecycle.preStop",
        remedy,
        container,
        numbers={"failures": times},
    )


def _grace_exceeded(case: Case) -> Iterator[Hit | NotEvaluated]:
    unknown = _unknown(case, STATUS)
    if unknown or not case.has_pods:
        yield from [unknown] if unknown and case.has_pods else []
        return
    stops = case.observed_stops
    for container in case.workload.containers:
        mine = [stop for stop in stops if stop.container == container.name and stop.exceeded]
        if mine:
            grace = mine[0].grace or 0
            where = "restarted in place: " if mine[0].in_place else ""
            yield _killed_hit(
                f"{where}killed at the end of its grace period of {grace} s (exit code 137)", container, grace
            )
    exceeded = [event for event in case.seen.events if event.reason == EXCEEDED]
    if exceeded:
        yield _killed_hit(f"a pod did not end within its grace period (event {EXCEEDED})", None, case.workload.grace)
    if not stops and not exceeded:
        yield _no_stop(case)


def _killed_hit(what: str, container: Container | None, grace: int) -> Hit:
    return Hit(
        f"{what}: what was in flight was cut",
        f"{container.path}.lifecycle" if container else "spec",
        Remedy(
            TRACE,
            "either the application does not handle the stop signal or its drain takes longer; a trace shows which",
        ),
        container,
        numbers={"grace_seconds": grace},
    )


def _unclean(case: Case) -> Iterator[Hit | NotEvaluated]:
    unknown = _unknown(case, STATUS)
    if unknown or not case.has_pods:
        yield from [unknown] if unknown and case.has_pods else []
        return
    stops = case.observed_stops
    if not stops:
        yield _no_stop(case)
    unclear: dict[str, bool] = {}
    for container in case.workload.containers:
        mine = [stop for stop in stops if stop.container == container.name and not stop.exceeded]
        judged = [judge_exit(stop.ended, stop, java=_java(case, container)) for stop in mine]
        unclear |= {why: True for result, why in judged if result == UNCLEAR}
        bad = [
            (stop, why)
            for stop, (result, why) in zip(mine, judged, strict=True)
            if result == FAILED and stop.ended.reason != "OOMKilled"
        ]
        if bad:
            stop, why = bad[-1]
            yield Hit(
                f"its last stop was not clean: {why}",
                f"{container.path}.lifecycle",
                Remedy(TRACE, "its owner must check what the application does when it stops"),
                container,
                numbers={"exit_code": stop.ended.exit_code},
            )
    yield from map(NotEvaluated, unclear)


def _java(case: Case, container: Container) -> bool:
    look = case.look(container)
    return runs_java(container) or bool(look and look.processes and look.processes.program == "java")


def _stuck(case: Case) -> Iterator[Hit | NotEvaluated]:
    now = case.context.observed.evidence.at
    unknown = _unknown(case, STATUS)
    if unknown:
        yield from [unknown] if case.has_pods else []
        return
    overdue = []
    for pod in case.seen.pods:
        over = epoch(pod.deletion)
        if over is not None and now - over > _OVERDUE:
            overdue.append((now - over, pod))
    if not overdue:
        return
    seconds, pod = max(overdue, key=lambda entry: entry[0])
    waits = "; its replacement waits for it" if case.workload.kind == "StatefulSet" else ""
    yield Hit(
        f"the deletion of {count(len(overdue), 'pod')} is {seconds:.0f} s overdue after the grace period, because of "
        f"{_blocker(pod)}{waits}",
        case.workload.pod_path,
        Remedy(STUCK_POD, "remove what blocks the deletion, not the pod"),
        numbers={"pods": len(overdue), "seconds": int(seconds), "finalizers": pod.finalizers},
    )


def _blocker(pod: PodState) -> str:
    if pod.finalizers:
        return f"{count(pod.finalizers, 'finalizer')} not removed yet"
    if pod.lost:
        return "a node that does not report"
    if any(state.since is not None for state in pod.containers.values()):
        return "a container that the node could not kill"
    return "a volume or the node's cleanup: its containers have ended"


RULES = (
    Rule(
        id="prestop-hook-failed",
        title="A preStop hook failed",
        severity="error",
        evidence="runtime",
        why="The kubelet reports a failed hook by an event that never says why, and goes straight to SIGTERM: the "
        "delay did not happen.",
        exceptions=(
            "one failure on a container that had already exited",
            "a hook that stops the server, and so ends with it",
            "events are kept for about an hour: no stop seen is not evaluated",
        ),
        check=_hook_failed,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, PRESTOP_REMOVE),
        by_hand=True,
        seed="nine steps: 8",
        observes=(EVENTS, STATUS),
    ),
    Rule(
        id="grace-period-exceeded",
        title="Containers are killed at the end of their grace period",
        severity="error",
        evidence="runtime",
        why="What was still in flight when SIGKILL came was cut.",
        exceptions=(
            "exit code 137 with reason OOMKilled or ContainerStatusUnknown",
            "137 before the grace period was over, or at an unknown time",
            "native sidecars, for which a non-zero code is normal",
            "a deletion by force or with less time than the workload asks for, or by the kubelet to protect its node",
            "a pod with an ephemeral container, which its stop waits for",
        ),
        check=_grace_exceeded,
        remedies=(TRACE,),
        seed="nine steps: 6",
        observes=(STATUS, EVENTS),
    ),
    Rule(
        id="unclean-exit-code",
        title="The last stop was not clean",
        severity="warning",
        evidence="runtime",
        why="An exit code other than 0 after SIGTERM says that the application did not shut down by itself.",
        exceptions=(
            "143 of a JVM, whose hooks ran; if the runtime is unknown: not evaluated",
            "a container that ended or crashed by itself, without being stopped",
            "native sidecars",
            "OOMKilled",
            "killed at the end of the grace period is grace-period-exceeded",
        ),
        check=_unclean,
        remedies=(TRACE,),
        seed="soul test",
        observes=(STATUS, EVENTS, EXEC),
    ),
    Rule(
        id="pod-stuck-terminating",
        title="A pod is still there long after its grace period",
        severity="error",
        evidence="runtime",
        why="A finalizer, a volume that does not unmount or a lost node blocks its deletion; its replacement may wait "
        "for it.",
        exceptions=(
            "the deletion timestamp already includes the grace period",
            "up to a minute after it, while the node cleans up",
        ),
        check=_stuck,
        remedies=(STUCK_POD,),
        seed="fault 1",
        observes=(STATUS,),
    ),
)
