# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a drill early: SIGINT, SIGTERM, or the exit of the reader of its result."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_POLL = 1000  # milliseconds


class Interrupted(BaseException):
    """Like KeyboardInterrupt, not an Exception: no code in between may handle it as its own error."""


@contextmanager
def interruptible(output: int) -> Iterator[None]:
    """Raise Interrupted in the main thread, once. `output` is the descriptor that the result is written to."""
    done = threading.Event()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)  # the report is being written
        raise Interrupted(signal.Signals(number).name)

    def look() -> None:
        poll = select.poll()
        poll.register(output, 0)  # errors are always reported
        while not done.is_set():
            if any(event & (select.POLLERR | select.POLLHUP) for _descriptor, event in poll.poll(_POLL)):
                # The process that started the drill has exited and cannot forward a signal.
                if not done.is_set():
                    os.kill(os.getpid(), signal.SIGTERM)
                return

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM)}
    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        for each, handler in before.items():
            signal.signal(each, handler)
