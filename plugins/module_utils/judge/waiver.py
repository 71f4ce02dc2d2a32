# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: findings that an owner has accepted, for a reason and optionally until a date."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.entry import (
    Entry,
    matches,
    read_date,
    read_target,
    read_texts,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION, Workload

PREFIX = f"ignore.{ANNOTATION}"
KEYS = ("rule", "kind", "namespace", "name", "reason", "until")
# A date under any word, and "until" before one: read as part of the reason, it would make a waiver that never expires.
_UNTIL = re.compile(r"(?i)until\s*[=:]|until\s+\d|\w+\s*[=:]\s*\d{4}-\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver(Entry):
    """One waiver. `rule` is a shell pattern in one of the central list; `source` is "annotation" for all others.

    `problem` is why it waives nothing; only an annotation can have one, the list is refused as a whole.
    """

    rule: str
    problem: str = ""

    def names(self, rule: str) -> bool:
        """Whether it is for this rule."""
        return matches(rule, self.rule)


@dataclass(frozen=True, slots=True)
class Waivers:
    """All waivers of a run: the central list here, annotations on the workloads.

    `today` decides what has expired, `selection` for which entries the run can tell that they are not used.
    """

    today: date
    entries: tuple[Waiver, ...] = ()
    selection: Selection = field(default_factory=Selection)

    @classmethod
    def from_options(cls, entries: Sequence[Any] | None, selection: Selection, today: date) -> Waivers:
        """Build from `termination_waivers`. Raises ValueError: the entry, the key, the reason and what is valid."""
        read = tuple(_entry(f"waivers[{index}]", entry) for index, entry in enumerate(entries or ()))
        return cls(today, read, selection)

    def of(self, workload: Workload) -> tuple[Waiver, ...]:
        """Those for this workload, its own annotations first."""
        return (*_annotated(workload), *(entry for entry in self.entries if entry.covers(workload)))

    def in_force(self, workload: Workload, rules: Sequence[Rule]) -> dict[str, Waiver]:
        """Of these rules, those that are waived on this workload, by id."""
        waivers = [entry for entry in self.of(workload) if not entry.problem and not entry.expired(self.today)]
        waived = {}
        for rule in rules if waivers else ():
            by = next((entry for entry in waivers if entry.names(rule.id)), None)
            if by:
                waived[rule.id] = by
        return waived


NO_WAIVERS = Waivers(date.min)


def closest(identifier: str) -> str:
    """What a person may have meant by an id that no rule has, as the end of a message."""
    known = sorted(rule.id for rule in RULES)
    near = difflib.get_close_matches(identifier, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; the rules are {', '.join(known)}"


def _annotated(workload: Workload) -> Iterator[Waiver]:
    for key, value in sorted(workload.annotations.items()):
        if not key.startswith(PREFIX):
            continue
        rule, (reason, until, problem) = key.removeprefix(PREFIX), _parse(value)
        if rule not in {known.id for known in RULES}:
            problem = f"no rule '{rule}'{closest(rule)}"
        yield Waiver(
            source="annotation",
            rule=rule,
            reason=reason,
            until=until,
            kind=workload.kind,
            namespace=workload.namespace,
            name=workload.name,
            problem=problem,
        )


def _parse(value: str) -> tuple[str, date | None, str]:
    """(reason, until, problem) of an annotation such as "reason; until=2027-01-31"."""
    parts = [part.strip() for part in value.split(";")]
    dates = [part for part in parts if _UNTIL.match(part)]
    reason = "; ".join(part for part in parts if part and part not in dates)
    try:
        if len(dates) > 1:
            raise ValueError("it has more than one date: write it as 'reason; until=2027-01-31'")
        until = None
        if dates:
            word, _equals, text = dates[0].partition("=")
            if word.strip().lower() != "until":
                raise ValueError(f"'{dates[0]:.60}' is not a date: write it as 'reason; until=2027-01-31'")
            until = read_date(text)
    except ValueError as error:
        return reason, None, str(error)
    return reason, until, "" if reason else "it has no reason: write it as 'reason; until=2027-01-31'"


def _entry(source: str, entry: Any) -> Waiver:
    """One entry of the central list. Raises ValueError."""
    texts = read_texts(source, entry, KEYS)
    for key in ("rule", "reason"):
        if not texts[key]:
            raise ValueError(f"{source}: {key} is missing: a waiver names the rule and the reason why it is accepted")
    if not any(matches(rule.id, texts["rule"]) for rule in RULES):
        raise ValueError(f"{source}.rule: no rule '{texts['rule']}'{closest(texts['rule'])}")
    return Waiver(source=source, rule=texts["rule"], reason=texts["reason"], **read_target(source, entry, texts))
