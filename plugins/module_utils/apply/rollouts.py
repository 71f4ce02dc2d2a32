# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the rollouts of patched workloads; where one fails, finds the cause and rolls back or leaves it as is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ansible_collections.graceful.termination.plugins.module_utils.apply.events import read_causes
from ansible_collections.graceful.termination.plugins.module_utils.apply.follow import Patience, Queue, follow
from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import Guardrails
from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.rollback import leave, roll_back
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api


class Rollouts:
    """The rollouts of one wave. `everywhere`: lists may span all namespaces."""

    def __init__(self, api: Api, guardrails: Guardrails, interruption: Interruption, *, everywhere: bool):
        self._api = api
        self._guardrails = guardrails
        self._interruption = interruption
        self._everywhere = everywhere

    def see_through(
        self, written: Sequence[ApplyResult], since: datetime, queue: Queue | None = None
    ) -> list[ApplyResult]:
        """The results of `written` after their rollouts, and then those of what is still to be patched.

        `since` is when the first patch may have been sent.
        """
        result = self._follow(written, queue, self._close)
        places = [index for index, entry in enumerate(result) if entry.rollout_failed]
        failed = [result[index] for index in places]
        # The rollout of what an earlier run patched may have failed long ago.
        about = [(entry.action.workload, since if entry.action.fields else None) for entry in failed]
        causes = read_causes(self._api, about)
        if self._guardrails.rolls_back:
            failed = self._rolled_back(roll_back(self._api, failed))
        else:
            failed = [leave(entry) for entry in failed]
        for index, entry, cause in zip(places, failed, causes, strict=True):
            result[index] = _because(entry, cause)  # last, since it may be long
            self._close(replace(result[index], rollout_failed=False))
        return result

    def close_failed_canary(self, entries: Sequence[ApplyResult]) -> list[ApplyResult]:
        """The results of a wave whose canary drill did not pass: rolled back only if requests were lost."""
        if self._guardrails.rolls_back and self._guardrails.canary_lost:
            entries = self._rolled_back(roll_back(self._api, entries))
        else:
            entries = [_because(entry, "left as is, not rolled back") for entry in entries]
        for entry in entries:
            self._close(entry)
        return list(entries)

    def _follow(
        self,
        written: Sequence[ApplyResult],
        queue: Queue | None = None,
        note: Callable[[ApplyResult], None] = lambda _entry: None,
    ) -> list[ApplyResult]:
        interruption = self._interruption
        patience = Patience(
            self._guardrails.wait_timeout, pause=interruption.pause, interrupted=lambda: interruption.reason
        )
        return follow(self._api, written, patience, everywhere=self._everywhere, queue=queue, note=note)

    def _rolled_back(self, entries: list[ApplyResult]) -> list[ApplyResult]:
        """The results, with whether their pods recovered."""
        trial = [
            replace(entry, action=replace(entry.action, status="changed", reason=None), sent={}) for entry in entries
        ]
        result = []
        for entry, after in zip(entries, self._follow(trial), strict=True):
            reason = ""
            if entry.restarts:
                reason = "its pods recovered"
                if after.action.reason:
                    reason = f"its pods did not recover: {after.action.reason}"
                if after.rollout_failed and entry.action.workload.kind == "StatefulSet":
                    reason += "; a StatefulSet does not replace a pod that never became ready: delete that pod"
            result.append(_because(entry, reason))
        return result

    def _close(self, entry: ApplyResult) -> None:
        """Record the outcome in the journal. The report has it too, so a full disk fails nothing here."""
        journal = self._guardrails.journal
        if self._guardrails.wait_timeout is None or entry.rollout_failed:
            return  # the outcome is for a later run to see, or not final yet
        if journal and entry.undo and entry.stored is not None:
            with suppress(OSError):
                status = "restored" if entry.action.restored else entry.action.status
                journal.ended(entry.stored, status, entry.action.reason)


def _because(entry: ApplyResult, reason: str) -> ApplyResult:
    if not reason:
        return entry
    return replace(entry, action=replace(entry.action, reason=f"{entry.action.reason}; {reason}"))
