# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a container, as files of /proc show them. What a container says is hostile: it may say anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename

MOST_BYTES = 2**21  # of output that is read from one container; a status file has about 1,400
_LINE = re.compile(r"(\w{1,40}):\s*(.*)")
_PROGRAM = re.compile(r"[\w.+-]{1,32}")
_SYMBOL = re.compile(r"[a-z_][\w.]{0,63}")  # not 0, which means none
_MASKS = ("SigBlk", "SigIgn", "SigCgt")


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `name` has at most 15 characters; `state` is one letter, such as Z.

    `blocked`, `ignored` and `caught` are masks of signals, bit N-1 for signal N; None where the kernel shows none.
    `namespaces`: how many process namespaces it is seen in from here, 1 for a container's own processes.
    """

    pid: int
    parent: int
    name: str
    state: str
    blocked: int | None
    ignored: int | None
    caught: int | None
    namespaces: int


@dataclass(frozen=True, slots=True)
class Processes:
    """What one reading brought. `all`: of every process, not of PID 1 alone; `program` is PID 1's, without its path.

    `waits`: the kernel's name of what PID 1 waits for; empty where that is not shown, or it runs.
    """

    first: Process
    others: tuple[Process, ...]
    program: str
    waits: str
    all: bool

    @property
    def children(self) -> int:
        """How many processes PID 1 has started, or inherited, that are alive."""
        return sum(process.parent == 1 and process.state not in "ZX" for process in self.others)

    @property
    def zombies(self) -> int:
        """How many have ended and wait for PID 1 to reap them."""
        return sum(process.parent == 1 and process.state == "Z" for process in self.others)


def read_processes(output: bytes, *, everything: bool) -> Processes | None:
    """Read what PID 1 waits for, status files one after the other, and the command line of PID 1, all in one piece.

    None without PID 1. Of the command line only the program is kept: arguments may be secrets.
    """
    files, _nul, _arguments = output[:MOST_BYTES].decode("utf-8", "replace").partition("\0")
    waits, name, statuses = files.partition("Name:")
    found: dict[int, Process] = {}
    for fields in _blocks(name + statuses):
        process = _process(fields)
        if process:
            found.setdefault(process.pid, process)  # what a command line pretends to be comes after the real ones
    first = found.pop(1, None)
    if first is None:
        return None
    waiting = _SYMBOL.fullmatch(waits.strip())
    return Processes(
        first, tuple(found.values()), _program(files) or first.name, waiting[0] if waiting else "", everything
    )


def _blocks(files: str) -> list[dict[str, str]]:
    blocks: list[dict[str, str]] = []
    for line in files.split("\n"):
        match = _LINE.fullmatch(line)
        if match and match[1] == "Name":
            blocks.append({})
        if match and blocks:
            blocks[-1].setdefault(match[1], match[2].strip())
    return blocks


def _process(fields: dict[str, str]) -> Process | None:
    pid, parent = _number(fields.get("Pid")), _number(fields.get("PPid"))
    if pid is None or parent is None:
        return None
    blocked, ignored, caught = (_mask(fields.get(name)) for name in _MASKS)
    namespaces = len((fields.get("NSpid") or "1").split())
    name = "".join(_PROGRAM.findall(fields.get("Name", ""))[:1])
    return Process(pid, parent, name, fields.get("State", "?")[:1], blocked, ignored, caught, namespaces)


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,10}", text) else None


def _mask(text: str | None) -> int | None:
    return int(text, 16) if text and re.fullmatch(r"[0-9a-fA-F]{1,32}", text) else None


def _program(files: str) -> str:
    """The base name of the first argument, which ends the text; a server may have written its title there."""
    words = files.rpartition("\n")[2].split()
    match = _PROGRAM.match(basename(words[0]).lstrip("-")) if words else None
    return match[0] if match else ""
