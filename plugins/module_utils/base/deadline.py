# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An end to an exchange over HTTP: a timeout of a socket begins anew with every byte, so a server can drip for ever."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def ended_after(seconds: float, descriptor: int | None, what: str = "the answer") -> Iterator[None]:
    """Shut a connection down, by its file descriptor, where the block takes longer. None is one that is closed.

    Raises TimeoutError then, whatever the block made of it.
    """
    if descriptor is None:
        yield
        return
    passed = threading.Event()
    message = f"{what} did not end within {seconds:g} s"
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
    # An answer without a length looks whole wherever it ends.
    if passed.is_set():
        raise TimeoutError(message) from None


def descriptor_of(response: Any) -> int | None:
    """The connection behind an answer; None where the answer has no body, and so is at its end."""
    try:
        return int(response.fileno())
    except (OSError, ValueError, AttributeError):
        return None


class Punctual:
    """Mixed into a connection of http.client: the head of an answer has an end, informational answers included."""

    sock: Any
    head_seconds: float = 60

    def getresponse(self, *arguments: Any, **more: Any) -> Any:
        """The answer, whose body is still to be read. Raises TimeoutError and what the connection raises."""
        with ended_after(self.head_seconds, self.sock.fileno(), "the head of the answer"):
            return super().getresponse(*arguments, **more)  # type: ignore[misc]
