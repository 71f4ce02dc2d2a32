# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PersistentVolumeClaims: whether two pods on two nodes can mount one at the same time."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

ONE_POD = "ReadWriteOncePod"
_SHARED_MODES = {"ReadWriteMany", "ReadOnlyMany"}


def read_claim(obj: Obj) -> tuple[str, ...]:
    """The access modes of a claim. Raises Unreadable."""
    return tuple(str(mode) for mode in get(get_map(obj, "spec", ""), "accessModes", list, "spec", []))


def is_shared(modes: Iterable[str]) -> bool:
    """Whether many nodes may mount a claim with these access modes."""
    return not _SHARED_MODES.isdisjoint(modes)


def claim_names(workload: Workload) -> tuple[str, ...]:
    """The claims that its pods share, as their template names them. Raises Unreadable."""
    path = f"{workload.pod_path}.volumes"
    sources = [
        get_map(volume, "persistentVolumeClaim", path)
        for volume in get_maps(workload.pod, "volumes", workload.pod_path)
    ]
    names = (get(source, "claimName", str, f"{path}.persistentVolumeClaim", "") for source in sources)
    return tuple(dict.fromkeys(name for name in names if name))
