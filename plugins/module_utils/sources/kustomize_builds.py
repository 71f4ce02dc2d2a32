# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the environments of a folder of manifests: once to judge them, and again with edited files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import line_of
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import (
    Content,
    Entry,
    Files,
    is_object,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import LocatedDict
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.build import Built, build
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.deployers import (
    Deployer,
    read_deployers,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.environments import (
    Environment,
    environments,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import (
    References,
    references,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.program import (
    BuildFailed,
    Program,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.tree import Tree
from ansible_collections.graceful.termination.plugins.module_utils.manifests.lists import TooMany, is_list, items_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Origin

NO_PROGRAM = "neither kustomize nor kubectl is installed here"
_ROUNDS = 4  # deployers may deploy deployers
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Result:
    """One environment: its objects, or why the build failed."""

    environment: Environment
    entries: list[Entry] = field(default_factory=list)
    failure: str | None = None


class Builds:
    """The builds of a tree. Without a program none succeeds, and `results` says so."""

    def __init__(self, tree: Tree, files: Files, program: Program | None) -> None:
        self.tree, self._files, self._program = tree, files, program
        self.results: list[Result] = []

    def run(self, others: Callable[[set[str]], Sequence[Entry]]) -> None:
        """Build all environments. `others` gives the objects of all files except those with these real paths."""
        known: dict[str, Result] = {}
        deployers: list[Deployer] = []
        for _round in range(_ROUNDS):
            wanted = environments(self.tree, deployers, self._files.read)
            missing = [entry for entry in wanted if entry.name not in known or known[entry.name].environment != entry]
            known |= {result.environment.name: result for result in self._build(missing, self._files.read)}
            self.results = [known[entry.name] for entry in wanted]
            objects = [entry for result in self.results for entry in result.entries] + [*others(self.reached())]
            found = [deployer for entry in objects for deployer in _deployers(entry)]
            if found == deployers:
                return
            deployers = found

    @property
    def built(self) -> list[Result]:
        """The environments that could be built."""
        return [result for result in self.results if not result.failure]

    @property
    def not_built(self) -> list[Result]:
        """The environments that could not be built."""
        return [result for result in self.results if result.failure]

    @property
    def substituting(self) -> set[str]:
        """The names of the environments in which values are filled in after the build."""
        return {result.environment.name for result in self.results if result.environment.substitutes}

    def reached(self) -> set[str]:
        """The real paths of the files whose content is in what was built, and of those that are no manifests."""
        closures = [result.environment.closure for result in self.built]
        # What a generator puts into a ConfigMap is data, built or not; what it makes of it is in no file.
        data = self._named(lambda named: named.others) - self._named(lambda named: named.resources)
        return data.union(*((*closure.resources, *closure.patches) for closure in closures))

    def patch_files(self) -> set[str]:
        """The real paths of the files that any kustomization of the tree names as patches."""
        return self._named(lambda named: named.patches)

    def _named(self, names: Callable[[References], Iterable[str]]) -> set[str]:
        """The real paths of what the kustomizations of the tree name."""
        found = ((folder, self.tree.kustomization(folder)) for folder in self.tree.folders)
        return {
            os.path.realpath(os.path.join(folder, name))
            for folder, kustomization in found
            if kustomization
            for name in names(references(kustomization.data))
        }

    def with_texts(self, texts: Mapping[str, str]) -> list[tuple[Result, Result]]:
        """(before, after) of each environment that contains one of these files (by real path), with these texts."""

        def read(path: str) -> bytes:
            text = texts.get(path)
            return self._files.read(path) if text is None else text.encode()

        concerned = [
            result for result in self.built if not texts.keys().isdisjoint(result.environment.closure.resources)
        ]
        after = self._build([result.environment for result in concerned], read)
        return list(zip(concerned, after, strict=True))

    def _build(self, wanted: Sequence[Environment], read: Callable[[str], bytes]) -> list[Result]:
        def result(environment: Environment) -> Result:
            if self._program is None:
                return Result(environment, failure=NO_PROGRAM)
            if environment.problem:
                return Result(environment, failure=environment.problem)
            try:
                objects = build(environment, self.tree, self._program, read)
            except BuildFailed as error:
                return Result(environment, failure=str(error))
            return Result(environment, [self._entry(built, environment) for built in objects if is_object(built.data)])

        if len(wanted) < 2:
            return [result(environment) for environment in wanted]
        with ThreadPoolExecutor(min(_AT_ONCE, len(os.sched_getaffinity(0)))) as pool:
            return list(pool.map(result, wanted))

    def _entry(self, built: Built, environment: Environment) -> Entry:
        """A built object with the place in its source file."""
        found = self._written(built)
        if found is None or built.file is None:
            root = environment.kustomization
            return Entry(built.data, Origin(self.tree.shown(root.file), root.line, environment=environment.name), None)
        obj, origin = found
        _relocate(built.data, obj, origin.line or 1)
        return Entry(built.data, replace(origin, environment=environment.name), built.file)

    def _written(self, built: Built) -> tuple[dict[str, Any], Origin] | None:
        content = self._files.get(built.file) if built.file is not None else None
        if not isinstance(content, Content) or built.file is None:
            return None
        document = next((entry for entry in content.documents if entry.index == built.document), None)
        if document is None or not isinstance(document.data, dict):
            return None
        origin = Origin(self.tree.shown(built.file), document.line, document.index)
        if not is_list(document.data):
            return document.data, origin
        try:
            items = [(index, item) for index, (_path, item) in enumerate(items_of(document.data)) if is_object(item)]
        except TooMany:
            return None
        same = [(index, item) for index, item in items if item["kind"] == built.data["kind"]]
        name = _name(built.data)
        for fitting in (
            [entry for entry in same if _name(entry[1]) == name],
            [entry for entry in same if _name(entry[1]) in name],
            same,
        ):
            if len(fitting) == 1:
                index, item = fitting[0]
                return item, replace(origin, item=index, line=line_of(item) or origin.line)
        return None


def _deployers(entry: Entry) -> list[Deployer]:
    return read_deployers(entry.data, f"{entry.origin.file}:{entry.origin.line}") if is_object(entry.data) else []


def _name(obj: dict[str, Any]) -> str:
    metadata = obj.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""


def _relocate(built: Any, written: Any, line: int) -> None:
    """Give the maps of a built object the lines of the maps they come from, or of the nearest enclosing one."""
    line = line_of(written) or line
    if isinstance(built, LocatedDict):
        built.line = line
        for key, value in built.items():
            _relocate(value, written.get(key) if isinstance(written, dict) else None, line)
    elif isinstance(built, list):
        items = written if isinstance(written, list) else []
        named = {item["name"]: item for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)}
        for index, value in enumerate(built):
            name = value.get("name") if isinstance(value, dict) else None
            at = items[index] if index < len(items) and not named else None
            _relocate(value, named.get(name) if isinstance(name, str) else at, line)
