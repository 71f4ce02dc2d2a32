# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One computation for many things, on all cores.

Processes are forked: they have everything in memory that the computation needs. A pool of the standard library would
have to pickle that for each of them, and needs semaphores that not every container has.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_MOST = 8  # processes: more would have little left to do, and containers often see more cores than they may use
_WORTHWHILE = 50  # things for each process


def on_all_cores(compute: Callable[[Thing], Result], things: Sequence[Thing], cores: int | None = None) -> list[Result]:
    """The result for each thing, in their order. Results are pickled on their way.

    A process that dies, or cannot be had, costs time only: its share is computed here.
    """
    workers = min(cores or len(os.sched_getaffinity(0)), _MOST, len(things) // _WORTHWHILE)
    if workers < 2 or threading.active_count() > 1:  # a thread may hold a lock that no child could ever get
        return [compute(thing) for thing in things]
    shares = [things[first::workers] for first in range(workers)]
    children: list[_Child] = []
    try:
        with suppress(OSError):  # no more processes, or no more files
            for share in shares[1:]:
                children.append(_Child(compute, share))  # noqa: PERF401 - those that were begun have to be in it
        own = [[compute(thing) for thing in share] for share in (shares[0], *shares[1 + len(children) :])]
        parts = [own[0], *(child.results() for child in children), *own[1:]]
    finally:
        for child in children:
            child.end()
    results: list[Result | None] = [None] * len(things)
    for first, part in enumerate(parts):
        results[first::workers] = part
    return results  # type: ignore[return-value]


class _Child:
    """A forked process at work on its share."""

    def __init__(self, compute: Callable, share: Sequence) -> None:
        self._compute, self._share = compute, share
        self._from, to = os.pipe()
        try:
            self._process = os.fork()
        except OSError:
            os.close(self._from)
            os.close(to)
            raise
        if self._process:
            os.close(to)
            return
        try:
            # What ends a run ends this at once; nothing of the parent's is to be finished here.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            with os.fdopen(to, "wb") as stream:
                pickle.dump([compute(thing) for thing in share], stream)
        finally:
            os._exit(0)

    def results(self) -> list:
        """What it computed, or the same computed here."""
        with os.fdopen(os.dup(self._from), "rb") as stream:
            try:
                return pickle.load(stream)
            except (EOFError, pickle.UnpicklingError):
                return [self._compute(thing) for thing in self._share]

    def end(self) -> None:
        """Leave nothing of it."""
        os.close(self._from)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
