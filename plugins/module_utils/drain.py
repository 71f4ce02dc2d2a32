# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a container needs to finish what is in flight after SIGTERM. Declared or unknown, never invented."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.declared_timeouts import declared_timeout
from ansible_collections.graceful.termination.plugins.module_utils.workload import ANNOTATION, Workload

DRAIN_ANNOTATION = f"{ANNOTATION}drain-seconds"


@dataclass(frozen=True, slots=True)
class Drain:
    """`seconds` is None while unknown; `source` then says what would settle it."""

    seconds: int | None
    source: str


UNKNOWN = Drain(None, f"unknown: annotation {DRAIN_ANNOTATION} would settle it")
NO_REQUESTS = Drain(0, "no requests reach this container")


def drain_of(workload: Workload, container: Container) -> Drain:
    """The drain time of a container's requests or jobs, in seconds: as its owner declared it, or its server does."""
    text = workload.annotations.get(DRAIN_ANNOTATION)
    if text is None:
        declared = declared_timeout(container)
        return Drain(*declared) if declared else UNKNOWN
    if re.fullmatch(r"\d{1,6}", text.strip()):
        return Drain(int(text), f"annotation {DRAIN_ANNOTATION}")
    return Drain(None, f"unknown: annotation {DRAIN_ANNOTATION} is not a whole number of seconds")
