# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a container needs to finish what is in flight after SIGTERM, from two numbers that are kept apart.

*Need*: how long what is in flight takes; declared by its owner, measured, or what a route allows. *Allowance*: how long
the server goes on before it cuts the rest (allowance.py). Neither is invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import whole
from ansible_collections.graceful.termination.plugins.module_utils.budget.allowance import (
    Allowance,
    allowance_of,
    evidence_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import (
    NO_DELAY,
    OwnDelay,
    own_delay_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import DeclaredNeed, is_need
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route import Route
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION, Workload

DRAIN_ANNOTATION = f"{ANNOTATION}drain-seconds"
HOW = ("declared", "default", "measured", "route")


@dataclass(frozen=True, slots=True)
class Need:
    """`seconds` is None where a measurement does not reach that far. `how`: declared, measured or route.

    `bound`: exact, lower (it may be longer tomorrow), upper (nothing on that route is longer), or unknown.
    """

    seconds: int | None
    how: str
    source: str
    bound: str = "exact"

    @property
    def evidence(self) -> str:
        """Whether the workload alone tells it: `static`, else `context`."""
        return evidence_of(self.source) if self.how == "declared" else "context"

    def as_report(self) -> dict[str, Any]:
        """`budget.need` of report.json."""
        return {"seconds": self.seconds, "how": self.how, "source": self.source, "bound": self.bound}


@dataclass(frozen=True, slots=True)
class Drain:
    """`seconds` is None while unknown; `source` then says what would settle it.

    `how` it is known: declared, default, measured or route. `delay`: what the server itself pauses before it drains.
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
        """The seconds that are declared or measured; None where only a server's default or a route says any."""
        return None if self.how in ("default", "route") else self.seconds

    @property
    def exact(self) -> bool:
        """Whether nothing inside the image can make it longer."""
        if self.how == "route":
            return False
        return self.seconds is not None and (self.how != "default" or self.allowance is None or self.allowance.certain)

    @property
    def evidence(self) -> str:
        """Whether the workload alone tells it: `static`, else `context`."""
        told = evidence_of(self.source, self.delay.source)
        return "context" if self.how in ("measured", "route") else told


UNKNOWN = Drain(None, f"unknown: annotation {DRAIN_ANNOTATION} would settle it")
NO_REQUESTS = Drain(0, "no requests reach this container")


def declared_need(workload: Workload, context: Context) -> Need | None:
    """What the annotation of the workload declares, else the user's list; None where neither does."""
    seconds = _annotated(workload)
    if seconds is not None:
        return Need(seconds, "declared", f"annotation {DRAIN_ANNOTATION}")
    listed = listed_need(workload, context)
    return Need(listed.seconds, "declared", f"termination_drains: {listed.reason:.200}") if listed else None


def listed_need(workload: Workload, context: Context) -> DeclaredNeed | None:
    """The entry of the user's list that counts for a workload; an annotation that declares a need wins over it."""
    return context.inputs.needs.of(workload) if _annotated(workload) is None else None


def contradiction(workload: Workload, context: Context) -> str | None:
    """What the user's list says otherwise than the annotation of the workload, which counts."""
    seconds, listed = _annotated(workload), context.inputs.needs.of(workload)
    if seconds is None or listed is None or listed.seconds == seconds:
        return None
    return (
        f"annotation {DRAIN_ANNOTATION} says {seconds} s and counts; termination_drains says {listed.seconds} s "
        f"({listed.source}: {listed.reason:.200}): correct one of them"
    )


def drain_of(
    workload: Workload, container: Container, context: Context, reader: SettingsReader, routes: Sequence[Route] = ()
) -> Drain:
    """The drain time of a container's requests or jobs, in seconds, with the need and the allowance. Raises Unreadable.

    A declared need counts, or the allowance where that is certain and shorter: the server cuts the rest. Without one,
    the allowance is the longest that it can be. What was measured never lowers the sum, nor do `routes`.
    """
    settings = reader.of(container)
    allowance, delay = allowance_of(settings), own_delay_of(settings)
    declared = declared_need(workload, context)
    wrong = DRAIN_ANNOTATION in workload.annotations and _annotated(workload) is None
    if declared:
        found = _declared(declared, allowance, delay)
    else:
        found = _not_declared(None if wrong else _measured(workload, context) or _routed(routes), allowance, delay)
    if not wrong:
        return found
    problem = f"annotation {DRAIN_ANNOTATION} is not a whole number of seconds"
    # What the server allows, or the list says, holds all the same.
    return replace(found, source=f"unknown: {problem}" if found.seconds is None else f"{found.source}; {problem}")


def _annotated(workload: Workload) -> int | None:
    seconds = whole(workload.annotations.get(DRAIN_ANNOTATION))
    return seconds if is_need(seconds) else None


def _measured(workload: Workload, context: Context) -> Need | None:
    measured = context.inputs.measured_of(workload, context.network.services_of(workload))
    return Need(measured.seconds, "measured", measured.source, "lower") if measured else None


def _routed(routes: Sequence[Route]) -> Need | None:
    """The longest that a route allows a request; of two as long, the one that bounds the whole of it."""
    timeouts = [timeout for route in routes for timeout in route.timeouts]
    longest = max(timeouts, key=lambda one: (one.seconds, one.whole), default=None)
    if longest is None:
        return None
    return Need(longest.seconds, "route", longest.source, "upper" if longest.whole else "unknown")


def _declared(need: Need, allowance: Allowance | None, delay: OwnDelay) -> Drain:
    limit = allowance.seconds if allowance and allowance.certain else None
    # A server that ends at once has a finding of its own; what makes it drain will need the declared time.
    if allowance and limit and need.seconds is not None and limit < need.seconds:
        source = f"{allowance.source}; the declared {need.seconds} s are cut there"
        return Drain(limit, source, allowance.how, need, allowance, delay)
    return Drain(need.seconds, need.source, "declared", need, allowance, delay)


def _not_declared(need: Need | None, allowance: Allowance | None, delay: OwnDelay) -> Drain:
    seconds = need.seconds if need else None
    if allowance and allowance.seconds:
        if need and seconds and seconds > allowance.seconds and not allowance.certain:
            return Drain(seconds, need.source, need.how, need, allowance, delay)
        return Drain(allowance.seconds, allowance.source, allowance.how, need, allowance, delay)
    if allowance and allowance.seconds == 0:
        return Drain(None, f"unknown: {allowance.source}", allowance.how, need, allowance, delay)
    if need and need.how == "measured" and seconds is not None:
        return Drain(seconds, need.source, "measured", need, allowance, delay)
    if allowance:
        return Drain(None, allowance.source, allowance.how, need, allowance, delay)
    if need and need.how == "route":
        # Only of what comes that way: a client in the cluster may wait longer.
        some = f"unknown but for requests by a route, up to {seconds} s ({need.source})"
        return Drain(None, f"{some}; annotation {DRAIN_ANNOTATION} would settle it", need=need, delay=delay)
    if need:
        above = f"unknown: {need.source} is above the largest bucket; annotation {DRAIN_ANNOTATION} would settle it"
        return Drain(None, above, need=need, delay=delay)
    return Drain(None, UNKNOWN.source, delay=delay)
