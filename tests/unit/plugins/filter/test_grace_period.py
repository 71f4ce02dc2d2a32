# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter grace_period."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.graceful.termination.plugins.filter.grace_period import FilterModule

grace_period = FilterModule().filters()["grace_period"]


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ((0.5, 40), 30),
        ((0.5, 40, 0), 20),
        (("0.5", "41"), 31),
        ((0.1, 30, 0), 3),
        ((0, 0), 10),
    ],
)
def test_average_times_concurrency_plus_buffer_rounded_up(arguments: tuple[Any, ...], seconds: int) -> None:
    assert grace_period(*arguments) == seconds


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((None, 1), "the average time"),
        (("fast", 1), "the average time"),
        ((-1, 1), "the average time"),
        ((1, float("inf")), "p95_concurrency"),
        ((1, 1, float("nan")), "buffer_seconds"),
    ],
)
def test_what_is_no_duration_is_named(arguments: tuple[Any, ...], name: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{name} must be a number"):
        grace_period(*arguments)
