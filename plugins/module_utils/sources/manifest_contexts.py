# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The context of workloads in manifests. Environments that cannot coexist in a cluster do not see each other."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.manifests.contents import Entry
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import ROLLOUT

# The same object in two builds, such as a Namespace, does not make them two versions of one thing.
_SHARED = frozenset({"Namespace", "ConfigMap", "Node", "Gateway"})
_MOST = 300  # versions that are told apart: each context holds all that fits beside it


def contexts(groups: Mapping[str, Sequence[Entry]], kinds: Iterable[str]) -> dict[str, tuple[Context, tuple[str, ...]]]:
    """The context of each group of objects, and the groups in it: an environment by its name, or `` for all else.

    Two groups with an object of the same kind, namespace and name are two versions of one thing, such as staging and
    production: each sees itself and the groups it can coexist with. `kinds` are those that distinguish them. Empty if
    all groups can coexist.
    """
    others = _versions(groups, frozenset(kinds) - _SHARED)
    if not any(others.values()):
        return {}
    made: dict[tuple[str, ...], Context] = {}
    result = {}
    for name in groups:
        seen = tuple(other for other in groups if other == name or other not in others[name])
        if seen not in made:
            made[seen] = _context(entry.data for other in seen for entry in groups[other])
        result[name] = made[seen], seen
    return result


def versions_of(entries: Sequence[Entry], kinds: Iterable[str], unread: Iterable[str] = ()) -> dict[str, str]:
    """Which files hold another version of what a second file holds, each with the name of its group.

    In one folder, such as dev.yaml and prod.yaml, each of them stands for itself. Folders beside each other, such as
    dev and prod, are versions as a whole; of one below the other, only what both hold. `entries` are objects as files
    have them, `kinds` those that tell them apart, `unread` are files with more objects, which are not known: in the
    folder of a version, they are part of it. Empty where there are too many.
    """
    kinds = frozenset(kinds) - _SHARED
    holders: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if entry.origin.file and (identity := _identity(entry, kinds)):
            holders[identity].add(entry.origin.file)
    alone: set[str] = set()
    parts: set[str] = set()
    whole: set[str] = set()
    for files in holders.values():
        folders = Counter(map(posixpath.dirname, files))
        alone |= {file for file in files if folders[posixpath.dirname(file)] > 1}
        if len(folders) > 1:
            parts |= files
            whole |= {one for one in folders if not all(_is_within(one, two) for two in folders)}
    groups = {}
    for file in {*(entry.origin.file for entry in entries if entry.origin.file), *unread}:
        folder = posixpath.dirname(file)
        if file in alone:
            groups[file] = f"file {file}"
        elif file in parts or folder in whole:
            groups[file] = f"folder {folder}"
    return groups if len(set(groups.values())) <= _MOST else {}


def namespaces_of(entries: Sequence[Entry], kinds: Iterable[str]) -> dict[str, str]:
    """The namespace of each folder that is there for one, such as staging/ and live/: {folder: namespace}.

    All objects of such a folder are of that namespace and say so, and a folder beside it has an object of the same kind
    and name in its own. `entries` are objects as files have them, `kinds` those that tell folders apart.
    """
    kinds = frozenset(kinds) - _SHARED
    found: dict[str, set[str]] = defaultdict(set)
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if not entry.origin.file or entry.data["kind"] in ("Namespace", "Node"):
            continue
        folder, metadata = posixpath.dirname(entry.origin.file), entry.data.get("metadata")
        found[folder].add(str(metadata.get("namespace") or "") if isinstance(metadata, dict) else "")
        if identity := _identity(entry, kinds):
            holders[identity[0], identity[2]].add(folder)
    single = {folder: min(names) for folder, names in found.items() if len(names) == 1 and min(names)}
    result = {}
    for folders in holders.values():
        for one in folders & single.keys():
            beside = (two for two in folders & single.keys() if single[two] != single[one])
            if one not in result and any(not _is_within(one, two) for two in beside):
                result[one] = single[one]
    return result


def _is_within(one: str, two: str) -> bool:
    """Whether one of two folders is below the other, or the same."""
    return not one or not two or f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/")


def _versions(groups: Mapping[str, Sequence[Entry]], kinds: frozenset[str]) -> dict[str, set[str]]:
    """Which groups have an object in common with each."""
    holders: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for name, group in groups.items() if len(groups) > 1 else ():
        for entry in group:
            if identity := _identity(entry, kinds):
                holders[identity].add(name)
    others: dict[str, set[str]] = defaultdict(set)
    for names in holders.values():
        for name in names if len(names) > 1 else ():
            others[name] |= names
    return others


def _context(objects: Iterable[dict[str, Any]]) -> Context:
    context = Context()
    for obj in objects:
        if obj["kind"] in CONTEXT_KINDS or obj["kind"] in ("Namespace", ROLLOUT):
            context.add(obj)
    return context


def _identity(entry: Entry, kinds: frozenset[str]) -> tuple[str, str, str] | None:
    metadata = entry.data.get("metadata")
    if entry.data["kind"] not in kinds or not isinstance(metadata, dict):
        return None
    return entry.data["kind"], str(metadata.get("namespace") or "default"), str(metadata.get("name"))
