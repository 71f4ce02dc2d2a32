# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is computed once and not sent to another process."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class Derived:
    """A base for dataclasses with cached properties: a pickle holds only the fields; the rest is computed again."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
