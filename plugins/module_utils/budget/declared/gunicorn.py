# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gunicorn's configuration file: Python, of which only a plain `graceful_timeout = 60` is understood."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import (
    Timeout,
    seconds_of,
    unread,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import ConfigFile, Settings

DEFAULT_FILE = "gunicorn.conf.py"
_NAMED = re.compile(r"(?:^|\s)(?:-c|--config)[=\s]\s*['\"]?(?:file:)?([\w./-]+)")
_ASSIGNED = re.compile(r"^[ \t]*graceful_timeout\b.*$", re.MULTILINE)
_LITERAL = re.compile(r"graceful_timeout\s*=\s*(\d{1,6})\s*(?:#.*)?")


def in_gunicorn_file(settings: Settings) -> Timeout | None:
    """The timeout of the configuration file that gunicorn reads, if it is mounted from a ConfigMap."""
    for file in settings.files:
        if not _is_read(file, settings):
            continue
        assigned = _ASSIGNED.findall(file.text)
        # Assigned twice, or below an `if`, it depends on what only the program knows.
        match = _LITERAL.fullmatch(assigned[0].rstrip()) if len(assigned) == 1 else None
        seconds = seconds_of(match[1]) if match else None
        if assigned:
            place = f"{file.place} graceful_timeout"
            return unread(place) if seconds is None else Timeout(seconds, place)
    return None


def _is_read(file: ConfigFile, settings: Settings) -> bool:
    # Behind the program's name: `sh -c` has a -c of its own.
    texts = (settings.arguments.partition("gunicorn")[2], settings.value("GUNICORN_CMD_ARGS"))
    named = next((match[1] for match in map(_NAMED.search, texts) if match), None)
    if named is None:
        return file.name == DEFAULT_FILE
    return file.path == named or (not named.startswith("/") and file.path.endswith(f"/{named.removeprefix('./')}"))
