# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patched workloads whose rollout failed: rolled back, or left as is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.apply.write import CONFLICTS
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import content_of
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import WORKLOADS
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    MergeError,
    difference,
    merge,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_NOT_ROLLED_BACK = "left as is, not rolled back; a run with on_failure restore (termination_on_failure) rolls it back"
_UNKNOWN_BEFORE = "not rolled back: the values before the patch are unknown"


def leave(entry: ApplyResult) -> ApplyResult:
    """The result of a workload that is left as is, with the next step."""
    return _add(entry, _NOT_ROLLED_BACK if entry.undo else f"left as is, {_UNKNOWN_BEFORE}")


def roll_back(api: Api, entries: Sequence[ApplyResult]) -> list[ApplyResult]:
    """Roll back the fields that still have our value, and no others. The results still count as failed.

    Workloads without a field to roll back restart no pods.
    """
    return list(concurrently(lambda entry: _roll_back(api, entry), entries))


def _roll_back(api: Api, entry: ApplyResult) -> ApplyResult:
    if not entry.undo:
        return _add(replace(entry, restarts=False), _UNKNOWN_BEFORE)
    workload = entry.action.workload
    try:
        now, patch, stored, others = _send(api, workload, entry.undo)
    except (SourceError, MergeError) as error:
        return _add(replace(entry, restarts=False), f"not rolled back: {api.reason(error)}")
    fields = tuple(difference(content_of(now), content_of(merge(now, patch))))
    reason = "rolled back" if fields else "nothing to roll back: none of the patched values is still there"
    if others:
        reason += f"; left as is, since another client has changed it: {', '.join(others)}"
    action = replace(entry.action, restored=fields)
    return _add(replace(entry, action=action, stored=stored, restarts=entry.restarts and bool(fields)), reason)


def _send(api: Api, workload: Workload, undo: Undo) -> tuple[Obj, Obj, Obj, tuple[str, ...]]:
    """(the object before, the patch, the object after, what others have changed). Raises SourceError, MergeError."""
    resource = WORKLOADS[workload.kind]
    path = resource.path(workload.namespace, workload.name)
    for attempt in range(CONFLICTS + 1):
        now = resource.trim(api.get(path, "get it"))
        patch, others = undo.against(now)
        if not patch:
            return now, patch, now, others
        body = {"metadata": {"resourceVersion": now["metadata"]["resourceVersion"]}, **patch}
        try:
            stored = api.patch(path, body, (("fieldManager", FIELD_MANAGER),), "roll it back")
            return now, patch, resource.trim(stored), others
        except ApiError as error:
            if error.status != 409 or attempt == CONFLICTS:
                raise
    raise AssertionError("the loop returns or raises")


def _add(entry: ApplyResult, reason: str) -> ApplyResult:
    return replace(entry, action=replace(entry.action, reason=f"{entry.action.reason}; {reason}"))
