# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trace as plain data: graceful.termination/trace/v1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.ends import (
    FAILED,
    NO_HOOK,
    OVERRAN,
    PROXY,
    RESOLUTION,
    SIDECAR,
    WORKED,
    End,
    read_ends,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import History, seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import TraceOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import Seen
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.steps import Step, timeline
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import Request
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.verdict import (
    CAUSES,
    CLEAN,
    UNKNOWN,
    Cause,
    conclude,
)

SCHEMA = "graceful.termination/trace/v1"
COMPLETE, TIMEOUT, INTERRUPTED, FAILURE = "complete", "timeout", "interrupted", "error"


@dataclass(frozen=True)
class Outcome:
    """How the recording ended: one of the four states, and why. `seen` is everything until then."""

    status: str
    reason: str
    seen: Sequence[Seen]
    request: Request | None
    unseen: Mapping[str, str]


def document(target: Target, options: TraceOptions, outcome: Outcome, cluster: str, requests: int) -> dict[str, Any]:
    """The trace. `cluster` names the API server; `requests` were sent to it. Raises Unreadable."""
    history = History(outcome.seen, outcome.request, target.workload.kind if target.workload else "")
    ends = read_ends(target.pod, history)
    causes = conclude(ends, history, outcome.unseen) if history.marked else []
    spec = target.pod["spec"]
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "generated_at": _time(history.zero),
        "cluster": cluster,
        "requests": requests,
        "status": outcome.status,
        "reason": outcome.reason,
        "mode": options.mode,
        "pod": {
            "namespace": target.namespace,
            "name": target.name,
            "uid": target.uid,
            "node": spec.get("nodeName"),
            "workload": target.workload.key if target.workload else None,
            "chosen": target.chosen,
            "services": list(target.services or ()),
            "grace": history.grace if history.grace is not None else spec.get("terminationGracePeriodSeconds"),
        },
        "verdict": _verdict(causes),
        "causes": [asdict(cause) for cause in causes],
        "derived": _derived(ends, history),
        "notes": _notes(ends, history, target),
        "steps": [_step(step, history) for step in timeline(ends, history, outcome.unseen)],
        "containers": [_container(end) for end in ends],
        "ephemeral": _ephemeral(ends, history),
        "events": [
            {"seconds": _rounded(entry.at - history.zero)}
            | {key: value for key, value in entry.obj.items() if key != "uid"}
            for entry in history.events
        ],
        "clock": _clock(history),
        "not_observed": [{"watch": name, "reason": reason} for name, reason in sorted(outcome.unseen.items())],
    }


def file_name(namespace: str, name: str, suffix: str, kind: str = "trace") -> str:
    """Such as trace-shop-checkout-7d4b.json. Nothing in a name leads out of the folder."""
    safe = (re.sub(r"[^A-Za-z0-9._-]", "_", part)[:100] for part in (namespace, name))
    return f"{kind}-{'-'.join(safe)}.{suffix}"


def _verdict(causes: Sequence[Cause]) -> dict[str, Any]:
    if not causes:
        return {"cause": None, "level": UNKNOWN, "container": "", "title": "no stop was seen", "text": ""}
    first = causes[0]
    if first.id == CLEAN and len(causes) > 1:
        text = f"all {len(causes)} containers ended cleanly"
        return {"cause": CLEAN, "level": first.level, "container": "", "title": CAUSES[CLEAN], "text": text}
    return {
        "cause": first.id,
        "level": first.level,
        "container": first.container,
        "title": CAUSES[first.id],
        "text": first.text,
    }


def _derived(ends: Sequence[End], history: History) -> dict[str, Any]:
    """Seconds unless it says percent; None is unknown. API times are exact to a second."""
    grace = history.grace
    stopped = [end for end in ends if end.seconds is not None and end.role != SIDECAR]
    last = max((end.seconds or 0.0 for end in stopped), default=None)
    tails = [end.seconds for end in ends if end.seconds is not None and end.role == SIDECAR]
    all_last = max([*tails, *([last] if last is not None else [])], default=None)
    away = [departure.unready for departure in history.departures]
    replaced = history.replacement
    ready = replaced[2] if replaced else None
    return {
        "deregistration_seconds": _rounded(max(change.arrival for change in away if change))
        if away and all(away)
        else None,
        "grace_seconds": grace,
        "grace_used_seconds": all_last,
        "grace_used_percent": round(100 * all_last / grace) if all_last is not None and grace else None,
        "end_reported_seconds": _rounded(history.all_ended.arrival) if history.all_ended else None,
        "margin_seconds": grace - all_last if all_last is not None and grace is not None else None,
        "sidecar_tail_seconds": max(0.0, max(tails) - last) if tails and last is not None else None,
        "cleanup_seconds": _rounded(history.deleted.arrival - history.all_ended.arrival)
        if history.deleted and history.all_ended
        else None,
        "removed_seconds": _rounded(history.deleted.arrival) if history.deleted else None,
        "replacement_ready_seconds": _rounded(ready.arrival) if ready else None,
    }


def _notes(ends: Sequence[End], history: History, target: Target) -> list[str]:
    """Further remarks about this stop."""
    notes = []
    if target.blind:
        notes.append(f"whether it was the last endpoint was decided by the pods of its workload: {target.blind}")
    notes += [
        f"Service {departure.service} sent it new requests to the end: publishNotReadyAddresses"
        for departure in history.departures
        if departure.kept
    ]
    main = [end for end in ends if end.role != SIDECAR and not end.before]
    if history.departures and any(_races(end, history, main) for end in main if end.role != PROXY):
        notes.append(
            "SIGTERM came before all proxies and load balancers knew that the endpoint was removed: requests may "
            "have reached a server that was already stopping; a preStop delay prevents that"
        )
    proxies = [end for end in main if end.role == PROXY and end.seconds is not None]
    others = [end.seconds for end in main if end.role != PROXY and end.seconds is not None]
    notes += [
        f"{end.name} ended {max(others) - end.seconds:g} s before the application, which had no network from then on"
        for end in proxies
        if others and end.seconds is not None and max(others) - end.seconds > 1
    ]
    stops: dict[str, int] = {}
    for entry in {entry.obj["uid"]: entry for entry in history.events if entry.obj.get("reason") == "Killing"}.values():
        stops[entry.obj["fieldPath"]] = stops.get(entry.obj["fieldPath"], 0) + (entry.obj.get("count") or 1)
    if any(count > 1 for count in stops.values()):
        notes.append(
            "event Killing came more than once: the kubelet started to stop the same container again, as after its "
            "own restart or while it was busy; the hook may have run more than once"
        )
    return notes + [
        f"ephemeral container {entry['name']} ended {entry['after_seconds']:g} s after the last container and delayed "
        "cleanup and removal of the pod by that; all other times are unaffected"
        for entry in _ephemeral(ends, history)
        if (entry["after_seconds"] or 0) > RESOLUTION
    ]


def _ephemeral(ends: Sequence[End], history: History) -> list[dict[str, Any]]:
    """Ephemeral containers, which no other count includes: by how much each outlived the last of the others."""
    last = max((seconds_of(end.finished_at) or 0.0 for end in ends), default=0.0)
    found = []
    for name, finished_at in history.ephemeral.items():
        finished = seconds_of(finished_at)
        after = finished - last if finished is not None and last else None
        found.append({"name": name, "finished_at": finished_at or None, "after_seconds": after})
    return found


def _races(end: End, history: History, others: Sequence[End]) -> bool:
    """Whether SIGTERM, without a delay before it, ended a container that serves requests."""
    if not (end.container.ports or "readinessProbe" in end.container.probes or len(others) == 1):
        return False
    return end.hook in (NO_HOOK, FAILED) and end.seconds is not None and end.seconds < (history.grace or 0) - 1


def _step(step: Step, history: History) -> dict[str, Any]:
    entry = asdict(step)
    entry["seconds"] = _rounded(step.seconds) if step.seconds is not None else None
    entry["at"] = _time(history.zero + step.seconds) if step.seconds is not None else None
    return entry


def _container(end: End) -> dict[str, Any]:
    handler = end.container.pre_stop
    return {
        "name": end.name,
        "id": end.container_id or None,
        "role": end.role,
        "prestop": {
            "kind": handler.kind if handler else None,
            "declared_seconds": end.hook_time.seconds if handler else None,
            "exact": end.hook_time.exact,
            "result": end.hook,
            "effective": {WORKED: True, FAILED: False, OVERRAN: False}.get(end.hook),
        },
        "ended_before": end.before,
        "exit_code": end.exit_code,
        "reason": end.reason or None,
        "finished_at": end.finished_at or None,
        "seconds": end.seconds,
        "drain_seconds": _rounded(end.drain_seconds) if end.drain_seconds is not None else None,
        "result": end.judged[0],
        "evidence": end.judged[1],
    }


def _clock(history: History) -> dict[str, Any] | None:
    """By how much the API server's clock is ahead of the client's: its request time is in whole seconds."""
    if history.request is None or history.requested is None:
        return None
    minimum, maximum = history.requested - history.request.answered_at, history.requested + 1 - history.request.sent_at
    return {"ahead_at_least_seconds": _rounded(minimum), "ahead_at_most_seconds": _rounded(maximum)}


def _rounded(seconds: float) -> float:
    return round(seconds, 3)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
