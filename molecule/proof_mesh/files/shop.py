# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop that drains on SIGTERM. For each request it asks the stock, through the proxy in its own pod.

GET /order takes 10 s and asks twice: it reserves, works and books. POST reads a chunked body, then asks.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

OUTBOUND = "http://127.0.0.1:15001/"  # the proxy's listener for what leaves the pod
STOCK = f"http://{os.environ['STOCK_SERVICE_HOST']}/"  # past the proxy: only for the report at the end
ORDER_SECONDS = 10

lock = threading.Lock()
calls = {"made": 0, "failed": 0}


def ask_stock() -> bool:
    """One call to the stock."""
    try:
        with urllib.request.urlopen(OUTBOUND, timeout=3) as answer:
            answered = answer.status == 200
    except OSError:
        answered = False
    with lock:
        calls["made"] += 1
        calls["failed"] += not answered
    return answered


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: one request a connection, so that nothing idle is left to drain."""

    def do_GET(self) -> None:
        """A page, an order, or the probe's question."""
        if self.path == "/healthz":
            self.answer(True)
        elif self.path == "/order":
            reserved = ask_stock()
            time.sleep(ORDER_SECONDS)
            self.answer(ask_stock() and reserved)
        else:
            self.answer(ask_stock())

    def do_POST(self) -> None:
        """An upload."""
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.answer(ask_stock())

    def answer(self, good: bool) -> None:
        """200, or 502 where the stock could not be asked."""
        body = b"ok\n" if good else b"no stock\n"
        self.send_response(200 if good else 502)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing: a drill asks often."""


class Server(ThreadingMixIn, HTTPServer):
    """Waits for its requests when it is closed."""

    request_queue_size = 128


def main() -> None:
    """Serve until SIGTERM, finish what is in flight, and report."""
    server = Server(("", 8080), Handler)

    def stop(*_args: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()
    server.server_close()
    report = json.dumps({"pod": os.environ["HOSTNAME"], "at": time.time(), **calls}).encode()
    urllib.request.urlopen(STOCK, data=report, timeout=3).close()


main()
