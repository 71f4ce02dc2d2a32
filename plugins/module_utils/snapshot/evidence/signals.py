# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stop signal reaches PID 1: the kernel gives an init only signals that it handles."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.proc import Process, Processes

TERM = 15
_NUMBERS = {"HUP": 1, "INT": 2, "QUIT": 3, "USR1": 10, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": TERM}
_NUMBERS |= {"CHLD": 17, "CONT": 18, "TSTP": 20, "WINCH": 28, "IO": 29, "PWR": 30}
_REAL_TIME = re.compile(r"RTMIN(?:\+(\d{1,2}))?")
_RTMIN = 34
# What images declare as STOPSIGNAL: nginx and php-fpm QUIT, postgres INT, haproxy USR1, httpd WINCH, systemd RTMIN+3.
_DECLARED = ("QUIT", "INT", "USR1", "WINCH", "RTMIN+3")
_CATCHES_INT = re.compile(r"python[\d.]*|(?:ba|da|k|z|a)?sh")
# Go catches every signal that it can for itself, the real-time ones included; nothing else does.
_GO = 0xFFFFFFFC00000000

HANDLED, DROPPED, IGNORED, UNKNOWN = "handled", "dropped", "ignored", "unknown"


def signal_number(name: str) -> int | None:
    """The number of a signal such as SIGTERM or SIGRTMIN+3 on Linux; None for one that cannot be handled."""
    bare = name.upper().removeprefix("SIG")
    real_time = _REAL_TIME.fullmatch(bare)
    return _RTMIN + int(real_time[1] or 0) if real_time else _NUMBERS.get(bare)


def reaction(processes: Processes, number: int) -> str:
    """What PID 1 does about a signal. HANDLED means only that: it may be the handler of a language runtime."""
    first = processes.first
    shown = _reaction(first, number)
    if shown in (HANDLED, UNKNOWN) or first.state == "R":
        return shown
    # While a process waits for signals to read them itself, as tini and dumb-init do, it does not look as if it did.
    if not processes.waits:
        return UNKNOWN
    return HANDLED if "sigtimedwait" in processes.waits else shown


def _reaction(process: Process, number: int) -> str:
    if process.caught is None or process.ignored is None or process.blocked is None:
        return UNKNOWN
    bit = 1 << (number - 1)
    # What is blocked is kept for it, as signalfd needs it.
    if (process.caught | process.blocked) & bit:
        return HANDLED
    return IGNORED if process.ignored & bit else DROPPED


def other_stop_signals(process: Process) -> list[str]:
    """The signals, other than TERM, that PID 1 handles and an image might declare as its STOPSIGNAL."""
    return [f"SIG{name}" for name in _DECLARED if _reaction(process, signal_number(name) or TERM) == HANDLED]


def catches_int(program: str) -> bool:
    """Whether the program's own runtime always catches INT, so that this says nothing about the application."""
    return bool(_CATCHES_INT.fullmatch(program))


def is_go(process: Process) -> bool:
    """Whether it looks like a Go program, whose runtime catches nearly every signal."""
    return process.caught is not None and (process.caught & _GO).bit_count() >= 28
