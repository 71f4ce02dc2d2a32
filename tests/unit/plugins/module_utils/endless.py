# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP servers on 127.0.0.1 that never come to an end: they drip, or they pour."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Behave = Callable[[socket.socket, threading.Event], None]


@contextmanager
def serving(behave: Behave, first: Callable[[str], bytes | None] = lambda _path: None) -> Iterator[str]:
    """The address of a server that behaves so, but where `first` has an answer to the path."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while request := connection.recv(2**16):
                known = first(request.split(b" ", 2)[1].decode())
                if known is None:
                    behave(connection, over)
                    return
                connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(known) + known)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _address = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def drip(head: bytes, drop: bytes) -> Behave:
    """So little at a time that no timeout between two parts ever comes."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(0.02):
            connection.sendall(drop)

    return behave


def pour(head: bytes, part: bytes) -> Behave:
    """As much as the other side takes."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.is_set():
            connection.sendall(part)

    return behave


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "a body with a length": drip(HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "a body without a length": drip(HEAD + b"\r\n", b" "),
    "a body in chunks": drip(HEAD + CHUNKED, b"1\r\n \r\n"),
    "one large chunk": drip(HEAD + CHUNKED + b"ffffff\r\n", b" "),
    "a refusal": drip(b"HTTP/1.1 403 Forbidden\r\n\r\n", b" "),
    "a header": drip(HEAD + b"X-Long: ", b"x"),
    "a status line": drip(b"HTTP/1.1 200 ", b"O"),
    "informational answers": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
POURS = {
    "a body with a length": pour(HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * 2**16),
    "a body without a length": pour(HEAD + b"\r\n", b" " * 2**16),
    "a body in chunks": pour(HEAD + CHUNKED, b"10000\r\n" + b" " * 2**16 + b"\r\n"),
    "a refusal": pour(b"HTTP/1.1 500 Oh\r\n\r\n", b" " * 2**16),
}
