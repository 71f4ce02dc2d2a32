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
    is_straight,
    script_of,
    sleep_seconds,
)

# Hooks that return only when the server has drained: their time is part of the drain, not taken from it.
_DRAINS = re.compile(r"/(?:wait-shutdown|drain)\b")
_QUITS = "nginx -s quit"
_WAITS = re.compile(r"pgrep|pidof|while|until|wait")
_LOOKS = re.compile(r"\b(?:pgrep|pidof)\b")


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


def takes_no_time(handler: Handler) -> bool:
    """Whether a command or a sleep certainly returns at once, so that it delays nothing."""
    hook = hook_time(handler)
    return handler.kind in ("exec", "sleep") and hook.exact and not hook.seconds and not hook.drains


def _exec_time(command: tuple[str, ...]) -> HookTime:
    script = script_of(command)
    drains = _drains(" ".join(command) if script is None else script)
    if script is None:
        seconds = sleep_seconds(command)
        if seconds is not None:
            return HookTime(math.ceil(seconds), True, "preStop exec sleep")
        return HookTime(0, False, "preStop exec: its time is not declared", drains)
    if not is_straight(script):
        # What is in a loop, a branch or the background may run often, or not at all.
        return HookTime(0, False, "preStop exec: its time is not declared", drains)
    parts = [_without_exec(part.split()) for part in commands_of(script)]
    times = [sleep_seconds(words) for words in parts]
    seconds = sum(time for time in times if time is not None)
    substitutes = "$(" in script or "`" in script
    if substitutes or any(time is None and not _instant(words) for time, words in zip(times, parts, strict=True)):
        return HookTime(math.ceil(seconds), False, "preStop exec: only its literal sleeps are known", drains)
    source = "preStop exec sleep" if seconds else "preStop exec returns at once"
    return HookTime(math.ceil(seconds), True, source, drains)


def _drains(text: str) -> bool:
    """Whether a hook waits for a drain that it has asked for, or looks whether nginx still runs."""
    looks = _LOOKS.search(text)
    return bool(
        _DRAINS.search(text) or _WAITS.search(text.partition(_QUITS)[2]) or (looks and "nginx" in text[looks.end() :])
    )


def _without_exec(words: list[str]) -> list[str]:
    return words[1:] if words[0] == "exec" else words


def _instant(words: list[str]) -> bool:
    """Whether a simple command takes no time worth counting."""
    return not words or basename(words[0]) in ("echo", "printf", "true", ":", "exit", "set", "date")
