# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as people and variables write them."""

from __future__ import annotations

import re

# ASCII only: int() accepts the digits of every script, and underscores.
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,15})?(?:[eE][+-]?[0-9]{1,2})?")


def whole(value: object) -> int | None:
    """The whole number that a value is, as a number or as text: 30, 30.0 and 1e2 are some, true and 1.5 are none."""
    text = str(value).strip()
    if not _NUMBER.fullmatch(text) or not float(text).is_integer():
        return None
    return int(float(text))
