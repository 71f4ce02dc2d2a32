# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes drill.json every second during the drill, so that a kill leaves the counts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file, require_own

FILE = "drill.json"
EVERY = 1.0  # seconds


def write(folder: str, document: dict[str, Any]) -> str:
    """Replace the file as a whole, and return its path. Raises OSError."""
    path = Path(folder) / FILE
    require_own(path)
    replace_file(path, (json.dumps(document, indent=2) + "\n").encode())
    return str(path)


@contextmanager
def flushed(folder: str | None, document: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Write at once, then every second; the caller writes last. Raises OSError only for the first write."""
    if folder is None:
        yield
        return
    write(folder, document())
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(EVERY):
            try:
                write(folder, document())
            except OSError:  # a full disk may have room again; the last write raises
                continue

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
