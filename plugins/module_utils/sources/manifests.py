# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file or a folder of manifests as a source: read, built where it is a Kustomize tree, judged and edited in place."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.base.parallel import on_all_cores
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import digest
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import Content, Entry, Files, load
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import NotText
from ansible_collections.graceful.termination.plugins.module_utils.manifests.edit import EditRefused
from ansible_collections.graceful.termination.plugins.module_utils.manifests.files import (
    SUFFIXES,
    find_files,
    hidden_folder,
    require_writable,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import NAMES
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.program import find_program
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.substitution import (
    SUBSTITUTED,
    is_substituted,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.tree import Tree
from ansible_collections.graceful.termination.plugins.module_utils.manifests.unread import ANY, Unread
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Diff, Judging
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import (
    CoverageGap,
    Snapshot,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.kustomize_builds import NO_PROGRAM, Builds
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifest_edits import Edits
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifest_objects import Collector, Found
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Origin, Workload


class ManifestSource:
    """Files under `path`; messages call them by `name`, the path as the user gave it."""

    def __init__(
        self,
        path: str,
        name: str,
        selection: Selection,
        version: Version,
        *,
        version_assumed: bool,
        interruption: Interruption | None = None,
    ):
        self._path = path
        self._interruption = interruption or Interruption()
        self._name = name
        self._selection = selection
        self._version = version
        self._version_assumed = version_assumed
        self._top = path
        self._files = Files()
        self._builds: Builds | None = None
        self._collected = Collector(selection)
        self._edits = Edits(self._files, None, {})

    def read(self) -> Snapshot:
        """Read all files, and build the Kustomize roots. Raises SourceError if the path itself cannot be read."""
        snapshot = Snapshot("manifests", self._name, self._version, version_assumed=self._version_assumed)
        self._files, self._collected = Files(), Collector(self._selection)
        self._top = os.path.realpath(self._path)
        paths = [self._real(path) for path in self._find()]
        if not paths:
            raise SourceError(f"source {self._name}: no {', '.join(SUFFIXES)} file below it{self._hidden()}")
        for path, content in zip(paths, on_all_cores(load, paths), strict=True):
            if isinstance(content, OSError) and path == self._top:
                raise SourceError(f"source {self._name}: {content.strerror}")
            self._files.keep(path, content)
        self._builds = self._build(paths, snapshot)
        reached = self._builds.reached() if self._builds else set()
        for result in self._builds.built if self._builds else ():
            self._collected.add_built(result, snapshot)
        patches = self._builds.patch_files() if self._builds else set()
        for path in paths:
            if path not in reached:
                self._collected.add_written(self._objects(path), snapshot, is_patch=path in patches)
        charts = [os.path.dirname(self._shown(path)) or "." for path in paths if os.path.basename(path) == "Chart.yaml"]
        self._collected.finish(snapshot, charts)
        self._edits = Edits(self._files, self._builds, self._collected.paths)
        return snapshot

    def identity(self) -> dict[str, Any]:
        """The manifests by the name that the user gave them."""
        return {"type": "manifests", "name": self._name}

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """The digest of the whole file, since an edit elsewhere in it may matter; of a built object, also its own."""
        place = self._edits.place_of(workload)
        state = {"file": digest(self._files.content(place.path).text) if place else None}
        return state | ({"built": digest(workload.obj)} if workload.origin.environment else {})

    def refusals(self, changes: Sequence[Change], judging: Judging) -> dict[int, str]:
        """Which edits are not safe: in the text that was read, or in anything that is built from it."""
        blocked = {index: reason for index, c in enumerate(changes) if (reason := self._blocked(c.workload))}
        tried = {index: change for index, change in enumerate(changes) if index not in blocked}
        return blocked | self._edits.refusals(tried, judging)

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """Nothing: an edit restarts no pods."""
        return [Verdict()] * len(changes)

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[tuple[Action, Diff | None]]:
        """Edit each file once, with all its changes. A file that cannot be written fails alone."""
        by_file: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            if place := self._edits.place_of(change.workload):
                by_file[place.path].append(change)
        for path, group in by_file.items():
            if reason := self._interruption.reason:
                yield from ((Action(change.workload, "skipped", f"not started: {reason}"), None) for change in group)
                continue
            before = self._files.content(path).text
            places = {place: self._edits.accepted.get(place, c.patch) for c in group if (place := self._place(c))}
            try:
                after = self._edits.edited(path, places)
                self._write(path, before, after, check)
            except (EditRefused, OSError) as error:
                reason = str(error) if isinstance(error, EditRefused) else f"cannot write: {error.strerror or error}"
                for change in group:
                    yield Action(change.workload, "failed", reason), None
                continue
            for index, change in enumerate(group):
                status = "would-change" if check else "changed"
                # One diff a file, with the edits of all its workloads.
                diff = Diff(self._typed(path), before, after) if index == 0 else None
                yield Action(change.workload, status, fields=change.fields), diff

    # --- Reading ------------------------------------------------------------------------------------------------------

    def _find(self) -> Iterator[str]:
        try:
            yield from find_files(self._path)
        except OSError as error:
            raise SourceError(f"source {self._name}: {error.strerror}") from None

    def _hidden(self) -> str:
        """What to add where all that there is may be in hidden folders, such as .k8s."""
        name = hidden_folder(self._path)
        return f"; hidden folders, such as {name}, are not searched: name it as the source" if name else ""

    def _build(self, paths: Sequence[str], snapshot: Snapshot) -> Builds | None:
        """Build the tree, with a coverage gap for each root that is not built; None without Kustomize."""
        kustomizations = [path for path in paths if os.path.basename(path) in NAMES]
        if not os.path.isdir(self._path) or not (kustomizations or self._has_deployers(paths)):
            return None
        tree = Tree(self._top, kustomizations, self._shown, self._files.read)
        program = find_program()
        builds = Builds(tree, self._files, program)

        def others(reached: set[str]) -> list[Entry]:
            return [entry for path in paths if path not in reached for entry in self._objects(path).entries]

        builds.run(others)
        snapshot.bases |= {self._shown(folder) for folder in tree.folders}
        missing = builds.not_built
        if missing and not program:
            reason = f"{NO_PROGRAM}, so files are judged as they are, without what overlays change"
            snapshot.gaps.append(CoverageGap("all", reason, "Kustomize builds", len(missing)))
            return builds
        for result in missing:
            reason = f"not built, so its files are judged as they are: {result.failure}"
            snapshot.gaps.append(CoverageGap("all", reason, f"Kustomize build {result.environment.name}"))
        return builds

    def _has_deployers(self, paths: Sequence[str]) -> bool:
        """Whether a file has a Flux Kustomization, which may deploy a folder without a kustomization file."""
        contents = (content for path in paths if isinstance(content := self._files.get(path), Content))
        return any("kustomize.toolkit.fluxcd.io" in content.text for content in contents)

    def _objects(self, path: str) -> Found:
        """What a file holds."""
        content, found = self._files.get(path), Found()
        origin = Origin(self._shown(path))
        if isinstance(content, NotText):
            found.skip(origin, 1, str(content), Unread(ANY, ANY, origin))
        elif isinstance(content, OSError):
            found.skip(origin, None, f"cannot read: {content.strerror}", Unread(ANY, ANY, origin))
        else:
            return self._collected.objects(content, self._shown(path), path)
        return found

    def _real(self, path: str) -> str:
        """The real path of a file below the source: only a link has to be followed."""
        if path == self._path or os.path.islink(path):
            return os.path.realpath(path)
        return os.path.join(self._top, os.path.relpath(path, self._path))

    def _shown(self, path: str) -> str:
        """A real path as shown in reports: relative to the source; the name of a source that is a file."""
        if path == self._top and not os.path.isdir(path):
            return os.path.basename(self._name)
        return os.path.relpath(path, self._top)

    def _typed(self, path: str) -> str:
        """A real path as the user would type it. Behind a link, `..` is not what the path looks like: it stays."""
        name = os.path.normpath(self._name)
        if os.path.realpath(os.path.normpath(self._path)) != self._top:
            name = self._name
        below = os.path.relpath(path, self._top)
        return below if name == "." else name if below == "." else os.path.join(name, below)

    # --- Editing ------------------------------------------------------------------------------------------------------

    def _place(self, change: Change) -> Any:
        return self._edits.place_of(change.workload)

    def _blocked(self, workload: Workload) -> str | None:
        """Why a workload must not be changed here, whatever the edit; None if it may be."""
        unmanaged = self._collected.unmanaged
        if reason := unmanaged.get(workload.namespace) or unmanaged.get(""):
            return reason
        place = self._edits.place_of(workload)
        top = self._top
        if place and place.path != top and os.path.commonpath([place.path, top]) != top:
            return f"{self._shown(place.path)} is outside of {self._name}: set source to a folder that contains both"
        substitutes = self._builds.substituting if self._builds else ()
        if is_substituted(workload.obj, everywhere=workload.origin.environment in substitutes):
            return SUBSTITUTED
        return None

    def _write(self, path: str, before: str, after: str, check: bool) -> None:
        with open(path, "rb") as stream:
            if stream.read() != before.encode():
                raise OSError("the file has changed since it was read: run again")
        # A file that the user named may be a link to anywhere; one found below a folder may not lead out of it.
        root = self._top if os.path.isdir(self._top) else os.path.dirname(path)
        require_writable(path, root)
        if not check:
            replace_file(path, after.encode(), root)
