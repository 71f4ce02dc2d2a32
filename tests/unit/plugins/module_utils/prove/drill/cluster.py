# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workload whose pods a test stops, and a scripted connection that also watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, Query
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DrillOptions, read_options
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import sleeping, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import Script, answer

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
PODS = "/api/v1/namespaces/shop/pods"
OF_WEB: Query = (("labelSelector", "app=web"),)
DONE = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}


def live(status: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """The Deployment as the server has it, its rollout complete."""
    obj = workload(sleeping(5), grace=30, **given)
    obj["metadata"] |= {"generation": 1, "uid": "uid-web"}
    return obj | {"status": DONE if status is None else status}


def web(**given: Any) -> Workload:
    """The same, read."""
    return read_workload(live(**given))


def pod(
    name: str, *, ready: bool = True, deleted: bool = False, code: int | None = None, **ended: Any
) -> dict[str, Any]:
    """A pod of the Deployment. `code` is the exit code of its container, `ended` other fields of that state."""
    metadata: dict[str, Any] = {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        "labels": {"app": "web", "pod-template-hash": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": True}],
    }
    if deleted:
        metadata |= {"deletionTimestamp": "2027-01-04T09:30:30Z", "deletionGracePeriodSeconds": 30}
    state: dict[str, Any] = {"running": {}}
    if code is not None:
        usual = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": "2027-01-04T09:30:12Z"}
        state = {"terminated": usual | ended}
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "app", "state": state}],
        },
    }


def listed(*pods: dict[str, Any]) -> Any:
    """A list of pods, to watch on from."""
    return answer({"metadata": {"resourceVersion": "5"}, "items": list(pods)})


class Watched(Script):
    """A script that also tells events. `watches` has the query of each watch; without more events one stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.watches: list[dict[str, str]] = []
        self._told: list[list[Any]] = []

    def tell(self, *events: Any) -> Watched:
        """Declare one watch: (type, pod) pairs, exceptions, or raw lines."""
        self._told.append(list(events))
        return self

    def lines(self, path: str, query: Query, what: str) -> Iterator[bytes]:
        """The declared events."""
        assert path == PODS and what == "watch pods in namespace shop"
        self.watches.append(dict(query))
        if not self._told:
            threading.Event().wait()
        for event in self._told.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event if isinstance(event, bytes) else json.dumps({"type": event[0], "object": event[1]}).encode()


def api_of(transport: Script) -> Api:
    """An Api that never really waits."""
    return Api(transport, lambda _seconds: None)


def options(**given: Any) -> DrillOptions:
    """Options of a drill, checked."""
    usual = {
        "url": "http://127.0.0.1:1/",
        "rounds": 1,
        "rate": 50,
        "mode": "restart",
        "max_lost": 0,
        "namespaces": ["shop"],
        "kinds": [],
        "names": [],
        "wait_timeout": 60,
        "report_dir": None,
        "_directory": "",
    }
    return read_options(usual | given)
