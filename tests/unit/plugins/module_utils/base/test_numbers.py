# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("5s", 5), (" 1m30s ", 90), ("0.5s", 0.5), ("500ms", 0.5), ("1h2m", 3720), ("0s", 0)],
        *[
            ("5", None),
            ("", None),
            ("soon", None),
            ("-5s", None),
            ("5 s", None),
            ("1m30", None),
            ("1e3s", None),
            ("9" * 99 + "s", None),
        ],
    ],
)
def test_a_duration(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds
