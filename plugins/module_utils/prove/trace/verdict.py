# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a container ended as it did: one or more causes, each with evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.ends import (
    CUT,
    FAILED,
    FLOOR,
    OVERRAN,
    RESOLUTION,
    SIDECAR,
    End,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import Change, History
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import EVENTS
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import NOT_OBSERVED, PASSED, UNCLEAR

ERROR, WARNING, INFO, OK, UNKNOWN = "error", "warning", "info", "ok", "unknown"
LEVELS = (ERROR, WARNING, UNKNOWN, INFO, OK)  # the worst first
# The causes, the most specific first: where several apply, the first one is the verdict.
OVERRUN, HOOK_FAILED = "prestop-exceeds-grace", "prestop-failed"
NO_EFFECT, LONG_DRAIN, KILLED = "sigterm-without-effect", "drain-exceeds-grace", "killed-at-grace"
OOM, EARLY, NO_DRAIN, FAILURE = "out-of-memory", "killed-early", "no-drain", "error-exit"
HOOK_CUT, UNSEEN, SLOW, CLEAN = "prestop-cut-short", "not-observed", "slow-drain", "clean"
CAUSES = {
    OVERRUN: "the preStop hook takes longer than the grace period",
    HOOK_FAILED: "the preStop hook failed, so there was no delay",
    NO_EFFECT: "SIGTERM had no effect, as on a PID 1 without a handler",
    LONG_DRAIN: "the drain takes longer than the grace period",
    KILLED: "killed at the end of the grace period",
    OOM: "killed: out of memory",
    EARLY: "killed before the grace period was over",
    NO_DRAIN: "ended by SIGTERM without a drain",
    FAILURE: "exited with an error while stopping",
    HOOK_CUT: "ended before its preStop hook",
    UNSEEN: "its end was observed only in part",
    SLOW: "a clean drain, but a slow one",
    CLEAN: "clean",
}
_ENDED_AT_ONCE = (2, 130, 131, 138, 143, 156)  # signals without a handler, and Go's way of saying so
_NETWORK_PROBES = ("httpGet", "tcpSocket", "grpc")
_SLOW = 0.5  # of what the grace period leaves after the hook
_LOOK = "SigCgt in /proc/1/status of such a pod shows it: without bit 0x4000 there is no handler"


@dataclass(frozen=True, slots=True)
class Cause:
    """One of CAUSES, one of LEVELS, the container, and the evidence in words."""

    id: str
    level: str
    container: str
    text: str


def conclude(ends: Sequence[End], history: History, unseen: Mapping[str, str]) -> list[Cause]:
    """The causes of all containers, the verdict first. How native sidecars end does not matter."""
    found = [
        cause
        for end in ends
        if end.role != SIDECAR and not end.before
        for cause in _causes(end, history, unseen.get(EVENTS, ""))
    ]
    order = list(CAUSES)
    return sorted(found, key=lambda cause: (LEVELS.index(cause.level), order.index(cause.id), cause.container))


def _causes(end: End, history: History, blind: str) -> Iterator[Cause]:
    hook = list(_hook_causes(end, history.grace or 0))
    if not hook and blind and end.container.pre_stop:
        hook = [Cause(UNSEEN, UNKNOWN, end.name, f"unknown whether its preStop hook failed: {blind}")]
    yield from hook
    yield from _end_causes(end, history.grace or 0, history.unready, explained=bool(hook))


def _hook_causes(end: End, grace: int) -> Iterator[Cause]:
    kind = end.container.pre_stop.kind if end.container.pre_stop else ""
    if end.hook == OVERRAN:
        declared = f", declared {end.hook_time.seconds} s," if end.hook_time.seconds else ""
        yield Cause(
            OVERRUN,
            ERROR,
            end.name,
            f"the preStop hook ({kind}){declared} had not ended when the grace period of {grace} s was over: SIGTERM "
            f"came only then, and SIGKILL {FLOOR} s later; there was no time to drain",
        )
    if end.hook == FAILED:
        after = end.hook_failed_after or 0.0
        when = "at once" if after < RESOLUTION else f"after {after:.1f} s"
        why = {
            "exec": "the image has no such program, or it ended with an error",
            "httpGet": "nothing answered at that address",
            "tcpSocket": "the kubelet runs no such hook",
        }.get(kind, "its reason is in the kubelet's log")
        yield Cause(
            HOOK_FAILED,
            ERROR,
            end.name,
            f"the preStop hook ({kind}) failed {when} (event FailedPreStopHook) and SIGTERM followed "
            f"immediately: {why}; the event does not say which",
        )
    if end.hook == CUT:
        yield Cause(
            HOOK_CUT,
            WARNING,
            end.name,
            f"it ended {_about(end.seconds)} after the request, before its preStop hook of {end.hook_time.seconds} s "
            "was over",
        )


def _end_causes(end: End, grace: int, unready: Change | None, *, explained: bool) -> Iterator[Cause]:
    """`explained`: the hook is a cause already, so a clean exit needs none."""
    result, why = end.judged
    if result == NOT_OBSERVED:
        yield Cause(UNSEEN, UNKNOWN, end.name, why)
    elif end.exit_code == 137:
        if end.reason == "OOMKilled":
            yield Cause(OOM, ERROR, end.name, why)
        elif end.seconds is None:
            yield Cause(UNSEEN, UNKNOWN, end.name, "killed (exit code 137) at an unknown time")
        elif end.seconds < grace - RESOLUTION:
            yield Cause(EARLY, ERROR, end.name, f"{why}: by hand, by the node, or because one of its processes was")
        elif end.hook != OVERRAN:
            yield _killed(end, grace, unready)
    elif result == PASSED:
        if not explained:
            yield _passed(end, grace, why)
    elif end.exit_code in _ENDED_AT_ONCE:
        yield Cause(NO_DRAIN, WARNING if result == UNCLEAR else ERROR, end.name, why)
    else:
        yield Cause(FAILURE, ERROR, end.name, why)


def _killed(end: End, grace: int, unready: Change | None) -> Cause:
    """SIGTERM did not end it: the readiness probe, if there is one, shows whether the signal arrived."""
    begin = (
        f"killed (exit code 137) {_about(end.seconds)} after the request, at the end of its grace period of {grace} s"
    )
    sent = end.killing.arrival + end.hook_seconds if end.killing and end.hook_seconds is not None else None
    if unready is not None and sent is not None and unready.arrival >= sent:
        return Cause(
            LONG_DRAIN,
            ERROR,
            end.name,
            f"{begin}; {unready.arrival:.1f} s after the request the pod was no longer ready, so SIGTERM arrived, "
            "but the drain took longer",
        )
    remaining = grace - (end.hook_seconds or 0.0)
    needed = _probe_seconds(end.container.probes.get("readinessProbe"))
    if end.hook_seconds is not None and needed is not None and remaining > needed + RESOLUTION:
        return Cause(
            NO_EFFECT,
            ERROR,
            end.name,
            f"{begin}, and until then it answered its readiness probe: the kernel drops a signal that PID 1 has no "
            f"handler for (a drain that keeps listening looks the same); {_LOOK}",
        )
    return Cause(
        KILLED,
        ERROR,
        end.name,
        f"{begin}: PID 1 has no handler for SIGTERM, or its drain takes longer; {_LOOK}",
    )


def _passed(end: End, grace: int, why: str) -> Cause:
    if end.seconds is None:
        return Cause(CLEAN, OK, end.name, why)
    drain, room = end.drain_seconds, grace - (end.hook_seconds or 0.0)
    share = f"{_about(end.seconds)} after the request, of {grace} s"
    if drain is not None and drain > 2 * RESOLUTION and drain >= _SLOW * room:
        return Cause(
            SLOW,
            INFO,
            end.name,
            f"{why} {share}; its drain used {_about(drain)} of the {room:g} s available: "
            f"after {grace - end.seconds:g} s more it is killed",
        )
    return Cause(CLEAN, OK, end.name, f"{why} {share}")


def _probe_seconds(probe: dict[str, Any] | None) -> float | None:
    """How long a network probe needs to detect that nothing responds; None without one."""
    if not probe or not any(probe.get(kind) for kind in _NETWORK_PROBES):
        return None
    timeout, period, threshold = (probe.get(key) for key in ("timeoutSeconds", "periodSeconds", "failureThreshold"))
    return float((period or 10) * (threshold or 3) + (timeout or 1))


def _about(seconds: float | None) -> str:
    return "at an unknown time" if seconds is None else f"about {seconds:g} s"
