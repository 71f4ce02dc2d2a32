# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of each request, counted by stream and class."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from dataclasses import dataclass, field

FRESH, KEPT, UPLOAD = "fresh", "keep-alive", "upload"
STREAMS = (FRESH, KEPT, UPLOAD)

OK = "ok"
REFUSED, UNREACHABLE, UNANSWERED = "refused", "unreachable", "connect-timeout"
RESET, TIMEOUT = "reset", "timeout"
CLOSED, REUSED = "closed-early", "reused-closed"
SERVER_ERROR, OTHER_STATUS, OTHER = "status-5xx", "status-other", "other"
# The meaning of each class of loss, for documents.
CLASSES = {
    REFUSED: "connection refused: nothing listens at that address any more",
    UNREACHABLE: "no route to that address: its pod was deleted",
    UNANSWERED: "connecting timed out: packets to that address are lost",
    RESET: "the connection was reset before the response was complete",
    TIMEOUT: "connected, but no response in time",
    CLOSED: "the server closed the connection before the response was complete",
    REUSED: (
        "a request on a keep-alive connection that closed without a response: usually the server had just closed it as "
        "idle, a race of every keep-alive; clients that retry idempotent requests hide it, a POST is lost"
    ),
    SERVER_ERROR: "responded with a status of 500 or more",
    OTHER_STATUS: "responded with a status of 400 to 499",
    OTHER: "failed in another way; see the first losses",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. `at` in seconds since the epoch, `took` in seconds; `outcome` is OK or one of CLASSES."""

    stream: str
    at: float
    took: float
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """A snapshot of a tally. `outcomes` by stream, then by class, OK included."""

    outcomes: dict[str, Counter[str]]
    losses: tuple[Sample, ...]

    @property
    def requests(self) -> int:
        """Of all streams."""
        return sum(counter.total() for counter in self.outcomes.values())

    @property
    def lost(self) -> int:
        """Of all streams."""
        return len(self.losses)

    def by_class(self, stream: str | None = None) -> dict[str, int]:
        """Losses by class, of one stream or of all."""
        counted = Counter(loss.outcome for loss in self.losses if stream in (None, loss.stream))
        return dict(sorted(counted.items()))


@dataclass
class Tally:
    """Counts samples; used from many threads.

    `late`: requests that the client sent much too late, or not at all. `closes`: how often a server closed a keep-alive
    connection cleanly, by `Connection: close` or between two requests. `abandoned`: uploads that the drill cancelled
    when it ended.
    """

    late: int = 0
    closes: int = 0
    abandoned: int = 0
    uploads: list[Sample] = field(default_factory=list)
    _starts: array[float] = field(default_factory=lambda: array("d"))
    _outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {stream: Counter() for stream in STREAMS})
    _losses: list[Sample] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, sample: Sample) -> None:
        """Count one request."""
        with self._lock:
            self._outcomes[sample.stream][sample.outcome] += 1
            if sample.outcome != OK:
                self._losses.append(sample)
            if sample.stream == FRESH:
                self._starts.append(sample.at)
            if sample.stream == UPLOAD:
                self.uploads.append(sample)

    def count(self, name: str) -> None:
        """Add one to `late`, `closes` or `abandoned`."""
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)

    def frozen(self) -> Tally:
        """A copy of the counts so far, for one thread; it does not change."""
        with self._lock:
            return Tally(
                self.late,
                self.closes,
                self.abandoned,
                list(self.uploads),
                array("d", self._starts),
                {stream: Counter(counter) for stream, counter in self._outcomes.items()},
                list(self._losses),
            )

    def counts(self) -> Counts:
        """The counts so far."""
        with self._lock:
            outcomes = {stream: Counter(counter) for stream, counter in self._outcomes.items()}
            return Counts(outcomes, tuple(self._losses))

    def fresh_starts(self) -> list[float]:
        """When each fresh connection was begun, in seconds since the epoch."""
        with self._lock:
            return list(self._starts)
