# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What YAML scalars mean to Kubernetes, which reads them as go-yaml v2 does (not as YAML 1.2, not as PyYAML)."""

from __future__ import annotations

import math
import re
from typing import Any

_NAMED: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMERIC = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)|0([0-7]+)|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def plain_value(text: str) -> Any:
    """What Kubernetes reads an unquoted scalar as: None, a bool, an int, a float, or the text itself."""
    if text[:1] not in _NUMERIC:
        return _NAMED.get(text, text)
    if text in _NAMED:
        return _NAMED[text]
    digits = text.replace("_", "") if text[0] != "." else text
    # No number of an API object is longer; Python itself refuses integers of thousands of digits.
    if len(digits) <= 40:
        if match := _INTEGER.fullmatch(digits):
            based, octal = match.groups()
            return int(digits, 0) if based else int(digits, 8 if octal else 10)
        if _FLOAT.fullmatch(digits) and math.isfinite(number := float(digits)):
            return number
    return text


def key_text(value: Any) -> str | None:
    """The string that Kubernetes makes of a mapping's key; None for a key that it refuses (null)."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).removesuffix(".0")
