# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deadline for a whole HTTP exchange: a socket timeout restarts with every byte, so a server could drip forever."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def ended_after(seconds: float, descriptor: int | None, what: str = "the response") -> Iterator[None]:
    """Shut down a connection, by its file descriptor, if the block takes longer. None stands for a closed one.

    Raises TimeoutError then, whatever the block did with the error.
    """
    if descriptor is None:
        yield
        return
    passed = threading.Event()
    message = f"{what} did not finish within {seconds:g} s"
    with socket.socket(fileno=os.dup(descriptor)) as held:

        def end() -> None:
            passed.set()
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if not passed.is_set():
                raise
        finally:
            timer.cancel()
    # A response without a length looks complete wherever it ends.
    if passed.is_set():
        raise TimeoutError(message) from None


def descriptor_of(response: Any) -> int | None:
    """The connection behind a response; None if the response has no body and is complete."""
    try:
        return int(response.fileno())
    except (OSError, ValueError, AttributeError):
        return None


class Punctual:
    """Mixed into a connection of http.client: a deadline for response headers, informational ones included."""

    sock: Any
    head_seconds: float = 60

    def getresponse(self, *arguments: Any, **more: Any) -> Any:
        """The response, with its body unread. Raises TimeoutError and what the connection raises."""
        with ended_after(self.head_seconds, self.sock.fileno(), "the response header"):
            return super().getresponse(*arguments, **more)  # type: ignore[misc]
