# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about patched workloads that do not come up: they are held as they are, or put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.apply.write import CONFLICTS
from ansible_collections.graceful.termination.plugins.module_utils.apply.written import Written
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import content_of
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import WORKLOADS
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    MergeError,
    difference,
    merge,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_HELD = "held as it is; a run with on_failure restore (termination_on_failure) puts it back"


def held(entry: Written) -> Written:
    """The outcome with what to do next."""
    return _add(entry, _HELD if entry.undo else "held as it is: what was there before it was patched is not known")


def put_back(api: Api, entries: Sequence[Written]) -> list[Written]:
    """Put back what still has our value, and nothing else. The outcomes have failed all the same.

    `template` is None for those of which nothing was put back.
    """
    return list(concurrently(lambda entry: _put_back(api, entry), entries))


def _put_back(api: Api, entry: Written) -> Written:
    if not entry.undo:
        return _add(replace(entry, template=None), "not put back: what was there before it was patched is not known")
    workload = entry.action.workload
    try:
        now, obj, others = _send(api, workload, entry.undo)
    except (SourceError, MergeError) as error:
        return _add(replace(entry, template=None), f"not put back: {api.words(error)}")
    fields = tuple(difference(content_of(now), content_of(obj)))
    words = "put back" if fields else "nothing of it is ours any more"
    if others:
        words += f"; left alone, since somebody else has changed it: {', '.join(others)}"
    restored = replace(entry.action, restored=fields)
    return _add(replace(entry, action=restored, stored=obj, template=entry.template if fields else None), words)


def _send(api: Api, workload: Workload, undo: Undo) -> tuple[dict, dict, tuple[str, ...]]:
    """(the object before, and after it was put back, what somebody else changed). Raises SourceError, MergeError."""
    resource = WORKLOADS[workload.kind]
    path = resource.path(workload.namespace, workload.name)
    for attempt in range(CONFLICTS + 1):
        now = resource.keep(api.get(path, "get it"))
        patch, others = undo.against(now)
        if not patch:
            return now, now, others
        body = {"metadata": {"resourceVersion": now["metadata"]["resourceVersion"]}, **patch}
        try:
            api.patch(path, body, (("fieldManager", FIELD_MANAGER),), "put it back")
            return now, merge(now, patch), others
        except ApiError as error:
            if error.status != 409 or attempt == CONFLICTS:
                raise
    raise AssertionError("the loop returns or raises")


def _add(entry: Written, words: str) -> Written:
    return replace(entry, action=replace(entry.action, reason=f"{entry.action.reason}; {words}"))
