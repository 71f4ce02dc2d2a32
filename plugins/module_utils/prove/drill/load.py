# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load: three streams at once; fresh connections are sent by the clock, not after responses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.exchange import (
    TIMEOUT,
    Abandoned,
    Client,
    Result,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    FRESH,
    KEPT,
    OK,
    UPLOAD,
    Sample,
    Tally,
)

KEPT_CONNECTIONS = 4
KEPT_PAUSE = 0.25  # seconds between two requests on a kept connection
UPLOADS = 4  # at a time, with staggered starts
REST = 1.0  # seconds after a failed upload: without it, a server that is down would fail hundreds a second
LATE = 0.25  # seconds after which a request counts as late
THREAD_LIMIT = 256
_WAITING = 4  # requests for each thread; a request that is due while so many wait is not sent


class Load:
    """Sends until it is stopped. `rate`: fresh connections a second; `upload_seconds`: 0 uploads nothing."""

    def __init__(self, client: Client, tally: Tally, rate: float, upload_seconds: float):
        self.rate = rate
        self.tally = tally
        self._client = client
        self._upload_seconds = upload_seconds
        self._stop = threading.Event()
        self._abandon_from = 0.0
        self._begin = self._end = 0.0
        # As many as are busy if no response comes.
        threads = int(min(max(rate * (TIMEOUT + 1), 8), THREAD_LIMIT))
        self._pool = ThreadPoolExecutor(threads, "fresh")
        self._room = threading.BoundedSemaphore(_WAITING * threads)
        self._threads = [threading.Thread(target=self._schedule, daemon=True)]
        self._threads += [threading.Thread(target=self._keep, daemon=True) for _number in range(KEPT_CONNECTIONS)]
        self._uploads: list[threading.Thread] = []
        if upload_seconds:
            self._uploads = [
                threading.Thread(target=self._upload, args=(number,), daemon=True) for number in range(UPLOADS)
            ]

    def start(self) -> None:
        """Begin to send."""
        self._begin = time.monotonic()
        for thread in (*self._threads, *self._uploads):
            thread.start()

    def stop(self, abandon_from: float = 0.0) -> None:
        """Stop sending, and wait for requests in flight: at most for one response timeout and one upload.

        Uploads that were begun at or after `abandon_from` (seconds since the epoch) are given up.
        """
        self._abandon_from = abandon_from
        self._end = time.monotonic()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown(cancel_futures=True)  # pending requests were not sent, and are not counted
        for thread in self._uploads:
            thread.join()

    def cancel(self) -> None:
        """Stop sending, without waiting."""
        self._end = time.monotonic()
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def seconds(self) -> float:
        """For how long it has been sending."""
        return (self._end or time.monotonic()) - self._begin if self._begin else 0.0

    def _schedule(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            try:
                if self._room.acquire(blocking=False):
                    self._pool.submit(self._fresh, due)
                else:
                    self.tally.count("late")
            except RuntimeError:
                if self._stop.is_set():  # cancel shut the pool down in between
                    return
                raise
            due += 1 / self.rate

    def _fresh(self, due: float) -> None:
        if time.monotonic() - due > LATE:
            self.tally.count("late")
        try:
            self._timed(FRESH, self._client.fresh)
        finally:
            self._room.release()

    def _keep(self) -> None:
        connection = self._client.kept(lambda: self.tally.count("closes"))
        while not self._stop.wait(KEPT_PAUSE):
            self._timed(KEPT, connection.ask)
        connection.close()

    def _upload(self, number: int) -> None:
        # The first uploads have different lengths, so that later ones do not start all at once.
        seconds = self._upload_seconds * (number + 1) / UPLOADS
        while not self._stop.is_set():
            given_up = partial(self._given_up, time.time())
            try:
                outcome = self._timed(UPLOAD, partial(self._client.upload, seconds, given_up))
            except Abandoned:
                self.tally.count("abandoned")
                return
            seconds = self._upload_seconds
            if outcome != OK:
                self._stop.wait(REST)

    def _given_up(self, at: float) -> bool:
        return self._stop.is_set() and at >= self._abandon_from

    def _timed(self, stream: str, send: Callable[[], Result]) -> str:
        at, begin = time.time(), time.monotonic()
        outcome, detail = send()
        self.tally.add(Sample(stream, at, time.monotonic() - begin, outcome, detail))
        return outcome
