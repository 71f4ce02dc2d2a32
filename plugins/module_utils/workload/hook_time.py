# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a preStop hook takes, as far as its text shows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.execution import Execution, execute
from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import ONLY_SAYS
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import stop_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    SHELLS,
    commands_of,
    is_straight,
    script_of,
    sleep_seconds,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.windows import execute_on_windows

# A command that sends PID 1 a signal. Only plain scripts are believed to reach it: whatever may skip a command, run it
# elsewhere or end the script before is none.
_TO_FIRST = re.compile(r"(?:\S*/)?kill (?:-s |-)(?:SIG)?([A-Z]{2,6}[0-9]?|[0-9]{1,2}) 1")
_NUMBERS = {"2": "INT", "3": "QUIT", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
_TO_NOWHERE = re.compile(r"\s\d?>\s?/dev/null\b|\s\d?>&\d")
_NOT_PLAIN = re.compile(r"[|!`$(){}<>]")
_ONLY_SAYS = re.compile(r"(?:echo|true|:)(?: .*)?|set -[eux]{1,3}")
# Hooks that return only when the server has drained: their time is part of the drain, not taken from it.
_DRAINS = re.compile(r"/(?:wait-shutdown|drain)\b")
_LOOKS = ("pgrep", "pidof", "killall", "ps")
_WRITES = re.compile(r">(?!\s?/proc/(?:1|self)/fd/)")
_UNDECLARED = "preStop exec: its time is not declared"


@dataclass(frozen=True, slots=True)
class Background:
    """What a command leaves in the background with its output open.

    `after`: whole seconds after which the command itself has ended. containerd waits until the output is closed
    (seen with Kubernetes 1.37 and containerd 1.6); of other container runtimes that is not known.
    `endless`: it is never closed. `pause`: seconds that it certainly stays open, 0 where that is not known.
    """

    after: int
    pause: int
    endless: bool = False


@dataclass(frozen=True, slots=True)
class HookTime:
    """`seconds` is exact, or a lower bound when `exact` is False. `drains` marks a hook that waits for the drain.

    With `background`, which is never exact, `seconds` are those where the container runtime waits for it.

    `signal` is what the hook sends PID 1 once, such as QUIT, and `waits` the part of `seconds` that follows; both only
    where the text leaves no doubt of it. The hook does not decide what PID 1 does with the signal.
    `endless`: it never ends, and `seconds` says nothing. `only_waits`: a pause and nothing else. `fault`: why the
    command fails at once; empty where it does not.
    """

    seconds: int
    exact: bool
    source: str
    drains: bool = False
    signal: str = ""
    waits: int = 0
    endless: bool = False
    only_waits: bool = False
    fault: str = ""
    background: Background | None = None

    @property
    def certain(self) -> int:
        """The seconds that pass on any container runtime."""
        return min(self.seconds, self.background.after) if self.background else self.seconds

    @property
    def remark(self) -> str:
        """The end of a sentence on `seconds`: where they pass, unless they do anywhere."""
        if not self.background or self.certain == self.seconds:
            return ""
        return f" ({self.seconds - self.certain} s of it in the background, for which containerd waits)"

    def beside_drain(self, signal: str, drain: int) -> HookTime:
        """What the hook takes beside a drain of so many seconds (0: unknown), of a PID 1 that drains on `signal`.

        The drain begins when the hook sends the signal; what the hook then waits is part of it, as far as both go.
        """
        if not self.signal or self.signal != signal:
            return self
        before = self.seconds - self.waits
        source = f"preStop exec: {before} s before SIG{signal}, on which the server drains"
        return replace(self, seconds=before + max(self.waits - drain, 0), exact=True, source=source)


NO_HOOK = HookTime(0, True, "no preStop hook")


def hook_time(handler: Handler | None) -> HookTime:
    """The time of a preStop handler, with its source as text."""
    if handler is None:
        return NO_HOOK
    if handler.kind == "sleep":
        return HookTime(handler.seconds, True, "preStop sleep action", only_waits=True)
    if handler.kind == "tcpSocket":
        # The kubelet knows no such handler: the hook fails at once, whatever the port does.
        return HookTime(0, True, "preStop tcpSocket never runs")
    if handler.kind == "httpGet":
        return HookTime(0, False, "preStop httpGet: its time is not declared")
    if handler.bare:
        return HookTime(0, False, "preStop exec: an image of this name has no shell, and then the hook fails at once")
    execution = execute_on_windows(handler.command) if handler.windows else execute(handler.command)
    return _exec_time(handler.command, execution)


def takes_no_time(handler: Handler) -> bool:
    """Whether a command or a sleep certainly returns at once, so that it delays nothing."""
    hook = hook_time(handler)
    return handler.kind in ("exec", "sleep") and hook.exact and not hook.seconds and not hook.drains


def _exec_time(command: tuple[str, ...], execution: Execution) -> HookTime:
    span = execution.span
    drains = _drains(" ".join(command), execution)
    if span.endless:
        return HookTime(0, False, "preStop exec: it never ends", drains, endless=True)
    seconds = math.ceil(span.least)
    signal, waits = _signal_and_wait(script_of(command) or "")
    if execution.output.limit > span.limit:
        return _in_background(execution, drains)
    if not span.exact:
        source = "preStop exec: only its literal sleeps are known" if seconds else _UNDECLARED
        return HookTime(seconds, False, source, drains, signal, waits)
    if not seconds:
        source = "preStop exec fails at once" if execution.fault else "preStop exec returns at once"
        return HookTime(0, True, source, drains, signal, waits, fault=execution.fault)
    only_waits = all(step.words[:1] and step.words[0] in (*ONLY_SAYS, *SHELLS) for step in execution.steps)
    only_waits = only_waits and not _WRITES.search(_TO_NOWHERE.sub(" ", " ".join(command)))
    return HookTime(seconds, True, "preStop exec sleep", drains, signal, waits, only_waits=only_waits)


def _in_background(execution: Execution, drains: bool) -> HookTime:
    after, output = math.ceil(execution.span.least), execution.output
    pause = 0 if output.endless else math.ceil(output.least)
    left = Background(after, pause if pause > after else 0, output.endless)
    source = "preStop exec: what it leaves in the background holds its output open, for which containerd waits"
    return HookTime(max(after, pause), False, source, drains, background=left)


def _signal_and_wait(script: str) -> tuple[str, int]:
    """(the signal that PID 1 gets once, whole seconds of sleep after it); ("", 0) where either is in doubt."""
    script = _TO_NOWHERE.sub(" ", script)
    commands = [" ".join(command.split()) for command in commands_of(script)]
    if _NOT_PLAIN.search(script) or not commands or not is_straight(script):
        return "", 0
    commands[-1] = commands[-1].removeprefix("exec ")
    signal, waits = "", 0.0
    for command in commands:
        sent, seconds = _TO_FIRST.fullmatch(command), sleep_seconds(command.split())
        if sent and not signal:
            signal = _NUMBERS.get(sent[1], sent[1])
        elif seconds is not None:
            waits += seconds if signal else 0
        elif not _ONLY_SAYS.fullmatch(command):
            return "", 0
    return (signal, math.floor(waits)) if signal else ("", 0)


def _drains(text: str, execution: Execution) -> bool:
    """Whether a hook waits for a drain that it has started, or checks whether the server still runs."""
    if _DRAINS.search(text):
        return True
    asked = False
    for step in execution.steps:
        if asked and (step.loops or "wait" in step.words[:1] or any(word.startswith("--pid") for word in step.words)):
            return True
        if step.loops and step.words[:1] and step.words[0] in _LOOKS and "nginx" in step.words:
            return True
        stop = stop_of(step)
        if stop and stop.waits:
            return True
        asked |= stop is not None
    return False
