# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sorts the objects of manifests into workloads and their context, and counts each."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    NotWhole,
    Obj,
    Unreadable,
    get_labels,
    get_map,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS, CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import scope
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import (
    Content,
    Entry,
    is_object,
    objects_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import TEMPLATE
from ansible_collections.graceful.termination.plugins.module_utils.manifests.lists import TooMany
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import document_spans
from ansible_collections.graceful.termination.plugins.module_utils.manifests.unread import (
    ANY,
    Unread,
    filled_in_later,
    unread_object,
    unread_text,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import (
    CoverageGap,
    Skipped,
    Snapshot,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.kustomize_builds import Result
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifest_contexts import (
    contexts,
    namespaces_of,
    versions_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.other_objects import OtherObjects
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import (
    ROLLOUT,
    group_of,
    runs_pods,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import unmanaged
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import (
    Origin,
    Workload,
    read_workload,
)

# API groups with versions of the selected kinds that no supported server serves any more.
_OLD_GROUPS = ("apps/", "batch/", "extensions/")


@dataclass
class Found:
    """What a file holds: its objects, what of it cannot be judged, and what that would have been."""

    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def skip(self, origin: Origin, line: int | None, reason: str, *unread: Unread) -> None:
        """Note what cannot be judged."""
        self.skipped.append(Skipped(origin.file or "", line, reason))
        self.unread += unread


class Collector:
    """Collects objects, those of environments and those of single files.

    `unmanaged` maps namespaces whose owner forbids changes to the reason, `paths` the identity of a workload to the
    real path of its file, None if unknown.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._groups: dict[str, list[Entry]] = {"": []}
        self._context = Context()  # of all together
        self._unread: list[Unread] = []
        self._others = OtherObjects()
        self.unmanaged: dict[str, str] = {}
        self.paths: dict[Identity, str | None] = {}

    def objects(self, content: Content, file: str, path: str) -> Found:
        """What a file holds."""
        found = Found()
        templated = False
        for document in content.documents:
            origin = Origin(file, document.line, document.index)
            if document.problem:
                template = document.problem == TEMPLATE
                start, end = document_spans(content.text)[document.index]
                unread = unread_text(content.text[start:end], origin, template=template)
                # A chart's template breaks into many documents that mean nothing alone: it counts as one.
                if template and templated:
                    found.unread += unread
                    continue
                templated = templated or template
                found.skip(origin, document.line, document.problem, *unread)
                continue
            try:
                entries = list(objects_of(document, file, path))
            except TooMany as error:
                found.skip(origin, document.line, str(error), Unread(ANY, ANY, origin))
                continue
            objects = [entry for entry in entries if is_object(entry.data)]
            for entry in entries:
                if not is_object(entry.data):
                    reason = "an item of a List that is no object: its kind or apiVersion is missing"
                    found.skip(origin, entry.origin.line, reason, unread_object(entry.data, entry.origin))
            if not entries and self._lacks_version(document.data):
                reason = "its apiVersion is missing, so no API server accepts it"
                found.skip(origin, document.line, reason, unread_object(document.data, origin))
            if document.duplicate_keys and any(self._looks_at(entry) for entry in objects):
                line, key = document.duplicate_keys[0]
                reason = f"the key {key!r:.60} is given twice in one map: is a --- missing between two documents?"
                # Which of the two holds is not known, nor whether one of them is another object.
                found.skip(origin, line, reason, *(unread_object(entry.data, entry.origin) for entry in objects))
                continue
            found.entries += objects
        return found

    def add_built(self, result: Result, snapshot: Snapshot) -> None:
        """Add what one environment builds."""
        self._groups[result.environment.name] = []
        for entry in result.entries:
            self._add(entry, snapshot)

    def add_written(self, found: Found, snapshot: Snapshot, *, is_patch: bool) -> None:
        """Add what a file has. `is_patch`: a kustomization names that file as a patch."""
        snapshot.skipped += found.skipped
        self._unread += found.unread
        for entry in found.entries:
            self._add(entry, snapshot, is_patch=is_patch)

    def finish(self, snapshot: Snapshot, charts: Iterable[str] = ()) -> None:
        """Build the context of the workloads. `charts` are the folders of Helm charts, below the source."""
        self._others.count(snapshot, self._selection)
        kinds = (*CONTEXT_KINDS, *self._selection.kinds)
        unread = {one.origin.file for one in self._unread if one.origin.file and not one.origin.environment}
        snapshot.versions = versions_of(self._groups[""], kinds, unread)
        groups = {**self._groups, "": []}
        for entry in self._groups[""]:
            groups.setdefault(snapshot.versions.get(entry.origin.file or "", ""), []).append(entry)
        made = contexts(groups, kinds)
        snapshot.beside = {name: names for name, (_context, names) in made.items()}
        snapshot.context = made.pop("", (self._context, ()))[0]
        snapshot.environments = {name: context for name, (context, _names) in made.items()}
        self._cast_doubts(snapshot, tuple(charts))
        for workload in snapshot.workloads:
            context = snapshot.context_of(workload)
            if context.coverage.why_unknown("Service", workload.namespace):
                continue
            if not context.network.has_services(workload.namespace):
                reason = f"no Service of namespace {workload.namespace} is in the input"
                context.coverage.miss("Service", workload.namespace, reason)

    def _cast_doubts(self, snapshot: Snapshot, charts: tuple[str, ...]) -> None:
        """What could not be read is not known, where it may be: it is not absent."""
        files = {workload.origin.file or "" for workload in snapshot.workloads}
        # A chart is a release of its own: its templates are about its own workloads, which are templates as well.
        apart = [chart for chart in charts if not any(_is_below(file, chart) for file in files)]
        doubts = [
            unread
            for unread in self._unread
            if unread.kind in (*CONTEXT_KINDS, "Namespace", ANY)
            and not any(_is_below(unread.origin.file or "", chart) for chart in apart)
        ]
        said: set[tuple[str, str]] = set()
        for unread in self._placed(doubts):
            namespaces = {unread.namespace}
            if unread.besides:
                namespaces = {workload.namespace for workload in snapshot.workloads} - {unread.besides}
            for namespace in sorted(namespaces):
                for context in self._seeing(unread.origin, snapshot):
                    context.coverage.miss(unread.kind, namespace, unread.reason)
                if unread.kind == "Namespace":
                    reason = f"whether its namespace allows changes is not known: {unread.reason}"
                    self.unmanaged.setdefault(namespace, reason)
                if (unread.kind, namespace) not in said and snapshot.workloads:
                    said.add((unread.kind, namespace))
                    reason = f"{unread.reason}, and so it is unknown, not absent"
                    snapshot.gaps.append(CoverageGap("all", reason, f"context of {scope(namespace)}"))

    def _placed(self, doubts: Iterable[Unread]) -> Iterator[Unread]:
        """The same; of those of any namespace that are in the folder of one, only of that."""
        folders = namespaces_of(self._groups[""], (*CONTEXT_KINDS, *self._selection.kinds))
        for unread in doubts:
            file = unread.origin.file or ""
            namespace = "" if unread.origin.environment else folders.get(posixpath.dirname(file), "")
            # Those two are of no namespace.
            open_ended = unread.namespace == ANY and not unread.besides and unread.kind not in ("Namespace", "Node")
            yield replace(unread, namespace=namespace) if namespace and open_ended else unread

    def _seeing(self, origin: Origin, snapshot: Snapshot) -> list[Context]:
        """The contexts that hold the objects of an environment, or of a file and what it is a version of."""
        if not snapshot.environments:
            return [snapshot.context]
        environment = origin.environment or snapshot.versions.get(origin.file or "", "")
        if environment not in snapshot.beside:
            environment = ""  # nothing else of its folder is of one version: it may belong to any
        every = {**snapshot.environments, "": snapshot.context}
        return [every[name] for name, names in snapshot.beside.items() if environment in names]

    def _lacks_version(self, data: object) -> bool:
        """Whether it is an object but for its apiVersion."""
        if not isinstance(data, dict) or data.get("apiVersion") or not isinstance(data.get("metadata"), dict):
            return False
        return data.get("kind") in (*CONTEXT_KINDS, *self._selection.kinds)

    def _looks_at(self, entry: Entry) -> bool:
        return entry.data["kind"] in CONTEXT_KINDS or entry.data["kind"] in self._selection.kinds

    def _add(self, entry: Entry, snapshot: Snapshot, *, is_patch: bool = False) -> None:
        kind, version, origin = entry.data["kind"], entry.data["apiVersion"], entry.origin
        group = self._groups[origin.environment]
        try:
            with barrier():
                if kind == "Namespace" and version == "v1":
                    self._context.add(entry.data)
                    group.append(entry)
                    self._read_namespace(entry.data)
                elif kind in CONTEXT_KINDS and group_of(version) == CONTEXT_KINDS[kind].group:
                    self._context.add(entry.data)
                    group.append(entry)
                    if open_ended := filled_in_later(entry.data, origin):
                        self._unread.append(open_ended)
                elif kind in self._selection.kinds and version.startswith((*_OLD_GROUPS, API_VERSIONS[kind])):
                    if version != API_VERSIONS[kind]:
                        raise Unreadable(f"apiVersion {version} is not served for {kind}: use {API_VERSIONS[kind]}")
                    if is_patch:
                        raise NotWhole("a Kustomize patch, not a whole workload: give the output of kustomize build")
                    group.append(entry)
                    if kind == ROLLOUT:
                        self._context.add(entry.data)
                    self._add_workload(read_workload(entry.data, origin), entry, snapshot)
                elif not is_patch and runs_pods(entry.data):
                    self._others.add(entry.data)
                    if (kind, version) == (ROLLOUT, API_VERSIONS[ROLLOUT]):
                        self._context.add(entry.data)
                        group.append(entry)
        except Unreadable as error:
            snapshot.skipped.append(Skipped(origin.file or "", error.line or origin.line, error.reason))
            self._unread.append(unread_object(entry.data, origin))

    def _read_namespace(self, obj: Obj) -> None:
        metadata = get_map(obj, "metadata", "")
        if get_labels(metadata, "annotations", "metadata") and (reason := unmanaged(obj)):
            self.unmanaged[str(metadata.get("name"))] = reason

    def _add_workload(self, workload: Workload, entry: Entry, snapshot: Snapshot) -> None:
        for text in (workload.name, workload.namespace, *(container.image for container in workload.containers)):
            if "{{" in text:
                raise Unreadable(TEMPLATE)
        self._others.add_workload(workload)
        if self._selection.includes(workload.namespace, workload.name, workload.labels):
            snapshot.workloads.append(workload)
            self.paths[workload.identity] = entry.path
        else:
            snapshot.excluded += 1


def _is_below(file: str, folder: str) -> bool:
    return folder == "." or file.startswith(f"{folder}/")
