# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a drill for a person: a module cannot show anything before it exits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 0.3  # seconds


def reporter(path: str) -> Callable[[str], None]:
    """A function that appends lines to an existing file; without one, or if it cannot be written, they are dropped."""

    def report(text: str) -> None:
        if path:
            try:
                with open(path, "r+", encoding="utf-8") as stream:
                    stream.seek(0, 2)
                    stream.write(f"{text}\n")
            except OSError:
                return

    return report


@contextmanager
def followed(path: str, show: Callable[[str], None]) -> Iterator[None]:
    """Show the lines of a file as they are written, and the last ones at the end."""
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
