# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for the rollouts of patched workloads, and patches the next ones as soon as the limit allows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.wait import (
    compare,
    ended,
    key_of,
    outcome,
    poll,
)
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import THREADS, Api, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import (
    FAILED,
    PROGRESSING,
    STORED,
    UNKNOWN,
    Rollout,
    conditions_of,
    rollout_of,
    stored,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds between two polls


@dataclass(frozen=True, slots=True)
class Queue:
    """`changes` are patched by `begin` in this order; at most `at_once` (0: no limit) roll out at a time.

    After the first failed rollout no other begins. `threads` is how many are patched in parallel.
    """

    changes: Sequence[Change]
    begin: Callable[[Change], ApplyResult]
    at_once: int = 0
    threads: int = THREADS


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: `timeout` in seconds for one rollout, from its patch; None does not wait.

    `interrupted` says why the wait ends early.
    """

    timeout: int | None
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    interrupted: Callable[[], str | None] = lambda: None


def follow(
    api: Api,
    written: Sequence[ApplyResult],
    patience: Patience,
    *,
    everywhere: bool,
    queue: Queue | None = None,
    note: Callable[[ApplyResult], None] = lambda _entry: None,
) -> list[ApplyResult]:
    """The results of `written` after their rollouts, and then those of the queue.

    A workload that was patched, but whose pods did not follow, has failed. `everywhere`: lists may span all namespaces.
    `note` is called with each result as soon as it is known.
    """
    return _Follow(api, patience, everywhere, queue, note).run(written)


class _Follow:
    """The rollouts in progress, by the index of their result."""

    def __init__(
        self, api: Api, patience: Patience, everywhere: bool, queue: Queue | None, note: Callable[[ApplyResult], None]
    ):
        self._api = api
        self._patience = patience
        self._everywhere = everywhere
        self._queue = queue or Queue((), lambda change: ApplyResult(Action(change.workload, "skipped")))
        self._note = note
        self._own = 0  # the first index of the queue
        self._remaining: deque[tuple[int, Change]] = deque()
        self._waiting: dict[int, tuple[ApplyResult, float]] = {}  # with its deadline
        self._results: dict[int, ApplyResult] = {}
        self._stop = ""
        self._unavailable = False  # the API server does not respond at the moment

    def run(self, written: Sequence[ApplyResult]) -> list[ApplyResult]:
        """All results, by index."""
        self._own = len(written)
        self._remaining.extend(enumerate(self._queue.changes, self._own))
        for place, entry in enumerate(written):
            self._track(place, entry)
        pause = FIRST_PAUSE
        while self._remaining or self._waiting:
            if self._begin():
                pause = FIRST_PAUSE
            elif self._waiting:
                self._poll()
                if self._waiting and not self._may_begin():
                    soonest = min(end for _entry, end in self._waiting.values())
                    self._patience.pause(max(min(pause, soonest - self._patience.now()), 0.1))
                    pause = min(pause * 1.5, LONGEST_PAUSE)
        return [self._results[place] for place in sorted(self._results)]

    def _may_begin(self) -> bool:
        """Whether the next change may begin now."""
        if not self._remaining or (self._unavailable and self._waiting):
            return False
        limit = self._queue.at_once if self._patience.timeout is not None else 0
        rolling = sum(place >= self._own for place in self._waiting)
        return bool(self._stop) or not limit or rolling < limit or not _restarts(self._remaining[0][1])

    def _begin(self) -> bool:
        """Patch as many changes as the limit allows. Returns whether there were any."""
        if not self._may_begin():
            return False
        if self._stop:
            for place, change in self._remaining:
                self._end(place, ApplyResult(Action(change.workload, "skipped", self._stop)))
            self._remaining.clear()
            return True
        limit = self._queue.at_once if self._patience.timeout is not None else 0
        room = limit - sum(place >= self._own for place in self._waiting)
        batch = []
        while self._remaining:
            restarts = _restarts(self._remaining[0][1])
            if limit and restarts and room <= 0:
                break
            room -= restarts
            batch.append(self._remaining.popleft())
        entries = concurrently(lambda item: self._queue.begin(item[1]), batch, self._queue.threads)
        for (place, _change), entry in zip(batch, entries, strict=True):
            self._track(place, entry)
        return True

    def _track(self, place: int, entry: ApplyResult) -> None:
        """Track a workload that may have been patched: follow its rollout if there is one."""
        if entry.action.status != "changed" or not entry.restarts or entry.stored is None:
            self._end(place, entry)
            return
        rollout = rollout_of(entry.stored)
        if rollout.state == STORED:
            self._end(place, ended(entry, rollout))
        elif self._patience.timeout is None:
            self._end(place, outcome(entry, "changed", "patched, its rollout was not waited for"))
        else:
            self._waiting[place] = entry, self._patience.now() + self._patience.timeout

    def _poll(self) -> None:
        """Poll: which rollouts have ended."""
        reason = self._patience.interrupted()
        if reason:
            self._give_up(list(self._waiting), f"stopped waiting for its rollout: {reason}")
            return
        try:
            objects = poll(self._api, [entry for entry, _end in self._waiting.values()], self._everywhere)
        except SourceError as error:
            self._on_outage(error)
            return
        self._unavailable = False
        rollouts = {place: self._rollout(place, objects.get(key_of(self._stored(place)))) for place in self._waiting}
        ended_now = {place: rollout for place, rollout in rollouts.items() if rollout.state != PROGRESSING}
        entries = concurrently(lambda item: compare(self._api, self._waiting[item[0]][0], item[1]), ended_now.items())
        for place, entry in zip(ended_now, entries, strict=True):
            del self._waiting[place]
            self._end(place, entry)
            if entry.action.status == "failed" and place >= self._own:
                self._stop = f"not started: {entry.action.workload.key} failed in the same wave"

    def _rollout(self, place: int, obj: Obj | None) -> Rollout:
        if not obj:
            return Rollout(FAILED, "it was deleted during its rollout")
        rollout = rollout_of(obj, (self._stored(place) or obj)["metadata"].get("generation"))
        if rollout.state == PROGRESSING and self._late(place):
            causes = "; ".join(filter(None, (rollout.reason, conditions_of(obj))))
            return Rollout(FAILED, f"not rolled out after {self._patience.timeout} s: {causes}")
        return rollout

    def _on_outage(self, error: SourceError) -> None:
        """The API server does not respond. It may be restarting: that alone ends no rollout before its timeout."""
        self._unavailable = True
        lost = [place for place in self._waiting if not error.passing or self._late(place)]
        self._give_up(lost, f"unknown whether it rolled out: {self._api.reason(error)}")
        if lost and not self._stop:
            self._stop = f"not started: {self._api.reason(error)}"

    def _give_up(self, places: Sequence[int], reason: str) -> None:
        for place in places:
            entry, _end = self._waiting.pop(place)
            self._end(place, ended(entry, Rollout(UNKNOWN, reason)))

    def _late(self, place: int) -> bool:
        return self._patience.now() >= self._waiting[place][1]

    def _stored(self, place: int) -> Obj | None:
        return self._waiting[place][0].stored

    def _end(self, place: int, entry: ApplyResult) -> None:
        self._results[place] = entry
        self._note(entry)


def _restarts(change: Change) -> bool:
    """Whether the patch will replace pods, as far as the object shows before it is patched."""
    return bool(change.template) and stored(change.workload.obj) is None
