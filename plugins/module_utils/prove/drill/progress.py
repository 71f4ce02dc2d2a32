# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for a person while a drill is under way: a module itself cannot show anything before its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 0.3  # seconds


def teller(path: str) -> Callable[[str], None]:
    """What appends lines to a file that is there; without one, or where it cannot be written, they are dropped."""

    def tell(text: str) -> None:
        if path:
            try:
                with open(path, "r+", encoding="utf-8") as stream:
                    stream.seek(0, 2)
                    stream.write(f"{text}\n")
            except OSError:
                return

    return tell


@contextmanager
def followed(path: str, show: Callable[[str], None]) -> Iterator[None]:
    """Show the lines of a file as they come, and the last ones at the end."""
    done = threading.Event()

    def follow() -> None:
        with open(path, encoding="utf-8", errors="replace") as stream:
            over, rest = False, ""
            while not over:
                over = done.wait(EVERY)
                *lines, rest = (rest + stream.read()).split("\n")
                for line in lines:
                    show(line)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
