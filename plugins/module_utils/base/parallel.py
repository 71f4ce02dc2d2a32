# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One computation for many things, on all cores.

Processes are forked, so they have everything in memory that the computation needs. A pool of the standard library would
have to pickle that for each of them, and needs semaphores that not every container has.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_LIMIT = 4  # processes: each has memory of its own, and containers often see more cores than they may use
_WORTHWHILE = 50  # things for each process


def on_all_cores(
    compute: Callable[[Thing], Result],
    things: Sequence[Thing],
    cores: int | None = None,
    known: Callable[[], Iterable[Any]] = tuple,
) -> list[Result]:
    """The result for each thing, in order. Results are pickled between processes.

    `known` gives objects that exist here already: a result that refers to one of them refers to that very object, and
    it is not pickled. A process that dies or cannot be started costs only time: its share is computed here.
    """
    workers = min(cores or len(os.sched_getaffinity(0)), _LIMIT, len(things) // _WORTHWHILE)
    if workers < 2 or threading.active_count() > 1:  # another thread may hold a lock that no child could ever get
        return [compute(thing) for thing in things]
    shares = [things[first::workers] for first in range(workers)]
    objects = list(known())
    children: list[_Child] = []
    try:
        with suppress(OSError):  # no more processes, or no more files
            for share in shares[1:]:
                children.append(_Child(compute, share, objects))  # noqa: PERF401 - those that were begun have to be in it
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

    def __init__(self, compute: Callable[[Any], Any], share: Sequence[Any], known: Sequence[Any]) -> None:
        self._compute, self._share, self._known = compute, share, known
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
            # A signal that ends the run ends this process at once; nothing of the parent is to be finished here.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            # Pickled completely before anything is sent: the parent does not read while it computes its own share.
            pickled = _pickled([compute(thing) for thing in share], known)
            with os.fdopen(to, "wb") as stream:
                stream.write(pickled)
        finally:
            os._exit(0)

    def results(self) -> list[Any]:
        """What it computed, or the same computed here."""
        with os.fdopen(os.dup(self._from), "rb") as stream:
            try:
                return _Unpickler(stream, self._known).load()
            except (EOFError, pickle.UnpicklingError):
                return [self._compute(thing) for thing in self._share]

    def end(self) -> None:
        """Kill it and clean up."""
        os.close(self._from)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _pickled(results: list[Any], known: Sequence[Any]) -> memoryview:
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.places = {id(thing): place for place, thing in enumerate(known)}
    pickler.dump(results)
    return buffer.getbuffer()


class _Pickler(pickle.Pickler):
    """Writes the place of a known object instead of the object. A forked process has them where its parent has them."""

    places: dict[int, int]

    # Not persistent_id, which is called for each string and number, too.
    def reducer_override(self, thing: Any) -> Any:
        place = self.places.get(id(thing))
        return NotImplemented if place is None else (_known_at, (place,))


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: Any, known: Sequence[Any]) -> None:
        super().__init__(stream)
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        return (
            self._known.__getitem__ if (module, name) == (__name__, "_known_at") else super().find_class(module, name)
        )


def _known_at(place: int) -> Any:
    """Stands in a pickle for the object at a place."""
    raise NotImplementedError(place)
