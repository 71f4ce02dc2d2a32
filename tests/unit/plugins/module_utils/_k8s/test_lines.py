# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch over the wire: its lines come when they are sent, not when the answer is complete."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils._k8s import client
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Unreachable

PODS = "/api/v1/pods"
VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}


class _Server(ThreadingHTTPServer):
    """The parts of its answer, whether that ends, and what was posted: path and content type."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.parts: list[bytes] = []
        self.complete = True
        self.status = 200
        self.read = threading.Semaphore(0)
        self.posted: tuple[str, str | None] = ("", None)


class _Handler(BaseHTTPRequestHandler):
    """Sends a line, waits until the test has read it, and sends the next one."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if not self.path.startswith(PODS):
            own = VERSION if self.path == "/version" else {"kind": "APIGroupList", "groups": []}
            body = json.dumps(own).encode()
            self._head(200, length=len(body))
            self.wfile.write(body)
        elif self.server.status != 200:
            self._head(self.server.status, length=0)
        else:
            self._head(200)
            for part in self.server.parts:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.server.read.acquire(timeout=5)
            if self.server.complete:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

    def do_POST(self) -> None:
        self.server.posted = (self.path, self.headers["Content-Type"])
        self.rfile.read(int(self.headers["Content-Length"]))
        self._head(201, length=2)
        self.wfile.write(b"{}")

    def _head(self, status: int, length: int | None = None) -> None:
        self.send_response(status)
        name, value = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the client keeps what it has discovered
    monkeypatch.delenv("K8S_AUTH_KUBECONFIG", raising=False)
    server = _Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def api_of(server: Any) -> Api:
    host = f"http://127.0.0.1:{server.server_address[1]}"
    return Api(client.connect({"host": host, "api_key": "t0ken"}))


def test_each_event_comes_at_once_also_when_it_comes_in_parts(server: _Server) -> None:
    server.parts = [b'{"type": "ADDED"}\n', b'{"type": "MOD', b'IFIED"}\n{"type": "DELETED"}\n']
    events = api_of(server).watch(PODS, "watch pods", (("timeoutSeconds", "5"),))
    assert next(events) == {"type": "ADDED"}  # the server sends no more before this was read
    server.read.release(3)
    assert [event["type"] for event in events] == ["MODIFIED", "DELETED"]


def test_a_watch_that_breaks_off_is_no_answer(server: _Server) -> None:
    server.parts, server.complete = [b'{"type": "ADDED"}\n'], False
    server.read.release()
    with pytest.raises(Unreachable, match="the connection broke"):
        list(api_of(server).watch(PODS, "watch pods", ()))


def test_a_watch_that_is_forbidden(server: _Server) -> None:
    server.status = 403
    with pytest.raises(ApiError, match="cannot watch pods") as caught:
        list(api_of(server).watch(PODS, "watch pods", ()))
    assert caught.value.status == 403


def test_what_is_created_is_no_patch(server: _Server) -> None:
    api_of(server).create(f"{PODS}/a/eviction", {"kind": "Eviction"}, "evict pod a")
    assert server.posted == (f"{PODS}/a/eviction", "application/json")
