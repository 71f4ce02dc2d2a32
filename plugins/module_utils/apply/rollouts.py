# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sees patched workloads through: waits, says why one does not come up, and holds it or puts it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ansible_collections.graceful.termination.plugins.module_utils.apply.caution import Caution
from ansible_collections.graceful.termination.plugins.module_utils.apply.events import read_causes
from ansible_collections.graceful.termination.plugins.module_utils.apply.follow import Patience, Queue, follow
from ansible_collections.graceful.termination.plugins.module_utils.apply.restore import held, put_back
from ansible_collections.graceful.termination.plugins.module_utils.apply.wait import nothing_sent
from ansible_collections.graceful.termination.plugins.module_utils.apply.written import Written
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api


class Rollouts:
    """The rollouts of one wave. `everywhere`: lists may span all namespaces."""

    def __init__(self, api: Api, caution: Caution, interruption: Interruption, *, everywhere: bool):
        self._api = api
        self._caution = caution
        self._interruption = interruption
        self._everywhere = everywhere

    def see_through(self, written: Sequence[Written], since: datetime, queue: Queue | None = None) -> list[Written]:
        """The outcomes of `written` after their rollouts, and then those of what is still to be patched.

        `since` is when the first patch may have been sent.
        """
        result = self._follow(written, queue, self._close)
        places = [index for index, entry in enumerate(result) if entry.down]
        down = [result[index] for index in places]
        # What an earlier run patched may have been down for long.
        about = [(entry.action.workload, since if entry.action.fields else None) for entry in down]
        causes = read_causes(self._api, about)
        if self._caution.restores:
            down = self._rolled_back(put_back(self._api, down))
        else:
            down = [held(entry) for entry in down]
        for index, entry, cause in zip(places, down, causes, strict=True):
            result[index] = _because(entry, cause)  # at the end, since it may be long
            self._close(replace(result[index], down=False))
        return result

    def give_back(self, entries: Sequence[Written]) -> list[Written]:
        """The outcomes of a wave that came up, but whose drill did not pass: held, or put back if it lost requests."""
        if self._caution.restores and self._caution.loses:
            entries = self._rolled_back(put_back(self._api, entries))
        else:
            entries = [_because(entry, "held as it is") for entry in entries]
        for entry in entries:
            self._close(entry)
        return list(entries)

    def _follow(
        self,
        written: Sequence[Written],
        queue: Queue | None = None,
        note: Callable[[Written], None] = lambda _entry: None,
    ) -> list[Written]:
        interruption = self._interruption
        patience = Patience(
            self._caution.wait_timeout, pause=interruption.pause, interrupted=lambda: interruption.words
        )
        return follow(self._api, written, patience, everywhere=self._everywhere, queue=queue, note=note)

    def _rolled_back(self, entries: list[Written]) -> list[Written]:
        """The outcomes with whether their pods are back, too."""
        trial = [
            replace(
                entry,
                action=replace(entry.action, status="changed", reason=None),
                template=nothing_sent(entry.action.workload) if entry.template else None,
            )
            for entry in entries
        ]
        result = []
        for entry, after in zip(entries, self._follow(trial), strict=True):
            words = ""
            if entry.template:
                words = f"its pods are not back: {after.action.reason}" if after.action.reason else "its pods are back"
                if after.down and entry.action.workload.kind == "StatefulSet":
                    words += "; a StatefulSet does not replace a pod that never became ready: delete that pod"
            result.append(_because(entry, words))
        return result

    def _close(self, entry: Written) -> None:
        """Note in the journal how it ended. The report tells it too, so nothing fails of this."""
        journal = self._caution.journal
        if self._caution.wait_timeout is None or entry.down:
            return  # how it ended is for a later run to see, or what is done about it comes first
        if journal and entry.undo and entry.stored is not None:
            with suppress(OSError):
                status = "restored" if entry.action.restored else entry.action.status
                journal.ended(entry.stored, status, entry.action.reason)


def _because(entry: Written, words: str) -> Written:
    if not words:
        return entry
    return replace(entry, action=replace(entry.action, reason=f"{entry.action.reason}; {words}"))
