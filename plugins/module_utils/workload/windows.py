# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of hooks in Windows containers: what cmd, PowerShell and Windows' programs make of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ansible_collections.graceful.termination.plugins.module_utils.workload.execution import Execution
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import (
    ANY,
    NONE,
    Span,
    exactly,
    up_to,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.steps import Step

NO_PROGRAM = "Windows has no program of that name"
ONLY_IN_POWERSHELL = "it is a command of PowerShell, and no PowerShell runs it"
ONLY_IN_CMD = "it is a command of cmd, and no cmd runs it"
SHELLS = ("cmd", "powershell", "pwsh")
_UNIX = frozenset(
    (
        *("sleep", "usleep", "sh", "bash", "dash", "ash", "busybox", "touch", "true", "false", "kill", "pkill", "rm"),
        *("killall", "cat", "tail", "env", "nohup"),
    )
)
_CMDLET = re.compile(r"[a-z]{3,10}-[a-z]{3,20}", re.I)
_OF_CMD = ("echo", "rem", "exit", "del", "type", "copy", "ren", "set", "cd", "call", "start", "if", "for", "md", "rd")
_INSTANT = ("echo", "rem", "exit", "del", "type", "ren", "set", "cd", "md", "rd", "taskkill", "hostname", "ver", "move")
_OF_POWERSHELL = re.compile(
    r"(?:write-(?:host|output|verbose|warning|error)|echo|set-content|add-content|new-item|remove-item|out-file"
    r"|set-executionpolicy|\$[\w:]+\s*=\s*['\"\w.]+)(?:\s[^|]*)?",
    re.I,
)
_START_SLEEP = re.compile(
    r"(?:start-sleep|sleep)\s+(?:-(?P<unit>s|sec|seconds|m|milli|milliseconds)\s*[:\s]\s*)?(?P<amount>\d{1,9}(?:\.\d{1,3})?)",
    re.I,
)
_PING_COUNT = re.compile(r"[-/]n", re.I)
_OPTION = re.compile(r"[-/][a-z]+", re.I)
_SEPARATORS = re.compile(r"&&|\|\||&|\|")
_TO_NOWHERE = re.compile(r"\s*\d?>>?\s*(?:&\d|[\w$:\\./-]+)")


def execute_on_windows(words: Sequence[str]) -> Execution:
    """Follow a command as Windows starts it. Where that is not known, its time may be any."""
    if not words:
        return Execution(NONE, (), "the API server refuses a hook without a command")
    program, operands = program_of(words[0]), list(words[1:])
    span, fault = _direct(program, operands)
    return Execution(span, (Step((program, *operands), NONE),), fault)


def program_of(word: str) -> str:
    """The name of a program without its folder and extension: powershell of C:\\\\…\\\\PowerShell.exe."""
    return re.sub(r"\.(?:exe|cmd|bat)$", "", re.split(r"[/\\]", word)[-1].lower())


def _direct(program: str, operands: list[str]) -> tuple[Span, str]:
    if program == "cmd":
        return _cmd(operands), ""
    if program in ("powershell", "pwsh"):
        return _powershell(program, operands), ""
    if program in _UNIX or " " in program:
        return NONE, NO_PROGRAM
    if _CMDLET.fullmatch(program):
        return NONE, ONLY_IN_POWERSHELL
    if program in _OF_CMD:
        return NONE, ONLY_IN_CMD
    return _program(program, operands), ""


def _program(program: str, operands: Sequence[str]) -> Span:
    """ping, timeout and the like, called by anything."""
    if program == "ping":
        return _ping(operands)
    if program == "timeout":
        # Without a console it reports that input redirection is not supported, and exits at once.
        amounts = [int(word) for word in operands if word.isascii() and word.isdecimal()]
        return up_to(amounts[0]) if amounts else ANY
    if program == "waitfor":
        amounts = [int(word) for word in operands if word.isascii() and word.isdecimal()]
        return up_to(amounts[0]) if amounts else ANY
    return NONE if program in _INSTANT else ANY


def _ping(operands: Sequence[str]) -> Span:
    """One second passes between two requests. A host that does not answer takes longer, or none is found at once."""
    counts = [
        int(operands[index + 1])
        for index, word in enumerate(operands[:-1])
        if _PING_COUNT.fullmatch(word) and operands[index + 1].isascii() and operands[index + 1].isdecimal()
    ]
    if any(word.lower() in ("-t", "/t") for word in operands) and not counts:
        return Span(0, math.inf)
    seconds = max((counts[0] if counts else 4) - 1, 0)
    own = any(word.lower() in ("127.0.0.1", "localhost", "::1") for word in operands)
    return exactly(seconds) if own and ">nul" not in operands and ">" not in operands else Span(0, math.inf)


def _cmd(operands: list[str]) -> Span:
    while operands and operands[0].lower() not in ("/c", "/k"):
        if not _OPTION.match(operands[0]):
            return NONE  # cmd without /c reads its input, and a hook has none
        operands = operands[1:]
    text = " ".join(operands[1:]).strip()
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    total = NONE
    doubt = "||" in text or "|" in text or "%" in text
    for part in _SEPARATORS.split(_TO_NOWHERE.sub("", text)):
        words = part.strip(' @()"').split()
        if not words:
            continue
        program = program_of(words[0])
        if program in ("if", "for", "call", "start"):
            total += ANY
        elif program in ("powershell", "pwsh"):
            total += _powershell(program, [word.strip('"') for word in words[1:]])
        elif program in _UNIX:
            total += NONE
        else:
            total += _program(program, words[1:])
    return Span(0, total.limit) if doubt else total


def _powershell(program: str, operands: list[str]) -> Span:
    code = list(operands)
    while code and code[0].startswith(("-", "/")):
        option = code.pop(0).lower().lstrip("-/")
        if option in ("command", "c"):
            break
        if option in ("file", "f", "encodedcommand", "enc", "e", "ec"):
            return ANY
        if option in ("executionpolicy", "ep", "ex", "version", "windowstyle", "inputformat", "outputformat"):
            del code[:1]
    else:
        if program == "pwsh" and code:
            return ANY  # what follows is a file there
    total = NONE
    text = " ".join(code).strip()
    if text.startswith(("&", "{")):
        text = text.lstrip("& {").rstrip("} ")
    for statement in re.split(r"[;\n]", text):
        statement = statement.strip()
        if not statement:
            continue
        sleeps = _START_SLEEP.fullmatch(statement)
        if sleeps:
            milliseconds = (sleeps["unit"] or "s").lower().startswith("m")
            total += exactly(float(sleeps["amount"]) / (1000 if milliseconds else 1))
        elif not _OF_POWERSHELL.fullmatch(statement):
            total += ANY
    return total
