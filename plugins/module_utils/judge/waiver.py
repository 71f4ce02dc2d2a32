# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: findings that an owner has accepted, for a reason and optionally until a date."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS, OPT_IN_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection, is_pattern
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION, Workload

PREFIX = f"ignore.{ANNOTATION}"
KEYS = ("rule", "kind", "namespace", "name", "reason", "until")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.DOTALL)
# A date under any word, and "until" before one: read as part of the reason, it would make a waiver that never expires.
_UNTIL = re.compile(r"(?i)until\s*[=:]|until\s+\d|\w+\s*[=:]\s*\d{4}-\d")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver. `rule`, `kind`, `namespace` and `name` are shell patterns in one of the central list.

    `source` is "annotation", or the entry of the list such as "waivers[0]". `until` is the last day on which it holds.
    `problem` is why it waives nothing; only an annotation can have one, the list is refused as a whole.
    """

    source: str
    rule: str
    reason: str
    until: date | None = None
    kind: str = "*"
    namespace: str = "*"
    name: str = "*"
    problem: str = ""

    @property
    def object(self) -> str:
        """What it is for, as a workload's key is written."""
        return f"{self.namespace}/{self.kind}/{self.name}"

    def covers(self, workload: Workload) -> bool:
        """Whether it is for this workload."""
        pairs = ((workload.kind, self.kind), (workload.namespace, self.namespace), (workload.name, self.name))
        return all(matches(value, pattern) for value, pattern in pairs)

    def names(self, rule: str) -> bool:
        """Whether it is for this rule."""
        return matches(rule, self.rule)

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until


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


def matches(value: str, pattern: str) -> bool:
    """Whether a value fits a shell pattern."""
    # fnmatch remembers few patterns: a long list of plain names would compile each of them for every workload.
    return pattern in ("*", value) or (is_pattern(pattern) and fnmatch.fnmatchcase(value, pattern))


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
        yield Waiver("annotation", rule, reason, until, workload.kind, workload.namespace, workload.name, problem)


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
            until = _read_date(text.strip())
    except ValueError as error:
        return reason, None, str(error)
    return reason, until, "" if reason else "it has no reason: write it as 'reason; until=2027-01-31'"


def _read_date(value: object) -> date:
    # YAML makes a date of 2027-01-31 without quotes, and Ansible a text of that date for the module.
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise ValueError(f"'{value!s:.40}' is not a date such as 2027-01-31") from None


def _entry(source: str, entry: object) -> Waiver:
    """One entry of the central list. Raises ValueError."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{source}: must be a map with the keys {', '.join(KEYS)}")
    unknown = sorted(str(key) for key in entry if key not in KEYS)
    if unknown:
        raise ValueError(f"{source}: unknown key '{unknown[0]}'; valid keys are {', '.join(KEYS)}")
    texts = {key: _text(f"{source}.{key}", entry.get(key)) for key in KEYS if key != "until"}
    for key in ("rule", "reason"):
        if not texts[key]:
            raise ValueError(f"{source}: {key} is missing: a waiver names the rule and the reason why it is accepted")
    if not any(matches(rule.id, texts["rule"]) for rule in RULES):
        raise ValueError(f"{source}.rule: no rule '{texts['rule']}'{closest(texts['rule'])}")
    kinds = (*DEFAULT_KINDS, *OPT_IN_KINDS)
    if texts["kind"] and not any(matches(kind, texts["kind"]) for kind in kinds):
        raise ValueError(f"{source}.kind: '{texts['kind']}' is not one of {', '.join(kinds)}")
    try:
        until = None if entry.get("until") in (None, "") else _read_date(entry["until"])
    except ValueError as error:
        raise ValueError(f"{source}.until: {error}") from None
    place = {key: texts[key] or "*" for key in ("kind", "namespace", "name")}
    return Waiver(source, texts["rule"], texts["reason"], until, **place)


def _text(field: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{field}: must be text")
    return str(value).strip()
