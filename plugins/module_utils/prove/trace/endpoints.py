# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EndpointSlices: which Services send requests to a pod, and which other endpoints they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import Resource

ENDPOINT_SLICE = Resource("EndpointSlice", "discovery.k8s.io/v1", "endpointslices")
SERVICE_LABEL = "kubernetes.io/service-name"


def own_slices(slices: Iterable[Mapping[str, Any]], uid: str) -> list[dict[str, Any]]:
    """The slices that contain the pod, each trimmed."""
    found = (trim_slice(item, uid) for item in slices)
    return [item for item in found if item["endpoints"]]


def trim_slice(item: Mapping[str, Any], uid: str) -> dict[str, Any]:
    """A slice with only the conditions of one pod: a slice of a large Service has up to a hundred others."""
    metadata = item["metadata"]
    return {
        "metadata": {key: metadata.get(key) for key in ("name", "uid")},
        "service": service_of(item),
        "endpoints": [dict(entry.get("conditions") or {}) for entry in item.get("endpoints") or () if _is(entry, uid)],
    }


def service_of(item: Mapping[str, Any]) -> str:
    """The Service that a slice belongs to; one created by hand may have none, and is identified by its own name."""
    labels = item["metadata"].get("labels") or {}
    return str(labels.get(SERVICE_LABEL) or item["metadata"]["name"])


def without_another(slices: Iterable[Mapping[str, Any]], uid: str) -> list[str]:
    """The Services whose only ready endpoint the pod is."""
    mine: set[str] = set()
    others: set[str] = set()
    for item in slices:
        service = service_of(item)
        for entry in item.get("endpoints") or ():
            # The API: an unknown condition counts as ready.
            if (entry.get("conditions") or {}).get("ready") is not False:
                (mine if _is(entry, uid) else others).add(service)
    return sorted(mine - others)


def _is(entry: Mapping[str, Any], uid: str) -> bool:
    return (entry.get("targetRef") or {}).get("uid") == uid
