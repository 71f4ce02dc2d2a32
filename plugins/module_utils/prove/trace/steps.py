# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nine steps of a termination, each with its times, or with the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.ends import (
    CUT,
    FAILED,
    NO_HOOK,
    OVERRAN,
    SIDECAR,
    WORKED,
    End,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import Change, Departure, History
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import (
    ENDPOINTS,
    EVENTS,
    REPLACEMENT,
)

OBSERVED, APPROXIMATE, DERIVED, INFERRED = "observed", "approximate", "derived", "inferred"
NOT_OBSERVED, NOT_OBSERVABLE = "not observed", "not observable"
SERVER, NODE, CONTROLLER = "API server", "node", "controller"


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the timeline. `step` is 1 to 9, or 0 for the replacement; `subject` a container, a Service or a pod.

    `seconds` since the start: of arrival if observed, else derived. `api_time` is the object's own time,
    exact to a second, by `clock`.
    """

    step: int
    name: str
    how: str
    seconds: float | None = None
    subject: str = ""
    api_time: str | None = None
    clock: str = ""
    note: str = ""


def timeline(ends: Sequence[End], history: History, unseen: Mapping[str, str]) -> list[Step]:
    """In the order of the steps, not of the times: several of them run in parallel."""
    return [
        *_request(history),
        *_removal(history, unseen),
        *(step for end in ends if not end.before for step in _hook(end, unseen)),
        *(step for end in ends if not end.before for step in _signal(end, ends, history.grace)),
        *(step for end in ends for step in _ended(end, history)),
        _kill(ends, history),
        *_release(history),
        _events(history, unseen),
        *_removed(history),
        *_replacement(history, unseen),
    ]


def _observed(step: int, name: str, change: Change | None, missing: str, **more: str) -> Step:
    if change is None:
        return Step(step, name, NOT_OBSERVED, note=missing, subject=more.get("subject", ""))
    return Step(step, name, OBSERVED, change.arrival, **more)


def _request(history: History) -> Iterator[Step]:
    note = f"condition DisruptionTarget, {history.disruption}" if history.disruption else ""
    if history.shortened:
        note = "; ".join(filter(None, (note, f"the grace period was shortened to {history.shortened} s later")))
    yield Step(
        1,
        "deletion requested",
        OBSERVED if history.marked else NOT_OBSERVED,
        history.marked.arrival if history.marked else None,
        api_time=_utc(history.requested),
        clock=SERVER if history.marked else "",
        note=note if history.marked else "the pod was never marked for deletion",
    )
    yield _observed(
        1, "kubelet has seen it", history.acknowledged, "the kubelet reports no observedGeneration before 1.34"
    )


def _removal(history: History, unseen: Mapping[str, str]) -> Iterator[Step]:
    departures = history.departures
    if not departures:
        reason = unseen.get(ENDPOINTS, "no Service sends requests to it")
        yield Step(2, "endpoint not ready", NOT_OBSERVED, note=reason)
    for departure in departures:
        yield from _departure(departure)
    yield Step(
        2,
        "proxies and balancers follow",
        NOT_OBSERVABLE,
        note="each at its own pace; only requests show it",
    )


def _departure(departure: Departure) -> Iterator[Step]:
    missing = (
        "it stayed ready while terminating (publishNotReadyAddresses): new requests arrive until it is removed"
        if departure.kept
        else "no change of its EndpointSlice was seen"
    )
    note = "it stayed ready until then (publishNotReadyAddresses)" if departure.kept else ""
    yield _observed(2, "endpoint not ready", departure.unready, missing, subject=departure.service, note=note)
    missing = "it stayed true: the pod was ready to the end"
    yield _observed(2, "endpoint not serving", departure.unserving, missing, subject=departure.service)


def _hook(end: End, unseen: Mapping[str, str]) -> Iterator[Step]:
    name = "stop begins" if end.hook == NO_HOOK else "stop and preStop begin"
    if end.killing is None:
        missing = unseen.get(EVENTS, "no event Killing arrived; events are rate-limited, so that proves nothing")
        yield Step(3, name, NOT_OBSERVED, subject=end.name, note=missing)
    else:
        yield Step(3, name, APPROXIMATE, end.killing.arrival, end.name, end.killing.api, NODE, "event Killing")
    if end.hook == NO_HOOK:
        return
    hook = end.hook_time
    if end.hook in (FAILED, OVERRAN) and end.hook_failed is not None:
        note = "event FailedPreStopHook" + (": it was cut off with its container" if end.hook == OVERRAN else "")
        failed = end.hook_failed
        yield Step(3, "preStop failed", APPROXIMATE, failed.arrival, end.name, failed.api, NODE, note)
    elif end.hook == OVERRAN:
        yield Step(3, "preStop ends", INFERRED, subject=end.name, note="it was cut off at the end of the grace period")
    elif end.hook == WORKED and end.killing is not None:
        at = end.killing.arrival + hook.seconds
        yield Step(3, "preStop ends", DERIVED, at, end.name, note=f"{hook.source}: {hook.seconds} s")
    elif end.hook == CUT:
        yield Step(3, "preStop ends", INFERRED, subject=end.name, note="its container ended first")
    else:
        note = "no failure was reported; the end of a successful hook is never reported"
        yield Step(3, "preStop ends", NOT_OBSERVABLE, subject=end.name, note=note)


def _signal(end: End, ends: Sequence[End], grace: int | None) -> Iterator[Step]:
    if end.role == SIDECAR:
        last = [other for other in ends if other.role != SIDECAR]
        note = f"after the last of {len(last)} other containers" if last else ""
        yield Step(4, "SIGTERM", NOT_OBSERVABLE, subject=end.name, note=note)
    elif end.hook == OVERRAN and end.killing is not None and grace is not None:
        at = end.killing.arrival + grace
        yield Step(4, "SIGTERM", DERIVED, at, end.name, note="at the end of the grace period, which the hook used up")
    elif end.killing is None or end.hook_seconds is None:
        yield Step(4, "SIGTERM", NOT_OBSERVABLE, subject=end.name, note="after preStop, whose end is unknown")
    else:
        at = end.killing.arrival + end.hook_seconds
        yield Step(4, "SIGTERM", DERIVED, at, end.name, note="no event reports it")


def _ended(end: End, history: History) -> Iterator[Step]:
    if end.before:
        yield Step(5, "container ended", NOT_OBSERVED, subject=end.name, note="it had ended before the request")
        return
    if end.exit_code is None:
        yield Step(5, "container ended", NOT_OBSERVED, subject=end.name, note=end.judged[1])
        return
    # The statuses of all containers arrive together, after the last one has ended.
    arrival = history.all_ended.arrival if history.all_ended else None
    note = end.judged[1] if end.role != SIDECAR else f"exit code {end.exit_code}: any is normal for a native sidecar"
    yield Step(5, "container ended", OBSERVED, arrival, end.name, end.finished_at or None, NODE, note)


def _kill(ends: Sequence[End], history: History) -> Step:
    killed = [end for end in ends if end.exit_code == 137 and not end.before]
    at_grace = [end for end in killed if end.seconds is not None and end.seconds >= (history.grace or 0) - 1]
    if at_grace:
        last = max(at_grace, key=lambda end: end.seconds or 0.0)
        names = ", ".join(end.name for end in at_grace)
        return Step(
            6, "SIGKILL", INFERRED, last.seconds, names, last.finished_at, NODE, "exit code 137 at the end of grace"
        )
    if any(end.exit_code is None and not end.before for end in ends):
        return Step(6, "SIGKILL", NOT_OBSERVED, note="unknown how all containers ended")
    if killed:
        names = ", ".join(end.name for end in killed)
        return Step(6, "SIGKILL", INFERRED, subject=names, note="exit code 137, but not at the end of the grace period")
    return Step(6, "SIGKILL", INFERRED, note="none: no container ended with exit code 137")


def _release(history: History) -> Iterator[Step]:
    missing = "the condition PodReadyToStartContainers did not change: kubelets before 1.29 do not set it"
    yield _observed(7, "sandbox and address released", history.sandbox_gone, missing)
    note = "the object stays until they are"
    yield Step(7, "volumes unmounted", NOT_OBSERVABLE, note=note)


def _events(history: History, unseen: Mapping[str, str]) -> Step:
    if EVENTS in unseen and not history.events:
        return Step(8, "events", NOT_OBSERVED, note=unseen[EVENTS])
    reasons = ", ".join(f"{reason} x{count}" if count > 1 else reason for reason, count in history.repeats.items())
    return Step(8, "events", OBSERVED if reasons else NOT_OBSERVED, note=reasons or "none arrived; that proves nothing")


def _removed(history: History) -> Iterator[Step]:
    yield _observed(
        9,
        "end reported",
        history.all_ended,
        "no status with the containers' ends arrived",
        note=f"phase {history.phase}",
    )
    yield _observed(9, "object removed", history.deleted, "the object was still there when the trace ended")


def _replacement(history: History, unseen: Mapping[str, str]) -> Iterator[Step]:
    found = history.replacement
    if found is None:
        yield Step(0, "replacement", NOT_OBSERVED, note=unseen.get(REPLACEMENT, "no new pod of its workload appeared"))
        return
    name, added, ready = found
    yield Step(0, "replacement appears", OBSERVED, added.arrival, name, added.api, CONTROLLER)
    yield _observed(0, "replacement ready", ready, "it was not ready when the trace ended", subject=name)


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
