# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a hook that stop the server of their own container."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import BUILT_IN
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import Command, calls_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.execution import execute
from ansible_collections.graceful.termination.plugins.module_utils.workload.launch import UNKNOWN
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import LINKERD_ADMIN
from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import KILLERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    running_server,
    signalled_server,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import Span, exactly
from ansible_collections.graceful.termination.plugins.module_utils.workload.steps import Step
from ansible_collections.graceful.termination.plugins.module_utils.workload.stop_commands import (
    pause_before,
    stop_call,
    stop_command,
)

_NUMBERS = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
_STOPPING = ("TERM", "QUIT", "INT", "KILL", "WINCH", "ABRT", "RTMIN+3")
_OTHERS = ("HUP", "USR1", "USR2", "CONT", "STOP", "ALRM", "TSTP", "TTIN", "TTOU", "CHLD", "PIPE", "0")
# Scripts whose output is a process id: kill $(cat /run/server.pid).
_READS_ID = re.compile(r"(?:cat|pidof|pgrep|head|lsof|ps|fuser|ss|<)\b|<")
_NAMED = re.compile(r"(?:pidof|pgrep)\s+(?:-\S+\s+)*['\"]?([\w.-]+)|/([\w.-]+)\.pid")
# Where a mesh's proxy listens: what is called there stops the proxy, not the server.
_MESH_PORTS = (15000, 15020, 15021, LINKERD_ADMIN)


@dataclass(frozen=True, slots=True)
class Stop:
    """A command that stops the server: when the server gets it, and what happens to requests in flight.

    `drains` is None if the server's behaviour is unknown. `waits`: the command returns only when it has stopped.
    `to_first`: it is a signal to PID 1 alone, whatever that is.
    """

    starts: Span
    drains: bool | None
    waits: bool = False
    to_first: bool = False


def stops_of(container: Container) -> list[Stop]:
    """What the preStop hook does to stop the server of its container, in the order of the text."""
    handler = container.pre_stop
    if handler is None or handler.kind != "exec" or handler.windows:
        return []
    found = (stop_of(step, container) for step in execute(handler.command).steps)
    return [stop for stop in found if stop]


def hook_stops_server(container: Container) -> bool:
    """Whether the preStop hook stops the server of its container, gracefully or not."""
    return bool(stops_of(container))


def stop_of(step: Step, container: Container | None = None) -> Stop | None:
    """What a program that starts does to the server; None where it stops none.

    Without the container, only what stops any server is known: not that USR1 does so to HAProxy alone.
    """
    program, *operands = step.words or ("",)
    if program == "xargs":
        program, operands = _behind_xargs(operands)
        return _signalled(program, operands, step, container, piped=True) if program in KILLERS else None
    if program in KILLERS:
        return _signalled(program, operands, step, container, piped=False)
    row = stop_command(program, operands)
    if row and (not row.own or (container and _runs(container, row.own))):
        return Stop(step.starts + exactly(pause_before(row, operands)), row.drains, row.waits != 0)
    for call in calls_of(Command(tuple(step.words))):
        known = stop_call(call.path) if call.loopback and call.port not in _MESH_PORTS else None
        if known:
            return Stop(step.starts, known.drains or None)
    return None


def _signalled(
    program: str, operands: Sequence[str], step: Step, container: Container | None, *, piped: bool
) -> Stop | None:
    """What kill and its kin do, by any spelling of a signal."""
    if program == "fuser" and not any(word.startswith("-k") for word in operands):
        return None
    signal, targets = _signal(program, operands)
    names = set(_names(step.reads))
    if program in ("kill", "skill"):
        reads = any(UNKNOWN in word for word in targets) and any(map(_READS_ID.match, map(str.strip, step.reads)))
        if not ({"1", "-1"} & set(targets) or reads or piped):
            return None
    else:
        names |= set(targets)
    server = _server(names, container, first="1" in targets)
    alone = program in ("kill", "skill") and set(targets) == {"1"} and not piped
    if server and signal == server.image_signal:
        return Stop(step.starts, drains=True, to_first=alone)
    if signal not in _STOPPING:
        return None
    drains = False if server or signal == "KILL" else None
    waits = program == "killall" and bool({"-w", "--wait"} & set(operands))
    return Stop(step.starts, drains, waits, alone)


def _signal(program: str, operands: Sequence[str]) -> tuple[str, list[str]]:
    """(the signal's name, the targets); an empty name if the text is not a signal."""
    signal, targets, rest = "TERM", [], list(operands)
    while rest:
        word = rest.pop(0)
        if word in ("-s", "-n", "--signal", "-signal"):
            signal = _name_of(rest.pop(0)) if rest else ""
        elif word.startswith(("--signal=", "-s=")):
            signal = _name_of(word.partition("=")[2])
        elif word == "--":
            targets += rest
            break
        elif word.startswith("-") and word != "-1":
            name = _name_of(word[1:].removeprefix("s") if word[1:2] == "s" and word[2:3].isupper() else word[1:])
            if name or program == "kill":
                signal = name
        elif word == "-1" and not targets and rest:
            signal = "HUP"  # kill -1 PID
        else:
            targets.append(word)
    return signal, targets


def _name_of(text: str) -> str:
    name = text.upper().removeprefix("SIG")
    name = _NUMBERS.get(name, name)
    return name if name in (*_STOPPING, *_OTHERS) else ""


def _names(reads: Sequence[str]) -> Iterator[str]:
    """The programs whose process ids these scripts find."""
    for script in reads:
        for match in _NAMED.finditer(script[:500]):
            yield match[1] or match[2]


def _server(names: set[str], container: Container | None, *, first: bool) -> Server | None:
    """The server that is meant, if it drains on another signal than SIGTERM: by its name, or PID 1 of the container."""
    named = (server for name in names for server in BUILT_IN.by_program.get(name, ()))
    found = next((server for server in named if server.image_signal not in ("", "TERM")), None)
    if found or not container or not (first or not names):
        return found
    running = signalled_server(running_server(container))
    return running.server if running else None


def _runs(container: Container, program: str) -> bool:
    """Whether the container runs this program, by its command or by the name of its image."""
    return program in (basename(word) for word in container.words[:1]) or program in image_name(container).split("/")


def _behind_xargs(operands: Sequence[str]) -> tuple[str, list[str]]:
    for index, word in enumerate(operands):
        if word in KILLERS:
            return word, list(operands[index + 1 :])
    return "", []
