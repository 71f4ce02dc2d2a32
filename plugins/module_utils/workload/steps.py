# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that a command starts."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import Span


@dataclass(frozen=True, slots=True)
class Step:
    """A program that starts: its words (UNKNOWN where only the shell would know them), and when.

    `reads` are the scripts whose output is among the words; `loops`: it is in a loop, or what a loop waits for.
    """

    words: tuple[str, ...]
    starts: Span
    reads: tuple[str, ...] = ()
    loops: bool = False
