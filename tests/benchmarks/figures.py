# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reported: ratios, each with the target that it is held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`ratio` against `target` ("<= 2", ">= 10"; empty: no target); `how` says what was divided by what."""

    name: str
    ratio: float
    target: str
    how: str

    @property
    def verdict(self) -> str:
        """Whether the target is met: ok or short; a dash where there is none."""
        if not self.target:
            return "-"
        sign, number = self.target.split()
        met = self.ratio <= float(number) if sign == "<=" else self.ratio >= float(number)
        return "ok" if met else "short"

    def line(self) -> str:
        """One line for the screen."""
        return f"{self.name:34} {self.ratio:9.2f}  {self.target or '-':8} {self.verdict}"


def spread(values: list[float]) -> float:
    """How far the largest is from the smallest, as a ratio."""
    return max(values) / min(values)
