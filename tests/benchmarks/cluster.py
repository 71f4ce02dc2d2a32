# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark cluster: the API server and etcd of kind, full of objects, with nobody who works on them.

kube-controller-manager and kube-scheduler are stopped by moving their static pod manifests away, and kube-proxy is
deleted: none of them is measured, and with thousands of objects that are only there to be read they would keep both
cores busy.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from own_cluster import OwnCluster

from .bare import MERGE, Server, concurrently
from .objects import around, namespace, namespaces, status, workloads

NAME = "graceful-benchmark"
_STOPPED = ("kube-controller-manager", "kube-scheduler")


class Cluster(OwnCluster):
    """The one that is measured on."""

    def __init__(self, folder: Path):
        super().__init__(NAME, folder / "kubeconfig")
        self.size = 0
        self.server = Server()
        self.version = str(self.server.send("GET", "/version")["gitVersion"])
        self.server.send("DELETE", "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")
        # They still have to free the new node for pods.
        while any(node["spec"].get("taints") for node in self.server.send("GET", "/api/v1/nodes")["items"]):
            time.sleep(1)
        self.stop(*_STOPPED)

    def grow(self, size: int) -> None:
        """Create what lacks for `size` Deployments, with all that is around them."""
        first, self.size = self.size, size
        self._create(namespaces(first, size))
        self._create(workloads(first, size))
        self.settle(range(first, size))
        self._create(around(first, size))

    def settle(self, numbers: Iterable[int]) -> None:
        """Give these Deployments the status of a finished rollout."""
        concurrently(self._settle, numbers)

    def deployments(self, spaces: int) -> list[dict[str, Any]]:
        """All Deployments of the first namespaces."""
        paths = [f"/apis/apps/v1/namespaces/bench-{number:03}/deployments" for number in range(spaces)]
        return [
            item for page in concurrently(lambda path: self.server.send("GET", path), paths) for item in page["items"]
        ]

    def _create(self, objects: Iterable[tuple[str, dict[str, Any]]]) -> None:
        remaining = iter(objects)
        while batch := list(islice(remaining, 1000)):
            concurrently(lambda job: self.server.send("POST", *job), batch)

    def _settle(self, number: int) -> None:
        path = f"/apis/apps/v1/namespaces/{namespace(number)}/deployments/service-{number:05}"
        found = self.server.send("GET", path)
        self.server.send("PATCH", f"{path}/status", status(found["metadata"]["generation"]), MERGE)
