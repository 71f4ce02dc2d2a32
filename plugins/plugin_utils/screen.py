# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins know of the person's terminal and of the folder for files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


def width() -> int:
    """Columns. Ansible assumes 79 where there is no terminal; a log has room for more."""
    return shutil.get_terminal_size((100, 24)).columns


def wants_color() -> bool:
    """Whether Ansible colours its own output."""
    from ansible.utils.color import ANSIBLE_COLOR

    return bool(ANSIBLE_COLOR)


def probe(folder: Path) -> None:
    """Make the folder. Raises OSError where no file could be written into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
