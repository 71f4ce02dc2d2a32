# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP servers on 127.0.0.1 that lose exactly what they are told to, and keep a log of it."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BODY = b"0123456789" * 10
ANSWER, RESET, TRUNCATE, CLOSE, SILENT, ERROR, MISSING = (
    "answer",
    "reset",
    "truncate",
    "close",
    "silent",
    "error",
    "missing",
)


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it. `number` counts the requests of its stream from 1; `of_connection`, too."""

    stream: str
    number: int
    of_connection: int
    port: int


@dataclass
class Server:
    """`decide` says what becomes of each request; `log` has the decisions. `delay` in seconds before each answer."""

    decide: Callable[[Asked], str] = lambda _asked: ANSWER
    delay: float = 0.0
    port: int = 0
    log: list[tuple[Asked, str]] = field(default_factory=list)
    # How often the client had closed before the server did.
    client_closed_first: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket | None = None
    _closed: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/page?x=1"

    def open(self) -> None:
        """Listen, at the same port as before if there was one."""
        self._closed.clear()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Listen no more: connections are refused."""
        self._closed.set()
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def decisions(self, stream: str) -> list[str]:
        """What became of the requests of one stream."""
        with self._lock:
            return [decision for asked, decision in self.log if asked.stream == stream]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, (_host, port) = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, port), daemon=True).start()

    def _serve(self, connection: socket.socket, port: int) -> None:
        data, count = b"", 0
        with connection:
            while True:
                while b"\r\n\r\n" not in data:
                    part = _receive(connection)
                    if not part:
                        return
                    data += part
                head, _end, data = data.partition(b"\r\n\r\n")
                text = head.decode().lower()
                stream = (
                    "upload" if text.startswith("post") else "fresh" if "connection: close" in text else "keep-alive"
                )
                count += 1
                with self._lock:
                    number = sum(asked.stream == stream for asked, _decision in self.log) + 1
                    asked = Asked(stream, number, count, port)
                    decision = self.decide(asked)
                    self.log.append((asked, decision))
                if stream == "upload" and decision == ANSWER:
                    while not data.endswith(b"0\r\n\r\n"):
                        part = _receive(connection)
                        if not part:
                            return
                        data += part
                    data = b""
                self._closed.wait(self.delay)
                if not self._answer(connection, decision, close=stream == "fresh"):
                    return

    def _answer(self, connection: socket.socket, decision: str, *, close: bool) -> bool:
        """Whether the connection goes on."""
        if decision == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if decision == CLOSE:
            return False
        if decision == SILENT:
            self._closed.wait()
            return False
        status = {ERROR: b"503 Unavailable", MISSING: b"404 Not Found"}.get(decision, b"200 OK")
        head = b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n" % len(BODY)
        connection.sendall(
            head + (b"Connection: close\r\n" if close else b"") + b"\r\n" + BODY[: 30 if decision == TRUNCATE else None]
        )
        if decision == TRUNCATE:
            return False
        if close and select.select([connection], [], [], 0.02)[0]:
            with self._lock:
                self.client_closed_first += 1
        return not close


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


@contextmanager
def serving(decide: Callable[[Asked], str] = lambda _asked: ANSWER, delay: float = 0.0) -> Iterator[Server]:
    """A server for the time of a test."""
    server = Server(decide, delay)
    server.open()
    yield server
    server.close()


def dropping(amount: int, how: str, stream: str = "fresh", after: int = 5) -> Callable[[Asked], str]:
    """A decision: exactly so many requests of a stream are lost, in one row."""
    return lambda asked: how if asked.stream == stream and after < asked.number <= after + amount else ANSWER
