# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rate limit for requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PER_THREAD = 5  # requests a second: each may last 0.2 s


def threads(rate: int, limit: int) -> int:
    """How many threads a rate can keep busy, at most `limit`."""
    return min(limit, -(-rate // _PER_THREAD)) if rate else limit


class Throttle:
    """Lets `rate` callers a second through, evenly spread, without a burst; 0 is no limit.

    Used from several threads: each waits for its own turn. `pause` may return early, to end a run. `last` is the last
    turn of the previous process, by the clock `now`, which all processes of a machine share.
    """

    def __init__(
        self,
        rate: int,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        last: float = 0.0,
    ):
        self._gap = 1 / rate if rate else 0.0
        self._now = now
        self._pause = pause
        self._lock = threading.Lock()
        self.last = min(last, now())  # after a reboot the clock starts again

    def wait(self) -> None:
        """Wait for this caller's turn."""
        if not self._gap:
            return
        with self._lock:
            now = self._now()
            self.last = turn = max(now, self.last + self._gap) if self.last else now
        if turn > now:
            self._pause(turn - now)
