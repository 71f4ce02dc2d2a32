# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request to end: what has begun is brought to its end, nothing new is begun, and the report is written."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interruption:
    """Nobody asks for anything until `listen` was called. Used from several threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.words: str | None = None  # such as "interrupted (SIGTERM)", once it has happened

    def listen(self) -> None:
        """Take SIGINT and SIGTERM from now on; the second one ends the process as it always did."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than until somebody asks to end."""
        self._event.wait(seconds)

    def _note(self, number: int, _frame: Any) -> None:
        self.words = f"interrupted ({signal.Signals(number).name})"
        self._event.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
