# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request of each kind, and its outcome."""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.deadline import (
    Punctual,
    descriptor_of,
    ended_after,
)
from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill._urllib3 import urllib3
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.failure import classify, port_taken
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.ports import Ports, Row
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLOSED,
    OK,
    OTHER_STATUS,
    RESET,
    REUSED,
    SERVER_ERROR,
)

TIMEOUT = 5.0  # seconds for a connection, and again for each part of a response
WHOLE_SECONDS = 2 * TIMEOUT  # for the response header, and again for the body: an event stream never ends
WHOLE_BYTES = 2**26
_PART = 2**16
_CLOSE_SECONDS = 0.3  # how long a server has to close after its response
_PIECE_SECONDS = 0.25  # between two pieces of an upload
_AGENT = {"User-Agent": f"graceful-termination-drill/{VERSION}"}
# Each request is counted once; a retry or redirect would hide its outcome.
_ONCE: dict[str, Any] = {"retries": False, "redirect": False, "assert_same_host": False, "preload_content": False}
_WHOLE = {"enforce_content_length": True}
Result = tuple[str, str]  # class, detail


class Abandoned(Exception):
    """The drill ended before the upload: that proves nothing about the server."""


class Client:
    """Sends requests to one URL. Used from many threads."""

    def __init__(self, url: str, ports: Ports | None = None):
        parts = urllib3.util.parse_url(url)
        self._path = parts.request_uri
        self._ports = ports or Ports()
        self._where: dict[str, Any] = {
            "host": parts.host,
            "port": parts.port,
            "timeout": urllib3.Timeout(TIMEOUT),
            "maxsize": 1,
        }
        self._pools: Any = urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            self._pools = urllib3.HTTPSConnectionPool
            self._where["ssl_context"] = ssl.create_default_context()

    def fresh(self) -> Result:
        """One request on a connection of its own, which the server is asked to close."""
        for port in self._ports.fresh.due():
            result = self._fresh(("", port))
            if result:
                return result
        return self._fresh(None) or (OK, "")  # last resort: the kernel chooses the port

    def _fresh(self, source: tuple[str, int] | None) -> Result | None:
        """None if the local port was not available."""
        pool = self._pools(**self._where, source_address=source)
        pool.ConnectionCls = _punctual(pool)
        try:
            response = pool.request("GET", self._path, headers=_AGENT | {"Connection": "close"}, **_ONCE, **_WHOLE)
            held = _hold(response)
            try:
                _read(response)
            finally:
                _await_close(held)
            return _status(response.status)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return None if source and port_taken(error) else classify(error)
        finally:
            pool.close()

    def kept(self, closed: Callable[[], None]) -> Kept:
        """A connection to be used again and again; `closed` is called when the server closes it cleanly."""
        return Kept(self._pools(**self._where), self._path, self._ports.held, closed)

    def upload(self, seconds: float, abandon: Callable[[], bool], patience: float = 2 * TIMEOUT) -> Result:
        """One request whose body is sent over so many seconds. Raises Abandoned as soon as `abandon` says so.

        `patience`: seconds to wait for the response after the last piece.
        """
        pool, sent = self._pools(**self._where), []
        connections: list[Any] = []
        _prepare(pool, self._ports.held, connections.append, max(WHOLE_SECONDS, patience))

        def pieces() -> Iterator[bytes]:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if abandon():
                    raise Abandoned
                if _has_data(connections[-1].sock):
                    return
                yield b"." * 63 + b"\n"
                time.sleep(_PIECE_SECONDS)
            sent.append(True)

        try:
            response = pool.request(
                "POST",
                self._path,
                body=pieces(),
                chunked=True,
                # No Connection: close: servers written in Go would then respond before they have read the body.
                headers=_AGENT | {"Content-Type": "application/octet-stream"},
                timeout=urllib3.Timeout(connect=TIMEOUT, read=patience),
                **_ONCE,
                **_WHOLE,
            )
            _read(response)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return classify(error)
        finally:
            pool.close()
        name, detail = _status(response.status)
        if name == OK and not sent:
            return CLOSED, f"answered with {response.status} before the upload was complete"
        return name, detail


class Kept:
    """One keep-alive connection, reopened when it breaks. Used from one thread."""

    def __init__(self, pool: Any, path: str, ports: Row, closed: Callable[[], None]):
        self._pool = pool
        self._path = path
        self._closed = closed
        self._open = False
        self._opened = 0
        _prepare(pool, ports, self._count)

    def ask(self) -> Result:
        """One request."""
        opened, was_open = self._opened, self._open
        self._open = answered = False
        try:
            response = self._pool.request("GET", self._path, headers=_AGENT, **_ONCE, **_WHOLE)
            answered = True
            _read(response)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            name, detail = classify(error)
            reused = was_open and self._opened == opened
            return (REUSED, detail) if reused and not answered and name in (RESET, CLOSED) else (name, detail)
        finally:
            if was_open and self._opened > opened:
                self._closed()
        self._open = response.headers.get("Connection", "").lower() != "close"
        if not self._open:
            self._closed()
        return _status(response.status)

    def close(self) -> None:
        """Close it from this side."""
        self._pool.close()

    def _count(self, _connection: Any) -> None:
        self._opened += 1


def _punctual(pool: Any, seconds: float | None = None) -> Any:
    """The pool's connections, with a deadline for the response header."""
    return type("Punctual", (Punctual, pool.ConnectionCls), {"head_seconds": seconds or WHOLE_SECONDS})


def _read(response: Any) -> None:
    """Read a response and discard it. Raises TimeoutError, and what urllib3 raises."""
    size = 0
    try:
        with ended_after(WHOLE_SECONDS, descriptor_of(response)):
            for part in response.stream(_PART, decode_content=False):
                size += len(part)
                if size > WHOLE_BYTES:
                    raise OSError(f"the response is larger than {WHOLE_BYTES // 2**20} MiB: use the address of a page")
    except BaseException:
        response.close()
        raise


def _prepare(pool: Any, ports: Row, report: Callable[[Any], None], seconds: float | None = None) -> None:
    """Report each connection of a pool before it opens, and open it from a port of its own.

    The library opens new ones silently, and the kernel would reuse the ports of other connections within a minute.
    """

    class Prepared(_punctual(pool, seconds)):  # type: ignore[misc]
        """A connection that reports itself."""

        source_address: tuple[str, int] | None

        def connect(self) -> None:
            report(self)
            for port in ports.due():
                self.source_address = ("", port)
                try:
                    super().connect()
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    if not port_taken(error):
                        raise
                else:
                    return
            self.source_address = None
            super().connect()

    pool.ConnectionCls = Prepared


def _has_data(connection: Any) -> bool:
    """Whether the server sent something unexpected: an early response or the end. TLS has messages of its own."""
    if isinstance(connection, ssl.SSLSocket):
        return False
    # Not select(): that refuses the file descriptors from 1024 on, and a drill may have as many.
    watched = select.poll()
    watched.register(connection, select.POLLIN)
    return bool(watched.poll(0))


def _status(status: int) -> Result:
    if status >= 500:
        return SERVER_ERROR, str(status)
    return (OTHER_STATUS, str(status)) if status >= 400 else (OK, "")


def _hold(response: Any) -> socket.socket | None:
    """The socket behind a response, so that it does not close from this side after the response was read."""
    try:
        return socket.socket(fileno=os.dup(response.fileno()))
    except (OSError, ValueError):  # a response without a body is closed already
        return None


def _await_close(held: socket.socket | None) -> None:
    """Let the server close first, as with most load balancers.

    If the client does, the connection tracking of a node keeps the translation to the pod for two minutes.
    """
    if held is None:
        return
    with held:
        end = time.monotonic() + _CLOSE_SECONDS
        try:
            while (remaining := end - time.monotonic()) > 0:
                held.settimeout(remaining)
                if not held.recv(4096):
                    return
        except OSError:
            return
