# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and durations as people and variables write them."""

from __future__ import annotations

import re

# ASCII only: int() accepts the digits of every script, and underscores.
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,15})?(?:[eE][+-]?[0-9]{1,2})?")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|h|m|s)){1,4}")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def whole(value: object) -> int | None:
    """The whole number that a value is, as a number or as text: 30, 30.0 and 1e2 are some, true and 1.5 are none."""
    text = str(value).strip()
    if not _NUMBER.fullmatch(text) or not float(text).is_integer():
        return None
    return int(float(text))


def duration(text: str) -> float | None:
    """The seconds of a duration as Go writes it, such as `5s`, `1m30s` or `1.5s`; None for anything else."""
    if not _DURATION.fullmatch(text.strip()):
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))
