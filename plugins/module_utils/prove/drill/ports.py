# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which local port a connection comes from.

The connection tracking of a node remembers for two minutes after its last packet where a connection went, also one that
never got an answer. A new connection from the same source port is sent there again, even if that pod is gone. So a port
comes again only when its last connection is forgotten, not even in the next drill from the same machine: which port is
due follows from the clock alone. Connections that are held for long have ports of their own, since they are remembered
for longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

FIRST, LAST = 32768, 60999  # Linux's own range for clients: no server listens there
FIRST_FRESH = FIRST + 8000  # those before are of connections that are held
# Seconds until a port comes again. nf_conntrack_tcp_timeout_syn_sent, _fin_wait and _time_wait are 120 each: what is
# left is how long a connection may last.
FRESH_PERIOD, HELD_PERIOD = 130.0, 900.0
TRIES = 8  # neighbours of a port that is in use


class Ports:
    """Source ports for one client: `fresh` for one request, `held` for uploads and connections that are kept.

    Above about 150 fresh connections a second, or 8 held ones, they have to repeat too early.
    """

    def __init__(self, now: Callable[[], float] = time.time):
        self.fresh = Row(FIRST_FRESH, LAST, FRESH_PERIOD, now)
        self.held = Row(FIRST, FIRST_FRESH - 1, HELD_PERIOD, now)


class Row:
    """The ports from `first` to `last`, all of them once within `period` seconds; used from many threads."""

    def __init__(self, first: int, last: int, period: float, now: Callable[[], float]):
        self._first = first
        self._size = last - first + 1
        self._period = period
        self._now = now
        self._lock = threading.Lock()
        self._last = -1

    def due(self) -> Iterator[int]:
        """The port that is due now, then its successors."""
        for _try in range(TRIES):
            with self._lock:
                # Ahead of the clock only where more are asked for than it has gone on since.
                self._last = max(self._last + 1, int(self._now() * self._size / self._period))
                position = self._last
            yield self._first + position % self._size
