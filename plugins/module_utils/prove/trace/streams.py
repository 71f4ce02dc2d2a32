# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is watched of a termination, and which fields are recorded: no text that an application wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube import resources
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import selector_text
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.endpoints import (
    ENDPOINT_SLICE,
    SERVICE_LABEL,
    trim_slice,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import (
    ENDPOINTS,
    EVENTS,
    POD,
    REPLACEMENT,
    Stream,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target, is_ready
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import belongs
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

EVENT = resources.Resource("Event", "v1", "events")
_METADATA = ("name", "uid", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers")
_EVENT = ("type", "reason", "count", "firstTimestamp", "lastTimestamp", "eventTime")


def streams_for(target: Target) -> list[Stream]:
    """The watches for one pod; that of the pod itself comes last."""
    where = f"in namespace {target.namespace}"
    found = []
    if target.services:
        names = ",".join(target.services)
        query = (("labelSelector", f"{SERVICE_LABEL} in ({names})"),)
        path = ENDPOINT_SLICE.path(target.namespace)
        found.append(
            Stream(ENDPOINTS, path, f"{{}} endpointslices {where}", query, lambda obj: trim_slice(obj, target.uid))
        )
    events = (("fieldSelector", f"involvedObject.uid={target.uid}"),)
    found.append(Stream(EVENTS, EVENT.path(target.namespace), f"{{}} events {where}", events, trim_event))
    pods = resources.POD.path(target.namespace)
    if target.workload is not None:
        workload = target.workload
        selector = (("labelSelector", selector_text(workload.spec.get("selector") or {})),)

        def trim(obj: dict[str, Any]) -> dict[str, Any] | None:
            return trim_other(obj, target.uid, workload)

        found.append(Stream(REPLACEMENT, pods, f"{{}} pods {where}", selector, trim))
    own = (("fieldSelector", f"metadata.name={target.name}"),)

    def trim_own(obj: dict[str, Any]) -> dict[str, Any] | None:
        return trim_pod(obj) if obj["metadata"]["uid"] == target.uid else None

    return [*found, Stream(POD, pods, f"{{}} pods {where}", own, trim_own)]


def trim_pod(obj: dict[str, Any]) -> dict[str, Any]:
    """The fields of a pod that a termination changes."""
    status = obj.get("status") or {}
    return {
        "metadata": _part(obj["metadata"], _METADATA),
        "status": _part(status, ("phase", "observedGeneration"))
        | {
            "conditions": _parts(status.get("conditions"), ("type", "status", "reason")),
            "containerStatuses": _states(status.get("containerStatuses")),
            "initContainerStatuses": _states(status.get("initContainerStatuses")),
            "ephemeralContainerStatuses": _states(status.get("ephemeralContainerStatuses")),
        },
    }


def trim_event(obj: dict[str, Any]) -> dict[str, Any] | None:
    """An event without its message, which may quote an application; None for one of an ephemeral container."""
    series = (obj.get("series") or {}).get("count")
    path = (obj.get("involvedObject") or {}).get("fieldPath") or ""
    if path.startswith("spec.ephemeralContainers"):
        return None
    kept = _part(obj, _EVENT) | {"uid": obj["metadata"]["uid"], "fieldPath": path}
    return kept | {"count": series} if series else kept


def trim_other(obj: dict[str, Any], uid: str, workload: Workload) -> dict[str, Any] | None:
    """Another pod of the same workload; None for other pods and for the traced one."""
    metadata = obj["metadata"]
    if metadata["uid"] == uid or not belongs(obj, workload):
        return None
    return _part(metadata, ("name", "uid", "creationTimestamp")) | {"ready": is_ready(obj)}


def _states(statuses: Any) -> list[dict[str, Any]]:
    kept = []
    for entry in statuses or ():
        ended = (entry.get("state") or {}).get("terminated")
        state = _part(ended, ("exitCode", "reason", "startedAt", "finishedAt", "containerID")) if ended else None
        kept.append({"name": entry["name"], "terminated": state})
    return kept


def _parts(entries: Any, keys: Iterable[str]) -> list[dict[str, Any]]:
    return [_part(entry, keys) for entry in entries or ()]


def _part(parent: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: parent[key] for key in keys if parent.get(key) is not None}
