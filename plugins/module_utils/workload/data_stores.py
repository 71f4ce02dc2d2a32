# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases and brokers that keep data on a volume, and how long they usually get to stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.lasting import outlives_pod
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import all_mounts_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.stores import store_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class DataStore:
    """A container that keeps the data of a known database or broker on a volume that outlives the pod.

    `usual_seconds`: how long such a store usually gets to stop.
    """

    container: Container
    name: str
    usual_seconds: int


def data_stores(workload: Workload) -> Iterator[DataStore]:
    """The containers that keep data of a known database or broker on a volume. Raises Unreadable."""
    # Of several containers the label does not say which one it means.
    alone = workload.kind == "StatefulSet" and len(workload.containers) == 1
    label = workload.template_labels.get("app.kubernetes.io/name", "") if alone else ""
    for container in workload.containers:
        found = store_of(container, label)
        if found and found[1].stop and any(map(outlives_pod, all_mounts_of(workload, container))):
            yield DataStore(container, found[0], found[1].stop)
