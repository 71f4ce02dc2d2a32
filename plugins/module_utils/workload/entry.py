# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of a user's lists, such as waivers: for which workloads, for what reason, and optionally until which day."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS, OPT_IN_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector, parse_selector
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import is_pattern
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.DOTALL)

_ANY = Selector(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`source` is the place in its list, such as "waivers[0]". `until` is the last day on which it holds.

    `kind`, `namespace` and `name` are shell patterns; `labels` is the text of a label selector, empty for any.
    """

    source: str
    reason: str
    until: date | None = None
    kind: str = "*"
    namespace: str = "*"
    name: str = "*"
    labels: str = ""
    selector: Selector = _ANY

    @property
    def object(self) -> str:
        """What it is for, as a workload's key is written."""
        key = f"{self.namespace}/{self.kind}/{self.name}"
        return f"{key} ({self.labels})" if self.labels else key

    @property
    def open_ended(self) -> bool:
        """Whether it may cover more than one workload."""
        return bool(self.labels) or any(map(is_pattern, (self.kind, self.namespace, self.name)))

    def covers(self, workload: Workload) -> bool:
        """Whether it is for this workload."""
        pairs = ((workload.kind, self.kind), (workload.namespace, self.namespace), (workload.name, self.name))
        return all(matches(value, pattern) for value, pattern in pairs) and self.selector.matches(workload.labels)

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until


def matches(value: str, pattern: str) -> bool:
    """Whether a value fits a shell pattern."""
    # fnmatch remembers few patterns: a long list of plain names would compile each of them for every workload.
    return pattern in ("*", value) or (is_pattern(pattern) and fnmatch.fnmatchcase(value, pattern))


def read_texts(source: str, entry: object, keys: Sequence[str]) -> dict[str, str]:
    """The values of an entry as texts, "" for what is left out; `until` is for read_target. Raises ValueError."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{source}: must be a map with the keys {', '.join(keys)}")
    unknown = sorted(str(key) for key in entry if key not in keys)
    if unknown:
        raise ValueError(f"{source}: unknown key '{unknown[0]}'; valid keys are {', '.join(keys)}")
    return {key: _text(f"{source}.{key}", entry.get(key)) for key in keys if key != "until"}


def read_target(source: str, entry: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The fields of an Entry that say for which workloads it holds and until when. Raises ValueError."""
    kinds = (*DEFAULT_KINDS, *OPT_IN_KINDS)
    if texts["kind"] and not any(matches(kind, texts["kind"]) for kind in kinds):
        raise ValueError(f"{source}.kind: '{texts['kind']}' is not one of {', '.join(kinds)}")
    try:
        until = None if entry.get("until") in (None, "") else read_date(entry["until"])
    except ValueError as error:
        raise ValueError(f"{source}.until: {error}") from None
    labels = texts.get("label_selector", "")
    try:
        selector = parse_selector(labels)
    except ValueError as error:
        raise ValueError(f"{source}.label_selector: {error}") from None
    place = {key: texts[key] or "*" for key in ("kind", "namespace", "name")}
    return {**place, "until": until, "labels": labels, "selector": selector}


def read_date(value: object) -> date:
    """A date as YAML or a person writes it. Raises ValueError."""
    # YAML makes a date of 2027-01-31 without quotes, and Ansible a text of that date for the module.
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise ValueError(f"'{value!s:.40}' is not a date such as 2027-01-31") from None


def _text(field: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{field}: must be text")
    return str(value).strip()
