# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` counts as passed and failed."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.tests.unit.tools.loading import TOOLS, load

runner = load(TOOLS / "test")


@pytest.mark.parametrize(
    ("log", "exit_code", "expected"),
    [
        ("=== 12 passed, 1 skipped in 0.31s ===", 0, (12, 0)),
        ("=== 2 failed, 10 passed, 3 errors in 4.20s ===", 1, (10, 5)),
        ("\x1b[32m=== \x1b[1m7 passed\x1b[0m in 0.1s ===\x1b[0m", 0, (7, 0)),
        ("failed: mypy\n3 passed, 1 failed\nmake: *** [Makefile:9: lint] Error 1", 2, (3, 1)),
        ("99 failed at first\n4 passed, 0 failed", 0, (4, 0)),
        ("=== 1 error in 0.05s ===", 2, (0, 1)),
    ],
)
def test_the_last_counting_line_of_a_log_counts(log: str, exit_code: int, expected: tuple[int, int]) -> None:
    """Both pytest's summary and the tools' own last line are read, whatever came before them."""
    assert runner.count(log, exit_code) == expected


@pytest.mark.parametrize(
    ("log", "exit_code", "expected"),
    [
        ("=== no tests ran in 0.01s ===", 5, (0, 1)),
        ("WARNING: All targets skipped.", 0, (0, 1)),
        ("", 0, (0, 1)),
        ("0 passed, 0 failed", 0, (0, 1)),
        ("=== 5 passed in 1s ===\nmake: *** [Makefile:9: unit] Error 3", 2, (5, 1)),
    ],
)
def test_a_stage_that_ran_nothing_or_ended_badly_has_a_failure(
    log: str, exit_code: int, expected: tuple[int, int]
) -> None:
    """Neither silence nor an exit code after good counts passes as success."""
    assert runner.count(log, exit_code) == expected
