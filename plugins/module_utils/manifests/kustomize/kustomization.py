# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One kustomization: which files it names, and what in it cannot be built without a network or a plugin.

Fields: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_GROUP = "kustomize.config.k8s.io/"
# What kustomize reads as the address of a repository, wherever a path is expected.
_REMOTE = re.compile(r"://|^(?:git::|gh:|[\w.-]+@[\w.-]+:)|^(?:www\.)?github\.com[/:]|\?|\.git(?:/|$)|_git/|//", re.I)
_HELM = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")
_PLUGINS = ("generators", "transformers", "validators")
# Keys under which the configuration of a builtin plugin names files.
_FILE_KEYS = frozenset({"path", "paths", "files", "envs", "env"})


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A kustomization as it was read. `folder` and `file` are absolute; `line` is where its content starts.

    `problem` is why it cannot be read; its data is empty then.
    """

    folder: str
    file: str
    line: int
    data: dict[str, Any]
    problem: str | None = None

    @property
    def component(self) -> bool:
        """Whether it only means something inside another one."""
        return self.data.get("kind") == "Component"


@dataclass(frozen=True, slots=True)
class References:
    """The paths that a kustomization names, as written. `resources` and `components` may be folders."""

    resources: tuple[str, ...]
    components: tuple[str, ...]
    patches: tuple[str, ...]
    plugins: tuple[str, ...]
    others: tuple[str, ...]


def read_kustomization(folder: str, file: str, text: str) -> Kustomization | None:
    """The kustomization in a file of one of NAMES; None where the file holds something else, such as one of Flux."""
    documents = [document for document in load_documents(text) if document.problem or document.data is not None]
    broken = next((document for document in documents if document.problem), None)
    if broken:
        return Kustomization(folder, file, broken.line, {}, broken.problem)
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        return Kustomization(folder, file, 1, {}, "it must hold exactly one map")
    data = documents[0].data
    if not is_modest(data):
        return Kustomization(folder, file, documents[0].line, {}, "its aliases expand to more than it could hold")
    group, kind = str(data.get("apiVersion") or _GROUP), data.get("kind") or "Kustomization"
    if not group.startswith(_GROUP) or kind not in ("Kustomization", "Component"):
        return None
    return Kustomization(folder, file, documents[0].line, data)


def references(data: dict[str, Any]) -> References:
    """What a kustomization names. Parts of a wrong type are skipped: kustomize itself reports them."""
    patches = texts(data, "patchesStrategicMerge")
    others = [*texts(data, "crds"), *texts(data, "configurations")]
    for key in ("patches", "patchesJson6902"):
        patches += [entry["path"] for entry in maps(data, key) if isinstance(entry.get("path"), str)]
    others += [entry["path"] for entry in maps(data, "replacements") if isinstance(entry.get("path"), str)]
    openapi = data.get("openapi")
    others += [openapi["path"]] if isinstance(openapi, dict) and isinstance(openapi.get("path"), str) else []
    for generator in (*maps(data, "configMapGenerator"), *maps(data, "secretGenerator")):
        others += _generated_from(generator)
    plugins = [entry for key in _PLUGINS for entry in texts(data, key)]
    for text in plugins:
        others += [name for config in inline(text) for name in _files_in(config)]
    return References(
        tuple(dict.fromkeys((*texts(data, "resources"), *texts(data, "bases")))),
        tuple(dict.fromkeys(texts(data, "components"))),
        _paths(patches),
        _paths(plugins),
        _paths(others),
    )


def is_modest(value: Any, limit: int = 100_000) -> bool:
    """Whether a value has no more parts than that, those that aliases repeat counted each time."""
    pending, seen = [value], 0
    while pending:
        node = pending.pop()
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        seen += 1 + len(parts)
        if seen > limit:
            return False
        pending += [part for part in parts if isinstance(part, dict | list)]
    return True


def unbuildable(data: dict[str, Any]) -> str | None:
    """What in it needs a network, a chart or a plugin; None where it can be built from files alone."""
    for key in _HELM:
        if data.get(key):
            return f"it renders Helm charts ({key})"
    named = references(data)
    for name in (*named.resources, *named.components, *named.patches, *named.plugins, *named.others):
        if is_remote(name):
            return f"it needs the network, for {name:.100}"
    for text in (entry for key in _PLUGINS for entry in texts(data, key)):
        if reason := foreign_plugin(inline(text)):
            return reason
    return None


def foreign_plugin(configs: list[Any]) -> str | None:
    """Why the configuration of a generator or transformer is not one of kustomize's own; None where all are."""
    for config in configs:
        if not isinstance(config, dict) or config.get("apiVersion") != "builtin":
            return "it runs a plugin or a function"
        if str(config.get("kind")).startswith("HelmChart"):
            return "it renders Helm charts (HelmChartInflationGenerator)"
        if remote := next(filter(is_remote, _files_in(config)), None):
            return f"it needs the network, for {remote:.100}"
    return None


def files_of_plugin(configs: list[Any]) -> list[str]:
    """The paths that configurations of builtin plugins name."""
    return [name for config in configs for name in _files_in(config)]


def is_remote(name: str) -> bool:
    """Whether kustomize would fetch this instead of reading a file, or might."""
    return _REMOTE.search(name) is not None


def inline(text: str) -> list[Any]:
    """The documents of what is written inside a kustomization; none where the text is a path."""
    return [document.data for document in load_documents(text) if document.data is not None] if "\n" in text else []


def maps(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The maps of a list; empty where it is something else."""
    return [entry for entry in _list(parent, key) if isinstance(entry, dict)]


def texts(parent: dict[str, Any], key: str) -> list[str]:
    """The texts of a list that can be paths; empty where it is something else."""
    return [entry for entry in _list(parent, key) if isinstance(entry, str) and "\0" not in entry]


def _list(parent: dict[str, Any], key: str) -> list[Any]:
    value = parent.get(key)
    return value if isinstance(value, list) else []


def _paths(names: list[str]) -> tuple[str, ...]:
    """What is written inside the kustomization itself has line breaks and is no path."""
    return tuple(dict.fromkeys(name for name in names if name and "\n" not in name and "\0" not in name))


def _generated_from(generator: dict[str, Any]) -> list[str]:
    names = [name.partition("=")[2] or name for name in texts(generator, "files")] + texts(generator, "envs")
    return [*names, generator["env"]] if isinstance(generator.get("env"), str) else names


def _files_in(node: Any) -> Iterator[str]:
    """Every text below one of _FILE_KEYS. A few too many, such as the path of a JSON patch, name no file."""
    if isinstance(node, list):
        for item in node:
            yield from _files_in(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            for name in value if isinstance(value, list) else [value]:
                if key in _FILE_KEYS and isinstance(name, str):
                    yield name.partition("=")[2] or name
                else:
                    yield from _files_in(name)
