# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod of a Deployment behind a Service, and a scripted connection that also watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, Query
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import sleeping, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import PAGE, Script, answer

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/web"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
PODS = "/api/v1/namespaces/shop/pods"
POD = f"{PODS}/web-1-a"
EVENTS = "/api/v1/namespaces/shop/events"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
SPACE = "/api/v1/namespaces/shop"
OF_WEB: Query = (("labelSelector", "app=web"),)
BY_NAME: Query = (("fieldSelector", "metadata.name=web-1-a"),)
BY_UID: Query = (("fieldSelector", "involvedObject.uid=uid-web-1-a"),)
BY_SERVICE: Query = (("labelSelector", "kubernetes.io/service-name in (web)"),)
DONE = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


def live(**given: Any) -> dict[str, Any]:
    """The Deployment as the server has it, its rollout complete."""
    obj = workload(sleeping(5), grace=30, **{"replicas": 2, **given})
    obj["metadata"] |= {"generation": 1, "uid": "uid-web"}
    return obj | {"status": DONE}


def pod(name: str = "web-1-a", *, ready: bool = True, marked: bool = False, **metadata: Any) -> dict[str, Any]:
    """A pod of the Deployment's ReplicaSet web-1."""
    own: dict[str, Any] = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        "generation": 1,
        "creationTimestamp": "2027-01-04T09:00:00Z",
        "labels": {"app": "web", "pod-template-hash": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": True}],
    }
    if marked:
        own |= {"deletionTimestamp": "2027-01-04T09:30:30Z", "deletionGracePeriodSeconds": 30, "generation": 2}
    return {
        "metadata": own | metadata,
        "spec": {"containers": [{"name": "app", "image": "x"}], "terminationGracePeriodSeconds": 30},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "app", "state": {"running": {}}}],
        },
    }


def ended(code: int = 0, finished: str = "2027-01-04T09:30:04Z") -> dict[str, Any]:
    """The pod with the end of its container, as the kubelet reports it last."""
    obj = pod(ready=False, marked=True)
    state = {"exitCode": code, "reason": "Completed", "finishedAt": finished}
    obj["status"] |= {"phase": "Succeeded", "containerStatuses": [{"name": "app", "state": {"terminated": state}}]}
    return obj


def piece(*names: str, ready: bool = True, service: str = "web") -> dict[str, Any]:
    """An EndpointSlice with these pods."""
    conditions = {"ready": ready, "serving": True, "terminating": not ready}
    return {
        "metadata": {
            "name": f"{service}-x",
            "uid": f"uid-{service}-x",
            "resourceVersion": "8",
            "labels": {"kubernetes.io/service-name": service},
        },
        "endpoints": [
            {"conditions": conditions, "targetRef": {"kind": "Pod", "name": name, "uid": f"uid-{name}"}}
            for name in names
        ],
    }


def listed(*objects: dict[str, Any]) -> Any:
    """A list, to watch on from."""
    return answer({"metadata": {"resourceVersion": "5"}, "items": list(objects)})


class Watched(Script):
    """A script that also tells events; a watch without more of them stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.watches: list[tuple[str, dict[str, str]]] = []
        self.opened: threading.Event = threading.Event()
        self._told: dict[str, list[list[Any]]] = {}

    def tell(self, path: str, *events: Any) -> Watched:
        """Declare one watch by its path and first parameter: (type, object) pairs, exceptions, or an Event to await."""
        self._told.setdefault(path, []).append(list(events))
        return self

    def lines(self, path: str, query: Query, what: str) -> Iterator[bytes]:
        """The declared events."""
        assert what.startswith("watch ")
        self.watches.append((path, dict(query)))
        key = f"{path}?{query[0][1]}"
        if not self._told.get(key):
            threading.Event().wait()
        for event in self._told[key].pop(0):
            if isinstance(event, threading.Event):
                assert event.wait(5)
            elif isinstance(event, Exception):
                raise event
            else:
                yield json.dumps({"type": event[0], "object": event[1]}).encode()


def api_of(transport: Script) -> Api:
    """An Api that never really waits."""
    return Api(transport, lambda _seconds: None)


def expect_choice(declared: Script, *pods: dict[str, Any], slices: Any = None, **given: Any) -> None:
    """What choosing a pod of the Deployment by its name asks for."""
    declared.expect("GET", DEPLOYMENTS, listed(live(**given)), query=PAGE)
    declared.expect("GET", DEPLOYMENT, answer(live(**given)))
    declared.expect("GET", PODS, listed(*pods), query=OF_WEB)
    declared.expect("GET", SPACE, answer({"metadata": {"name": "shop"}}))
    if slices is not None:
        declared.expect("GET", SLICES, slices, query=PAGE)
