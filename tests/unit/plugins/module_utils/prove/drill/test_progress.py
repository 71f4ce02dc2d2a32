# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that are shown while a drill is under way."""

from __future__ import annotations

import time
from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.progress import followed, reporter


def test_lines_are_shown_as_they_come_and_all_of_them(tmp_path: Path) -> None:
    path, shown = tmp_path / "told", list[str]()
    path.touch()
    tell = reporter(str(path))
    with followed(str(path), shown.append):
        tell("one")
        until = time.monotonic() + 10
        while not shown and time.monotonic() < until:
            time.sleep(0.02)
        assert shown == ["one"]
        tell("two")
        tell("three")
    assert shown == ["one", "two", "three"]


def test_without_a_file_nothing_is_told_and_none_is_made(tmp_path: Path) -> None:
    reporter("")("one")
    reporter(str(tmp_path / "gone"))("one")
    assert list(tmp_path.iterdir()) == []
