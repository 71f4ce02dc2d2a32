# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules say about a delay and those who send the requests."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case


def covered(case: Case, seconds: int) -> str:
    """The end of a sentence that begins with so many seconds: whether they suffice, as far as is known."""
    slowest = case.slowest_sender
    if slowest and slowest[1] > seconds:
        return f"are not enough: {slowest[0]} is known to take about {slowest[1]} s"
    return "cover that"
