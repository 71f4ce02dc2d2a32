# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: the Kubernetes client's HTTP with limits on what a server may send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.deadline import (
    Punctual,
    descriptor_of,
    ended_after,
)

try:
    from kubernetes.client import rest
except ImportError:
    rest = SimpleNamespace(RESTClientObject=object)

WHOLE_SECONDS = 300.0
WHOLE_BYTES = 2**28  # 500 objects of the largest size that etcd takes are 750 MB; 15,000 pods in one piece are 64
LINE_BYTES = 2**25  # an event of a watch is one object
_PART = 2**16


class TooLong(Exception):
    """A server sends too much or too long. The message says what."""


def read_whole(response: Any, seconds: float | None = None, limit: int | None = None) -> bytes:
    """The body of a response. Raises TooLong, and what urllib3 raises."""
    seconds, limit = seconds or WHOLE_SECONDS, limit or WHOLE_BYTES
    body = bytearray()
    try:
        with ended_after(seconds, descriptor_of(response)):
            # Not decoded: no compression was requested, and a few compressed kilobytes can be gigabytes.
            for part in response.stream(_PART, decode_content=False):
                body += part
                if len(body) > limit:
                    response.close()
                    raise TooLong(f"the response is larger than {limit // 2**20} MiB")
    except TimeoutError as error:
        raise TooLong(str(error)) from None
    return bytes(body)


def read_lines(response: Any) -> Iterator[bytes]:
    """The lines of a response as they arrive. Raises TooLong, and what urllib3 raises."""
    rest_of_line = b""
    for part in response.stream(None, decode_content=False):
        *whole, rest_of_line = (rest_of_line + part).split(b"\n")
        yield from whole
        if len(rest_of_line) > LINE_BYTES:
            raise TooLong(f"a line of the response is longer than {LINE_BYTES // 2**20} MiB")


class _Bounded:
    """A response whose `data` is limited. Everything else is urllib3's."""

    def __init__(self, response: Any):
        self._response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    @cached_property
    def data(self) -> bytes:
        """The whole body. Raises TooLong."""
        return read_whole(self._response)


class RestClient(rest.RESTClientObject):  # type: ignore[misc]
    """The library's own, with limits on the headers and bodies of all responses."""

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        pools = self.pool_manager
        pools.pool_classes_by_scheme = {name: _punctual(kind) for name, kind in pools.pool_classes_by_scheme.items()}
        request = pools.request
        pools.request = lambda *given, **named: _Bounded(request(*given, **named | {"preload_content": False}))


def _punctual(pool: Any) -> Any:
    connection = type("PunctualConnection", (Punctual, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


@contextmanager
def bounded_clients() -> Iterator[None]:
    """Any client created in this block is bounded from its first request on, which lists the API groups."""
    original, rest.RESTClientObject = rest.RESTClientObject, RestClient
    try:
        yield
    finally:
        rest.RESTClientObject = original
