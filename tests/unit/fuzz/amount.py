# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many random inputs a test takes: few with every run of the unit tests, many with `make fuzz`."""

from __future__ import annotations

import os


def amount(unit: int, fuzz: int) -> int:
    """The number of examples."""
    return fuzz if os.environ.get("FUZZ") else unit
