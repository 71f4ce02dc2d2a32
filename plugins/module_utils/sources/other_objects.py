# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what runs pods and is not judged, so that a report is no all-clear for it."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import group_of, title_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_Place = tuple[str, str, str]  # namespace, kind and name


class OtherObjects:
    """What runs pods in manifests. What another object of the input has made is judged as that one, and excluded."""

    def __init__(self) -> None:
        self._objects: list[dict[str, Any]] = []
        self._present: set[_Place] = set()

    def add(self, obj: dict[str, Any]) -> None:
        """Take in an object that is not judged."""
        self._objects.append(obj)
        self._present.add(_place_of(obj))

    def add_workload(self, workload: Workload) -> None:
        """Take note of one of a selected kind."""
        self._present.add((workload.namespace, workload.kind, workload.name))

    def count(self, snapshot: Snapshot, selection: Selection) -> None:
        """Enter each in a count of the snapshot, and take out the workloads that others have made."""
        for obj in self._objects:
            namespace, kind, name = _place_of(obj)
            labels = _metadata(obj).get("labels")
            texts = {key: str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
            if self._is_made(obj, namespace) or not selection.includes(namespace, name, texts):
                snapshot.excluded += 1
            else:
                snapshot.see(title_of(kind, group_of(obj["apiVersion"])), 1)
        kept = [workload for workload in snapshot.workloads if not self._is_made(workload.obj, workload.namespace)]
        snapshot.excluded += len(snapshot.workloads) - len(kept)
        snapshot.workloads = kept

    def _is_made(self, obj: dict[str, Any], namespace: str) -> bool:
        """Whether the controller of another object that is present has made it."""
        owners = _metadata(obj).get("ownerReferences")
        return any(
            isinstance(owner, dict)
            and owner.get("controller") is True
            and (namespace, str(owner.get("kind")), str(owner.get("name"))) in self._present
            for owner in (owners if isinstance(owners, list) else ())
        )


def _metadata(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _place_of(obj: dict[str, Any]) -> _Place:
    """The place of an object of which nothing is checked."""
    metadata = _metadata(obj)
    return str(metadata.get("namespace") or "default"), obj["kind"], str(metadata.get("name"))
