# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edits of manifests are safe: each is made in the text, and judged in everything that is built from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.parallel import on_all_cores
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import difference, merge, same
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import Files, objects_of
from ansible_collections.graceful.termination.plugins.module_utils.manifests.edit import (
    DocumentPath,
    EditRefused,
    apply_patches,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.reach import Edited, what_changes
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Judging
from ansible_collections.graceful.termination.plugins.module_utils.sources.edit_trial import (
    Comparison,
    Place,
    Trial,
    key_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.kustomize_builds import NO_PROGRAM, Builds
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload


@dataclass(slots=True)
class _Wanted:
    """What should be written at one place: its changes by index, and the remaining patches to try."""

    changes: dict[int, Change]
    patches: list[dict[str, Any]]
    reason: str = ""


class Edits:
    """The edits of one run. `accepted` are the safe patches by place, once `refusals` has tried them."""

    def __init__(self, files: Files, builds: Builds | None, places: Mapping[Identity, str | None]) -> None:
        self._files, self._builds, self._places = files, builds, places
        self.accepted: dict[Place, dict[str, Any]] = {}

    def place_of(self, workload: Workload) -> Place | None:
        """Where a workload is written; None if unknown."""
        origin, path = workload.origin, self._places.get(workload.identity)
        return Place(path, origin.document or 0, origin.item) if path else None

    def refusals(self, changes: Mapping[int, Change], judging: Judging) -> dict[int, str]:
        """Why changes cannot be made, by index. Changes of one object in several environments are one edit."""
        by_place: dict[Place, dict[int, Change]] = defaultdict(dict)
        refused: dict[int, str] = {}
        for index, change in changes.items():
            place = self.place_of(change.workload)
            if place is None:
                refused[index] = (
                    f"unknown which file {change.workload.origin.environment} builds it from: apply the fix at its "
                    "source by hand"
                )
            else:
                by_place[place][index] = change
        wanted = {place: _Wanted(group, _patches(group.values())) for place, group in by_place.items()}
        self._try_texts(wanted)
        for place, entry in wanted.items():
            if entry.patches and (reason := self._out_of_reach(entry)):
                entry.patches, entry.reason = [], reason
            for patch in entry.patches:
                if reason := self._spoils(place, patch):
                    entry.patches = [other for other in entry.patches if other is not patch]
                    entry.reason = reason
        trial = self._settle(wanted, judging)
        for place, entry in wanted.items():
            if not entry.patches:
                refused |= dict.fromkeys(entry.changes, entry.reason)
                continue
            self.accepted[place] = entry.patches[0]
            refused |= self._overridden(entry, trial, judging)
        return refused

    def edited(self, path: str, patches: Mapping[Place, dict[str, Any]]) -> str:
        """The text of a file with these of its places patched. Raises EditRefused."""
        content = self._files.content(path)
        ours = [(DocumentPath(p.document, p.item), patch) for p, patch in patches.items() if p.path == path]
        return apply_patches(content.text, ours, content.documents)

    # --- The text -----------------------------------------------------------------------------------------------------

    def _try_texts(self, wanted: dict[Place, _Wanted]) -> None:
        """Try the edits on the text that was read: all edits of a file at once, and one by one if that is refused."""
        by_file: dict[str, list[Place]] = defaultdict(list)
        for place in wanted:
            by_file[place.path].append(place)

        def tried(path: str) -> dict[Place, list[str | None]]:
            places = by_file[path]
            alone = [place for place in places if len(wanted[place].patches) > 1]
            if not alone and not self._refusal(path, {place: wanted[place].patches[0] for place in places}):
                return {}
            return {place: [self._refusal(path, {place: patch}) for patch in wanted[place].patches] for place in places}

        for answers in on_all_cores(tried, list(by_file)):
            for place, reasons in answers.items():
                entry = wanted[place]
                entry.reason = next((reason for reason in reasons if reason), "")
                entry.patches = [p for p, reason in zip(entry.patches, reasons, strict=True) if not reason]

    def _refusal(self, path: str, patches: Mapping[Place, dict[str, Any]]) -> str | None:
        try:
            self.edited(path, patches)
        except EditRefused as error:
            return f"line {error.line}: {error.reason}"
        return None

    # --- What is not built --------------------------------------------------------------------------------------------

    def _out_of_reach(self, entry: _Wanted) -> str | None:
        """What else may change the object in an environment that could not be built."""
        if not self._builds:
            return None
        change = next(iter(entry.changes.values()))
        place = self.place_of(change.workload)
        written = self._written(place) if place else None
        if place is None or written is None:
            return None
        edited = Edited(place.path, written, any(bool(other.strategy) for other in entry.changes.values()))
        for result in self._builds.not_built:
            part = what_changes(edited, result.environment, self._builds.tree, self._files.read)
            if part:
                remedy = (
                    "install one of them" if result.failure == NO_PROGRAM else "apply the fix at its source by hand"
                )
                return (
                    f"{part} may change it, too, and the combined result is unknown, since {result.failure}: {remedy}, "
                    "or audit the output of kustomize build"
                )
        return None

    def _spoils(self, place: Place, patch: dict[str, Any]) -> str | None:
        """Why the object as it is written would be invalid with a patch that was made for what is built from it."""
        written = self._written(place) if self._builds else None
        if written is None:
            return None
        try:
            read_workload(written)
        except Unreadable:
            return None
        try:
            read_workload(merge(written, patch))
        except Unreadable as error:
            return f"an overlay sets part of it, and the file itself would become invalid: {error.reason}"
        return None

    def _written(self, place: Place) -> dict[str, Any] | None:
        document = next((d for d in self._files.content(place.path).documents if d.index == place.document), None)
        entries = objects_of(document, "", place.path) if document else ()
        return next((entry.data for entry in entries if entry.origin.item == place.item), None)

    # --- What is built ------------------------------------------------------------------------------------------------

    def _settle(self, wanted: dict[Place, _Wanted], judging: Judging) -> Trial:
        """Try the edits together, and drop the unsafe ones until the rest is safe."""
        while True:
            patches = {place: entry.patches[0] for place, entry in wanted.items() if entry.patches}
            trial = self._trial(patches, judging)
            for place in trial.doubtful - trial.problems.keys() if len(patches) > 1 else ():
                alone = self._trial({place: patches[place]}, judging)
                if reason := alone.problems.get(place):
                    trial.problems[place] = reason
            if trial.doubtful and not trial.problems:
                reason = "this edit, together with others, would build something that was not intended"
                trial.problems = dict.fromkeys(trial.doubtful, reason)
            if not trial.problems:
                return trial
            for place, reason in trial.problems.items():
                entry = wanted[place]
                entry.patches, entry.reason = entry.patches[1:], reason

    def _trial(self, patches: Mapping[Place, dict[str, Any]], judging: Judging) -> Trial:
        trial = Trial()
        if not self._builds or not patches:
            return trial
        built = {path for result in self._builds.built for path in result.environment.closure.resources}
        paths = {place.path for place in patches} & built
        texts = {path: self.edited(path, patches) for path in paths}
        intended = {place: self._intended(place, patch) for place, patch in patches.items()}
        for before, after in self._builds.with_texts(texts) if texts else ():
            Comparison(intended, before, judging, trial).compare(after)
        return trial

    def _intended(self, place: Place, patch: dict[str, Any]) -> list[str]:
        """The dotted paths that an edit changes."""
        written = self._written(place)
        return difference(written, merge(written, patch)) if written is not None else []

    def _overridden(self, entry: _Wanted, trial: Trial, judging: Judging) -> dict[int, str]:
        """The changes of an edit without effect in their own environment: something there overrides them."""
        refused = {}
        for index, change in entry.changes.items():
            after = trial.after.get(key_of(change.workload))
            if after is None:
                continue
            left = judging.open(after)
            if all(finding.fingerprint in left for finding in change.solves):
                refused[index] = f"{change.workload.origin.environment} overrides it: apply the fix there"
        return refused


def _patches(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """The different patches of one object: that with the longest grace period first, which serves the others best."""
    ordered = sorted(changes, key=lambda change: -change.budget_after.grace)
    found: list[dict[str, Any]] = []
    for change in ordered:
        if not any(same(change.patch, other) for other in found):
            found.append(change.patch)
    return found
