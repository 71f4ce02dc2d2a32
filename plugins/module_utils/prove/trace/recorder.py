# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches, opened before the pod is stopped: everything is recorded with its time of arrival."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Query, Unreachable

POD, ENDPOINTS, EVENTS, REPLACEMENT = "pod", "endpoints", "events", "replacement"
WATCH_SECONDS = "50"  # then the server ends a watch and the next one starts: an idle connection may be cut
_REST = 1.0  # seconds after a broken watch
_PATIENCE = 5  # failures in a row

Trim = Callable[[dict[str, Any]], "dict[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one watch received. `at` in seconds since the epoch, by the client's clock; `obj` as trimmed."""

    at: float
    watch: str
    type: str
    obj: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """One watch to open. `trim` reduces an object to the needed fields; it returns None for an object to ignore."""

    name: str
    path: str
    what: str
    query: Query
    trim: Trim


class Clock:
    """The time since the epoch by one clock that never jumps: durations between two of its times are right."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def __call__(self) -> float:
        return self._wall + time.monotonic() - self._steady


@dataclass
class Recorder:
    """What all watches have received. `unseen` maps a watch that fails to the reason."""

    api: Api
    now: Callable[[], float] = field(default_factory=Clock)
    unseen: dict[str, str] = field(default_factory=dict)
    _seen: list[Seen] = field(default_factory=list)
    _last: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _done: threading.Event = field(default_factory=threading.Event)

    def open(self, stream: Stream) -> None:
        """List, then watch. Without the right to, the watch is `unseen`. Other errors raise SourceError.

        A watch starts at the version of the list, so that nothing is missed before it is connected.
        """
        try:
            version = self._read(stream)
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            self.unseen[stream.name] = self.api.reason(error)
            return
        threading.Thread(target=self._follow, args=(stream, version), daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        self._done.set()

    def seen(self) -> list[Seen]:
        """In order of arrival."""
        with self._news:
            return list(self._seen)

    def wait(self, enough: Callable[[list[Seen]], bool], until: float) -> bool:
        """Wait at most until that time for `enough`; False if it never was."""
        with self._news:
            while not enough(list(self._seen)):
                remaining = until - self.now()
                if remaining <= 0:
                    return False
                self._news.wait(min(remaining, 1.0))
            return True

    def _read(self, stream: Stream) -> str:
        page = self.api.get(stream.path, stream.what.format("list"), stream.query)
        items = page.get("items") or []
        present = set()
        for item in items:
            present.add(str(item["metadata"]["uid"]))
            self._take(stream, "LISTED", item)
        # Only after a broken watch: what was deleted in between is no longer in the list.
        with self._news:
            gone = [key for key in self._last if key[0] == stream.name and key[1] not in present]
        for key in gone:
            self._record(stream.name, key[1], "DELETED", self._last[key])
        return str(page["metadata"].get("resourceVersion") or "")

    def _follow(self, stream: Stream, version: str) -> None:
        failures = 0
        while not self._done.is_set():
            query = (
                *stream.query,
                ("resourceVersion", version),
                ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", WATCH_SECONDS),
            )
            try:
                for event in self.api.watch(stream.path, stream.what.format("watch"), query):
                    failures = 0
                    version = str(event["object"]["metadata"]["resourceVersion"])
                    if event["type"] != "BOOKMARK":
                        self._take(stream, event["type"], event["object"])
                continue
            except (ApiError, Unreachable) as error:
                failures += 1
                refused = isinstance(error, ApiError) and error.status < 500 and error.status != 410
                if refused or failures > _PATIENCE:
                    self._lose(stream, error)
                    return
            self._done.wait(_REST)
            try:
                version = self._read(stream)
            except SourceError as error:
                self._lose(stream, error)
                return

    def _lose(self, stream: Stream, error: SourceError) -> None:
        with self._news:
            self.unseen[stream.name] = self.api.reason(error)
            self._news.notify_all()

    def _take(self, stream: Stream, kind: str, obj: dict[str, Any]) -> None:
        trimmed = stream.trim(obj)
        if trimmed is not None:
            self._record(stream.name, str(obj["metadata"]["uid"]), kind, trimmed)

    def _record(self, name: str, uid: str, kind: str, obj: dict[str, Any]) -> None:
        with self._news:
            # Most updates of an object change no field that is recorded.
            if kind != "DELETED" and self._last.get((name, uid)) == obj:
                return
            if kind == "DELETED":
                self._last.pop((name, uid), None)
            else:
                self._last[name, uid] = obj
            self._seen.append(Seen(self.now(), name, kind, obj))
            self._news.notify_all()
