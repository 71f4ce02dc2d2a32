# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches live workloads: one patch each, only for the exact object that it was computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.journal import CONFLICT, Journal
from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo, project
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import content_of
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import WORKLOADS
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    MergeError,
    difference,
    merge,
    same,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Diff
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

CONFLICTS = 3  # how often a workload is planned again because another client changed it


class _Stop(Exception):
    """Ends the work on one workload: `status` and `reason` of its action."""

    def __init__(self, status: str, reason: str):
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Writer:
    """Writes changes, or with `check` asks the server what it would store. Used from several threads at a time.

    `replan` plans a workload again that another client has changed; None refuses it. `refusal` says why a change must
    not be made. A `journal` records each patch before it is sent.
    """

    def __init__(
        self,
        api: Api,
        replan: Callable[[Workload], Change | None] | None,
        refusal: Callable[[Change], str | None],
        *,
        check: bool,
        journal: Journal | None = None,
        interruption: Interruption | None = None,
    ):
        self._api = api
        self._replan = replan
        self._refusal = refusal
        self._check = check
        self._journal = journal
        self._interruption = interruption or Interruption()
        self._outage = ""  # why nothing can be written any more

    def write(self, change: Change) -> ApplyResult:
        """Patch one workload. An error becomes the reason of its action; nothing is raised."""
        if self._interruption.reason:
            return ApplyResult(Action(change.workload, "skipped", f"not started: {self._interruption.reason}"))
        if self._outage:
            return ApplyResult(Action(change.workload, "skipped", f"not started: {self._outage}"))
        task = _Task(change)
        try:
            self._send_until_stored(task)
        except _Stop as stop:
            return task.result(stop.status, stop.reason)
        except ApiError as error:
            if error.status == 404:
                return task.result("skipped", "it was deleted after it was read")
            if error.status == 401:
                self._outage = self._api.reason(error)
            return task.result("failed", self._api.reason(error))
        except (SourceError, MergeError, Unreadable) as error:
            if isinstance(error, Unreachable):
                self._outage = self._api.reason(error)
            return task.result("failed", self._api.reason(error))
        except OSError as error:
            return task.result("failed", f"not patched: the journal cannot be written: {error.strerror}")
        return task.result("would-change" if self._check else "changed", task.doubt)

    def _send_until_stored(self, task: _Task) -> None:
        """Send, and plan again after a conflict. Raises ApiError, _Stop."""
        conflicts = 0
        while True:
            try:
                return self._send(task)
            except ApiError as error:
                if error.status != 409:
                    raise
                conflicts += 1
                if conflicts > CONFLICTS:
                    raise _Stop("failed", f"{conflicts} conflicts: other clients keep changing it; run again") from None
                self._read_again(task, error)

    def _send(self, task: _Task) -> None:
        """Send one patch, which the server stores completely or not at all. Raises ApiError, OSError, _Stop."""
        change = task.change
        # The template restarts the pods by the strategy in the same patch: the server must keep that, too.
        if self._check or (change.strategy and change.template):
            would_be = self._rehearse(task)
            if self._check:
                task.after = merge(task.obj, change.patch)
            if would_be is not None:
                _require_kept(would_be, change.patch, "would not keep")
        if self._check:
            return
        before = task.obj
        task.undo = Undo(project(before, change.patch), change.patch)
        if self._journal:
            self._journal.patching(before, task.undo)
        try:
            stored = self._patch(change.workload, before, change.patch, dry=False)
        except ApiError as error:
            if error.status == 409 and not error.again and self._journal:
                self._journal.ended(before, CONFLICT, "conflict: another client has changed it, nothing was stored")
            raise
        task.after = stored
        _require_kept(stored, change.patch, "did not keep")

    def _rehearse(self, task: _Task) -> dict[str, Any] | None:
        """What the server would store; None if it cannot do a dry run. Raises ApiError if it would refuse."""
        try:
            return self._patch(task.change.workload, task.obj, task.change.patch, dry=True)
        except ApiError as error:
            doubt = _unconfirmed(error)
            # Without the right to patch, only a run in check mode goes on.
            if doubt is None or (error.status == 403 and not self._check):
                raise
            task.doubt = f"not confirmed by the server: {doubt}" if self._check else None
            return None

    def _patch(self, workload: Workload, obj: Obj, patch: Obj, *, dry: bool) -> dict[str, Any]:
        resource = WORKLOADS[workload.kind]
        path = resource.path(workload.namespace, workload.name)
        query = (("fieldManager", FIELD_MANAGER), *((("dryRun", "All"),) if dry else ()))
        body = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, **patch}
        return resource.trim(self._api.patch(path, body, query, "patch it"))

    def _read_again(self, task: _Task, conflict: ApiError) -> None:
        """After a conflict, plan again for the present object. Raises _Stop if nothing may or need be done."""
        workload = task.change.workload
        resource = WORKLOADS[workload.kind]
        obj = resource.trim(self._api.get(resource.path(workload.namespace, workload.name), "get it"))
        if content_of(obj) == content_of(task.obj):
            # Only its status has changed.
            task.obj, task.change = obj, replace(task.change, workload=workload.with_object(obj))
            return
        change = self._replan(workload.with_object(obj)) if self._replan else None
        if change is None:
            # The first attempt may have succeeded and only its response been lost: then the change is ours.
            if conflict.again and same(obj, merge(obj, task.change.patch)):
                task.after = obj
                raise _Stop("changed", "")
            if not self._replan:
                raise _Stop("refused", "drifted since the plan was made")
            raise _Stop("unchanged", "another client changed it, and nothing is left to fix")
        reason = self._refusal(change)
        if reason:
            raise _Stop("refused", reason)
        task.change, task.obj = change, obj


class _Task:
    """One change in progress: what is planned, and the object it is for.

    `after` is the object with the patch, in check mode as it would be; None until there is one. `undo` rolls back
    what was sent last.
    """

    def __init__(self, change: Change):
        self.change = change
        self.obj = change.workload.obj
        self.after: Obj | None = None
        self.undo: Undo | None = None
        self.doubt: str | None = None

    def result(self, status: str, reason: str | None) -> ApplyResult:
        """The result. A workload that was patched before something went wrong keeps its diff and its fields."""
        change, before, after = self.change, self.obj, self.after
        if after is None:
            return ApplyResult(Action(change.workload, status, reason or None))
        fields = difference(before, merge(before, change.patch))
        diff = Diff(change.workload.key, *(_text(project(obj, change.patch)) for obj in (before, after)))
        action = Action(change.workload, status, reason or None, tuple(sorted(fields)))
        return ApplyResult(action, diff, after, bool(change.template), _pod_spec(change), self.undo)


def _pod_spec(change: Change) -> dict[str, Any]:
    """The pod spec part of the change."""
    part = change.template
    for key in change.workload.pod_path.split("."):
        part = part.get(key, {})
    return part


def _require_kept(stored: Obj, patch: Obj, verb: str) -> None:
    """Raises _Stop if admission changed the patched fields."""
    lost = difference(stored, merge(stored, patch))
    if lost:
        fields = ", ".join(lost)
        raise _Stop("failed", f"the server {verb} {fields} as sent: an admission policy or a feature gate changes it")


def _unconfirmed(error: ApiError) -> str | None:
    """Why the server cannot do a dry run, although the real request may work; None for any other refusal."""
    if error.status == 403 and error.user:
        return f"forbidden: user {error.user} cannot patch (403)"
    if "does not support dry run" in error.detail:
        return error.detail
    return None


def _text(obj: Any) -> str:
    return yaml.safe_dump(obj, sort_keys=True) if obj else ""
