# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's numbers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy


def test_the_defaults_are_those_of_the_documentation() -> None:
    policy = Policy.from_options(None)
    assert (policy.prestop_seconds, policy.margin_seconds, policy.max_grace_seconds) == (
        {"default": 10, "external-lb": 20},
        10,
        300,
    )
    assert policy == Policy.from_options({}) == Policy()


def test_what_is_not_given_keeps_its_default() -> None:
    policy = Policy.from_options({"prestop_seconds": {"default": "5"}, "margin_seconds": 0})
    assert policy.prestop_seconds == {"default": 5, "external-lb": 20}
    assert policy.margin_seconds == 0


def test_the_delay_follows_the_traits_and_says_so() -> None:
    assert Policy().prestop_for(()) == (10, "policy default")
    assert Policy().prestop_for(("external-lb", "meshed")) == (20, "policy for external-lb")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 5}, "unknown key 'margin'"),
        ({"prestop_seconds": {"internal": 5}}, "unknown key 'internal'"),
        ({"prestop_seconds": 0}, "must be a map"),
        ({"prestop_seconds": [10]}, "must be a map"),
        ({"prestop_seconds": {"default": 0}}, "prestop_seconds.default: 0 is not between 1 and 86400"),
        ({"prestop_seconds": {"default": "10s"}}, "'10s' is not a whole number"),
        ({"margin_seconds": -1}, "margin_seconds: -1 is not between 0 and 86400"),
        ({"margin_seconds": 1.5}, "'1.5' is not a whole number"),
        ({"margin_seconds": True}, "'True' is not a whole number"),
        ({"margin_seconds": "-5"}, "margin_seconds: -5 is not between 0 and 86400"),
        ({"margin_seconds": -5.0}, "margin_seconds: -5 is not between 0 and 86400"),
        ({"prestop_seconds": -5}, "must be a map"),
        ({"margin_seconds": None}, "'None' is not a whole number"),
        ({"margin_seconds": "1_0"}, "'1_0' is not a whole number"),
        ({"margin_seconds": "٣"}, "'٣' is not a whole number"),
        ({"margin_seconds": "nan"}, "'nan' is not a whole number"),
        ({"margin_seconds": "1e999"}, "'1e999' is not a whole number"),
        (-5, "must be a map"),
        (["margin_seconds"], "must be a map"),
        ("margin_seconds", "must be a map"),
        ({"max_grace_seconds": 0}, "max_grace_seconds: 0 is not between 1 and 86400"),
        ({"max_grace_seconds": 10**9}, "is not between"),
    ],
)
def test_a_number_that_cannot_be_meant_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^policy.*{message}"):
        Policy.from_options(options)


@pytest.mark.parametrize("value", [100, "100", 100.0, "100.0", "1e2", 1e2, " 100 ", "+100", "100."])
def test_a_whole_number_is_one_however_it_is_written(value: object) -> None:
    assert Policy.from_options({"margin_seconds": value}).margin_seconds == 100
