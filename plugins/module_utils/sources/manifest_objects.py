# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of manifests, sorted into workloads and what is around them, each in a count."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    NotWhole,
    Obj,
    Unreadable,
    get_labels,
    get_map,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS, CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import (
    Content,
    Entry,
    is_object,
    objects_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import TEMPLATE
from ansible_collections.graceful.termination.plugins.module_utils.manifests.lists import TooMany
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Skipped, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.sources.kustomize_builds import Result
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifest_contexts import (
    contexts,
    versions_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import unmanaged
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload

# Groups in which the selected kinds once lived under versions that no supported server takes any more.
_OLD_GROUPS = ("apps/", "batch/", "extensions/")


class Collector:
    """Takes in objects, those of environments and those of single files.

    `unmanaged` maps namespaces whose owner allows no changes to the reason, `paths` the identity of a workload to the
    real path of its file, None where that is not known.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._groups: dict[str, list[Entry]] = {"": []}
        self._context = Context()  # of all together
        self.unmanaged: dict[str, str] = {}
        self.paths: dict[Identity, str | None] = {}

    def objects(self, content: Content, file: str, path: str, skipped: list[Skipped]) -> list[Entry]:
        """The objects of a file; what of it cannot be read is added to `skipped`."""
        found: list[Entry] = []
        templated = False
        for document in content.documents:
            if document.problem:
                # A chart's template breaks into many documents that mean nothing apart: it counts as one.
                if document.problem == TEMPLATE and templated:
                    continue
                templated = templated or document.problem == TEMPLATE
                skipped.append(Skipped(file, document.line, document.problem))
                continue
            try:
                entries = list(objects_of(document, file, path))
            except TooMany as error:
                skipped.append(Skipped(file, document.line, str(error)))
                continue
            objects = [entry for entry in entries if is_object(entry.data)]
            for entry in entries:
                if not is_object(entry.data):
                    reason = "an item of a List that is no object: its kind or apiVersion is missing"
                    skipped.append(Skipped(file, entry.origin.line, reason))
            if document.duplicate_keys and any(self._looks_at(entry) for entry in objects):
                line, key = document.duplicate_keys[0]
                reason = f"the key {key!r:.60} is given twice in one map: is a --- missing between two documents?"
                skipped.append(Skipped(file, line, reason))
                continue
            found += objects
        return found

    def take_built(self, result: Result, snapshot: Snapshot) -> None:
        """Take in what one environment builds."""
        self._groups[result.environment.name] = []
        for entry in result.entries:
            self._take(entry, snapshot)

    def take_written(self, entries: Iterable[Entry], snapshot: Snapshot, *, is_patch: bool) -> None:
        """Take in objects as a file has them. `is_patch`: a kustomization names that file as a patch."""
        for entry in entries:
            self._take(entry, snapshot, is_patch=is_patch)

    def finish(self, snapshot: Snapshot) -> None:
        """Put together what is around the workloads."""
        kinds = (*CONTEXT_KINDS, *self._selection.kinds)
        snapshot.versions = versions_of(self._groups[""], kinds)
        groups = {**self._groups, "": []}
        for entry in self._groups[""]:
            groups.setdefault(snapshot.versions.get(entry.origin.file or "", ""), []).append(entry)
        made = contexts(groups, kinds)
        snapshot.beside = {name: names for name, (_context, names) in made.items()}
        snapshot.context = made.pop("", (self._context, ()))[0]
        snapshot.environments = {name: context for name, (context, _names) in made.items()}
        for workload in snapshot.workloads:
            context = snapshot.context_of(workload)
            if not context.services.get(workload.namespace):
                context.unknown["Service", workload.namespace] = (
                    f"no Service of namespace {workload.namespace} is in the input"
                )

    def _looks_at(self, entry: Entry) -> bool:
        return entry.data["kind"] in CONTEXT_KINDS or entry.data["kind"] in self._selection.kinds

    def _take(self, entry: Entry, snapshot: Snapshot, *, is_patch: bool = False) -> None:
        kind, version, origin = entry.data["kind"], entry.data["apiVersion"], entry.origin
        group = self._groups[origin.environment]
        try:
            with barrier():
                if kind == "Namespace" and version == "v1":
                    self._context.add(entry.data)
                    group.append(entry)
                    self._read_namespace(entry.data)
                elif kind in CONTEXT_KINDS:
                    if version.rpartition("/")[0] == CONTEXT_KINDS[kind].group:
                        self._context.add(entry.data)
                        group.append(entry)
                elif kind in self._selection.kinds:
                    if version != API_VERSIONS[kind]:
                        if version.startswith(_OLD_GROUPS):
                            raise Unreadable(f"apiVersion {version} is not served for {kind}: use {API_VERSIONS[kind]}")
                        return
                    if is_patch:
                        raise NotWhole("a Kustomize patch, not a whole workload: give the output of kustomize build")
                    self._add_workload(read_workload(entry.data, origin), entry, snapshot)
                    group.append(entry)
        except Unreadable as error:
            snapshot.skipped.append(Skipped(origin.file or "", error.line or origin.line, error.reason))

    def _read_namespace(self, obj: Obj) -> None:
        metadata = get_map(obj, "metadata", "")
        if get_labels(metadata, "annotations", "metadata") and (reason := unmanaged(obj)):
            self.unmanaged[str(metadata.get("name"))] = reason

    def _add_workload(self, workload: Workload, entry: Entry, snapshot: Snapshot) -> None:
        for text in (workload.name, workload.namespace, *(container.image for container in workload.containers)):
            if "{{" in text:
                raise Unreadable(TEMPLATE)
        if self._selection.takes(workload.namespace, workload.name, workload.labels):
            snapshot.workloads.append(workload)
            self.paths[workload.identity] = entry.path
        else:
            snapshot.excluded += 1
