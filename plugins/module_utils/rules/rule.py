# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule is. Each carries all that is known about it; docs and reports are made from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import Remedy
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container

SEVERITIES = ("error", "warning", "info")
EVIDENCE = ("static", "context", "runtime")


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a rule found. `message` says what is lost, with the numbers; `path` is the field at fault.

    `severity` is given where it differs from the rule's own, and so is `evidence`: the weakest evidence that is enough
    for this finding, whatever else was seen.
    """

    message: str
    path: str
    remedy: Remedy
    container: Container | None = None
    severity: str | None = None
    numbers: dict[str, int | str | None] = field(default_factory=dict)
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """A rule that could not decide: what is missing, and what would settle it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` yields hits, or NotEvaluated; nothing means that there is nothing to find.

    `serving_only`: it judges lost requests, so it applies to serving workloads, and one severity lower to unknown ones.
    `seed`: the row of the founding article; `since`: the first Kubernetes minor version it applies to, or None.
    `remedies`: the names of all remedies that its hits can propose; `by_hand`: whether all of them are for a person,
    though one of that name is automatic elsewhere. Both are for docs/rules.md.
    `evidence` is one of EVIDENCE, what its hits usually rest on. `needs`: the context kinds without which a finding may
    be missed; `observes`: the sources of evidence from running pods that it looks at where the user allows them.
    `opt_in`: judged only when the user names it.
    `override`: the severity that the user gave it; nothing changes that one.
    """

    id: str
    title: str
    severity: str
    evidence: str
    why: str
    exceptions: tuple[str, ...]
    check: Callable[[Case], Iterable[Hit | NotEvaluated]]
    serving_only: bool = False
    seed: str = ""
    since: str | None = None
    remedies: tuple[str, ...] = ()
    by_hand: bool = False
    needs: tuple[str, ...] = ()
    observes: tuple[str, ...] = ()
    opt_in: bool = False
    override: str | None = None
