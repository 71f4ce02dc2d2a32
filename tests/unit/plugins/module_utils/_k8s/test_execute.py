# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in a container over the wire: a real WebSocket, refusals, and ends to its time and its output."""

from __future__ import annotations

import base64
import hashlib
import json
import socketserver
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ansible_collections.graceful.termination.plugins.module_utils._k8s import client
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Unreachable

COMMAND = ("cat", "/proc/1/status")
OUT, ERROR = 1, 3
SUCCESS = {"metadata": {}, "status": "Success"}
VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}


def failure(message: str, code: str | None = None) -> dict[str, Any]:
    """What a runtime says of a command that failed, or did not start."""
    causes = [{"reason": "ExitCode", "message": code}] if code else [{"message": message}]
    return {"status": "Failure", "message": message, "details": {"causes": causes}}


class _Server(socketserver.ThreadingTCPServer):
    """What was asked of it, and what an exec is answered: status and body, or the frames of a WebSocket.

    `endless` are the seconds between frames that never end; `over` is set when the test is.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.status = 101
        self.body: dict[str, Any] = {}
        self.frames: list[tuple[int, bytes]] = []
        self.endless = 0.0
        self.close = True
        self.over = threading.Event()


class _Handler(socketserver.StreamRequestHandler):
    """Answers the client's own questions, and opens a WebSocket for an exec."""

    server: _Server

    def handle(self) -> None:
        while True:
            line = self.rfile.readline().decode()
            if not line:
                return
            headers = {}
            while (header := self.rfile.readline().decode().strip()) != "":
                name, _colon, value = header.partition(":")
                headers[name.lower()] = value.strip()
            path = line.split()[1]
            if not path.endswith("/exec") and "/exec?" not in path:
                own = VERSION if path.startswith("/version") else {"kind": "APIGroupList", "groups": []}
                self._http(200, own)
                continue
            self.server.seen.append((path, headers))
            if self.server.status != 101:
                self._http(self.server.status, self.server.body)
                return
            self._websocket(headers["sec-websocket-key"])
            return

    def _http(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def _websocket(self, key: str) -> None:
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        accept = base64.b64encode(digest).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n" + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        try:
            for channel, data in self.server.frames:
                self._frame(0x2, bytes([channel]) + data)
            while self.server.endless:
                self._frame(0x2, bytes([OUT]) + b"x" * 60_000)
                self.server.over.wait(self.server.endless)
            if self.server.close:
                self._frame(0x8, struct.pack(">H", 1000))
            else:
                self.server.over.wait(5)
        except OSError:
            return

    def _frame(self, code: int, data: bytes) -> None:
        length = struct.pack(">BH", 126, len(data)) if len(data) > 125 else bytes([len(data)])
        self.wfile.write(bytes([0x80 | code]) + length + data)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the client keeps what it has discovered
    for name in ("K8S_AUTH_KUBECONFIG", "KUBECONFIG", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = _Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    server.endless = 0.0
    server.shutdown()
    server.server_close()


def api_of(server: Any, **given: Any) -> Api:
    host = f"http://127.0.0.1:{server.server_address[1]}"
    return Api(client.connect({"host": host, "api_key": "t0ken"} | given))


def said(result: dict[str, Any]) -> tuple[int, bytes]:
    return ERROR, json.dumps(result).encode()


def test_the_output_comes_in_parts_and_with_it_the_code(server: Any) -> None:
    server.frames = [(OUT, b"Name:\t"), (OUT, b"\xff\0web\n"), (2, b"ignored"), said(SUCCESS)]
    api = api_of(server)
    done = api.execute("shop", "web-1", "app", COMMAND)
    assert (done.output, done.code, done.absent) == (b"Name:\t\xff\0web\n", 0, False)
    ((path, headers),) = server.seen
    address = urlsplit(path)
    assert address.path == "/api/v1/namespaces/shop/pods/web-1/exec"
    query = parse_qsl(address.query)
    assert [value for key, value in query if key == "command"] == list(COMMAND)
    assert {key: value.lower() for key, value in query if key != "command"} == {
        "container": "app",
        "stdin": "false",
        "stdout": "true",
        "stderr": "false",
        "tty": "false",
    }
    assert headers["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("result", "code", "absent"),
    [
        (failure("command terminated with non-zero exit code", "1"), 1, False),
        (failure("command terminated with non-zero exit code", "127"), 127, True),
        (failure('exec: "cat": executable file not found in $PATH: unknown'), None, True),
        (failure("exec failed: stat /bin/cat: no such file or directory: unknown"), None, True),
        (failure("the runtime is away"), None, False),
    ],
)
def test_a_program_that_is_not_there_is_told_from_one_that_fails(
    server: Any, result: dict[str, Any], code: int | None, absent: bool
) -> None:
    server.frames = [said(result)]
    done = api_of(server).execute("shop", "web-1", "app", COMMAND)
    assert (done.output, done.code, done.absent) == (b"", code, absent)


@pytest.mark.parametrize("result", [b"", b"not json", b"[]", b'{"details": 7}'])
def test_a_result_that_is_none(server: Any, result: bytes) -> None:
    server.frames = [(OUT, b"x"), (ERROR, result)]
    done = api_of(server).execute("shop", "web-1", "app", COMMAND)
    assert (done.output, done.code, done.absent) == (b"x", None, False)


def test_what_does_not_end_in_time_is_given_up(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "EXEC_SECONDS", 0.3)
    server.close = False
    began = time.monotonic()
    with pytest.raises(Unreachable, match="cannot execute cat in pod web-1"):
        api_of(server).execute("shop", "web-1", "app", COMMAND)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("rest", [0.0001, 0.05])
def test_what_goes_on_for_ever_ends_with_its_size_or_its_time(
    server: Any, monkeypatch: pytest.MonkeyPatch, rest: float
) -> None:
    monkeypatch.setattr(client, "EXEC_SECONDS", 0.5)
    monkeypatch.setattr(client, "EXEC_BYTES", 200_000 if rest < 0.01 else 2**21)
    server.endless = rest
    if rest < 0.01:
        assert len(api_of(server).execute("shop", "web-1", "app", COMMAND).output) == 200_000
    else:
        with pytest.raises(Unreachable):
            api_of(server).execute("shop", "web-1", "app", COMMAND)


def test_what_is_forbidden_names_who_asked(server: Any) -> None:
    server.status = 403
    text = 'pods "web-1" is forbidden: User "jane" cannot create resource "pods/exec" in API group ""'
    server.body = {"kind": "Status", "status": "Failure", "message": text, "code": 403}
    with pytest.raises(ApiError, match=r"forbidden: user jane cannot execute cat .* \(403\)") as caught:
        api_of(server).execute("shop", "web-1", "app", COMMAND)
    assert caught.value.status == 403


def test_what_is_not_there(server: Any) -> None:
    server.status, server.body = 404, {"message": 'pods "web-1" not found'}
    with pytest.raises(ApiError, match="not found") as caught:
        api_of(server).execute("shop", "web-1", "app", COMMAND)
    assert caught.value.status == 404


def test_nobody_is_impersonated_by_more_rights_than_were_meant(server: Any) -> None:
    with pytest.raises(Unreachable, match="cannot impersonate") as caught:
        api_of(server, impersonate_user="jane").execute("shop", "web-1", "app", COMMAND)
    assert not caught.value.passing
    assert server.seen == []


def test_a_server_that_is_away(server: Any) -> None:
    api = api_of(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(Unreachable, match="cannot execute cat"):
        api.execute("shop", "web-1", "app", COMMAND)
