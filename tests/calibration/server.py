# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of the calibration: an ordinary threaded HTTP server of Python's standard library, on port 8080.

GET / answers at once. GET of another path answers over so many seconds as --seconds says, and a POST so long after its
body was read. At SIGTERM it stops accepting, finishes what is in flight, announces the end on kept connections, cleans
up for --cleanup seconds and exits with 0; with --deaf it installs no handler, as a program does that nobody thought of.
"""

from __future__ import annotations

import argparse
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IDLE = 1.0  # seconds for which a stopping server waits for the next request on a kept connection

options = argparse.ArgumentParser()
options.add_argument("--deaf", action="store_true")
options.add_argument("--start", type=float, default=0)
options.add_argument("--seconds", type=float, default=0)
options.add_argument("--cleanup", type=float, default=0)
given = options.parse_args()
stopping = threading.Event()
waiting: set[socket.socket] = set()  # connections on which no request is under way


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """As the standard library does it, with the connection in `waiting` until a request has come."""
        waiting.add(self.connection)
        super().handle_one_request()
        waiting.discard(self.connection)
        if stopping.is_set():
            self.close_connection = True

    def parse_request(self) -> bool:
        """A request has come."""
        waiting.discard(self.connection)
        return super().parse_request()

    def do_GET(self) -> None:
        """Answer in pieces, a second apart."""
        self._head()
        end = time.monotonic() + (given.seconds if self.path != "/" else 0)
        while (left := end - time.monotonic()) > 0:
            self._piece(b".")
            time.sleep(min(left, 1))
        self._piece(b"\n")
        self._piece(b"")

    def do_POST(self) -> None:
        """Read the body, then answer."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(given.seconds)
        self._head()
        self._piece(b"done\n")
        self._piece(b"")

    def _head(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        if stopping.is_set():
            self.send_header("Connection", "close")
        self.end_headers()

    def _piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_arguments: object) -> None:
        """Nothing: a line a request would cost more than the answer."""


class Server(ThreadingHTTPServer):
    """`server_close` waits for the threads of the connections."""

    daemon_threads = False
    request_queue_size = 128


def stop(*_arguments: object) -> None:
    """Not in the handler itself: `shutdown` waits for the loop that the handler has interrupted."""
    stopping.set()
    threading.Thread(target=server.shutdown).start()


def end_idle() -> None:
    """Close the kept connections on which nothing comes any more."""
    time.sleep(IDLE)
    for connection in list(waiting):
        try:
            connection.shutdown(socket.SHUT_RD)
        except OSError:
            continue  # the client was first


time.sleep(given.start)
server = Server(("", 8080), Handler)
if not given.deaf:
    signal.signal(signal.SIGTERM, stop)
server.serve_forever(0.05)
threading.Thread(target=end_idle, daemon=True).start()
server.server_close()
time.sleep(given.cleanup)
