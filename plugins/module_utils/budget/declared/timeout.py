# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shutdown timeout as it is written in a setting, and how durations are written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    DIGITS_ONLY,
    UNIT_REQUIRED,
)

_DURATION = re.compile(r"(?:PT)?((?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s))+|\d{1,9}(?:\.\d{1,9})?)", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)?", re.IGNORECASE)
_SECONDS = {"ms": 0.001, DIGITS_ONLY: 1, "s": 1, "m": 60, "h": 3600}
LONGEST = 86400  # seconds; what is longer is a mistake, or means "without limit"


@dataclass(frozen=True, slots=True)
class Timeout:
    """`seconds` is None where there is no limit (`unlimited`), or where what is written cannot be read from outside.

    `source` then says what would settle it. `is_default`: nothing sets it, and `source` says of what it is the default.
    """

    seconds: int | None
    source: str
    unlimited: bool = False
    is_default: bool = False


def seconds_of(text: str, plain: str = "s") -> int | None:
    """Whole seconds, rounded up, of `30`, `30s`, `1m30s`, `500ms` or `PT30S`; None for anything else.

    Units are in lower case. `plain` is the unit of a number without one, or UNIT_REQUIRED or DIGITS_ONLY.
    """
    if not _DURATION.fullmatch(text.strip()):
        return None
    parts = _PART.findall(text.upper().strip().removeprefix("PT").lower())
    if "M" in text and not text.strip().upper().startswith("PT"):
        return None  # a month to some servers, an error to others
    without = any(not unit for _amount, unit in parts)
    if (plain == UNIT_REQUIRED and without) or (plain == DIGITS_ONLY and not text.strip().isdecimal()):
        return None
    seconds = math.ceil(sum(float(amount) * _SECONDS[unit or plain] for amount, unit in parts))
    return seconds if seconds <= LONGEST else None


def unread(place: str) -> Timeout:
    """The timeout of a setting whose value cannot be read from outside."""
    return Timeout(None, f"unknown: {place} is set to a value that cannot be read here")
