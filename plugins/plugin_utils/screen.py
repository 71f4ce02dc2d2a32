# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal of the user, and the folder for files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import (
    visible,
    visible_all,
    visible_lines,
)


def width() -> int:
    """Columns. Ansible assumes 79 where there is no terminal; a log has room for more."""
    return shutil.get_terminal_size((100, 24)).columns


def wants_color() -> bool:
    """Whether Ansible colours its own output."""
    from ansible.utils.color import ANSIBLE_COLOR

    return bool(ANSIBLE_COLOR)


def visible_result(result: dict[str, Any]) -> dict[str, Any]:
    """The result of a task, safe to print: without control characters. Diffs keep their lines.

    Names and messages in it come from files and clusters.
    """
    shown = visible_all({key: value for key, value in result.items() if key != "diff"})
    if "diff" in result:
        shown["diff"] = [
            {key: (visible_lines if key in ("before", "after") else visible)(text) for key, text in diff.items()}
            for diff in result["diff"]
        ]
    return shown


def folder_of(arguments: Mapping[str, Any]) -> Path | None:
    """The folder that report_dir names; None where it is not set. Raises ValueError if it cannot be one."""
    given = arguments.get("report_dir")
    if not given:
        return None
    if not isinstance(given, str) or "\0" in given:
        raise ValueError("report_dir: must be the path of one folder; nothing was done")
    try:
        path = Path(given).expanduser()
        os.fsencode(path)
    except (RuntimeError, UnicodeEncodeError):  # ~ of an unknown user
        raise ValueError(f"report_dir: {given}: no such folder, and it cannot be created") from None
    return path


def probe(folder: Path) -> None:
    """Create the folder. Raises OSError if no file can be written into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
