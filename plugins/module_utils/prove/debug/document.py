# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A debug session as plain data: graceful.termination/debug/v1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.changes import timeline
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observed import Observation
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observer import Observer
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.ends import RESOLUTION
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import seconds_of

SCHEMA = "graceful.termination/debug/v1"


def document(
    observer: Observer, seen: Observation, trouble: str, trace: Mapping[str, Any], *, capture: bool
) -> dict[str, Any]:
    """What was seen inside, and the trace of the same stop. Seconds count from the stop, by the node's clock."""
    own = next((entry for entry in trace["ephemeral"] if entry["name"] == observer.name), None)
    after = own["after_seconds"] if own else None
    zero = seen.stop_at
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "generated_at": trace["generated_at"],
        "status": trace["status"],
        "reason": trace["reason"],
        "pod": trace["pod"],
        "observer": {
            "container": observer.name,
            "image": observer.image,
            "target": observer.container,
            "capture": capture,
            "sees": "sockets" if not seen.sees_processes else "all containers" if observer.shared else "the target",
            "ended_after_seconds": after,
            "prolonged": _prolonged(after),
            "text": _effect(after),
            "trouble": trouble,
            "words": seen.words,
        },
        "stop_at": _time(zero) if zero is not None else None,
        "timeline": [
            {**_when(at, zero), "text": text} for at, text in sorted(_entries(observer, seen, trace), key=_first)
        ],
        "looks": [
            {
                **_when(look.at, zero),
                "processes": [asdict(process) for _pid, process in sorted(look.processes.items())],
                "sockets": [
                    {"port": port, "state": state, "count": amount}
                    for (port, state), amount in sorted(
                        look.sockets.items(), key=lambda item: (item[0][0] or 0, item[0][1])
                    )
                ],
            }
            for look in seen.looks
        ],
        "packets": [{**_when(at, zero), "text": text} for at, text in seen.packets],
        "trace": dict(trace),
    }


def _entries(observer: Observer, seen: Observation, trace: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    """What was seen, and how the target ended, as the kubelet reports in whole seconds."""
    yield from timeline(seen)
    (target,) = (entry for entry in trace["containers"] if entry["name"] == observer.container)
    finished = seconds_of(target["finished_at"])
    if finished is not None:
        yield finished, f"container {observer.container} ended in this second: exit code {target['exit_code']}"


def _first(entry: tuple[float, str]) -> float:
    return entry[0]


def _prolonged(after: float | None) -> bool | None:
    """Whether the observer prolonged the stop; None if whole seconds are too coarse to tell."""
    return None if after is None or 0 < after <= RESOLUTION else after > 0


def _effect(after: float | None) -> str:
    if after is None:
        return "its end time is unknown, and so is whether it prolonged the stop"
    if _prolonged(after):
        return f"it ended {after:g} s after the last container of the pod, and prolonged the stop by that much"
    if after > 0:
        return f"it ended {after:g} s after the last container of the pod, and may have prolonged the stop by up to 2 s"
    when = f"{-after:g} s before" if after else "in the same second as"
    return f"it ended {when} the last container of the pod: it did not prolong the stop"


def _when(at: float, zero: float | None) -> dict[str, Any]:
    return {"seconds": round(at - zero, 3) if zero is not None else None, "at": _time(at)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
