# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers an upload with the size and the digest of what it received. Drains on SIGTERM."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: one request a connection, so that nothing idle is left to drain."""

    def do_GET(self) -> None:
        """The probe's question."""
        self.answer({})

    def do_POST(self) -> None:
        """An upload. One that breaks off gets no answer: nobody is there to read it."""
        digest, received, size = hashlib.sha256(), 0, int(self.headers["Content-Length"])
        while received < size:
            piece = self.rfile.read1(size - received)
            if not piece:
                return
            digest.update(piece)
            received += len(piece)
        self.answer({"bytes": received, "sha256": digest.hexdigest()})

    def answer(self, received: dict[str, object]) -> None:
        """200."""
        body = json.dumps(received).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing: the client keeps the counts."""


class Server(ThreadingMixIn, HTTPServer):
    """Waits for its requests when it is closed."""

    request_queue_size = 128


server = Server(("", 8080), Handler)
signal.signal(signal.SIGTERM, lambda *_args: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
