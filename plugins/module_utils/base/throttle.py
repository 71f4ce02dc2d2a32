# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""So many requests a second, and no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PER_THREAD = 5  # requests a second; each may then take 0.2 s


def threads(rate: int, most: int) -> int:
    """How many threads a rate can use. More would only wait."""
    return min(most, -(-rate // _PER_THREAD)) if rate else most


class Throttle:
    """Lets `rate` callers a second through, evenly spread, without a burst; 0 lets all through at once.

    Used from several threads: each waits for a moment of its own. `pause` may end early, to end a run. `last` is the
    last turn of the process before, by the clock `now`, which all processes of a machine share.
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
        self.last = min(last, now())  # a machine that was restarted counts anew

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        if not self._gap:
            return
        with self._lock:
            now = self._now()
            self.last = turn = max(now, self.last + self._gap) if self.last else now
        if turn > now:
            self._pause(turn - now)
