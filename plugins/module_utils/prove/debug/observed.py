# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of the observer, line by line. It comes from a user's pod, so it is untrusted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.base.text import shorten, visible
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import seconds_of

HANDLED, IGNORED, BLOCKED, DEFAULT = "handled", "ignored", "blocked", "no handler"
LISTEN = "LISTEN"
LINE_LIMIT = 20_000
_TERM = 1 << 14
_PROCESS = re.compile(
    r"process ([0-9]{1,10}) ([0-9]{1,10}) ([A-Za-z]) ([0-9]{1,6}) ([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}) ?(.*)"
)
_SOCKETS = re.compile(r"sockets (-|[0-9A-F]{4}) ([0-9A-F]{2}) ([0-9]{1,7})")
# What tcpdump prints after the length is part of a payload.
_PACKET = re.compile(
    r"([0-9]{9,11}\.[0-9]+ .{0,60}?IP6? ([0-9a-f.:]{3,60}) > ([0-9a-f.:]{3,60}): Flags \[([SFRPUWE.]{1,8})\],"
    r".{0,300}? length ([0-9]{1,7}))\b.*"
)
_DUMPED = re.compile(r"[0-9]{9,11}\.[0-9]+ .*")  # another kind of packet: unknown what of it is payload
_FLAGS = {"S": "SYN", "F": "FIN", "R": "RST", "P": "PSH", ".": "ACK"}
_OBSERVE = re.compile(r"observe ([0-9]{1,10})")
# Of a TCP connection, by their number in the kernel.
_STATES = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    LISTEN,
    "CLOSING",
    "NEW_SYN_RECV",
)
_WORDS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the target. `state` is one letter, such as Z; `term`: how it handles SIGTERM, if visible."""

    pid: int
    parent: int
    name: str
    state: str
    threads: int
    term: str


@dataclass(frozen=True, slots=True)
class Look:
    """One look that differs from the one before. `sockets` counts by (port, state); port None is outgoing."""

    at: float
    processes: dict[int, Process]
    sockets: dict[tuple[int | None, str], int]


@dataclass
class Observation:
    """All looks; times are of the node's clock. `words` is unexpected output, such as an error."""

    own_pid: int | None = None
    looks: list[Look] = field(default_factory=list)
    last_at: float | None = None
    stop_at: float | None = None
    ended_at: float | None = None
    packets: list[tuple[float, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def sees_processes(self) -> bool:
        """Whether it shares the target's processes. If a runtime does not support that, it is PID 1 itself."""
        return self.own_pid is not None and self.own_pid != 1

    def before(self) -> Look | None:
        """The last look before the stop."""
        earlier = [look for look in self.looks if self.stop_at is None or look.at <= self.stop_at]
        return earlier[-1] if earlier else None


def read(lines: Iterable[str]) -> Observation:
    """Read the lines of the log, each with a timestamp in front."""
    seen = Observation()
    processes: dict[int, Process] = {}
    sockets: dict[tuple[int | None, str], int] = {}
    for line in lines:
        stamp, _blank, text = line.partition(" ")
        at = seconds_of(stamp)
        if at is None:
            continue
        if match := _PROCESS.fullmatch(text):
            process = _process(match)
            processes[process.pid] = process
        elif match := _SOCKETS.fullmatch(text):
            port = None if match[1] == "-" else int(match[1], 16)
            state = int(match[2], 16)
            sockets[port, _STATES[state] if state < len(_STATES) else match[2]] = int(match[3])
        elif text == "looked":
            seen.last_at = at
            if (processes or sockets) and not (seen.looks and _same(seen.looks[-1], processes, sockets)):
                seen.looks.append(Look(at, processes, sockets))
            processes, sockets = {}, {}
        elif text == "stop":
            seen.stop_at = seen.stop_at or at
        elif text == "ended":
            seen.ended_at = at
        elif match := _OBSERVE.fullmatch(text):
            seen.own_pid = int(match[1])
        elif match := _PACKET.fullmatch(text):
            flags = " ".join(_FLAGS[letter] for letter in match[4] if letter in _FLAGS)
            seen.packets.append((at, f"{match[2]} > {match[3]}: {flags}, {match[5]} bytes"))
        elif text and not _DUMPED.fullmatch(text) and len(seen.words) < _WORDS_LIMIT:
            seen.words.append(shorten(visible(text), 200))
    return seen


def clean(line: str) -> str:
    """A line of the log, safe to keep and show."""
    stamp, _blank, text = line.partition(" ")
    if _DUMPED.fullmatch(text):
        match = _PACKET.fullmatch(text)
        text = match[1] if match else "(packet not kept)"
    return visible(f"{stamp} {text}")


def _same(look: Look, processes: dict[int, Process], sockets: dict[tuple[int | None, str], int]) -> bool:
    return look.processes == processes and look.sockets == sockets


def _process(match: re.Match[str]) -> Process:
    pid, parent, state, threads, blocked, ignored, caught, name = match.groups()
    masks = ((caught, HANDLED), (ignored, IGNORED), (blocked, BLOCKED))
    term = next((word for mask, word in masks if int(mask, 16) & _TERM), DEFAULT)
    return Process(int(pid), int(parent), visible(name[:64]), state, int(threads), term)
