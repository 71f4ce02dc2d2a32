# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ConfigMaps: what they hold, and which of them a pod refers to. Secrets are never read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    get,
    get_labels,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import Mount


@dataclass(frozen=True, slots=True)
class MountedConfig:
    """A ConfigMap in a volume. `items` maps its keys to paths in the volume; empty means that each key is a file."""

    name: str
    items: dict[str, str]


def read_config_map(obj: Obj) -> dict[str, str]:
    """The texts of a ConfigMap by key. Raises Unreadable where the API server would refuse it."""
    return get_labels(obj, "data", "")


def mounted_configs(mount: Mount) -> Iterator[MountedConfig]:
    """The ConfigMaps that a mounted volume shows, as its source or as a part of a projected one. Raises Unreadable."""
    place = "spec.volumes"
    parts = get_maps(get_map(mount.volume, "projected", place), "sources", f"{place}.projected")
    for source in (mount.volume, *parts):
        config = get_map(source, "configMap", place)
        name = get(config, "name", str, f"{place}.configMap", "")
        if not name:
            continue
        items = {
            get(item, "key", str, f"{place}.configMap.items", ""): get(
                item, "path", str, f"{place}.configMap.items", ""
            )
            for item in get_maps(config, "items", f"{place}.configMap")
        }
        yield MountedConfig(name, items)
