# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live cluster as a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.failed_drill import failed_canary
from ansible_collections.graceful.termination.plugins.module_utils.apply.follow import Queue
from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import Guardrails
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.cluster import Preflight
from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.rollouts import Rollouts
from ansible_collections.graceful.termination.plugins.module_utils.apply.write import Writer
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.base.throttle import threads
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import THREADS, Api, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import content_of, digest
from ansible_collections.graceful.termination.plugins.module_utils.kube.identity import cluster_uid
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import unfinished
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.helm.values import helm_values
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import NOT_YET, Action, Diff, Judging
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.sources.read import Reader, Wanted
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import (
    SYSTEM_NAMESPACES,
    owner_of,
    patch_file,
    values_file,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

UNRESTRICTED = Guardrails()


class ClusterSource:
    """A cluster as `api` shows it. `replan` plans a workload again that has changed since it was read.

    `patch_owned`: objects that another tool owns are patched, too. `reports`: the report folder gets patches for them.
    """

    def __init__(
        self,
        api: Api,
        wanted: Wanted,
        replan: Callable[[Workload, Snapshot], Change | None],
        interruption: Interruption | None = None,
        *,
        guardrails: Guardrails = UNRESTRICTED,
        patch_owned: bool = False,
        reports: bool = False,
    ):
        self._api = api
        self._wanted = wanted
        self._guardrails = guardrails
        self._patch_owned = patch_owned
        self._reports = reports
        self._replan = replan
        self._interruption = interruption or Interruption()
        self._unmanaged: dict[str, str] = {}
        self._uid: str | None = None
        self._namespaces = wanted.selection.named_namespaces

    def read(self) -> Snapshot:
        """Read everything that is selected, and its context. Raises SourceError (ApiError included)."""
        reader = Reader(self._api, self._wanted)
        self._snapshot = snapshot = reader.read()
        self._unmanaged = reader.unmanaged
        self._preflight = Preflight(self._api, self._namespaces)
        return snapshot

    def refusals(self, changes: Sequence[Change], judging: Judging) -> dict[int, str]:
        """What must not be patched live, and why."""
        reasons = ((index, self._refusal(change)) for index, change in enumerate(changes))
        return {index: reason for index, reason in reasons if reason}

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """The verdict by the state of the cluster; each list is read once."""
        return self._preflight.judge(changes)

    def identity(self) -> dict[str, Any]:
        """The name of the cluster, and the UID of its namespace kube-system, which is unique."""
        if self._uid is None:
            self._uid = cluster_uid(self._api) or ""
        return {"type": "cluster", "name": self._api.name, "uid": self._uid or None}

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """The digest of all but the status: a new resourceVersion alone may be just a new status."""
        metadata = workload.obj["metadata"]
        state = {key: metadata.get(key) for key in ("uid", "resourceVersion")}
        return state | {"content": digest(content_of(workload.obj))}

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[tuple[Action, Diff | None]]:
        """Patch the workloads, within the limits, and follow their rollouts. With `check` the server does a dry run.

        A failed patch does not stop the others, a failed rollout does. That one is rolled back, or left as is.
        """
        writer = self._writer(check=check)
        if check:
            yield from ((entry.action, entry.diff) for entry in concurrently(writer.write, changes))
            return
        guardrails, now = self._guardrails, datetime.now(UTC)
        rollouts = Rollouts(self._api, guardrails, self._interruption, everywhere=self._namespaces is None)
        for entry in rollouts.close_failed_canary(failed_canary(self._snapshot, guardrails)):
            yield entry.action, None
        begun = self._begun(changes)
        # Unfinished rollouts in the journal are a wave of their own. The others may belong to other clients by now.
        first = rollouts.see_through([entry for entry in begun if entry.undo], now)
        for entry in first:
            yield replace(_earlier(entry.action), stops=entry.action.status == "failed"), None
        if any(entry.action.status == "failed" for entry in first):
            yield from ((Action(change.workload, "skipped", NOT_YET), None) for change in changes)
            return
        others = [entry for entry in begun if not entry.undo]
        queue = Queue(changes, writer.write, guardrails.max_rollouts, threads(guardrails.writes, THREADS))
        for index, entry in enumerate(rollouts.see_through(others, now, queue)):
            yield (_earlier(entry.action) if index < len(others) else entry.action), entry.diff

    def _writer(self, *, check: bool) -> Writer:
        planned = self._guardrails.plan and not check
        return Writer(
            self._api,
            # Only what was approved is applied.
            None if planned else lambda workload: self._replan(workload, self._snapshot),
            self._refusal,
            check=check,
            journal=self._guardrails.journal,
            interruption=self._interruption,
        )

    def _begun(self, changes: Sequence[Change]) -> list[ApplyResult]:
        """What an earlier run patched without seeing its rollout finish: not patched again, but followed."""
        journal = self._guardrails.journal
        if self._guardrails.progress.wave:
            return []
        changing = {change.workload.key for change in changes}
        return [
            ApplyResult(
                Action(workload, "changed"),
                stored=workload.obj,
                restarts=True,
                undo=journal.last(workload.obj["metadata"]["uid"]) if journal else None,
            )
            for workload in self._snapshot.workloads
            if unfinished(workload.obj) and workload.key not in changing and workload.managed
        ]

    def _refusal(self, change: Change) -> str | None:
        workload = change.workload
        if workload.namespace in SYSTEM_NAMESPACES:
            return f"{workload.namespace} is a system namespace: reported, never patched"
        unmanaged = self._unmanaged.get(workload.namespace) or self._unmanaged.get("")
        if unmanaged:
            return unmanaged
        owner = owner_of(workload.obj, change.patch)
        if not owner or self._patch_owned:
            return None
        place = workload.namespace, workload.kind, workload.name
        files = f"; patch in {patch_file(*place)}" if self._reports else ""
        if files and helm_values(workload, change.patch, change.obj):
            files += f", values for Helm in {values_file(*place)}"
        return f"{owner} owns it: not patched live{files}"


def _earlier(action: Action) -> Action:
    """The action for a workload that was only waited for."""
    if action.status != "changed":
        return action
    reason = f"patched by an earlier run; {action.reason or 'rolled out now'}"
    return replace(action, status="unchanged", reason=reason)
