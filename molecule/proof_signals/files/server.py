# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary web server: it keeps connections open, has jobs done in the background, and drains before it ends."""

from __future__ import annotations

import signal
import subprocess
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn


class Handler(BaseHTTPRequestHandler):
    """/work takes a second; /order leaves a job to a shell, which leaves it to the background."""

    protocol_version = "HTTP/1.1"
    timeout = 5  # of an idle connection
    draining = False

    def do_GET(self) -> None:
        """Answer, and announce the end of the connection where the server is about to end."""
        if self.path == "/work":
            time.sleep(1)
        if self.path == "/order":
            subprocess.run(["sh", "-c", "sleep 0.2 &"], check=True)
        self.send_response(200)
        self.send_header("Content-Length", "3")
        if Handler.draining:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok\n")


class Server(ThreadingMixIn, HTTPServer):
    """A thread for each connection; closing the server waits for them."""


def serve() -> None:
    """Serve until Ctrl-C, then finish what is under way."""
    server = Server(("", 8080), Handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        Handler.draining = True
        server.server_close()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    serve()
