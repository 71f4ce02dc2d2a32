# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The well-known rule of thumb for a grace period."""

from __future__ import annotations

import math
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: grace_period
short_description: Grace period by the rule of thumb average time x concurrency + buffer
version_added: 1.0.0
description:
  - Multiplies the average time of a request by the 95th percentile of concurrent requests, adds a buffer, and rounds
    up.
  - That product is the work in flight, which is a drain time only for a single serial worker. It is too long for a
    server that works in parallel and too short for one slow upload. P(graceful.termination.snippet#lookup) and the
    roles use the budget instead, preStop + drain + sidecar + margin.
positional: p95_concurrency
options:
  _input:
    description: Average duration of a request in seconds.
    type: float
    required: true
  p95_concurrency:
    description: 95th percentile of the number of requests in flight in one pod.
    type: float
    required: true
  buffer_seconds:
    description: Seconds added for clean-up.
    type: float
    default: 10
"""

EXAMPLES = r"""
- name: 0.5 s on average, 40 requests at once
  ansible.builtin.debug:
    msg: "{{ 0.5 | graceful.termination.grace_period(40) }}"   # 30
"""

RETURN = r"""
_value:
  description: Whole seconds.
  type: int
"""


def grace_period(avg_seconds: Any, p95_concurrency: Any, buffer_seconds: Any = 10) -> int:
    """Whole seconds; raises AnsibleFilterError for what is no number, not finite or negative."""
    numbers = []
    for name, value in (
        ("the average time", avg_seconds),
        ("p95_concurrency", p95_concurrency),
        ("buffer_seconds", buffer_seconds),
    ):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise AnsibleFilterError(f"grace_period: {name} must be a number of at least 0, not {value!r}")
        numbers.append(number)
    average, concurrency, buffer = numbers
    # Rounded before ceil: 0.1 * 30 is 3.0000000000000004 and must not become 4.
    return math.ceil(round(average * concurrency + buffer, 6))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        """Map its name to the function."""
        return {"grace_period": grace_period}
