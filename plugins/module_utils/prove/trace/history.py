# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the moments that count in what the watches recorded. Times of arrival are seconds since `zero`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import (
    ENDPOINTS,
    EVENTS,
    POD,
    REPLACEMENT,
    Seen,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import Request

_OWN = 1.0  # seconds: a slower request was retried, and its start means nothing


def seconds_of(text: Any) -> float | None:
    """A time of the API in seconds since the epoch; None if there is none or it cannot be read."""
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a watch recorded, `arrival` seconds after zero. `api` is the object's own time, 1 s exact."""

    arrival: float
    api: str | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """How one Service lost the pod as an endpoint. `kept`: it was marked as terminating and stayed ready."""

    service: str
    unready: Change | None
    unserving: Change | None
    kept: bool


@dataclass(frozen=True)
class History:
    """Everything that was recorded of one pod.

    `request` is None if another client, such as a controller, deleted it; `kind` is that of its workload, if any.
    """

    seen: Sequence[Seen]
    request: Request | None = None
    kind: str = ""

    @cached_property
    def _pod(self) -> list[Seen]:
        return [entry for entry in self.seen if entry.watch == POD]

    @cached_property
    def _marked(self) -> Seen | None:
        return self._first(self._pod, lambda obj: bool(obj["metadata"].get("deletionTimestamp")))

    @cached_property
    def zero(self) -> float:
        """The start: when the request was sent, or when the deletionTimestamp was seen; seconds since the epoch."""
        if self.request and self.request.answered_at - self.request.sent_at <= _OWN:
            return self.request.sent_at
        if self._marked:
            return self._marked.at
        return self.request.sent_at if self.request else self.seen[0].at if self.seen else 0.0

    @cached_property
    def grace(self) -> int | None:
        """The grace period that the pod got, in seconds."""
        value = self._marked.obj["metadata"].get("deletionGracePeriodSeconds") if self._marked else None
        return value if isinstance(value, int) else None

    @cached_property
    def requested(self) -> float | None:
        """When the API server received the request, by its clock and to a whole second: the end of grace less grace."""
        end = seconds_of(self._marked.obj["metadata"]["deletionTimestamp"]) if self._marked else None
        return None if end is None or self.grace is None else end - self.grace

    @property
    def deletion(self) -> str:
        """The first deletionTimestamp, when the grace period ends; empty if none was seen."""
        return str(self._marked.obj["metadata"]["deletionTimestamp"]) if self._marked else ""

    @property
    def marked(self) -> Change | None:
        """The pod has a deletionTimestamp."""
        return self._change(self._marked)

    @property
    def shortened(self) -> int | None:
        """A later and shorter grace period; zero is how the kubelet removes the object, unless it is the first one."""
        later = (entry.obj["metadata"].get("deletionGracePeriodSeconds") for entry in self._after)
        return next((value for value in later if isinstance(value, int) and 0 < value < (self.grace or 0)), None)

    @cached_property
    def _after(self) -> list[Seen]:
        """The pod from its deletionTimestamp on."""
        return [entry for entry in self._pod if self._marked and entry.at >= self._marked.at]

    @property
    def acknowledged(self) -> Change | None:
        """The kubelet has seen the deletionTimestamp."""
        wanted = self._marked.obj["metadata"].get("generation") if self._marked else None
        if wanted is None:
            return None
        return self._change(
            self._first(self._after, lambda obj: (obj["status"].get("observedGeneration") or 0) >= wanted)
        )

    @property
    def unready(self) -> Change | None:
        """The pod was no longer ready, while its containers still ran."""
        ended = self.all_ended
        found = self._change(self._first(self._after, lambda obj: _condition(obj, "Ready") == "False"))
        return found if found and (ended is None or found.arrival < ended.arrival) else None

    @property
    def all_ended(self) -> Change | None:
        """When the ends of all containers were reported: the kubelet does that once, after the last one."""
        return self._change(self._first(self._after, _all_ended))

    @property
    def sandbox_gone(self) -> Change | None:
        """The pod's network and namespaces are released."""
        return self._change(
            self._first(self._after, lambda obj: _condition(obj, "PodReadyToStartContainers") == "False")
        )

    @property
    def deleted(self) -> Change | None:
        """The object was deleted."""
        return self._change(next((entry for entry in self._pod if entry.type == "DELETED"), None))

    @property
    def phase(self) -> str:
        """The last one that was seen."""
        return str(self._pod[-1].obj["status"].get("phase") or "") if self._pod else ""

    @property
    def disruption(self) -> str:
        """The reason of the condition DisruptionTarget: who stopped the pod."""
        for entry in reversed(self._after):
            for condition in entry.obj["status"]["conditions"]:
                if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
                    return str(condition.get("reason") or "")
        return ""

    def ended(self, container: str) -> dict[str, Any] | None:
        """The last reported end of a container: exitCode, reason, startedAt, finishedAt."""
        for entry in reversed(self._after):
            for status in (*entry.obj["status"]["containerStatuses"], *entry.obj["status"]["initContainerStatuses"]):
                if status["name"] == container and status["terminated"]:
                    return dict(status["terminated"])
        return None

    @cached_property
    def ephemeral(self) -> dict[str, str]:
        """When each ephemeral container ended, as last reported; empty if it was not. No other count includes them."""
        if not self._pod:
            return {}
        # Recordings of earlier versions do not have them.
        statuses = self._pod[-1].obj["status"].get("ephemeralContainerStatuses") or ()
        return {entry["name"]: str((entry["terminated"] or {}).get("finishedAt") or "") for entry in statuses}

    @cached_property
    def events(self) -> list[Seen]:
        """The events after zero."""
        return [entry for entry in self.seen if entry.watch == EVENTS and entry.type in ("ADDED", "MODIFIED")]

    @property
    def repeats(self) -> dict[str, int]:
        """How often each reason occurred since zero; the count of an event includes repetitions before."""
        counts: dict[str, int] = {}
        for entry in {entry.obj["uid"]: entry for entry in self.events}.values():
            before = next(
                (old for old in self.seen if old.type == "LISTED" and old.obj.get("uid") == entry.obj["uid"]), None
            )
            times = (entry.obj.get("count") or 1) - ((before.obj.get("count") or 1) if before else 0)
            reason = str(entry.obj.get("reason"))
            counts[reason] = counts.get(reason, 0) + max(times, 1)
        return counts

    def event(self, reason: str, container: str) -> Change | None:
        """The first event of that reason about a container."""
        for entry in self.events:
            if entry.obj.get("reason") == reason and f"{{{container}}}" in entry.obj["fieldPath"]:
                api = entry.obj.get("lastTimestamp") or entry.obj.get("eventTime")
                return Change(entry.at - self.zero, api)
        return None

    @property
    def departures(self) -> list[Departure]:
        """By Service. Of several slices, such as one for each address family, the last one counts."""
        services = sorted({str(entry.obj["service"]) for entry in self.seen if _holds_pod(entry)})
        return [self._departure(service) for service in services]

    def _departure(self, service: str) -> Departure:
        mine = [entry for entry in self.seen if entry.watch == ENDPOINTS and entry.obj["service"] == service]
        slices = sorted({str(entry.obj["metadata"]["uid"]) for entry in mine if _holds_pod(entry)})
        unready, unserving, kept = [], [], False
        for uid in slices:
            changes = [entry for entry in mine if entry.obj["metadata"]["uid"] == uid and entry.type != "LISTED"]
            unready.append(next((entry for entry in changes if not _any(entry, "ready")), None))
            unserving.append(next((entry for entry in changes if not _any(entry, "serving")), None))
            kept |= any(
                condition.get("terminating") is True and condition.get("ready") is True
                for entry in changes
                for condition in entry.obj["endpoints"]
            )
        return Departure(service, self._last(unready), self._last(unserving), kept)

    @property
    def replacement(self) -> tuple[str, Change, Change | None] | None:
        """(name, when it appeared, when it was ready): of its replacements the first to be ready.

        In a rolling restart it may exist before the pod is stopped: then its times are negative.
        """
        added = [entry for entry in self.seen if entry.watch == REPLACEMENT and entry.type == "ADDED"]
        added = [entry for entry in added if self._stands_in(entry)]
        found = []
        for entry in added:
            ready = next((later for later in self._same(entry) if later.obj["ready"]), None)
            found.append((entry, ready))
        if not found:
            return None
        entry, ready = min(found, key=lambda pair: pair[1].at if pair[1] else float("inf"))
        return (
            str(entry.obj["name"]),
            Change(entry.at - self.zero, entry.obj.get("creationTimestamp")),
            self._change(ready),
        )

    def _stands_in(self, entry: Seen) -> bool:
        """Whether a new pod replaces this one: some kinds replace their pods one by one."""
        if self.kind == "StatefulSet":
            return bool(self._pod) and entry.obj["name"] == self._pod[0].obj["metadata"]["name"]
        return self.kind != "DaemonSet" or (self._marked is not None and entry.at >= self._marked.at)

    def _same(self, entry: Seen) -> Iterator[Seen]:
        for later in self.seen:
            if later.watch == entry.watch and later.obj["uid"] == entry.obj["uid"] and later.type != "DELETED":
                yield later

    def _first(self, entries: Sequence[Seen], wanted: Callable[[dict[str, Any]], bool]) -> Seen | None:
        return next((entry for entry in entries if wanted(entry.obj)), None)

    def _change(self, entry: Seen | None) -> Change | None:
        return None if entry is None else Change(entry.at - self.zero)

    def _last(self, entries: Sequence[Seen | None]) -> Change | None:
        """The latest of them; None if one is missing."""
        known = [entry for entry in entries if entry is not None]
        return self._change(max(known, key=lambda entry: entry.at)) if known and len(known) == len(entries) else None


def _holds_pod(entry: Seen) -> bool:
    return entry.watch == ENDPOINTS and bool(entry.obj["endpoints"])


def _any(entry: Seen, condition: str) -> bool:
    """Whether the pod still has this condition in a slice; a missing condition counts as true."""
    return entry.type != "DELETED" and any(each.get(condition) is not False for each in entry.obj["endpoints"])


def _condition(obj: dict[str, Any], kind: str) -> str | None:
    return next((str(entry.get("status")) for entry in obj["status"]["conditions"] if entry.get("type") == kind), None)


def _all_ended(obj: dict[str, Any]) -> bool:
    statuses = obj["status"]["containerStatuses"]
    return bool(statuses) and all(status["terminated"] for status in statuses)
