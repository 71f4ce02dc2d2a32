# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variants: what each of them puts into the cluster, and how it is drilled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "calibration"
NAMESPACE = "calibrate"
RESTART, EVICT = "restart", "evict"
_PATCHES = {"deployment": "Deployment", "budget": "PodDisruptionBudget"}
_DRILL = {"mode": RESTART, "path": "/hostname", "rate": 50, "wait": 180}


class Refused(Exception):
    """What was asked for cannot be done. The message says why, and what to do."""


@dataclass(frozen=True)
class Variant:
    """`objects` are its manifests, `drill` has mode, path, rate (fresh connections a second) and wait (seconds)."""

    name: str
    what: str
    objects: tuple[dict[str, Any], ...]
    drill: dict[str, Any]

    @property
    def digest(self) -> str:
        """Of everything that decides what is measured."""
        text = json.dumps([self.objects, self.drill], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def deployment(self) -> dict[str, Any]:
        """The workload that is drilled."""
        return next(obj for obj in self.objects if obj["kind"] == "Deployment")


def read_variants(folder: Path = FOLDER) -> dict[str, Variant]:
    """All variants by name, in the order of the file."""
    base = (folder / "base.yml").read_text(encoding="utf-8")
    server = (folder / "server.py").read_text(encoding="utf-8")
    entries = yaml.safe_load((folder / "variants.yml").read_text(encoding="utf-8"))
    variants = {entry["name"]: make_variant(entry, base, server) for entry in entries}
    if len(variants) != len(entries):
        raise Refused(f"{folder}/variants.yml: two variants have the same name")
    return variants


def make_variant(entry: dict[str, Any], base: str, server: str) -> Variant:
    """From an entry of variants.yml and the texts of base.yml and server.py. Raises Refused."""
    unknown = entry.keys() - {"name", "what", "drill", *_PATCHES} | entry.get("drill", {}).keys() - _DRILL.keys()
    if unknown:
        raise Refused(f"variants.yml: {entry['name']} has unknown keys: {', '.join(sorted(unknown))}")
    patches = {kind: entry[key] for key, kind in _PATCHES.items() if key in entry}
    objects = []
    for obj in yaml.safe_load_all(base.replace("VARIANT", entry["name"])):
        if obj["kind"] == "ConfigMap":
            obj["data"] = {"server.py": server}
        objects.append(merge(obj, patches.get(obj["kind"], {})))
    return Variant(entry["name"], entry["what"], tuple(objects), _DRILL | entry.get("drill", {}))


def read_json(path: Path) -> dict[str, Any]:
    """What is in the file; nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Sorted, and never half of it."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(path)
