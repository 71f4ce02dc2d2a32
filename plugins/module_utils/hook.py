# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a preStop hook takes, as far as its text tells."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.shell import (
    basename,
    commands_of,
    has_loop,
    script_of,
    sleeps,
)

# Hooks that return only when the server has drained: their time is part of the drain, not taken from it.
_DRAINS = re.compile(
    r"/wait-shutdown\b|nginx -s quit.*(pgrep|pidof|while|until|wait)|\b(pgrep|pidof)\b.*nginx|/drain\b", re.S
)


@dataclass(frozen=True, slots=True)
class HookTime:
    """`seconds` is exact, or a lower bound when `exact` is False. `drains` marks a hook that waits for the drain."""

    seconds: int
    exact: bool
    source: str
    drains: bool = False


NO_HOOK = HookTime(0, True, "no preStop hook")


def hook_time(handler: Handler | None) -> HookTime:
    """The time of a preStop handler, with its source in words."""
    if handler is None:
        return NO_HOOK
    if handler.kind == "sleep":
        return HookTime(handler.seconds, True, "preStop sleep action")
    if handler.kind == "tcpSocket":
        # The kubelet knows no such handler: the hook fails at once, whatever the port does.
        return HookTime(0, True, "preStop tcpSocket never runs")
    if handler.kind == "httpGet":
        return HookTime(0, False, "preStop httpGet: its time is not declared")
    return _exec_time(handler.command)


def _exec_time(command: tuple[str, ...]) -> HookTime:
    if not command:
        return HookTime(0, False, "preStop exec without a command")
    if basename(command[0]) == "sleep":
        return HookTime(math.ceil(sleeps(" ".join(command))), True, "preStop exec sleep")
    script = script_of(command)
    text = " ".join(command) if script is None else script
    drains = bool(_DRAINS.search(text))
    if script is None or has_loop(script):
        return HookTime(0, False, "preStop exec: its time is not declared", drains)
    seconds = math.ceil(sleeps(script))
    others = [part for part in commands_of(script) if not _instant(part)]
    if seconds and not others:
        return HookTime(seconds, True, "preStop exec sleep")
    return HookTime(seconds, False, "preStop exec: only its literal sleeps are known", drains)


def _instant(command: str) -> bool:
    """Whether a simple command is a sleep, already counted, or takes no time worth counting."""
    return basename(command.split()[0]) in ("sleep", "echo", "true", ":", "exit", "exec", "set")
