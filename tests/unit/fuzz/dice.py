# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What random choices are made with: short words for hypothesis' own, so that what fails can still be made smaller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

Thing = TypeVar("Thing")


class Dice:
    """Draws from one example. Small numbers and first choices are the simple ones."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def number(self, least: int, most: int) -> int:
        """A number between two others, both of them included."""
        return self._draw(_integers(least, most))

    def one(self, *options: Thing) -> Thing:
        """One of these."""
        return options[self.number(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases: never at the ends of the range, which hypothesis prefers."""
        return 0 < self.number(0, 101) <= percent

    def some(self, options: Sequence[Thing], percent: int) -> list[Thing]:
        """Each of these with so many chances of a hundred."""
        return [option for option in options if self.chance(percent)]

    def fields(self, **options: tuple[int, Any]) -> dict[str, Any]:
        """Each field with its percentage: (percent, value), where a list is a choice among its values."""
        found = {}
        for name, (percent, value) in options.items():
            if self.chance(percent):
                found[name] = self.one(*value) if isinstance(value, list) else value
        return found


@lru_cache
def _integers(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)
