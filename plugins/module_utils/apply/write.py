# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches live workloads: each with one patch, and for the very object that it was computed from."""

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

CONFLICTS = 3  # how often a workload is planned anew because somebody else changed it


class _Stop(Exception):
    """A workload is done with: `status` and `reason` of its action."""

    def __init__(self, status: str, reason: str):
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Writer:
    """Writes changes, or with `check` asks the server what it would store. Used from several threads at a time.

    `replan` plans a workload that has changed in the meantime anew; None refuses it. `refusal` says why a change must
    not be made. A `journal` hears of each patch before the server does.
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
        self._lost = ""  # why nothing more can be written at all

    def write(self, change: Change) -> ApplyResult:
        """Patch one workload. Whatever goes wrong is the reason of its action; nothing is raised."""
        if self._interruption.words:
            return ApplyResult(Action(change.workload, "skipped", f"not started: {self._interruption.words}"))
        if self._lost:
            return ApplyResult(Action(change.workload, "skipped", f"not started: {self._lost}"))
        task = _Task(change)
        try:
            self._send_until_stored(task)
        except _Stop as stop:
            return task.result(stop.status, stop.reason)
        except ApiError as error:
            if error.status == 404:
                return task.result("skipped", "it is gone since it was read")
            if error.status == 401:
                self._lost = self._api.words(error)
            return task.result("failed", self._api.words(error))
        except (SourceError, MergeError, Unreadable) as error:
            if isinstance(error, Unreachable):
                self._lost = self._api.words(error)
            return task.result("failed", self._api.words(error))
        except OSError as error:
            return task.result("failed", f"not patched, since the journal cannot be written: {error.strerror}")
        return task.result("would-change" if self._check else "changed", task.doubt)

    def _send_until_stored(self, task: _Task) -> None:
        """Send, and after a conflict plan anew. Raises ApiError, _Stop."""
        conflicts = 0
        while True:
            try:
                return self._send(task)
            except ApiError as error:
                if error.status != 409:
                    raise
                conflicts += 1
                if conflicts > CONFLICTS:
                    raise _Stop(
                        "failed", f"others changed it {conflicts} times while it was patched: run again"
                    ) from None
                self._read_again(task, error)

    def _send(self, task: _Task) -> None:
        """Send it, as one patch that is stored as a whole or not at all. Raises ApiError, OSError, _Stop."""
        change = task.change
        # The template restarts the pods by the strategy beside it: whether that is kept has to be known before.
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
                self._journal.ended(before, CONFLICT, "somebody else has changed it: nothing was stored")
            raise
        task.after = stored
        _require_kept(stored, change.patch, "did not keep")

    def _rehearse(self, task: _Task) -> dict[str, Any] | None:
        """What the server would store; None where it cannot be asked. Raises ApiError where it would refuse."""
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
        return resource.keep(self._api.patch(path, body, query, "patch it"))

    def _read_again(self, task: _Task, conflict: ApiError) -> None:
        """After a conflict: plan anew for what is there now. Raises _Stop when nothing is left to do or may be done."""
        workload = task.change.workload
        resource = WORKLOADS[workload.kind]
        obj = resource.keep(self._api.get(resource.path(workload.namespace, workload.name), "get it"))
        if content_of(obj) == content_of(task.obj):
            # Only its status is new.
            task.obj, task.change = obj, replace(task.change, workload=workload.with_object(obj))
            return
        change = self._replan(workload.with_object(obj)) if self._replan else None
        if change is None:
            # The same request may have been carried out without its answer reaching us: then it was we who changed it.
            if conflict.again and same(obj, merge(obj, task.change.patch)):
                task.after = obj
                raise _Stop("changed", "")
            if not self._replan:
                raise _Stop("refused", "changed since the plan was made")
            raise _Stop("unchanged", "somebody else changed it meanwhile, and nothing is left to fix")
        reason = self._refusal(change)
        if reason:
            raise _Stop("refused", reason)
        task.change, task.obj = change, obj


class _Task:
    """One change on its way: what is planned, and the object that it is for.

    `after` is the object with the patch, in check mode as it would be; None until there is one. `undo` takes back what
    was sent last.
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
    """What the change sends of the spec of pods."""
    part = change.template
    for key in change.workload.pod_path.split("."):
        part = part.get(key, {})
    return part


def _require_kept(stored: Obj, patch: Obj, verb: str) -> None:
    """Raises _Stop where admission made something else of it."""
    lost = difference(stored, merge(stored, patch))
    if lost:
        fields = ", ".join(lost)
        raise _Stop("failed", f"the server {verb} {fields} as sent: an admission policy or a feature gate changes it")


def _unconfirmed(error: ApiError) -> str | None:
    """Why the server cannot be asked for a dry run, although the real request may do; None for any other refusal."""
    if error.status == 403 and error.user:
        return f"no right to patch (403, user {error.user})"
    if "does not support dry run" in error.detail:
        return error.detail
    return None


def _text(obj: Any) -> str:
    return yaml.safe_dump(obj, sort_keys=True) if obj else ""
