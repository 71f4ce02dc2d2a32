# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pause that the author of a hook had in mind, where the hook makes none as it is written."""

from __future__ import annotations

import math
import re

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import SLEEP_UNITS

_SLEEPS = re.compile(
    r"(?<![\w.-])(?:sleep|start-sleep(?:\s+-s(?:ec|econds)?)?|timeout(?:\.exe)?\s+/t)\s+(\d{1,5}(?:\.\d{1,3})?)([smhd]?)(?![\w.])",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_REPEATS = re.compile(r"\b(?:while|until|for)\b")


def intended_pause(handler: Handler) -> int:
    """Seconds, by all sleeps that are written out in a command; 0 where there are none, or where they are in a loop."""
    text = _COMMENT.sub("", " ".join(handler.command))
    if _REPEATS.search(text):
        return 0
    return math.ceil(sum(float(match[1]) * SLEEP_UNITS[match[2].lower()] for match in _SLEEPS.finditer(text)))
