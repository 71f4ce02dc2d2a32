# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a run before it starts."""

from __future__ import annotations


class SourceError(Exception):
    """The source could not be read. The message names the source, the reason and the next step.

    `passing`: a retry may succeed.
    """

    passing = False
