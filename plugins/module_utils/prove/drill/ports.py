# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local port of each connection.

The connection tracking of a node keeps the destination of a connection for two minutes after its last packet, even if
it never got a response. A new connection from the same source port goes to the same pod, even if that was deleted. So a
port is reused only after its entry has expired, also in the next drill from the same machine: the clock alone decides
which port is next. Long connections use separate ports, since their entries last longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

FIRST, LAST = 32768, 60999  # Linux's own range for clients: no server listens there
FIRST_FRESH = FIRST + 8000  # lower ones are for long connections
# Seconds until a port is reused. nf_conntrack_tcp_timeout_syn_sent, _fin_wait and _time_wait are 120 each: the
# rest is how long a connection may last.
FRESH_PERIOD, HELD_PERIOD = 130.0, 900.0
TRIES = 8  # neighbours of a port that is in use


class Ports:
    """Source ports for one client: `fresh` for single requests, `held` for uploads and keep-alive connections.

    Above about 150 fresh connections a second, or 8 held ones, ports are reused too early.
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
        """The next port, then its successors."""
        for _try in range(TRIES):
            with self._lock:
                # Ahead of the clock only if more ports are needed than it has advanced.
                self._last = max(self._last + 1, int(self._now() * self._size / self._period))
                position = self._last
            yield self._first + position % self._size
