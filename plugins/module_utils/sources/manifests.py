# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file or a folder of manifests as a source: read, judged and edited in place."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.base.parallel import on_all_cores
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import digest
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    NotWhole,
    Unreadable,
    get_labels,
    get_map,
    line_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS, CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    TEMPLATE,
    Document,
    NotText,
    decode,
    load_documents,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.edit import (
    DocumentPath,
    EditRefused,
    apply_patches,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.files import (
    SUFFIXES,
    find_files,
    read_file,
    require_writable,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize import (
    KUSTOMIZATIONS,
    inline_targets,
    patch_files,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Diff
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Skipped, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import unmanaged
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import (
    Origin,
    Workload,
    read_workload,
)

# Groups in which the selected kinds once lived under versions that no supported server takes any more.
_OLD_GROUPS = ("apps/", "batch/", "extensions/")


@dataclass(frozen=True, slots=True)
class _Object:
    """One Kubernetes object of a file, with its place."""

    data: dict
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds."""

    text: str
    documents: list[Document]


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
        self._texts: dict[str, str] = {}
        self._documents: dict[str, list[Document]] = {}
        self._patches: set[str] = set()
        self._unmanaged: dict[str, str] = {}
        self._overlaid: dict[tuple[str, str], str] = {}

    def read(self) -> Snapshot:
        """Read all files. Raises SourceError where the path itself cannot be read."""
        snapshot = Snapshot("manifests", self._name, self._version, version_assumed=self._version_assumed)
        self._texts, self._documents = {}, {}
        self._patches, self._unmanaged, self._overlaid = set(), {}, {}
        files = list(self._files())
        if not files:
            raise SourceError(f"source {self._name}: no {', '.join(SUFFIXES)} file below it")
        contents = on_all_cores(self._load, files)
        # All files first: a Kustomize patch may be named by a file that comes after it.
        read = [self._read_file(path, content, snapshot) for path, content in zip(files, contents, strict=True)]
        for entries in read:
            for entry in entries:
                self._add(entry, snapshot)
        for workload in snapshot.workloads:
            if not snapshot.context.services.get(workload.namespace):
                snapshot.context.unknown["Service", workload.namespace] = (
                    f"no Service of namespace {workload.namespace} is in the input"
                )
        return snapshot

    def identity(self) -> dict[str, Any]:
        """The manifests by the name that the user gave them."""
        return {"type": "manifests", "name": self._name}

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """The digest of the whole file: an edit elsewhere in it may concern the workload too."""
        return {"file": digest(self._texts[_file(workload)])}

    def refusals(self, changes: Sequence[Change]) -> dict[int, str]:
        """Try the edits on the text that was read: of each file all at once, and one by one where that is refused."""
        by_file: dict[str, list[int]] = defaultdict(list)
        refused = {}
        for index, change in enumerate(changes):
            reason = self._withheld(change.workload)
            if reason:
                refused[index] = reason
            else:
                by_file[_file(change.workload)].append(index)

        def tried(file: str) -> dict[int, str]:
            indexes = by_file[file]
            if not self._refusal(file, [changes[index] for index in indexes]):
                return {}
            alone = {index: self._refusal(file, [changes[index]]) for index in indexes}
            return {index: reason for index, reason in alone.items() if reason}

        for reasons in on_all_cores(tried, list(by_file)):
            refused |= reasons
        return refused

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """Nothing: an edit restarts no pods."""
        return [Verdict()] * len(changes)

    def _withheld(self, workload: Workload) -> str | None:
        """Why a workload must not be changed here, whatever the edit; None when it may be."""
        patch = self._overlaid.get((workload.kind, workload.name)) or self._overlaid.get((workload.kind, ""))
        if workload.namespace in self._unmanaged or not patch:
            return self._unmanaged.get(workload.namespace)
        return (
            f"a Kustomize patch changes it too ({patch}), and the two together are not known here: judge the output of "
            "kustomize build, then put the fix where it belongs"
        )

    def _refusal(self, file: str, changes: Sequence[Change]) -> str | None:
        try:
            self._edited(file, changes)
        except EditRefused as error:
            return f"line {error.line}: {error.reason}"
        return None

    def _edited(self, file: str, changes: Sequence[Change]) -> str:
        patches = [_patch(change) for change in changes]
        return apply_patches(self._texts[file], patches, self._documents[file])

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[tuple[Action, Diff | None]]:
        """Edit each file once, with all its changes. A file that cannot be written fails alone."""
        by_file: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            by_file[_file(change.workload)].append(change)
        for file, group in by_file.items():
            if words := self._interruption.words:
                yield from ((Action(change.workload, "skipped", f"not started: {words}"), None) for change in group)
                continue
            before = self._texts[file]
            try:
                after = self._edited(file, group)
                self._write(file, before, after, check)
            except (EditRefused, OSError) as error:
                reason = str(error) if isinstance(error, EditRefused) else f"cannot write: {error.strerror or error}"
                for change in group:
                    yield Action(change.workload, "failed", reason), None
                continue
            for index, change in enumerate(group):
                status = "would-change" if check else "changed"
                # One diff a file: it holds the edits of all its workloads.
                diff = Diff(file, before, after) if index == 0 else None
                yield Action(change.workload, status, fields=change.fields), diff

    def _write(self, file: str, before: str, after: str, check: bool) -> None:
        path = self._real(file)
        with open(path, "rb") as stream:
            if stream.read() != before.encode():
                raise OSError("the file changed while it was judged: run again")
        # A file that the user named may be a link to anywhere; one found below a folder may not lead out of it.
        root = self._path if os.path.isdir(self._path) else os.path.dirname(os.path.realpath(path))
        require_writable(path, root)
        if not check:
            replace_file(path, after.encode(), root)

    def _files(self) -> Iterator[str]:
        try:
            yield from find_files(self._path)
        except OSError as error:
            raise SourceError(f"source {self._name}: {error.strerror}") from None

    def _shown(self, path: str) -> str:
        """The path as the user would type it."""
        return os.path.normpath(os.path.join(self._name, os.path.relpath(path, self._path)))

    def _real(self, file: str) -> str:
        return os.path.normpath(os.path.join(self._path, os.path.relpath(file, self._name)))

    def _load(self, path: str) -> _Content | NotText | OSError:
        """What a file holds, or why nobody can say."""
        try:
            with barrier(NotText, OSError):
                text = decode(read_file(path))
                return _Content(text, load_documents(text))
        except (NotText, OSError) as error:
            return error
        except Unreadable as error:
            return NotText(error.reason)

    def _read_file(self, path: str, content: _Content | NotText | OSError, snapshot: Snapshot) -> list[_Object]:
        file = self._shown(path)
        if isinstance(content, NotText):
            snapshot.skipped.append(Skipped(file, 1, str(content)))
            return []
        if isinstance(content, OSError):
            if path == self._path:
                raise SourceError(f"source {self._name}: {content.strerror}")
            snapshot.skipped.append(Skipped(file, None, f"cannot read: {content.strerror}"))
            return []
        found: list[_Object] = []
        templated = False
        for document in content.documents:
            if document.problem:
                # A chart's template breaks into many documents that mean nothing apart: it counts as one.
                if document.problem == TEMPLATE and templated:
                    continue
                templated = templated or document.problem == TEMPLATE
                snapshot.skipped.append(Skipped(file, document.line, document.problem))
                continue
            if os.path.basename(path) in KUSTOMIZATIONS:
                snapshot.bases.add(os.path.dirname(file))
                self._patches |= patch_files(document.data, os.path.dirname(path))
                for target in inline_targets(document.data):
                    self._overlaid[target] = f"{file}:{document.line}"
            objects = list(_objects(document.data, Origin(file, document.line, document.index)))
            if document.duplicate_keys and any(self._looks_at(entry) for entry in objects):
                line, key = document.duplicate_keys[0]
                reason = f"the key {key!r:.60} is given twice in one map: is a --- missing between two documents?"
                snapshot.skipped.append(Skipped(file, line, reason))
                continue
            found += objects
        if found:
            self._texts[file], self._documents[file] = content.text, content.documents
        return found

    def _looks_at(self, entry: _Object) -> bool:
        return entry.data["kind"] in CONTEXT_KINDS or entry.data["kind"] in self._selection.kinds

    def _add(self, entry: _Object, snapshot: Snapshot) -> None:
        kind, version, origin = entry.data["kind"], entry.data["apiVersion"], entry.origin
        file = origin.file or ""
        try:
            with barrier():
                if kind == "Namespace" and version == "v1":
                    self._add_namespace(entry.data, snapshot)
                elif kind in CONTEXT_KINDS:
                    if version.rpartition("/")[0] == CONTEXT_KINDS[kind].group:
                        snapshot.context.add(entry.data)
                elif kind in self._selection.kinds:
                    if version != API_VERSIONS[kind]:
                        if version.startswith(_OLD_GROUPS):
                            raise Unreadable(f"apiVersion {version} is not served for {kind}: use {API_VERSIONS[kind]}")
                        return
                    if os.path.realpath(self._real(file)) in self._patches:
                        raise NotWhole("a Kustomize patch, not a whole workload: give the output of kustomize build")
                    self._add_workload(read_workload(entry.data, origin), snapshot)
        except Unreadable as error:
            snapshot.skipped.append(Skipped(file, error.line or origin.line, error.reason))
            if isinstance(error, NotWhole):
                metadata = entry.data.get("metadata")
                name = metadata.get("name") if isinstance(metadata, dict) else None
                self._overlaid[kind, str(name)] = f"{file}:{origin.line}"

    def _add_namespace(self, obj: dict, snapshot: Snapshot) -> None:
        metadata = get_map(obj, "metadata", "")
        snapshot.context.add(obj)
        if get_labels(metadata, "annotations", "metadata") and (reason := unmanaged(obj)):
            self._unmanaged[str(metadata.get("name"))] = reason

    def _add_workload(self, workload: Workload, snapshot: Snapshot) -> None:
        for text in (workload.name, workload.namespace, *(container.image for container in workload.containers)):
            if "{{" in text:
                raise Unreadable(TEMPLATE)
        if self._selection.takes(workload.namespace, workload.name, workload.labels):
            snapshot.workloads.append(workload)
        else:
            snapshot.excluded += 1


def _objects(data: object, origin: Origin) -> Iterator[_Object]:
    """The Kubernetes objects of a document: itself, or the items of a List. Anything else holds none."""
    if (
        not isinstance(data, dict)
        or not isinstance(data.get("kind"), str)
        or not isinstance(data.get("apiVersion"), str)
    ):
        return
    if not data["kind"].endswith("List") or not isinstance(data.get("items"), list):
        yield _Object(data, origin)
        return
    for index, item in enumerate(data["items"]):
        if isinstance(item, dict) and isinstance(item.get("kind"), str) and isinstance(item.get("apiVersion"), str):
            yield _Object(item, Origin(origin.file, line_of(item) or origin.line, origin.document, index))


def _file(workload: Workload) -> str:
    return workload.origin.file or ""


def _patch(change: Change) -> tuple[DocumentPath, dict]:
    origin = change.workload.origin
    return DocumentPath(origin.document or 0, origin.item), change.patch
