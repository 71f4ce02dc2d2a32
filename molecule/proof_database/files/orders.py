# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An order service with a pool of database connections.

POST /orders answers 201 when the row is committed. POST /events answers 202 at once; events are written together, every
5 seconds and when the service stops. On SIGTERM it ends its connections, each after its answer, writes what is pending
and closes the pool. POST /pool/close closes the pool alone, for a preStop hook that does what the article advises.
"""

from __future__ import annotations

import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
from store import Store

STATUS = {"/orders": 201, "/events": 202, "/pool/close": 200}


class Server(ThreadingHTTPServer):
    """Waits in server_close() for the connections it has accepted."""

    daemon_threads = False
    request_queue_size = 128
    stopping = False
    store: Store


class Handler(BaseHTTPRequestHandler):
    """One connection: any number of requests, until it is idle for `timeout` seconds or the server stops."""

    protocol_version = "HTTP/1.1"
    timeout = 5
    server: Server

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        store = self.server.store
        try:
            if self.path == "/orders":
                store.write("orders", [body])
            elif self.path == "/events":
                store.accept(body)
            elif self.path == "/pool/close":
                store.pool.closeall()
            self._answer(STATUS.get(self.path, 404))
        except psycopg2.Error:
            self._answer(503)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if self.server.stopping:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Write no access log."""


def main() -> None:
    """Serve until SIGTERM."""
    store = Store()
    server = Server(("", 8080), Handler)
    server.store = store

    def stop(*_signal: object) -> None:
        server.stopping = True
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=store.flush_for_ever, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.flush()
    store.pool.closeall()


if __name__ == "__main__":
    main()
