# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of one workload, watched: when each started to stop, when it was deleted, and how its containers ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import selector_text
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import Ended
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import belongs
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

WATCH_SECONDS = "50"  # then the server ends a watch and the next one starts: an idle connection may be cut
_REST = 1.0  # seconds after a broken watch
_FAILURES = 5  # in a row


@dataclass
class Pod:
    """One pod. `marked_at` and `gone_at` are when its deletion and removal became known here, seconds since the epoch.

    `deletion` is its deletionTimestamp, which is the request's time plus `grace`.
    """

    name: str
    uid: str
    ready: bool = False
    grace: int | None = None
    deletion: str = ""
    marked_at: float | None = None
    gone_at: float | None = None
    containers: tuple[Ended, ...] = ()
    round: int = 0

    @property
    def serving(self) -> bool:
        """Ready and not terminating."""
        return self.ready and self.marked_at is None and self.gone_at is None


@dataclass
class Pods:
    """All pods of the workload since `begin`. Used from two threads."""

    api: Api
    workload: Workload
    now: Callable[[], float] = time.time
    round: int = 0
    _pods: dict[str, Pod] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _serving: list[tuple[float, int]] = field(default_factory=list)
    _problem: SourceError | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Read them, then watch them. Raises SourceError."""
        version = self._read()
        self._serving = self._serving[-1:]  # while they were read one by one, some were unknown
        threading.Thread(target=self._follow, args=(version,), daemon=True).start()

    def end(self) -> None:
        """Stop watching."""
        self._done.set()

    def all(self) -> list[Pod]:
        """In the order in which they were seen; each still changes. Raises SourceError if the watch has failed."""
        if self._problem:
            raise self._problem
        with self._lock:
            return list(self._pods.values())

    def seen(self) -> list[Pod]:
        """A copy of their present state, even if the watch has failed."""
        with self._lock:
            return [replace(pod) for pod in self._pods.values()]

    def outages(self) -> list[tuple[float, float]]:
        """When no pod was ready: (begin, end) in seconds since the epoch; the end of the current one is infinite."""
        with self._lock:
            times = [*self._serving, (float("inf"), 1)]
        return [(begin, end) for (begin, amount), (end, _next) in pairwise(times) if amount == 0]

    def _note_serving(self) -> None:
        amount = sum(pod.serving for pod in self._pods.values())
        if not self._serving or self._serving[-1][1] != amount:
            self._serving.append((self.now(), amount))

    def _query(self) -> tuple[tuple[str, str], ...]:
        return (("labelSelector", selector_text(self.workload.spec.get("selector") or {})),)

    def _what(self, verb: str) -> str:
        return f"{verb} pods in namespace {self.workload.namespace}"

    def _read(self) -> str:
        """Read all of them; returns the version to watch from."""
        page = self.api.get(POD.path(self.workload.namespace), self._what("list"), self._query())
        items = page.get("items") or []
        for item in items:
            self._take("ADDED", item)
        present = {item["metadata"]["uid"] for item in items}
        with self._lock:
            for pod in self._pods.values():
                if pod.uid not in present and pod.gone_at is None:
                    pod.gone_at = self.now()
            self._note_serving()
        return str(page["metadata"].get("resourceVersion") or "")

    def _follow(self, version: str) -> None:
        try:
            self._watch(version)
        except SourceError as error:
            self._problem = error
        except (KeyError, TypeError, AttributeError) as error:
            self._problem = SourceError(
                f"{self.api.name}: cannot {self._what('watch')}: unexpected response: {error!r}"
            )

    def _watch(self, version: str) -> None:
        failures = 0
        while not self._done.is_set():
            try:
                query = (*self._query(), ("resourceVersion", version), ("timeoutSeconds", WATCH_SECONDS))
                for event in self.api.watch(POD.path(self.workload.namespace), self._what("watch"), query):
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._take(event["type"], event["object"])
                    failures = 0
                continue
            except (Unreachable, ApiError) as error:
                failures += 1
                passing = not isinstance(error, ApiError) or error.status == 410 or error.status >= 500
                if not passing or failures > _FAILURES:
                    raise
            self._done.wait(_REST)
            version = self._read()

    def _take(self, event: str, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        if event == "BOOKMARK" or not belongs(obj, self.workload):
            return
        with self._lock:
            pod = self._pods.setdefault(metadata["uid"], Pod(metadata["name"], metadata["uid"]))
            status = obj.get("status") or {}
            pod.ready = any(
                condition.get("type") == "Ready" and condition.get("status") == "True"
                for condition in status.get("conditions") or ()
            )
            deletion = metadata.get("deletionTimestamp")
            if deletion and pod.marked_at is None:
                pod.marked_at, pod.round = self.now(), self.round
                pod.deletion, pod.grace = deletion, metadata.get("deletionGracePeriodSeconds")
            if event == "DELETED" and pod.gone_at is None:
                pod.gone_at = self.now()
                # A forced deletion has no time in between.
                pod.marked_at = pod.gone_at if pod.marked_at is None else pod.marked_at
                pod.round = pod.round or self.round
            pod.containers = tuple(_ended(obj, status)) or pod.containers
            self._note_serving()


def _ended(obj: dict[str, Any], status: dict[str, Any]) -> list[Ended]:
    """The application containers; how a native sidecar ends does not matter."""
    states = {entry["name"]: entry.get("state") or {} for entry in status.get("containerStatuses") or ()}
    found = []
    for container in (obj.get("spec") or {}).get("containers") or ():
        ended = states.get(container["name"], {}).get("terminated") or {}
        found.append(
            Ended(
                container["name"],
                ended.get("exitCode"),
                str(ended.get("reason") or ""),
                str(ended.get("finishedAt") or ""),
            )
        )
    return found
