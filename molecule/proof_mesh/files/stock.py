# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second service. It answers each GET, and keeps what is posted, one line each, in /tmp/reports."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPORTS = Path("/tmp/reports")


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: one request a connection."""

    def do_GET(self) -> None:
        """There is always enough."""
        self.answer()

    def do_POST(self) -> None:
        """What an application reports when it ends."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with REPORTS.open("ab") as file:
            file.write(body + b"\n")
        self.answer()

    def answer(self) -> None:
        """200."""
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_args: object) -> None:
        """Nothing: it is asked often."""


class Server(ThreadingHTTPServer):
    """With room for many at once."""

    request_queue_size = 128


REPORTS.touch()
Server(("", 8080), Handler).serve_forever()
