# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of pods. They are kept for about an hour, and not all of them under load: none seen proves nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable, get, get_map
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pods import epoch
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

KILLING, HOOK_FAILED = "Killing", "FailedPreStopHook"
HTTP_FALLBACK, EXCEEDED = "LifecycleHTTPFallback", "ExceededGracePeriod"
REASONS = (KILLING, HOOK_FAILED, HTTP_FALLBACK, EXCEEDED)
_CONTAINER = re.compile(r"spec\.(?:initContainers|containers)\{([a-z0-9-]{1,63})\}")
_TAIL = "[bcdfghjklmnpqrstvwxz2456789]"  # the letters of the names that Kubernetes makes up
# How the pods of each kind are called, after the workload's name.
_NAMES = {
    "Deployment": rf"-{_TAIL}{{1,10}}-{_TAIL}{{5}}",
    "Rollout": rf"-{_TAIL}{{1,10}}-{_TAIL}{{5}}",
    "ReplicaSet": rf"-{_TAIL}{{5}}",
    "StatefulSet": r"-\d+",
    "DaemonSet": rf"-{_TAIL}{{5}}",
    "CronJob": rf"-\d{{8,}}-{_TAIL}{{5}}",
    "Job": rf"-(?:\d+-)?{_TAIL}{{5}}",
}


@dataclass(frozen=True, slots=True)
class PodEvent:
    """One of REASONS. `container` is empty for the pod as a whole; `last` is in seconds since the epoch, if known."""

    reason: str
    pod: str
    container: str
    count: int
    last: float | None


def lean(event: dict) -> dict:
    """The event without what is not needed of it: its text above all."""
    kept = ("reason", "count", "lastTimestamp", "eventTime", "series", "involvedObject")
    return {key: event[key] for key in kept if key in event}


def read_events(objects: Iterable[dict]) -> list[PodEvent]:
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


def _read(obj: dict) -> PodEvent:
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


def assign(names: Iterable[str], workloads: Sequence[Workload], known: dict[str, str]) -> dict[str, str]:
    """Pod name to workload key, for pods of one namespace. `known` are those that are still there, by their owner.

    A pod that is gone is told by its name, and left out where that fits two workloads.
    """
    patterns = [
        (workload.key, re.compile(re.escape(workload.name) + _NAMES[workload.kind]))
        for workload in workloads
        if workload.kind in _NAMES
    ]
    found = {}
    for name in set(names):
        keys = [known[name]] if name in known else [key for key, pattern in patterns if pattern.fullmatch(name)]
        if len(keys) == 1:
            found[name] = keys[0]
    return found
