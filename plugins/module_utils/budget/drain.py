# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a container needs to finish what is in flight after SIGTERM, from two numbers that are kept apart.

*Need*: how long what is in flight takes; declared by its owner, or measured. *Allowance*: how long the server goes on
before it cuts the rest (allowance.py). Neither is invented.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import whole
from ansible_collections.graceful.termination.plugins.module_utils.budget.allowance import Allowance, allowance_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import (
    NO_DELAY,
    OwnDelay,
    own_delay_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION, Workload

DRAIN_ANNOTATION = f"{ANNOTATION}drain-seconds"
HOW = ("declared", "default", "measured")
_LONGEST = 10**6  # seconds; what is longer is a mistake


@dataclass(frozen=True, slots=True)
class Need:
    """`seconds` is None where a measurement does not reach that far. `how`: declared or measured."""

    seconds: int | None
    how: str
    source: str

    def as_report(self) -> dict[str, Any]:
        """`budget.need` of report.json. What was measured may be longer tomorrow."""
        bound = "exact" if self.how == "declared" else "lower"
        return {"seconds": self.seconds, "how": self.how, "source": self.source, "bound": bound}


@dataclass(frozen=True, slots=True)
class Drain:
    """`seconds` is None while unknown; `source` then says what would settle it.

    `how` it is known: declared, default or measured. `delay`: what the server itself pauses before it drains.
    """

    seconds: int | None
    source: str
    how: str = "declared"
    need: Need | None = None
    allowance: Allowance | None = None
    delay: OwnDelay = NO_DELAY

    @property
    def measured(self) -> bool:
        """Whether it is only what requests were seen to take."""
        return self.how == "measured"

    @property
    def promised(self) -> bool:
        """Whether its owner or its settings say it: neither measured nor the default of a server."""
        return self.how == "declared"

    @property
    def expected(self) -> int | None:
        """The seconds that are declared or measured; None where only the default of a server is known."""
        return None if self.how == "default" else self.seconds

    @property
    def exact(self) -> bool:
        """Whether nothing inside the image can make it longer."""
        return self.seconds is not None and (self.how != "default" or self.allowance is None or self.allowance.certain)

    @property
    def evidence(self) -> str:
        """`static` where the workload alone determines it, else `context`."""
        of_config = any("ConfigMap " in source for source in (self.source, self.delay.source))
        return "context" if self.measured or of_config else "static"


UNKNOWN = Drain(None, f"unknown: annotation {DRAIN_ANNOTATION} would settle it")
NO_REQUESTS = Drain(0, "no requests reach this container")


def drain_of(workload: Workload, container: Container, context: Context, reader: SettingsReader) -> Drain:
    """The drain time of a container's requests or jobs, in seconds, with the need and the allowance. Raises Unreadable.

    A declared need counts, or the allowance where that is certain and shorter: the server cuts the rest. Without one,
    the allowance is the longest that it can be. What was measured never lowers the sum.
    """
    settings = reader.of(container)
    allowance, delay = allowance_of(settings), own_delay_of(settings)
    text = workload.annotations.get(DRAIN_ANNOTATION)
    if text is not None:
        seconds = whole(text)
        if seconds is None or not 0 <= seconds < _LONGEST:
            wrong = f"annotation {DRAIN_ANNOTATION} is not a whole number of seconds"
            found = _not_declared(None, allowance, delay)
            # What the server allows holds all the same.
            source = f"unknown: {wrong}" if found.seconds is None else f"{found.source}; {wrong}"
            return replace(found, source=source)
        return _declared(Need(seconds, "declared", f"annotation {DRAIN_ANNOTATION}"), allowance, delay)
    measured = context.inputs.measured_of(workload, context.network.services_of(workload))
    need = Need(measured.seconds, "measured", measured.source) if measured else None
    return _not_declared(need, allowance, delay)


def _declared(need: Need, allowance: Allowance | None, delay: OwnDelay) -> Drain:
    limit = allowance.seconds if allowance and allowance.certain else None
    # A server that ends at once has a finding of its own; what makes it drain will need the declared time.
    if allowance and limit and need.seconds is not None and limit < need.seconds:
        source = f"{allowance.source}; the declared {need.seconds} s are cut there"
        return Drain(limit, source, allowance.how, need, allowance, delay)
    return Drain(need.seconds, need.source, "declared", need, allowance, delay)


def _not_declared(need: Need | None, allowance: Allowance | None, delay: OwnDelay) -> Drain:
    measured = need.seconds if need else None
    if allowance and allowance.seconds:
        if need and measured and measured > allowance.seconds and not allowance.certain:
            return Drain(measured, need.source, "measured", need, allowance, delay)
        return Drain(allowance.seconds, allowance.source, allowance.how, need, allowance, delay)
    if allowance and allowance.seconds == 0:
        return Drain(None, f"unknown: {allowance.source}", allowance.how, need, allowance, delay)
    if need and measured is not None:
        return Drain(measured, need.source, "measured", need, allowance, delay)
    if allowance:
        return Drain(None, allowance.source, allowance.how, need, allowance, delay)
    if need:
        above = f"unknown: {need.source} is above the largest bucket; annotation {DRAIN_ANNOTATION} would settle it"
        return Drain(None, above, need=need, delay=delay)
    return Drain(None, UNKNOWN.source, delay=delay)
