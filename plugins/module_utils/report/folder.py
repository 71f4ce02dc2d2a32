# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a report in the folder that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.files import write_file
from ansible_collections.graceful.termination.plugins.module_utils.report import markdown
from ansible_collections.graceful.termination.plugins.module_utils.report.document import to_json

FORMATS = {"json": "report.json", "markdown": "report.md"}


def write_reports(folder: Path, formats: Sequence[str], report: dict[str, Any]) -> list[str]:
    """Write the report in these of FORMATS and return the paths. Raises OSError."""
    written = []
    for name in formats:
        path = folder / FORMATS[name]
        write_file(path, to_json(report) if name == "json" else markdown.render(report))
        written.append(str(path))
    return written
