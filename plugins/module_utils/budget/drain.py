# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a container needs to finish what is in flight after SIGTERM. Declared, measured or unknown, not invented."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import whole
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import (
    declared_timeout,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION, Workload

DRAIN_ANNOTATION = f"{ANNOTATION}drain-seconds"


@dataclass(frozen=True, slots=True)
class Drain:
    """`seconds` is None while unknown; `source` then says what would settle it.

    `measured`: nobody has declared it, requests took that long.
    """

    seconds: int | None
    source: str
    measured: bool = False

    @property
    def evidence(self) -> str:
        """Whether the workload alone tells it: `static`, else `context`."""
        return "context" if self.measured or "ConfigMap " in self.source else "static"


UNKNOWN = Drain(None, f"unknown: annotation {DRAIN_ANNOTATION} would settle it")
NO_REQUESTS = Drain(0, "no requests reach this container")


def drain_of(workload: Workload, container: Container, context: Context, reader: SettingsReader) -> Drain:
    """The drain time of a container's requests or jobs, in seconds. The first of these decides:

    what its owner declared, what its server declares, how long requests were measured to take. Raises Unreadable.
    """
    text = workload.annotations.get(DRAIN_ANNOTATION)
    if text is not None:
        seconds = whole(text)
        if seconds is not None and 0 <= seconds < 10**6:
            return Drain(seconds, f"annotation {DRAIN_ANNOTATION}")
        return Drain(None, f"unknown: annotation {DRAIN_ANNOTATION} is not a whole number of seconds")
    declared = declared_timeout(reader.of(container))
    if declared and declared.seconds is not None:
        return Drain(declared.seconds, declared.source)
    measured = context.measured_of(workload)
    if measured and measured.seconds is not None:
        return Drain(measured.seconds, measured.source, measured=True)
    if declared:
        return Drain(None, declared.source)
    if measured:
        return Drain(
            None,
            f"unknown: {measured.source} is above the largest bucket; annotation {DRAIN_ANNOTATION} would settle it",
        )
    return UNKNOWN
