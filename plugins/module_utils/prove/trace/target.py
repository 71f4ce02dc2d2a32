# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the pod to stop, and checks that it may be stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import (
    NAMESPACE,
    POD,
    ROLLING,
    WORKLOADS,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import selector_text
from ansible_collections.graceful.termination.plugins.module_utils.prove.choose import choose, refuse
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.endpoints import (
    ENDPOINT_SLICE,
    own_slices,
    without_another,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import RESTART, TraceOptions
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import (
    SYSTEM_NAMESPACES,
    unmanaged,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import belongs, maker_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload

_OVERRIDE = "allow_last_endpoint (termination_trace_allow_last_endpoint)"
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Target:
    """The pod as it was read. `workload` is None if no workload with rollouts owns it, or it cannot be read.

    `services` are those that send requests to it; None if unknown, for the reason in `blind`.
    """

    pod: dict[str, Any]
    workload: Workload | None
    chosen: str
    services: tuple[str, ...] | None
    blind: str

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.pod["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        """The UID, which a recreated pod of the same name does not share."""
        return str(self.pod["metadata"]["uid"])


def find(api: Api, options: TraceOptions) -> Target:
    """Choose the pod and check that it may be stopped. Raises SourceError (ApiError included), Unreadable."""
    if options.pod:
        pod = api.get(POD.path(options.namespace, options.pod), f"get pod {options.namespace}/{options.pod}")
        workload, others, chosen = _workload_of(api, pod), None, "named"
    else:
        workload = choose(api, options.selection)
        pods = _pods_of(api, workload)
        pod, others = _oldest_ready(pods, workload), pods
        chosen = f"the oldest ready one of {len(pods)}"
    _refuse(api, pod, workload, options)
    slices, blind = _slices(api, pod)
    if not options.allow_last_endpoint:
        _require_another(api, pod, workload, options, slices, others)
    services = None if slices is None else tuple(sorted({item["service"] for item in own_slices(slices, _uid(pod))}))
    return Target(pod, workload, chosen, services, blind)


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready and not terminating."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _uid(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["uid"])


def _workload_of(api: Api, pod: dict[str, Any]) -> Workload | None:
    kind, name = maker_of(pod) or ("", "")
    if kind not in ROLLING:
        return None
    resource, namespace = WORKLOADS[kind], pod["metadata"]["namespace"]
    try:
        obj = api.get(resource.path(namespace, name), f"get {namespace}/{kind}/{name}")
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return None
    return read_workload({**obj, "apiVersion": resource.api_version, "kind": kind})


def _pods_of(api: Api, workload: Workload) -> list[dict[str, Any]]:
    query = (("labelSelector", selector_text(workload.spec.get("selector") or {})),)
    page = api.get(POD.path(workload.namespace), f"list pods in namespace {workload.namespace}", query)
    return [pod for pod in page.get("items") or () if belongs(pod, workload)]


def _oldest_ready(pods: list[dict[str, Any]], workload: Workload) -> dict[str, Any]:
    ready = [pod for pod in pods if is_ready(pod)]
    if not ready:
        raise SourceError(
            f"{workload.key}: nothing was stopped: none of its {len(pods)} pods is ready; to trace one that is not, "
            "set pod (termination_trace_pod)"
        )
    return min(ready, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))


def _refuse(api: Api, pod: dict[str, Any], workload: Workload | None, options: TraceOptions) -> None:
    """Raises SourceError if the pod must not be stopped, or if stopping it would show nothing."""
    metadata, reason = pod["metadata"], ""
    if metadata.get("deletionTimestamp"):
        reason = "it is already terminating"
    elif (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        reason = "its containers have ended"
    elif _MIRROR in (metadata.get("annotations") or {}):
        reason = "it is a static pod: its kubelet runs it, and a deletion does not stop it"
    elif options.mode == RESTART and workload is None:
        reason = "mode restart needs a pod of a Deployment, StatefulSet or DaemonSet, and the right to read that"
    elif metadata["namespace"] in SYSTEM_NAMESPACES:
        reason = f"{metadata['namespace']} is a system namespace"
    elif workload is None:
        path = NAMESPACE.path(None, metadata["namespace"])
        reason = unmanaged(api.get(path, f"get namespace {metadata['namespace']}"))
    if reason:
        raise SourceError(f"pod {metadata['namespace']}/{metadata['name']}: nothing was stopped: {reason}")
    if workload is not None:
        refuse(api, workload, restart=options.mode == RESTART)


def _slices(api: Api, pod: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, str]:
    namespace = pod["metadata"]["namespace"]
    path, what = ENDPOINT_SLICE.path(namespace), f"list endpointslices in namespace {namespace}"
    try:
        return api.objects(path, what, lambda item: item), ""
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return None, api.reason(error)


def _require_another(
    api: Api,
    pod: dict[str, Any],
    workload: Workload | None,
    options: TraceOptions,
    slices: list[dict[str, Any]] | None,
    pods: list[dict[str, Any]] | None,
) -> None:
    """Raises SourceError if no endpoint would remain."""
    if options.mode == RESTART and workload is not None and workload.kind == "Deployment":
        rolling = workload.rolling_update
        if rolling is not None and rolling.resolve(workload.replicas or 1)[1] < (workload.replicas or 1):
            return  # the strategy keeps other pods ready
        reason = "its strategy stops all pods at once"
    elif slices is not None:
        alone = without_another(slices, _uid(pod))
        reason = f"it is the last ready endpoint of Service {', '.join(alone)}" if alone else ""
    else:
        others = pods if pods is not None else _pods_of(api, workload) if workload else []
        ready = sum(is_ready(other) and _uid(other) != _uid(pod) for other in others)
        reason = "" if ready else "endpointslices cannot be listed, and no other pod of its workload is ready"
    if reason:
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        raise SourceError(
            f"pod {name}: nothing was stopped: {reason}, so requests would be lost; run another replica, or set "
            f"{_OVERRIDE}"
        )
