# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request to end: what has begun is brought to its end, nothing new is begun, and the report is written."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

_SAME = 1.0  # seconds


class Interruption:
    """Nobody asks for anything until `listen` was called. Used from several threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._since = 0.0
        self.words: str | None = None  # such as "interrupted (SIGTERM)", once it has happened

    def listen(self) -> None:
        """Take SIGINT and SIGTERM from now on; the second one ends the process as it always did.

        What comes within a second is still the first: it reaches a process group and its members one by one.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Sleep, but only until an interruption is requested."""
        self._event.wait(seconds)

    def _note(self, number: int, _frame: Any) -> None:
        if self.words is None:
            self.words = f"interrupted ({signal.Signals(number).name})"
            self._since = time.monotonic()
            self._event.set()
        elif time.monotonic() - self._since > _SAME:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
