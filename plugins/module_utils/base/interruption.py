# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request to stop: what has started is finished, nothing new starts, and the report is written."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

_SAME = 1.0  # seconds


class Interruption:
    """Without a call of `listen` no interruption is noticed. Used from several threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._since = 0.0
        self.reason: str | None = None  # such as "interrupted (SIGTERM)", after the signal

    def listen(self) -> None:
        """Handle SIGINT and SIGTERM from now on; the second signal ends the process as usual.

        Signals within a second count as one: a process group and its members get them one by one.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Sleep, but only until an interruption is requested."""
        self._event.wait(seconds)

    def _note(self, number: int, _frame: Any) -> None:
        if self.reason is None:
            self.reason = f"interrupted ({signal.Signals(number).name})"
            self._since = time.monotonic()
            self._event.set()
        elif time.monotonic() - self._since > _SAME:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
