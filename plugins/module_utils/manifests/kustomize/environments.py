# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree deploys: each of its roots, as it is or as a deployer of Flux or Argo CD changes it."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    NotText,
    decode,
    load_documents,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.files import find_files
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.deployers import Deployer
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import (
    NAMES,
    Kustomization,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.tree import (
    Closure,
    Tree,
    with_additions,
)


@dataclass(frozen=True, slots=True)
class Environment:
    """One thing that is built. `name` is its folder below the source, and the deployer where that changes it."""

    name: str
    kustomization: Kustomization
    closure: Closure
    deployer: Deployer | None = None

    @property
    def problem(self) -> str | None:
        """Why it cannot be built; None where it can be tried."""
        return self.closure.problem or (self.deployer.unknown if self.deployer else None)

    @property
    def substitutes(self) -> bool:
        """Whether `${NAME}` in what it builds is replaced afterwards."""
        return self.deployer is not None and self.deployer.substitutes


def environments(tree: Tree, deployers: Sequence[Deployer], read: Callable[[str], bytes]) -> list[Environment]:
    """The roots of a tree, and what its deployers make of them or of other folders; each name once, sorted."""
    found: dict[str, Environment] = {}
    replaced = set()
    for deployer in deployers:
        if "*" in deployer.path and not (deployer.additions or deployer.substitutes):
            continue  # the roots of what it may mean are built anyhow, and a base of theirs is most likely not meant
        for folder in _folders(tree, deployer):
            kustomization = tree.kustomization(folder)
            if not kustomization and deployer.generates and deployer.additions:
                kustomization = _generated(tree, folder, read)
            if not kustomization or kustomization.component:
                continue
            name = relative(folder, tree.top)
            if deployer.additions or deployer.substitutes:
                kustomization = with_additions(kustomization, deployer.additions)
                name = f"{name} ({deployer.name})"
                replaced.add(folder)
            closure = tree.closure_of(kustomization)
            found[name] = Environment(name, kustomization, closure, deployer)
    for folder in tree.roots():
        root = tree.kustomization(folder)
        name = relative(folder, tree.top)
        if root and folder not in replaced and name not in found:
            found[name] = Environment(name, root, tree.closure(folder))
    return [found[name] for name in sorted(found)]


def relative(path: str, top: str) -> str:
    """A path below the source, with slashes; `.` for the source itself."""
    return os.path.relpath(path, top).replace(os.sep, "/")


def _folders(tree: Tree, deployer: Deployer) -> Iterable[str]:
    """The folders below the source that a deployer's path may mean: from the checkout's top, else from the source."""
    pattern = os.path.normpath(deployer.path.lstrip("/") or ".")
    for base in dict.fromkeys((tree.bounds, tree.top)):
        if "*" in pattern:
            matching = [folder for folder in tree.folders if fnmatch.fnmatchcase(relative(folder, base), pattern)]
        else:
            folder = os.path.realpath(os.path.join(base, pattern)) if "\0" not in pattern else ""
            inside = os.path.isdir(folder) and os.path.commonpath([folder, tree.top]) == tree.top
            matching = [folder] if inside else []
        if matching:
            return matching
    return []


def _generated(tree: Tree, folder: str, read: Callable[[str], bytes]) -> Kustomization:
    """What Flux makes for a folder without a kustomization: all its objects, and the kustomizations below it."""
    inner = [other for other in tree.folders if other != folder and other.startswith(f"{folder}{os.sep}")]
    names = [relative(other, folder) for other in inner if not _below(other, inner)]
    for path in find_files(folder):
        real = os.path.realpath(path)
        if os.path.basename(path) in NAMES or _below(path, inner) or os.path.commonpath([real, tree.top]) != tree.top:
            continue
        if _holds_objects(real, read):
            names.append(relative(path, folder))
    data: dict[str, Any] = {"resources": names}
    return Kustomization(folder, os.path.join(folder, NAMES[0]), 1, data)


def _below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}{os.sep}") for folder in folders)


def _holds_objects(path: str, read: Callable[[str], bytes]) -> bool:
    try:
        documents = load_documents(decode(read(path)))
    except (OSError, NotText):
        return False
    return any(isinstance(entry.data, dict) and entry.data.get("kind") for entry in documents)
