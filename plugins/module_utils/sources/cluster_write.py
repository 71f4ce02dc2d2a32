# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches live workloads: what causes no rollout first, and each patch for the object that it was computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils._libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.content import content_of
from ansible_collections.graceful.termination.plugins.module_utils.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.journal import Journal
from ansible_collections.graceful.termination.plugins.module_utils.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.shape import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.sources.api import Api, ApiError, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.sources.resources import WORKLOADS
from ansible_collections.graceful.termination.plugins.module_utils.sources.source import Action, Diff, SourceError
from ansible_collections.graceful.termination.plugins.module_utils.strategic_merge import (
    MergeError,
    difference,
    merge,
    merge_patches,
)
from ansible_collections.graceful.termination.plugins.module_utils.undo import Undo, project
from ansible_collections.graceful.termination.plugins.module_utils.workload import Workload

CONFLICTS = 3  # how often a workload is planned anew because somebody else changed it


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change. `stored` is the object as the server returned it last; None when nothing was stored.

    `template` is the part that was stored and restarts pods, empty if there is none. `undo` is None where it is not
    known what was there before; `down`: its rollout is known not to have come up.
    """

    action: Action
    diff: Diff | None = None
    stored: dict | None = None
    template: dict[str, Any] | None = None
    undo: Undo | None = None
    down: bool = False


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

    def write(self, change: Change) -> Written:
        """Patch one workload. Whatever goes wrong is told by the action; nothing is raised."""
        if self._interruption.words:
            return Written(Action(change.workload, "skipped", f"not started: {self._interruption.words}"))
        if self._lost:
            return Written(Action(change.workload, "skipped", f"not started: {self._lost}"))
        task = _Task(change)
        try:
            self._send_until_stored(task)
        except _Stop as stop:
            return task.written(stop.status, stop.reason)
        except ApiError as error:
            if error.status == 404:
                return task.written("skipped", "it is gone since it was read")
            if error.status == 401:
                self._lost = self._api.words(error)
            return task.written("failed", self._api.words(error) + task.half)
        except (SourceError, MergeError, Unreadable) as error:
            if isinstance(error, Unreachable):
                self._lost = self._api.words(error)
            return task.written("failed", self._api.words(error) + task.half)
        except OSError as error:
            return task.written("failed", f"not patched, since the journal cannot be written: {error.strerror}")
        return task.written("would-change" if self._check else "changed", task.doubt)

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
        """Send what is left to send. Raises ApiError, OSError, _Stop where the server keeps something else."""
        if self._journal and not self._check:
            self._journal.patching(task.obj, Undo(project(task.obj, task.change.patch), task.change.patch))
        for part, restarts in ((task.change.strategy, False), (task.change.template, True)):
            if not part:
                continue
            before = task.obj
            try:
                stored = self._patch(task.change.workload, before, part)
            except ApiError as error:
                doubt = _unconfirmed(error) if self._check else None
                if doubt is None:
                    raise
                task.doubt, stored = f"not confirmed by the server: {doubt}", None
            lost = [] if stored is None else difference(stored, merge(stored, part))
            # A dry run stores nothing: the next patch is for the same object.
            task.keep(part, merge(before, part) if self._check or stored is None else stored, restarts=restarts)
            if lost:
                verb = "would not keep" if self._check else "did not keep"
                raise _Stop(
                    "failed",
                    f"the server {verb} {', '.join(lost)} as sent: an admission policy or a feature gate changes it",
                )

    def _patch(self, workload: Workload, obj: dict, part: dict) -> dict[str, Any]:
        resource = WORKLOADS[workload.kind]
        path = resource.path(workload.namespace, workload.name)
        query = (("fieldManager", FIELD_MANAGER), *((("dryRun", "All"),) if self._check else ()))
        body = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, **part}
        return resource.keep(self._api.patch(path, body, query, "patch it"))

    def _read_again(self, task: _Task, conflict: ApiError) -> None:
        """After a conflict: plan anew for what is there now. Raises _Stop when nothing is left to do or may be done."""
        workload = task.change.workload
        resource = WORKLOADS[workload.kind]
        obj = resource.keep(self._api.get(resource.path(workload.namespace, workload.name), "get it"))
        if content_of(obj) == content_of(task.obj):
            # Only its status is new, as after each of our own patches: what is left to send is what it was.
            task.obj, task.change = obj, task.left(obj)
            return
        change = self._replan(workload.with_object(obj)) if self._replan else None
        if change is None:
            # The same request may have been carried out without its answer reaching us: then it was we who changed it.
            if conflict.again and not difference(obj, merge(obj, task.change.patch)):
                task.keep(task.change.patch, obj, restarts=bool(task.change.template))
                raise _Stop("changed", "")
            if not self._replan:
                half = " while it was patched: of the two patches only the first is stored" if task.sent else ""
                raise _Stop("failed" if half else "refused", f"changed since the plan was made{half}")
            if task.sent:
                raise _Stop("changed", "")
            raise _Stop("unchanged", "somebody else changed it meanwhile, and nothing is left to fix")
        reason = self._refusal(change)
        if reason:
            raise _Stop("refused", reason)
        task.change, task.obj = change, obj


class _Task:
    """One change on its way: what is planned, what the object looks like now, and what has been sent."""

    def __init__(self, change: Change):
        self.change = change
        self.obj = self._first = change.workload.obj
        self.sent: dict[str, Any] = {}
        self.doubt: str | None = None
        self._template: dict[str, Any] = {}
        self._fields: set[str] = set()

    @property
    def half(self) -> str:
        """What is to be known where only the first of two patches was stored; empty where that is not so."""
        if not self.sent or self._template or not self.change.template:
            return ""
        return "; of its two patches only the first is stored, which restarts no pod: run again"

    def keep(self, part: dict, obj: dict, *, restarts: bool) -> None:
        """Note a patch that was sent, and the object after it."""
        self._fields |= set(difference(self.obj, merge(self.obj, part)))
        self.sent = merge_patches(self.sent, part)
        if restarts:
            self._template = merge_patches(self._template, part)
        self.obj = obj

    def left(self, obj: dict) -> Change:
        """The change without the part that has been sent."""
        strategy = {} if self.sent else self.change.strategy
        return replace(self.change, strategy=strategy, workload=self.change.workload.with_object(obj))

    def written(self, status: str, reason: str | None) -> Written:
        """The outcome. A workload that was patched before something went wrong keeps its diff and its fields."""
        workload = self.change.workload
        stored = bool(self.sent)
        action = Action(workload, status, reason or None, tuple(sorted(self._fields)) if stored else ())
        before, after = (_text(project(obj, self.sent)) for obj in (self._first, self.obj))
        diff = Diff(workload.key, before, after) if stored else None
        undo = Undo(project(self._first, self.sent), self.sent) if stored else None
        return Written(action, diff, self.obj if stored else None, self._template, undo)


def _unconfirmed(error: ApiError) -> str | None:
    """Why the server cannot be asked for a dry run, although the real request may do; None for any other refusal."""
    if error.status == 403 and error.user:
        return f"no right to patch (403, user {error.user})"
    if "does not support dry run" in error.detail:
        return error.detail
    return None


def _text(obj: Any) -> str:
    return yaml.safe_dump(obj, sort_keys=True) if obj else ""
