# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a command takes, as bounds in seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """From `least` to `limit` seconds. Both infinite: it never ends; only `limit`: unknown."""

    least: float
    limit: float

    @property
    def exact(self) -> bool:
        """Whether it is known to the second."""
        return self.least == self.limit and not self.endless

    @property
    def endless(self) -> bool:
        """Whether it certainly never ends by itself."""
        return self.least == math.inf

    def __add__(self, other: Span) -> Span:
        return Span(self.least + other.least, self.limit + other.limit)

    def __or__(self, other: Span) -> Span:
        """One of the two, and it is unknown which."""
        return Span(min(self.least, other.least), max(self.limit, other.limit))

    def after(self, before: Span) -> Span:
        """What came on top of the time before."""
        if before.endless:
            return NONE
        limit = math.inf if self.limit == math.inf else self.limit - before.limit
        return Span(self.least - before.least, limit)

    def remaining_at(self, now: Span) -> Span:
        """How long it is from now to this end, which may be over already."""
        least = self.least - now.limit if now.limit < math.inf else 0
        limit = math.inf if self.limit == math.inf else self.limit - now.least
        return Span(max(least, 0), max(limit, 0))

    def times(self, count: int) -> Span:
        """So often in a row."""
        return Span(self.least * count, self.limit * count) if count else NONE

    def within(self, seconds: float) -> Span:
        """The same where something ends it after so many seconds."""
        return Span(min(self.least, seconds), min(self.limit, seconds))

    def beside(self, other: Span) -> Span:
        """Both at the same time: until the last has ended."""
        return Span(max(self.least, other.least), max(self.limit, other.limit))


NONE, ANY, ENDLESS = Span(0, 0), Span(0, math.inf), Span(math.inf, math.inf)


def exactly(seconds: float) -> Span:
    """So many seconds."""
    return Span(seconds, seconds)


def up_to(seconds: float) -> Span:
    """So many seconds or fewer."""
    return Span(0, seconds)


def any_of(spans: Iterable[Span]) -> Span:
    """One of them, at least one of which there is."""
    first, *others = spans
    for other in others:
        first |= other
    return first
