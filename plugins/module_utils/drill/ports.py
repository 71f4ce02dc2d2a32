# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which local port a connection comes from.

The connection tracking of a node remembers for two minutes where a connection went, also one that never got an answer.
A new connection from the same source port is sent there again, even if that pod is gone. So no port is used twice
within PERIOD, not even by the next drill from the same machine: which port is due follows from the clock alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

PERIOD = 125.0  # seconds; net.netfilter.nf_conntrack_tcp_timeout_syn_sent and _time_wait are 120
FIRST, LAST = 32768, 60999  # what Linux, too, takes for its clients: nobody expects to listen there
TRIES = 8  # neighbours of a port that somebody else has


class Ports:
    """Source ports for one client; used from many threads. Above about 220 a second they have to repeat too early."""

    def __init__(self, now: Callable[[], float] = time.time):
        self._now = now
        self._lock = threading.Lock()
        self._last = -1

    def due(self) -> Iterator[int]:
        """The port that is due now, then its successors."""
        size = LAST - FIRST + 1
        for _try in range(TRIES):
            with self._lock:
                # Ahead of the clock only where more are asked for than it has gone on since.
                self._last = max(self._last + 1, int(self._now() * size / PERIOD))
                position = self._last
            yield FIRST + position % size
