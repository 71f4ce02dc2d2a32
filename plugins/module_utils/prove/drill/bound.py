# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a count of losses proves about the share of lost requests."""

from __future__ import annotations

import math

CONFIDENCE = 0.95


def upper_bound(lost: int, requests: int) -> float | None:
    """The exact one-sided upper bound (Clopper-Pearson) of the share that is lost; None without requests.

    For zero losses it is the exact form of the rule of three: 1 - 0.05 ** (1 / requests), about 3 / requests.
    """
    if requests == 0:
        return None
    if lost >= requests:
        return 1.0
    if lost == 0:
        return 1.0 - float((1.0 - CONFIDENCE) ** (1.0 / requests))
    # The share at which so few losses, or fewer, have a probability of 5 %.
    low, high = lost / requests, 1.0
    for _halving in range(60):
        middle = (low + high) / 2
        if _at_most(lost, requests, middle) > 1.0 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def bound_text(lost: int, requests: int) -> str:
    """Such as `0 of 8,743: below 0.034 % at 95 %`."""
    bound = upper_bound(lost, requests)
    if bound is None:
        return "no requests: nothing is known"
    share = f" ({_percent(lost / requests)})" if lost else ""
    limit = "nothing below 100 %" if bound == 1.0 else f"below {_percent(bound)}"
    return f"{lost:,} of {requests:,}{share}: {limit} at 95 %"


def _at_most(lost: int, requests: int, share: float) -> float:
    """The probability of at most so many losses: a sum of binomial terms, each made from the one before."""
    if share >= 1.0:
        return 0.0
    odds = math.log(share) - math.log1p(-share)
    term = requests * math.log1p(-share)  # as a logarithm: the terms themselves are too small for a float
    terms = [term]
    for count in range(1, lost + 1):
        term += math.log((requests - count + 1) / count) + odds
        terms.append(term)
    largest = max(terms)
    return math.exp(largest) * math.fsum(math.exp(term - largest) for term in terms)


def _percent(share: float) -> str:
    """Two significant digits, and no exponent for small shares."""
    percent = share * 100
    digits = max(0, 1 - math.floor(math.log10(percent))) if percent > 0 else 0
    return f"{percent:.{digits}f} %"
