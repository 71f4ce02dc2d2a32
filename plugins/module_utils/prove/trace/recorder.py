# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches, opened before the pod is stopped: whatever they bring is kept with the time at which it came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Query, Unreachable

POD, ENDPOINTS, EVENTS, REPLACEMENT = "pod", "endpoints", "events", "replacement"
WATCH_SECONDS = "50"  # then the server ends a watch and the next one goes on: a quiet connection may be cut as dead
_REST = 1.0  # seconds after a watch that broke
_PATIENCE = 5  # breaks in a row

Keep = Callable[[dict[str, Any]], "dict[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one watch brought. `at` in seconds since the epoch, by the client's clock; `obj` as its `keep` left it."""

    at: float
    watch: str
    type: str
    obj: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """One watch to be opened. `keep` drops what is not needed of an object; None is an object that does not count."""

    name: str
    path: str
    what: str
    query: Query
    keep: Keep


class Clock:
    """The time since the epoch by one clock that never jumps: durations between two of its times are right."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def __call__(self) -> float:
        return self._wall + time.monotonic() - self._steady


@dataclass
class Recorder:
    """What all watches have brought. `unseen` says of a watch why it brings nothing, or nothing any more."""

    api: Api
    now: Callable[[], float] = field(default_factory=Clock)
    unseen: dict[str, str] = field(default_factory=dict)
    _seen: list[Seen] = field(default_factory=list)
    _last: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _done: threading.Event = field(default_factory=threading.Event)

    def open(self, stream: Stream) -> None:
        """Read what is there, then watch. Without the right to, the watch is `unseen`. Raises SourceError otherwise.

        A watch begins at the version that was read, so that nothing is missed before its connection stands.
        """
        try:
            version = self._read(stream)
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            self.unseen[stream.name] = self.api.words(error)
            return
        threading.Thread(target=self._follow, args=(stream, version), daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._done.set()

    def seen(self) -> list[Seen]:
        """In the order in which it came."""
        with self._news:
            return list(self._seen)

    def wait(self, enough: Callable[[list[Seen]], bool], until: float) -> bool:
        """Wait until what was seen is enough, at most until that time; False when it never was."""
        with self._news:
            while not enough(list(self._seen)):
                left = until - self.now()
                if left <= 0:
                    return False
                self._news.wait(min(left, 1.0))
            return True

    def _read(self, stream: Stream) -> str:
        page = self.api.get(stream.path, stream.what.format("list"), stream.query)
        items = page.get("items") or []
        present = set()
        for item in items:
            present.add(str(item["metadata"]["uid"]))
            self._take(stream, "LISTED", item)
        # Only after a watch that broke: what went meanwhile is no longer in the list.
        with self._news:
            gone = [key for key in self._last if key[0] == stream.name and key[1] not in present]
        for key in gone:
            self._keep(stream.name, key[1], "DELETED", self._last[key])
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
            self.unseen[stream.name] = self.api.words(error)
            self._news.notify_all()

    def _take(self, stream: Stream, kind: str, obj: dict[str, Any]) -> None:
        kept = stream.keep(obj)
        if kept is not None:
            self._keep(stream.name, str(obj["metadata"]["uid"]), kind, kept)

    def _keep(self, name: str, uid: str, kind: str, obj: dict[str, Any]) -> None:
        with self._news:
            # Much of what happens to an object changes nothing that counts here.
            if kind != "DELETED" and self._last.get((name, uid)) == obj:
                return
            if kind == "DELETED":
                self._last.pop((name, uid), None)
            else:
                self._last[name, uid] = obj
            self._seen.append(Seen(self.now(), name, kind, obj))
            self._news.notify_all()
