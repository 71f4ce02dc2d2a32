# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm values with the same effect on a workload as the patch for Kustomize."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.plan.helm.charts import (
    GRACE,
    LIFECYCLE,
    LIVENESS,
    MIN_READY,
    PARTS,
    STRATEGY,
    Part,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")
_OF_CONTAINERS = (LIFECYCLE, LIVENESS)
_STRATEGIES = ("strategy", "updateStrategy")


@dataclass(frozen=True, slots=True)
class Values:
    """`chart` and `version` are from the label of the workload; `release` is None if unknown."""

    chart: str
    version: str
    release: str | None
    values: dict[str, Any]


def helm_values(workload: Workload, patch: Obj, after: Obj) -> Values | None:
    """The values for all of a strategic merge patch, which makes `after` of the workload's object.

    None if the chart, its version or the key of one of the fields is unknown: half a fix may be worse than none.
    """
    part = _part_of(workload)
    if part is None or workload.labels.get("app.kubernetes.io/managed-by") != "Helm":
        return None
    values: dict[str, Any] = {}
    for field, value in _fields(workload, patch, after, part):
        if field not in part.keys:
            return None
        _set(values, part.keys[field], value)
    version = workload.labels["helm.sh/chart"].removeprefix(f"{part.chart}-")
    return Values(part.chart, version, workload.annotations.get("meta.helm.sh/release-name"), values)


def _part_of(workload: Workload) -> Part | None:
    label = workload.labels.get("helm.sh/chart", "")
    component = workload.labels.get("app.kubernetes.io/component", "")
    for part in PARTS:
        version = _VERSION.fullmatch(label.removeprefix(f"{part.chart}-"))
        if not version or not part.first <= tuple(map(int, version.groups())) <= part.last:
            continue
        if component == part.component and _container(workload, part):
            return part
    return None


def _container(workload: Workload, part: Part) -> str | None:
    """The name of the container that the values of the chart configure."""
    for container in workload.containers:
        named = container.name == part.container if part.container else len(workload.containers) == 1
        if named and re.search(part.image, container.image):
            return container.name
    return None


def _fields(workload: Workload, patch: Obj, after: Obj, part: Part) -> Iterator[tuple[str, Any]]:
    """(field of a Part, its value); a field that no Part has keeps its own name."""
    spec, pod = patch.get("spec") or {}, patch
    for key in workload.pod_path.split("."):
        pod = pod.get(key) or {}
    for key, value in spec.items():
        if key in _STRATEGIES:
            # The whole strategy: some charts leave it out without a type.
            yield STRATEGY, after["spec"][key]
        elif key != workload.pod_path.split(".")[1]:
            yield MIN_READY if key == MIN_READY else f"spec.{key}", value
    for key, value in pod.items():
        if key != "containers":
            yield GRACE if key == GRACE else f"pod.{key}", value
    mine = _container(workload, part)
    for item in pod.get("containers") or ():
        for key, value in item.items():
            if key != "name":
                yield key if key in _OF_CONTAINERS and item["name"] == mine else f"containers.{key}", value


def _set(values: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for key in above:
        values = values.setdefault(key, {})
    values[last] = value
