# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows in PostgreSQL, written through a pool of connections: some at once, some together with others."""

from __future__ import annotations

import threading
import time

import psycopg2
from psycopg2.pool import ThreadedConnectionPool

SESSIONS = 8
FLUSH_SECONDS = 5


class Store:
    """The pool, and events that wait to be written. libpq finds the server in PGHOST and its kin."""

    def __init__(self) -> None:
        self.pool = ThreadedConnectionPool(SESSIONS, SESSIONS, dbname="postgres")
        self._free = threading.BoundedSemaphore(SESSIONS)
        self._pending: list[str] = []
        self._pending_lock = threading.Lock()

    def write(self, table: str, ids: list[str]) -> None:
        """Insert one row an id and commit. Raises psycopg2.Error."""
        with self._free:
            connection = self.pool.getconn()
            try:
                with connection, connection.cursor() as cursor:
                    cursor.executemany(f"INSERT INTO {table} VALUES (%s)", [(one,) for one in ids])
            finally:
                self.pool.putconn(connection)

    def accept(self, event: str) -> None:
        """Keep an event until the next flush."""
        with self._pending_lock:
            self._pending.append(event)

    def flush(self) -> None:
        """Write the pending events; they stay pending where that fails. Raises psycopg2.Error."""
        with self._pending_lock:
            self.write("events", self._pending)
            self._pending.clear()

    def flush_for_ever(self) -> None:
        """Flush every FLUSH_SECONDS."""
        while True:
            time.sleep(FLUSH_SECONDS)
            try:
                self.flush()
            except psycopg2.Error as error:
                print(f"flush: {error}", flush=True)
