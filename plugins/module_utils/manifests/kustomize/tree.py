# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kustomizations of a folder: what each reaches, and which are roots, that is, included by no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    NotText,
    decode,
    load_documents,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import (
    NAMES,
    Kustomization,
    files_of_plugin,
    foreign_plugin,
    is_remote,
    read_kustomization,
    references,
    unbuildable,
)


@dataclass(slots=True)
class Closure:
    """All that a kustomization is built from, by real path. `where` is its file, as the user calls it.

    `folders` are those of the kustomizations, its own first; `files` maps where a file has to be to its real path;
    `problem` is why it cannot be built. With a problem the rest is what is known nevertheless.
    """

    where: str
    folders: list[str]
    resources: list[str] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    problem: str | None = None

    def fail(self, reason: str | None) -> None:
        """Note why it cannot be built; the first reason stays."""
        if reason and not self.problem:
            self.problem = f"{self.where}: {reason}"

    def add(self, other: Closure) -> None:
        """Add what another one reaches."""
        self.folders += [folder for folder in other.folders if folder not in self.folders]
        self.resources += [path for path in other.resources if path not in self.resources]
        self.patches += [path for path in other.patches if path not in self.patches]
        self.files |= other.files
        self.problem = self.problem or other.problem


class Tree:
    """The kustomizations below `top`, and what they include from within `bounds`, the checkout that `top` is in.

    Both are real paths, as are all folders here. `files` are the kustomization files below `top`; `shown` turns a
    path into what the user calls it, and `read` gives the bytes of a file and raises OSError.
    """

    def __init__(
        self, top: str, files: Iterable[str], shown: Callable[[str], str], read: Callable[[str], bytes]
    ) -> None:
        self.top, self.bounds = top, checkout_of(top)
        self.shown, self._read = shown, read
        self._known: dict[str, Kustomization | None] = {}
        self._closures: dict[str, Closure] = {}
        self.folders = [
            folder
            for folder in sorted({os.path.realpath(os.path.dirname(file)) for file in files})
            if self.kustomization(folder)
        ]

    def kustomization(self, folder: str) -> Kustomization | None:
        """The kustomization in a folder; None where there is none."""
        if folder not in self._known:
            self._known[folder] = self._load(folder)
        return self._known[folder]

    def roots(self) -> list[str]:
        """The folders of the kustomizations that no other one includes and that are roots."""
        included: set[str] = set()
        for folder in self.folders:
            found = self.kustomization(folder)
            named = references(found.data) if found else None
            for name in (*named.resources, *named.components) if named else ():
                path = os.path.realpath(os.path.join(folder, name))
                if path != folder:
                    included.add(path)
        return [
            folder
            for folder in self.folders
            if folder not in included and (found := self.kustomization(folder)) and not found.component
        ]

    def closure(self, folder: str) -> Closure:
        """What the kustomization in a folder reaches."""
        if folder not in self._closures:
            endless = self._closures[folder] = Closure(self.shown(folder), [folder])
            endless.fail("it includes itself")
            found = self.kustomization(folder)
            missing = Closure(self.shown(folder), [folder])
            missing.fail("it has no kustomization")
            self._closures[folder] = self.closure_of(found) if found else missing
        return self._closures[folder]

    def closure_of(self, kustomization: Kustomization) -> Closure:
        """What a kustomization reaches that may not be the one in its folder, but one with additions."""
        folder, data = kustomization.folder, kustomization.data
        closure = Closure(self.shown(kustomization.file), [folder])
        closure.fail(kustomization.problem or unbuildable(data))
        named = references(data)
        for name in (*named.resources, *named.components):
            self._include(closure, folder, name)
        for name in named.patches:
            if path := self._file(closure, folder, name):
                closure.patches.append(path)
        for name in named.others:
            self._file(closure, folder, name)
        for name in named.plugins:
            self._plugin(closure, folder, name)
        return closure

    def _include(self, closure: Closure, folder: str, name: str) -> None:
        path = self._path(closure, folder, name)
        if path is None:
            return
        if not os.path.isdir(path):
            if path not in closure.resources:
                closure.resources.append(path)
            return
        closure.add(self.closure(path))

    def _path(self, closure: Closure, folder: str, name: str) -> str | None:
        """The real path of what a kustomization names; None, and a problem, where it must not be read."""
        if is_remote(name):
            closure.fail(f"it needs the network, for {name:.100}")
            return None
        path = os.path.realpath(os.path.join(folder, name))
        if os.path.commonpath([path, self.bounds]) != self.bounds:
            closure.fail(f"{name:.100} points outside of {self.shown(self.bounds)}")
            return None
        if not os.path.exists(path):
            closure.fail(f"{name:.100} does not exist")
            return None
        return path

    def _file(self, closure: Closure, folder: str, name: str) -> str | None:
        path = self._path(closure, folder, name)
        place = os.path.normpath(os.path.join(folder, name))
        if path is None or not os.path.isfile(path) or os.path.commonpath([place, self.bounds]) != self.bounds:
            return None
        closure.files[place] = path
        return path

    def _plugin(self, closure: Closure, folder: str, name: str) -> None:
        """A file with configurations of generators or transformers, and the files that these name."""
        path = self._file(closure, folder, name)
        if path is None:
            closure.fail(f"{name:.100} is not a file with kustomize's own transformers")
            return
        try:
            configs = [document.data for document in load_documents(decode(self._read(path)))]
        except (OSError, NotText) as error:
            closure.fail(f"{name:.100}: {error}")
            return
        closure.fail(foreign_plugin([config for config in configs if config is not None]))
        for other in files_of_plugin(configs):
            place = os.path.join(folder, other)
            if "\n" not in other and "\0" not in other and os.path.isfile(place):
                self._file(closure, folder, other)

    def _load(self, folder: str) -> Kustomization | None:
        for name in NAMES:
            file = os.path.join(folder, name)
            if not os.path.isfile(file):
                continue
            real = os.path.realpath(file)
            if os.path.commonpath([real, self.bounds]) != self.bounds:
                return Kustomization(
                    folder, file, 1, {}, f"it is a link that points outside of {self.shown(self.bounds)}"
                )
            try:
                text = decode(self._read(real))
            except (OSError, NotText) as error:
                return Kustomization(folder, file, 1, {}, f"cannot read: {getattr(error, 'strerror', None) or error}")
            return read_kustomization(folder, file, text)
        return None


def with_additions(kustomization: Kustomization, additions: dict[str, Any]) -> Kustomization:
    """A kustomization as Flux and Argo CD change it: lists and maps grow, anything else is replaced."""
    data = dict(kustomization.data)
    for key, value in additions.items():
        present = data.get(key)
        if isinstance(value, list) and isinstance(present, list):
            data[key] = [*present, *value]
        elif isinstance(value, dict) and isinstance(present, dict):
            data[key] = {**present, **value}
        else:
            data[key] = value
    return replace(kustomization, data=data)


def checkout_of(top: str) -> str:
    """The Git checkout that a folder is in; the folder itself where it is in none."""
    folder = top
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return top
        folder = parent
    return folder
