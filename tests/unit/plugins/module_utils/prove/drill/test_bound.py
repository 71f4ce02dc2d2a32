# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bound that a count of losses proves, against sums of exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.bound import bound_text, upper_bound


def at_most(lost: int, requests: int, share: float) -> float:
    """The probability of at most so many losses, with exact arithmetic."""
    exact = Fraction(share)
    terms = (math.comb(requests, k) * exact**k * (1 - exact) ** (requests - k) for k in range(lost + 1))
    return float(sum(terms))


@given(st.integers(1, 150).flatmap(lambda requests: st.tuples(st.integers(0, requests - 1), st.just(requests))))
@settings(max_examples=60, deadline=None)
def test_so_few_losses_have_a_probability_of_five_percent_at_the_bound(case: tuple[int, int]) -> None:
    lost, requests = case
    bound = upper_bound(lost, requests)
    assert bound is not None and lost / requests < bound < 1
    assert at_most(lost, requests, bound) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("requests", [10, 100, 8743, 1_000_000])
def test_nothing_lost_is_the_rule_of_three(requests: int) -> None:
    bound = upper_bound(0, requests)
    assert bound == pytest.approx(1 - 0.05 ** (1 / requests))
    assert bound == pytest.approx(3 / requests, rel=0.15 if requests < 100 else 0.02)


@pytest.mark.parametrize(
    ("lost", "requests", "text"),
    [
        (0, 8743, "0 of 8,743: below 0.034 % at 95 %"),
        (0, 1, "0 of 1: below 95 % at 95 %"),
        (1, 10, "1 of 10 (10 %): below 39 % at 95 %"),
        (69, 1255, "69 of 1,255 (5.5 %): below 6.7 % at 95 %"),
        (3, 1_000_000, "3 of 1,000,000 (0.00030 %): below 0.00078 % at 95 %"),
        (5, 5, "5 of 5 (100 %): nothing below 100 % at 95 %"),
        (0, 0, "no requests: nothing is known"),
    ],
)
def test_in_words(lost: int, requests: int, text: str) -> None:
    assert bound_text(lost, requests) == text


def test_an_outage_of_many_requests_is_no_problem_of_arithmetic() -> None:
    assert upper_bound(20_000, 30_000) == pytest.approx(2 / 3, rel=0.01)
