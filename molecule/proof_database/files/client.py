# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends orders and events to a Service until a file says stop, then counts in the database what was acknowledged.

Called as: client.py NAME RUN; NAME is both the Service's and the prefix of its pods. Writes JSON to standard output.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg2
import sessions

WORKERS = 12  # every other one keeps its connection
PAUSE = 0.15  # seconds between two requests of a worker
LONGEST = 180  # seconds
UNTIL_WRITTEN = 10  # seconds after the last request, twice what the service takes to write its events
UNDER_WAY = Path("/tmp/under-way")  # is there when each worker has had both acknowledged
TABLES = {"/orders": "orders", "/events": "events"}


class Worker(threading.Thread):
    """Sends one request after the other; a failed one is counted and not repeated."""

    def __init__(self, host: str, name: str, keep: bool, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.prefix, self.keep, self.stop = name, keep, stop
        self.acknowledged: dict[str, list[str]] = {path: [] for path in TABLES}
        self.failed: Counter[str] = Counter()
        self.sent = 0
        self._connection = http.client.HTTPConnection(host, 8080, timeout=5)

    def run(self) -> None:
        while not self.stop.wait(PAUSE):
            path = ("/orders", "/events")[self.sent % 2]
            self.sent += 1
            identity = f"{self.prefix}-{self.sent}"
            try:
                status = self._post(path, identity)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self.failed[type(error).__name__] += 1
                continue
            if status in (201, 202):
                self.acknowledged[path].append(identity)
            else:
                self.failed[str(status)] += 1

    def _post(self, path: str, identity: str) -> int:
        self._connection.request("POST", path, identity, {} if self.keep else {"Connection": "close"})
        answer = self._connection.getresponse()
        answer.read()
        if not self.keep:
            self._connection.close()
        return answer.status


def missing(connection: psycopg2.extensions.connection, table: str, ids: list[str]) -> int:
    """How many of the ids have no row in the table."""
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE id = ANY(%s)", (ids,))
        return len(set(ids) - {row[0] for row in cursor})


def main(name: str, run: str) -> None:
    """Send, watch, count, report."""
    host = os.environ[f"{name.upper().replace('-', '_')}_SERVICE_HOST"]
    told = Path("/tmp/stop")
    stop = threading.Event()
    watch = sessions.Watch(name, stop)
    workers = [Worker(host, f"{run}-{number}", number % 2 == 0, stop) for number in range(WORKERS)]
    for thread in (watch, *workers):
        thread.start()
    end = time.monotonic() + LONGEST
    while not told.exists() and time.monotonic() < end:
        if all(all(worker.acknowledged.values()) for worker in workers):
            UNDER_WAY.touch()
        time.sleep(0.2)
    stop.set()
    for thread in (watch, *workers):
        thread.join()
    time.sleep(UNTIL_WRITTEN)
    connection = psycopg2.connect(dbname="postgres")
    report: dict[str, object] = {
        "requests": sum(worker.sent for worker in workers),
        "failed": dict(sum((worker.failed for worker in workers), Counter())),
        "stopped_by_itself": not told.exists(),
        "server_version": connection.get_parameter_status("server_version"),
        "psycopg2": psycopg2.__version__,
        **watch.report(),
    }
    for path, table in TABLES.items():
        ids = [one for worker in workers for one in worker.acknowledged[path]]
        report[table] = {"acknowledged": len(ids), "missing": missing(connection, table, ids)}
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
