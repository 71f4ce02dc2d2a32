# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a Kustomization uses as patches: parts of workloads, which must not be judged as whole ones."""

from __future__ import annotations

import os

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def patch_files(kustomization: object, folder: str) -> set[str]:
    """Real paths of the patch files that a Kustomization in this folder names; unknown forms are passed over."""
    if not isinstance(kustomization, dict):
        return set()
    names = [entry for entry in _entries(kustomization, "patchesStrategicMerge") if isinstance(entry, str)]
    names += [
        entry["path"]
        for key in ("patches", "patchesJson6902")
        for entry in _entries(kustomization, key)
        if isinstance(entry, dict) and isinstance(entry.get("path"), str)
    ]
    # An inline patch has line breaks; as a path it names no file.
    return {os.path.realpath(os.path.join(folder, name)) for name in names if "\n" not in name and "\0" not in name}


def inline_targets(kustomization: object) -> set[tuple[str, str]]:
    """(kind, name) of what the patches inside a Kustomization change; name "" means all of the kind."""
    if not isinstance(kustomization, dict):
        return set()
    found = set()
    for key in ("patches", "patchesJson6902"):
        for entry in _entries(kustomization, key):
            target = entry.get("target") if isinstance(entry, dict) else None
            if isinstance(target, dict) and target.get("kind"):
                found.add((str(target["kind"]), str(target.get("name") or "")))
    texts = [entry.get("patch") for entry in _entries(kustomization, "patches") if isinstance(entry, dict)]
    for text in (*texts, *_entries(kustomization, "patchesStrategicMerge")):
        if isinstance(text, str) and "\n" in text:
            for document in load_documents(text):
                data = document.data if isinstance(document.data, dict) else {}
                name = data["metadata"].get("name") if isinstance(data.get("metadata"), dict) else None
                if name:
                    found.add((str(data.get("kind")), str(name)))
    return found


def _entries(parent: dict, key: str) -> list:
    value = parent.get(key)
    return value if isinstance(value, list) else []
