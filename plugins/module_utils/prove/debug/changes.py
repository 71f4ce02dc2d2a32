# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed from one look to the next, as text."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observed import (
    BLOCKED,
    DEFAULT,
    LISTEN,
    Look,
    Observation,
    Process,
)

_LETTERS = {
    "Z": "ended, but its parent has not reaped it (zombie)",
    "D": "in uninterruptible sleep (waits for I/O)",
    "T": "stopped by a signal",
    "t": "stopped by a debugger",
}


def timeline(seen: Observation) -> Iterator[tuple[float, str]]:
    """(time, text) from the last look before the stop; times are of the node's clock."""
    before = seen.before()
    if before is not None:
        for process in sorted(before.processes.values(), key=lambda each: each.pid):
            yield before.at, f"{_named(process)}: SIGTERM: {_term(process)}"
        for text in _sockets(Look(before.at, {}, {}), before):
            yield before.at, text
    if seen.stop_at is None:
        return
    yield seen.stop_at, "the stop begins: the preStop hook if there is one, else SIGTERM"
    for look in seen.looks:
        if before is None or look.at > before.at:
            for text in _changes(before, look):
                yield look.at, text
            before = look
    if seen.ended_at is not None and seen.sees_processes:
        yield seen.ended_at, "all processes of the target have ended"


def _changes(before: Look | None, after: Look) -> Iterator[str]:
    old = before.processes if before else {}
    for pid, process in sorted(after.processes.items()):
        earlier = old.get(pid)
        if earlier is None:
            yield f"{_named(process)}: started by {process.parent or 'the runtime'}"
        elif earlier.state != process.state and process.state in _LETTERS:
            yield f"{_named(process)}: {_LETTERS[process.state]}"
        if earlier is not None and earlier.term != process.term:
            yield f"{_named(process)}: SIGTERM: now {_term(process)}"
    yield from (f"{_named(process)}: ended" for pid, process in sorted(old.items()) if pid not in after.processes)
    yield from _sockets(before or Look(after.at, {}, {}), after)


def _sockets(before: Look, after: Look) -> Iterator[str]:
    """One line for each port that has changed; listening sockets are separate from connected ones."""
    ports = {port for port, _state in (*before.sockets, *after.sockets)}
    for port in sorted(ports, key=lambda each: (each is None, each or 0)):
        name = "outgoing connections" if port is None else f"port {port}"
        listened, listens = (bool(look.sockets.get((port, LISTEN))) for look in (before, after))
        if listened != listens:
            yield f"{name}: " + ("listening" if listens else "no longer listening")
        states = {state for each, state in (*before.sockets, *after.sockets) if each == port and state != LISTEN}
        counts = [
            (state, before.sockets.get((port, state), 0), after.sockets.get((port, state), 0))
            for state in sorted(states)
        ]
        moved = [f"{state} {f'{old} → ' if old else ''}{new}" for state, old, new in counts if old != new]
        if moved:
            yield f"{name}: {', '.join(moved)}"


def _term(process: Process) -> str:
    if process.term == BLOCKED:
        return "blocked: it reads its signals itself (sigwait), or never gets this one"
    if process.term != DEFAULT:
        return process.term
    # tini and dumb-init wait for signals without a handler.
    return (
        "no handler: dropped, unless it waits for it (sigwait)" if process.pid == 1 else "no handler: ends it at once"
    )


def _named(process: Process) -> str:
    return f"process {process.pid} {process.name}"
