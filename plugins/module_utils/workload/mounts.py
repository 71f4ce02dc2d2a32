# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container finds under which path: its volume mounts, resolved to the volumes of the pod."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_EXPRESSION = "expression:"  # no path begins so
_VARIABLE = re.compile(r"\$\(([^()]+)\)")
_OF_THE_POD = ("metadata.name", "metadata.uid", "status.podIP", "status.podIPs")


@dataclass(frozen=True, slots=True)
class Mount:
    """One volume mount. `volume` is the pod's entry; a claim template of a StatefulSet is its claim.

    `sub_path` is empty where the whole volume is mounted; `per_pod` where it holds the name, uid or address of the pod,
    so that no two pods share the folder.
    """

    path: str
    sub_path: str
    volume: Obj
    read_only: bool = False
    per_pod: bool = False


def mounts_of(workload: Workload, container: Container) -> list[Mount]:
    """The mounts of a container whose volume is declared and whose folder is known. Raises Unreadable."""
    # What subPathExpr comes to is known on the node only.
    return [mount for mount in all_mounts_of(workload, container) if not mount.sub_path.startswith(_EXPRESSION)]


def all_mounts_of(workload: Workload, container: Container) -> list[Mount]:
    """The mounts of a container whose volume is declared; a subPathExpr is not resolved. Raises Unreadable."""
    volumes = {
        get(volume, "name", str, f"{workload.pod_path}.volumes", ""): volume
        for volume in get_maps(workload.pod, "volumes", workload.pod_path)
    }
    for template in get_maps(workload.spec, "volumeClaimTemplates", "spec"):
        name = get(get_map(template, "metadata", "spec.volumeClaimTemplates"), "name", str, "metadata", "")
        volumes[name] = {"name": name, "persistentVolumeClaim": {"claimName": name}}
    mounts = []
    for mount in get_maps(container.spec, "volumeMounts", container.path):
        place = f"{container.path}.volumeMounts"
        volume = volumes.get(get(mount, "name", str, place, ""))
        path = get(mount, "mountPath", str, place, "")
        expression = get(mount, "subPathExpr", str, place, "")
        if volume is not None and path:
            mounts.append(
                Mount(
                    posixpath.normpath(path),
                    f"{_EXPRESSION}{expression}" if expression else get(mount, "subPath", str, place, ""),
                    volume,
                    get(mount, "readOnly", bool, place, False),
                    _differs_by_pod(container, expression),
                )
            )
    return mounts


def _differs_by_pod(container: Container, expression: str) -> bool:
    names = set(_VARIABLE.findall(expression))
    return any(
        get(get_map(get_map(entry, "valueFrom", "env"), "fieldRef", "env"), "fieldPath", str, "env", "") in _OF_THE_POD
        for entry in get_maps(container.spec, "env", container.path)
        if entry.get("name") in names
    )


def mount_of(mounts: list[Mount], path: str) -> Mount | None:
    """The mount that a path lies in; None when it is on the container's own filesystem."""
    path = posixpath.normpath(path)
    covering = [mount for mount in mounts if f"{path}/".startswith(f"{mount.path.rstrip('/')}/")]
    return max(covering, key=lambda mount: len(mount.path), default=None)
