# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long requests or jobs of workloads take, as a user declares it for all of them in one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import whole
from ansible_collections.graceful.termination.plugins.module_utils.workload.entry import Entry, read_target, read_texts
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

NEED_KEYS = ("seconds", "reason", "kind", "namespace", "name", "label_selector", "until")
LONGEST_NEED = 10**6  # seconds; what is longer is a mistake
_TARGETS = ("namespace", "name", "label_selector")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredNeed(Entry):
    """One entry of `termination_drains`: what is in flight in these workloads takes so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class DeclaredNeeds:
    """The whole list; `today` decides what has expired."""

    today: date = date.min
    entries: tuple[DeclaredNeed, ...] = ()

    @classmethod
    def from_options(cls, entries: Sequence[Any] | None, today: date) -> DeclaredNeeds:
        """Build from `termination_drains`. Raises ValueError: the entry, the key, the reason and what is valid."""
        return cls(today, tuple(_entry(f"drains[{index}]", entry) for index, entry in enumerate(entries or ())))

    def covering(self, workload: Workload) -> tuple[DeclaredNeed, ...]:
        """Those for this workload, expired ones included."""
        return tuple(entry for entry in self.entries if entry.covers(workload))

    def of(self, workload: Workload) -> DeclaredNeed | None:
        """The one that counts for this workload: of several the longest, since a shorter one may be a general one."""
        held = [entry for entry in self.covering(workload) if not entry.expired(self.today)]
        return max(held, key=lambda entry: entry.seconds, default=None)


NO_NEEDS = DeclaredNeeds()


def is_need(seconds: int | None) -> bool:
    """Whether a number of seconds can be how long something takes."""
    return seconds is not None and 0 <= seconds < LONGEST_NEED


def _entry(source: str, entry: Any) -> DeclaredNeed:
    texts = read_texts(source, entry, NEED_KEYS)
    for key in ("seconds", "reason"):
        if not texts[key]:
            raise ValueError(f"{source}: {key} is missing: an entry says how many seconds a drain takes, and why")
    seconds = whole(texts["seconds"])
    if seconds is None or not is_need(seconds):
        raise ValueError(
            f"{source}.seconds: '{texts['seconds']:.40}' is not a whole number of seconds from 0 to {LONGEST_NEED - 1}"
        )
    if not any(texts[key] for key in _TARGETS):
        # A blank field of a form must not declare a need for everything.
        raise ValueError(f"{source}: it names no workload: set {', '.join(_TARGETS)}, or name to '*' for all of them")
    return DeclaredNeed(source=source, seconds=seconds, reason=texts["reason"], **read_target(source, entry, texts))
