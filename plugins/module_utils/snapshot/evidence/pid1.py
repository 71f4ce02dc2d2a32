# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inspection of PID 1 shows about a stop: whether its signal is dropped, and whether a shell is in between."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Look
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.signals import (
    HANDLED,
    TERM,
    UNKNOWN,
    catches_int,
    is_go,
    other_stop_signals,
    reaction,
    signal_number,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import SHELLS

# How each language reacts that has its own handler.
RUNTIMES = {
    "node": "Node as PID 1 runs until it is killed unless the application handles SIGTERM itself",
    "go": "a Go program exits at once with code 2 unless it calls signal.Notify",
    "java": "a JVM exits at once with code 143 unless it has shutdown hooks",
}
_NODE = ("node", "nodejs", "MainThread")


def reaction_to_stop(look: Look) -> str:
    """What PID 1 does about the signal that it gets: SIGTERM, unless the server reports another one. See signals.py."""
    number = signal_number(look.stop_signal) if look.stop_signal else TERM
    return reaction(look.processes, number) if look.processes and number else UNKNOWN


def may_get_another(look: Look) -> list[str]:
    """The signals that PID 1 handles and that may be the image's STOPSIGNAL, where the server does not report it."""
    if look.stop_signal or look.processes is None:
        return []
    return other_stop_signals(look.processes.first)


def only_by_runtime(look: Look, others: list[str]) -> bool:
    """Whether those signals are only what the program's runtime handles whatever the application does."""
    return others == ["SIGINT"] and look.processes is not None and catches_int(look.processes.program)


def is_deaf_shell(look: Look | None) -> bool:
    """Whether PID 1 is a shell that has children and would not forward the stop signal."""
    if look is None or look.processes is None or not look.processes.all:
        return False
    others = may_get_another(look)
    return (
        look.processes.program in SHELLS
        and look.processes.children > 0
        and reaction_to_stop(look) not in (HANDLED, UNKNOWN)
        and (not others or only_by_runtime(look, others))
    )


def clears_shell(look: Look | None) -> bool:
    """Whether a shell that the command starts was replaced by a program, or handles the stop signal."""
    if look is None or look.processes is None:
        return False
    return look.processes.program not in SHELLS or reaction_to_stop(look) == HANDLED


def runtime_of(look: Look) -> str:
    """The language whose runtime handles SIGTERM by itself, a key of RUNTIMES; empty for any other program."""
    if look.processes is None:
        return ""
    first, program = look.processes.first, look.processes.program
    if program == "java":
        return "java"
    if program in _NODE or first.name in _NODE:
        return "node"
    return "go" if is_go(first) else ""
