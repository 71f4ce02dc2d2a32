# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules say of a pause in front of whoever sends the requests."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case

ENOUGH = 5  # seconds of a pause before the server is stopped, from which on prestop-stops-server-early is silent


def covered(case: Case, seconds: int) -> str:
    """How a sentence goes on that begins with so many seconds: whether they suffice, as far as is known."""
    slowest = case.slowest_sender
    if slowest and slowest[1] > seconds:
        return f"are a start, but {slowest[0]} is known to take about {slowest[1]} s"
    return "let that end"
