# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of pods. They are kept for about an hour, and not all of them under load: none seen proves nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable, get, get_map
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import epoch

KILLING, HOOK_FAILED = "Killing", "FailedPreStopHook"
HTTP_FALLBACK, EXCEEDED = "LifecycleHTTPFallback", "ExceededGracePeriod"
REASONS = (KILLING, HOOK_FAILED, HTTP_FALLBACK, EXCEEDED)
_CONTAINER = re.compile(r"spec\.(?:initContainers|containers)\{([a-z0-9-]{1,63})\}")


@dataclass(frozen=True, slots=True)
class PodEvent:
    """One of REASONS. `container` is empty for the pod as a whole; `last` is in seconds since the epoch, if known."""

    reason: str
    pod: str
    container: str
    count: int
    last: float | None


def trim(event: Obj) -> Obj:
    """The event, trimmed to what is needed: above all without its text."""
    kept = ("reason", "count", "lastTimestamp", "eventTime", "series", "involvedObject")
    return {key: event[key] for key in kept if key in event}


def read_events(objects: Iterable[Obj]) -> list[PodEvent]:
    """Those of REASONS that can be read."""
    found = []
    for obj in objects:
        try:
            event = _read(obj)
        except Unreadable:
            continue
        if event.reason in REASONS:
            found.append(event)
    return found


def _read(obj: Obj) -> PodEvent:
    about, series = get_map(obj, "involvedObject", ""), get_map(obj, "series", "")
    match = _CONTAINER.fullmatch(get(about, "fieldPath", str, "involvedObject", ""))
    times = [obj.get("lastTimestamp"), series.get("lastObservedTime"), obj.get("eventTime")]
    return PodEvent(
        reason=get(obj, "reason", str, "", ""),
        pod=get(about, "name", str, "involvedObject", ""),
        container=match[1] if match else "",
        count=get(obj, "count", int, "", 0) or get(series, "count", int, "series", 0) or 1,
        last=next((time for time in map(epoch, map(str, filter(None, times))) if time is not None), None),
    )
