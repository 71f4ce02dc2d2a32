# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building an environment in a copy: only the files that it consists of, with a note of where each object comes from.

Each document of a file becomes a separate file in the copy, so that kustomize's origin annotation names the document.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    LocatedDict,
    NotText,
    decode,
    load_documents,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.environments import Environment
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import (
    Kustomization,
    references,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.program import (
    BuildFailed,
    Program,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.tree import Tree
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import document_spans

FILES = 20_000  # of one environment
BYTES = 256 * 2**20
_ORIGIN = "config.kubernetes.io/origin"
_DOCUMENT = ".graceful-document-"
_DOCUMENTS = re.compile(rf"{re.escape(_DOCUMENT)}\d+\.yaml")


@dataclass(frozen=True, slots=True)
class Built:
    """An object of a build. `file` is the real path of its origin and `document` the index of its span there.

    Both are None for an object of a generator, and where a patch has replaced all annotations.
    """

    data: dict[str, Any]
    file: str | None
    document: int | None


def build(environment: Environment, tree: Tree, program: Program, read: Callable[[str], bytes]) -> list[Built]:
    """All objects of an environment. `read` gives the bytes of a file. Raises BuildFailed."""
    with tempfile.TemporaryDirectory(prefix="graceful-", ignore_cleanup_errors=True) as temporary:
        top = os.path.realpath(temporary)
        copy = _Copy(tree, read, top)
        try:
            copy.write(environment)
        except OSError as error:
            raise BuildFailed(f"cannot copy its files: {error.strerror or error}") from None
        folder = copy.place(environment.kustomization.folder)
        try:
            text = program.build(folder)
        except BuildFailed as failure:
            raise BuildFailed(_DOCUMENTS.sub("", str(failure).replace(f"{top}/", ""))) from None
    built = []
    for document in load_documents(text):
        if document.problem:
            raise BuildFailed(f"its output cannot be read: {document.problem}")
        if isinstance(document.data, dict):
            built.append(_located(document.data, folder, top, tree.bounds))
    return built


class _Copy:
    """A copy below `top` of what one environment is made of, its folders relative to each other as they are."""

    def __init__(self, tree: Tree, read: Callable[[str], bytes], top: str) -> None:
        self._tree, self._read, self._top = tree, read, top
        self._files = self._bytes = 0
        self._documents: dict[str, list[str]] = {}

    def place(self, path: str) -> str:
        """Where a path within the tree is in the copy."""
        return os.path.normpath(os.path.join(self._top, os.path.relpath(path, self._tree.bounds)))

    def write(self, environment: Environment) -> None:
        """Write the copy. Raises OSError, and BuildFailed where it is too large."""
        closure = environment.closure
        for path in closure.resources:
            self._split(path)
        for place, path in closure.files.items():
            self._write(self.place(place), self._read(path))
        root = environment.kustomization
        self._kustomization(root, {"buildMetadata": ["originAnnotations"]})
        for folder in closure.folders:
            if folder != root.folder and (found := self._tree.kustomization(folder)):
                self._kustomization(found, {})

    def _kustomization(self, kustomization: Kustomization, more: dict[str, Any]) -> None:
        folder, named = kustomization.folder, references(kustomization.data)
        data = {key: value for key, value in kustomization.data.items() if key not in ("bases", "resources")}
        resources = [place for name in named.resources for place in self._named(folder, name)]
        data |= {"resources": list(dict.fromkeys(resources)), **more}
        if named.components:
            data["components"] = [place for name in named.components for place in self._named(folder, name)]
        text = json.dumps(data, default=str)
        self._write(os.path.join(self.place(folder), "kustomization.yaml"), text.encode())

    def _named(self, folder: str, name: str) -> list[str]:
        """A path of a kustomization as that of the copy. With its dot in front it is no address."""
        path = os.path.realpath(os.path.join(folder, name))
        places = self._documents.get(path, [path])
        return [f"./{os.path.relpath(place, folder)}" for place in places]

    def _split(self, path: str) -> None:
        content = self._read(path)
        try:
            text = decode(content)
        except NotText as error:
            raise BuildFailed(f"{self._tree.shown(path)}: {error}") from None
        held = sorted({entry.index for entry in load_documents(text) if entry.problem or entry.data is not None})
        spans = document_spans(text)
        pieces = {index: text[slice(*spans[index])].encode() for index in held} or {0: content}
        self._documents[path] = [f"{path}{_DOCUMENT}{index}.yaml" for index in pieces]
        for place, piece in zip(self._documents[path], pieces.values(), strict=True):
            self._write(self.place(place), piece)

    def _write(self, path: str, content: bytes) -> None:
        self._files += 1
        self._bytes += len(content)
        if self._files > FILES or self._bytes > BYTES:
            raise BuildFailed(f"it consists of more than {FILES:,} files or {BYTES // 2**20} MiB")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content)


def _located(data: dict[str, Any], folder: str, top: str, bounds: str) -> Built:
    """Remove the origin from an object."""
    metadata = data.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    origin = annotations.pop(_ORIGIN, None) if isinstance(annotations, dict) else None
    if isinstance(metadata, dict) and annotations == {}:
        del metadata["annotations"]
    path = _path(origin)
    if path is None:
        return Built(data, None, None)
    place, _mark, document = os.path.normpath(os.path.join(folder, path)).rpartition(_DOCUMENT)
    index = document.removesuffix(".yaml")
    if not place or not index.isdecimal():
        return Built(data, None, None)
    return Built(data, os.path.normpath(os.path.join(bounds, os.path.relpath(place, top))), int(index))


def _path(origin: object) -> str | None:
    """The path in an origin annotation; None for what a generator made."""
    documents = load_documents(origin) if isinstance(origin, str) else []
    said = documents[0].data if documents else None
    path = said.get("path") if isinstance(said, LocatedDict) and "configuredIn" not in said else None
    return path if isinstance(path, str) else None
