# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares an environment as built with edited manifests with the same environment as built now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import difference, same
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import Entry
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.substitution import (
    SUBSTITUTED,
    is_substituted,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Judging
from ansible_collections.graceful.termination.plugins.module_utils.sources.kustomize_builds import Result
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload


class Place(NamedTuple):
    """Where an object is written: the real path of its file, its document and, in a List, its item."""

    path: str
    document: int
    item: int | None


@dataclass(slots=True)
class Trial:
    """The result of a set of edits.

    `problems` say why an edit is not safe; `doubtful` are edits of a build that failed as a whole; `after` are the
    edited workloads as they would be built, by `key_of`.
    """

    problems: dict[Place, str] = field(default_factory=dict)
    doubtful: set[Place] = field(default_factory=set)
    after: dict[tuple[str, str], Workload] = field(default_factory=dict)


class Comparison:
    """One environment before and after: it may differ only in what was intended, the dotted paths of each edit."""

    def __init__(self, intended: Mapping[Place, Sequence[str]], before: Result, judging: Judging, trial: Trial) -> None:
        self._intended, self._before = intended, before
        self._judging, self._trial = judging, trial
        self._name = before.environment.name

    def compare(self, after: Result) -> None:
        """Record problems, and what is built."""
        here = {place for place in self._intended if place.path in self._before.environment.closure.resources}
        old = {_identity(entry): entry for entry in self._before.entries}
        new = {_identity(entry): entry for entry in after.entries}
        if after.failure or old.keys() != new.keys():
            problem = after.failure or "it would build other objects"
            self._blame(here, f"the edit would break {self._name}: {problem}")
            return
        for identity, entry in old.items():
            place = _place(entry)
            if place is None or place not in self._intended:
                if not same(entry.data, new[identity].data):
                    self._blame(here, f"in {self._name} it would also change {'/'.join(identity[1:])}")
            elif reason := self._problem(place, entry, new[identity]):
                self._trial.problems.setdefault(place, f"in {self._name} {reason}")

    def _blame(self, places: set[Place], reason: str) -> None:
        """A single edit is the cause; of several, each is tried alone."""
        if len(self._intended) == 1:
            self._trial.problems |= dict.fromkeys(places, reason)
        self._trial.doubtful |= places

    def _problem(self, place: Place, before: Entry, after: Entry) -> str | None:
        changed = difference(before.data, after.data)
        if changed and is_substituted(after.data, everywhere=self._before.environment.substitutes):
            return SUBSTITUTED
        for path in changed:
            if not any(
                path == allowed or path.startswith((f"{allowed}.", f"{allowed}[")) for allowed in self._intended[place]
            ):
                return f"it would also change {path}"
        try:
            old = read_workload(before.data, before.origin)
        except Unreadable as error:
            return f"it cannot be judged: {error.reason}" if changed else None
        try:
            new = read_workload(after.data, before.origin)
            worse = self._judging.worse(old, new)
        except Unreadable as error:
            return f"an overlay sets part of it, too, and the result would be invalid: {error.reason}"
        self._trial.after[key_of(new)] = new
        return f"an overlay sets part of it, too, and the result would be worse: {worse}" if worse else None


def _place(entry: Entry) -> Place | None:
    origin = entry.origin
    return Place(entry.path, origin.document or 0, origin.item) if entry.path else None


def _identity(entry: Entry) -> tuple[str, ...]:
    metadata = entry.data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    return entry.data["apiVersion"], entry.data["kind"], str(named.get("namespace")), str(named.get("name"))


def key_of(workload: Workload) -> tuple[str, str]:
    """Identifies a workload within everything that is built."""
    return workload.origin.environment, workload.key
