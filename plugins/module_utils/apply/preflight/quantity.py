# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource quantities as Kubernetes writes them, such as 250m, 1.5 and 64Mi."""

from __future__ import annotations

import re
from fractions import Fraction

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable

_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {letter: Fraction(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
_SMALL = {letter: Fraction(1, 1000) ** power for power, letter in enumerate("mun", 1)}
_SUFFIXES = {"": Fraction(1)} | _BINARY | _DECIMAL | _SMALL
_QUANTITY = re.compile(r"([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:[eE]([+-]?\d{1,2})|([KMGTPE]i|[munkMGTPE]?))")


def parse_quantity(value: object) -> Fraction:
    """The exact number. Raises Unreadable."""
    match = _QUANTITY.fullmatch(str(value))
    if not match or isinstance(value, bool):
        raise Unreadable(f"{value!r:.40} is not a quantity such as 250m or 64Mi")
    number, exponent, suffix = match.groups()
    return Fraction(number) * (Fraction(10) ** int(exponent) if exponent else _SUFFIXES[suffix or ""])


def format_quantity(amount: Fraction) -> str:
    """The shortest usual form of a quantity, such as 250m, 2 and 64Mi."""
    if amount.denominator != 1:
        return f"{float(amount * 1000):g}m"
    for suffix, size in reversed(_BINARY.items()):
        if amount and amount % size == 0:
            return f"{amount // size}{suffix}"
    return str(amount)
