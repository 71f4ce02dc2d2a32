# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kustomization that is not built may change in an object: whatever cannot be excluded by reading it.

Only what bears on a fix counts: metadata and images do not, and replicas only where the fix is to the rollout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import parse_selector
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    NotText,
    decode,
    load_documents,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.environments import Environment
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import (
    Kustomization,
    is_remote,
    maps,
    references,
    texts,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.tree import Tree

_HARMLESS = frozenset(
    f"{kind}Transformer"
    for kind in ("Prefix", "Suffix", "PrefixSuffix", "Namespace", "Label", "Annotations", "ImageTag")
)
_METADATA = re.compile(r"/?(?:spec/(?:jobTemplate/spec/)?template/)?metadata(?:/|$)")
# Patterns that no text can make slow; any other counts as matching.
_PATTERN = re.compile(r"[\w.|-]*(?:\*[\w.|-]*){0,2}")
_RENAMES = ("namePrefix", "nameSuffix", "transformers")
_LABELS = ("labels", "commonLabels", "transformers", "commonAnnotations")


@dataclass(frozen=True, slots=True)
class Edited:
    """What is to be edited: an object as its file has it. `rollout`: whether the fix is to its strategy."""

    file: str
    obj: dict[str, Any]
    rollout: bool


def what_changes(edited: Edited, environment: Environment, tree: Tree, read: Callable[[str], bytes]) -> str | None:
    """What in an environment may change the object beside the fix, as `file: part`; None where nothing can."""
    if edited.file not in environment.closure.resources:
        return None
    root = environment.kustomization
    nodes = [root]
    for folder in environment.closure.folders:
        found = tree.kustomization(folder)
        if found and folder != root.folder and (found.component or edited.file in tree.closure(folder).resources):
            nodes.append(found)
    reader = _Reader(edited, nodes, read)
    for node in nodes:
        part = next(reader.parts(node), None)
        if part:
            deployer = environment.deployer if node is root else None
            return f"{tree.shown(node.file)}{f' with {deployer.where}' if deployer else ''}: {part}"
    return None


class _Reader:
    """Checks the kustomizations that an object passes."""

    def __init__(self, edited: Edited, nodes: list[Kustomization], read: Callable[[str], bytes]) -> None:
        self._edited, self._read = edited, read
        self._renamed = any(node.data.get(key) for node in nodes for key in _RENAMES)
        self._labelled = any(node.data.get(key) for node in nodes for key in _LABELS)

    def parts(self, node: Kustomization) -> Iterator[str]:
        """The parts of a kustomization that may change the object."""
        data = node.data
        if any(is_remote(name) for name in references(data).components):
            yield "components from the network"
        for key in ("patches", "patchesJson6902"):
            for entry in maps(data, key):
                target = entry.get("target")
                text = (
                    entry.get("patch") if isinstance(entry.get("patch"), str) else self._text(node, entry.get("path"))
                )
                if self._is_patched(text, target if isinstance(target, dict) else None):
                    yield f"{key}{f' of {_said(target)}' if isinstance(target, dict) else ''}"
        for name in texts(data, "patchesStrategicMerge"):
            if self._is_patched(name if "\n" in name else self._text(node, name), None):
                yield "patchesStrategicMerge"
        for entry in maps(data, "replacements"):
            targets = [entry] if "path" not in entry else self._documents(self._text(node, entry["path"]))
            if targets is None or any(self._is_replaced(target) for target in targets):
                yield "replacements"
        for entry in maps(data, "replicas"):
            if self._edited.rollout and self._named(str(entry.get("name"))):
                yield "replicas"
        for text in texts(data, "transformers"):
            configs = self._documents(text if "\n" in text else self._text(node, text))
            if configs is None or any(not isinstance(c, dict) or c.get("kind") not in _HARMLESS for c in configs):
                yield "transformers"

    def _text(self, node: Kustomization, name: object) -> str | None:
        if not isinstance(name, str) or is_remote(name) or "\0" in name:
            return None
        try:
            return decode(self._read(os.path.realpath(os.path.join(node.folder, name))))
        except (OSError, NotText):
            return None

    def _documents(self, text: str | None) -> list[Any] | None:
        """The data of a text, the items of lists in one row; None where it cannot be read."""
        documents = load_documents(text) if text is not None else None
        if documents is None or any(document.problem for document in documents):
            return None
        rows = [entry.data if isinstance(entry.data, list) else [entry.data] for entry in documents]
        return [item for row in rows for item in row if item is not None]

    def _is_patched(self, text: str | None, target: dict[str, Any] | None) -> bool:
        if target is not None and not self._selected(target):
            return False
        parts = self._documents(text)
        if parts is None:
            return True
        return any(self._bears(part, target is not None) for part in parts)

    def _bears(self, part: Any, targeted: bool) -> bool:
        """Whether a strategic merge patch, or an operation of a JSON patch, is to more than the object's names."""
        if not isinstance(part, dict):
            return True
        if "op" in part:
            path = str(part.get("path"))
            return (
                part["op"] != "test"
                and not _METADATA.match(path)
                and (path != "/spec/replicas" or self._edited.rollout)
            )
        named = part.get("metadata")
        metadata = named if isinstance(named, dict) else {}
        if not targeted and not (
            part.get("kind") == self._edited.obj.get("kind") and self._named(metadata.get("name"))
        ):
            return False
        rest = {key for key in part if key not in ("apiVersion", "kind", "metadata")}
        return bool(rest - {"spec"}) or self._spec_bears(part.get("spec"))

    def _spec_bears(self, spec: Any) -> bool:
        if not isinstance(spec, dict):
            return spec is not None
        rest = dict(spec)
        if not self._edited.rollout:
            rest.pop("replicas", None)
        template = rest.get("template")
        if isinstance(template, dict) and not template.keys() - {"metadata"}:
            rest.pop("template")
        return bool(rest)

    def _is_replaced(self, replacement: Any) -> bool:
        if not isinstance(replacement, dict):
            return True
        for target in maps(replacement, "targets"):
            select = target.get("select")
            paths = target.get("fieldPaths")
            fields = [str(path).replace(".", "/") for path in paths] if isinstance(paths, list) else [""]
            if (not isinstance(select, dict) or self._selected(select)) and not all(map(_METADATA.match, fields)):
                return True
        return False

    def _selected(self, target: dict[str, Any]) -> bool:
        """Whether a target may be the object: by a pattern of kind, group and name, and by its labels."""
        obj = self._edited.obj
        group = str(obj.get("apiVersion")).rpartition("/")[0]
        for key, value in (("kind", obj.get("kind")), ("group", group)):
            if target.get(key) and not _fits(str(target[key]), str(value)):
                return False
        if target.get("name") and not self._named(str(target["name"])):
            return False
        selector = target.get("labelSelector")
        if not selector or self._labelled:
            return True
        metadata = obj.get("metadata")
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        try:
            return parse_selector(str(selector)).matches(labels if isinstance(labels, dict) else {})
        except (ValueError, Unreadable, TypeError):
            return True

    def _named(self, pattern: object) -> bool:
        metadata = self._edited.obj.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return self._renamed or _fits(str(pattern), str(name))


def _fits(pattern: str, text: str) -> bool:
    """Whether a pattern of kustomize, which is anchored at both ends, may fit a text."""
    if not _PATTERN.fullmatch(pattern):
        return True
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return True


def _said(target: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}"[:100] for key, value in target.items() if isinstance(value, str))
