# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests the stop of one pod, never of a recreated one of the same name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD, WORKLOADS
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import RESTARTED_AT
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import DELETE, EVICT
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_DRY = ["All"]


@dataclass(frozen=True, slots=True)
class Request:
    """When the request was sent and answered, by the client's clock; seconds since the epoch."""

    sent_at: float
    answered_at: float


def stop(api: Api, target: Target, mode: str, now: Callable[[], float]) -> Request:
    """Send the request. Raises SourceError (ApiError included) if it had no effect."""
    sent_at = now()
    _send(api, target, mode, dry=False)
    return Request(sent_at, now())


def rehearse(api: Api, target: Target, mode: str) -> str:
    """Ask the server by a dry run whether it would accept the request. Returns why it could not be asked, or "".

    Raises SourceError if it would refuse.
    """
    try:
        _send(api, target, mode, dry=True)
    except ApiError as error:
        if error.status != 403:
            raise
        return api.reason(error)
    return ""


def _send(api: Api, target: Target, mode: str, *, dry: bool) -> None:
    pod = f"pod {target.namespace}/{target.name}"
    path = POD.path(target.namespace, target.name)
    # The UID, so that it is never a recreated pod of the same name, as of a StatefulSet.
    options: dict[str, Any] = {"preconditions": {"uid": target.uid}} | ({"dryRun": _DRY} if dry else {})
    try:
        if mode == EVICT:
            metadata = {"name": target.name, "namespace": target.namespace}
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}
            api.create(f"{path}/eviction", body, f"evict {pod}")
        elif mode == DELETE:
            api.delete(path, {"apiVersion": "v1", "kind": "DeleteOptions", **options}, f"delete {pod}")
        elif target.workload is not None:  # a target without one is refused
            _restart(api, target.workload, dry=dry)
    except ApiError as error:
        if error.status == 429 and mode == EVICT:
            raise SourceError(f"{pod}: nothing was stopped: a PodDisruptionBudget blocks it: {error.detail}") from None
        if error.status in (404, 409) and mode in (EVICT, DELETE):
            raise SourceError(f"{pod}: nothing was stopped: it was just replaced or deleted; trace again") from None
        raise


def _restart(api: Api, workload: Workload, *, dry: bool) -> None:
    """What `kubectl rollout restart` does."""
    stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: stamp}}}}}
    query = (("fieldManager", FIELD_MANAGER), *((("dryRun", "All"),) if dry else ()))
    api.patch(WORKLOADS[workload.kind].path(workload.namespace, workload.name), body, query, f"restart {workload.key}")
