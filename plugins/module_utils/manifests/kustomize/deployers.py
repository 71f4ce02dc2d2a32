# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flux and Argo CD add to a kustomization before they build it, read from their objects.

Flux: Kustomization of kustomize.toolkit.fluxcd.io (spec.path and the fields beside it). Argo CD: Application and
ApplicationSet of argoproj.io (spec.source.path and spec.source.kustomize, or spec.sources).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.kustomize.kustomization import is_modest

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\$\{[^}]*\}")
_FLUX = {
    "targetNamespace": "namespace",
    "namePrefix": "namePrefix",
    "nameSuffix": "nameSuffix",
    "images": "images",
    "components": "components",
    "patches": "patches",
}
_ARGO = ("namePrefix", "nameSuffix", "namespace", "components", "patches", "commonAnnotations")


@dataclass(frozen=True, slots=True)
class Deployer:
    """One object that deploys a path. `name` is such as Kustomization flux-system/web; `where` its file and line.

    `path` is relative to the checkout, with `*` for a template. `additions` are fields of a kustomization;
    `unknown` is why they are not known in full. `substitutes`: `${NAME}` in what is built is replaced afterwards.
    `generates`: a folder without a kustomization gets one for all of its files.
    """

    name: str
    where: str
    path: str
    additions: dict[str, Any] = field(default_factory=dict)
    unknown: str | None = None
    substitutes: bool = False
    generates: bool = False


def read_deployers(obj: dict[str, Any], where: str) -> list[Deployer]:
    """What an object deploys by way of Kustomize; empty for any object that is not one of these."""
    group = str(obj.get("apiVersion")).rpartition("/")[0]
    if group not in ("kustomize.toolkit.fluxcd.io", "argoproj.io") or not is_modest(obj):
        return []
    metadata, spec = _map(obj, "metadata"), _map(obj, "spec")
    name = f"{obj.get('kind')} {metadata.get('namespace') or 'default'}/{metadata.get('name')}"
    if group == "kustomize.toolkit.fluxcd.io" and obj.get("kind") == "Kustomization":
        path = spec.get("path")
        return [_flux(name, where, spec, path if isinstance(path, str) else ".")]
    if group != "argoproj.io":
        return []
    if obj.get("kind") == "ApplicationSet":
        spec = _map(_map(spec, "template"), "spec")
    elif obj.get("kind") != "Application":
        return []
    sources = spec.get("sources")
    every = [source for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    found = [_argo(name, where, source) for source in (_map(spec, "source"), *every)]
    return [deployer for deployer in found if deployer]


def _flux(name: str, where: str, spec: dict[str, Any], path: str) -> Deployer:
    additions = {ours: spec[theirs] for theirs, ours in _FLUX.items() if spec.get(theirs)}
    # Written as objects there, as text in a kustomization.
    if isinstance(spec.get("patchesStrategicMerge"), list) and spec["patchesStrategicMerge"]:
        additions["patchesStrategicMerge"] = [json.dumps(patch, indent=1) for patch in spec["patchesStrategicMerge"]]
    if isinstance(spec.get("patchesJson6902"), list) and spec["patchesJson6902"]:
        additions["patchesJson6902"] = [
            {**entry, "patch": json.dumps(entry.get("patch"), indent=1)}
            for entry in spec["patchesJson6902"]
            if isinstance(entry, dict)
        ]
    return _deployer(name, where, path, additions, substitutes=bool(spec.get("postBuild")), generates=True)


def _argo(name: str, where: str, source: dict[str, Any]) -> Deployer | None:
    path, settings = source.get("path"), _map(source, "kustomize")
    if not isinstance(path, str):
        return None
    additions = {key: settings[key] for key in _ARGO if settings.get(key)}
    if isinstance(settings.get("commonLabels"), dict):
        labels = settings["commonLabels"]
        if settings.get("labelWithoutSelector"):
            templates = bool(settings.get("labelIncludeTemplates"))
            additions["labels"] = [{"pairs": labels, "includeSelectors": False, "includeTemplates": templates}]
        else:
            additions["commonLabels"] = labels
    if isinstance(settings.get("images"), list):
        additions["images"] = [_image(text) for text in settings["images"] if isinstance(text, str)]
    if isinstance(settings.get("replicas"), list):
        entries = [entry for entry in settings["replicas"] if isinstance(entry, dict)]
        additions["replicas"] = [{**entry, "count": _number(entry.get("count"))} for entry in entries]
    return _deployer(name, where, path, additions)


def _deployer(name: str, where: str, path: str, additions: dict[str, Any], **more: bool) -> Deployer:
    templated = name.startswith("ApplicationSet ") and "{{" in json.dumps(additions, default=str)
    unknown = f"{name} fills in a part of it from a template" if templated else None
    return Deployer(name, where, _TEMPLATE.sub("*", path), additions, unknown, **more)


def _image(text: str) -> dict[str, str]:
    """Argo CD's `old=new:tag` as a kustomization has it."""
    old, _equals, new = text.rpartition("=")
    new, _at, digest = new.partition("@")
    head, colon, tag = new.rpartition(":")
    if not colon or "/" in tag:
        head, tag = new, ""
    entry = {"name": old or head, "newName": head, "newTag": tag, "digest": digest}
    return {key: value for key, value in entry.items() if value}


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _map(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
