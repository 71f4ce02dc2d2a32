# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A note next to a report that a run did not renew, so that it is not taken for a new one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.files import write_file
from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible

NOTE = "not-renewed.txt"


class Renewal:
    """`files` are the names that each run writes again, in `folder`; None if it writes none."""

    def __init__(self, folder: Path | None, files: Sequence[str]):
        self._folder = folder
        self._files = files
        self._begun = _now()

    def begin(self) -> None:
        """Note that a run is in progress: if it is killed, the note stays."""
        if old := self._there():
            self._write(old, "it is still running, or was killed")

    def end(self, result: Mapping[str, Any]) -> str | None:
        """Note which files of an earlier run were not renewed, and why. Returns that for the message, or None."""
        written = {Path(path) for path in result.get("reports") or ()}
        old = [name for name in self._there() if self._folder and self._folder / name not in written]
        if not old:
            self._remove()
            return None
        reason = "not among report_formats" if written else str(result.get("msg") or "it wrote no report")
        dates = self._write(old, reason)
        return None if written else f"not renewed: {dates[0]}"

    def _there(self) -> list[str]:
        return [name for name in self._files if self._folder and os.path.isfile(self._folder / name)]

    def _write(self, old: Iterable[str], reason: str) -> list[str]:
        """Write the note, and return each old file with its date."""
        if self._folder is None:
            return []
        dates = [f"{self._folder / name} is from {_changed(self._folder / name)}" for name in old]
        head = f"graceful.termination: the run of {self._begun} did not renew these files.\n"
        lines = "".join(f"{date}\n" for date in dates)
        with suppress(OSError):  # the message of the task says it, too
            write_file(self._folder / NOTE, f"{head}{visible(lines)}Reason: {visible(reason)}\n")
        return dates

    def _remove(self) -> None:
        if self._folder:
            with suppress(OSError):
                (self._folder / NOTE).unlink(missing_ok=True)


def _changed(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
