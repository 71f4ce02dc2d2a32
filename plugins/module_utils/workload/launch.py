# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts when the kernel or a shell gets these words: which program, for how long, and how it may fail.

Programs are those of programs.py and stop_commands.py; any other takes an unknown time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import (
    ASKS,
    FOLLOWS,
    INITS,
    INSTANT,
    NEVER_END,
    OF_THE_SHELL,
    ONLY_SAYS,
    SLEEPING_CODE,
    STARTERS,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    SHELLS,
    SLEEP_UNITS,
    basename,
    script_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import (
    ANY,
    ENDLESS,
    NONE,
    Span,
    exactly,
    up_to,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.stop_commands import time_to_stop

UNKNOWN = "\0"  # in a word: what only the shell will know
# Whether a program succeeds. LIKELY: the script does not check, so its author counts on it. OPEN: the script checks it.
SUCCEEDED, FAILED, LIKELY, OPEN = "succeeded", "failed", "likely", "open"
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})([smhd]?)")
_GNU_AMOUNT = re.compile(r"\s*\+?(\d{1,9}(?:\.\d{0,9})?(?:[eE]\+?\d)?|0[xX][0-9a-fA-F]{1,7})([smhd]?)")
_FOR_EVER = re.compile(r"inf(?:inity)?", re.I)
_PREFIXES = STARTERS | INITS
_IN_A_ROW = 20  # of them
_OPERATORS = ("&&", "||", ";", "&", "|")
# After the first blank of one word: an option, an assignment, an address or another path, as a command line has them.
_OPERAND = re.compile(r"""\s(?:[-/"'<>|&;$]|[\w.]+=|\w+://)""")
_PROGRAM_FILE = re.compile(r"/s?bin/[^/]+$|\.(?:bash|cmd|js|pl|php|py|rb|sh)$")
_EQUAL = {"=": True, "==": True, "-eq": True, "!=": False, "-ne": False}

NO_SUCH_PROGRAM = "no program has such a name: write each word of the command as a separate item, as no shell splits it"
NO_SHELL = "it starts with shell syntax, and no shell runs it"
NO_OPTION = "the shell has no -c, so it looks for a file of that name"
NO_SCRIPT = "the shell has no script after -c"
NOT_AN_OPTION = "the shell refuses an option with a space in it: write -c and the script as two items"
NO_OPERAND = "sleep has no duration"
ONLY_FIRST = "sleep has no duration: after -c only the first word is the script"
NO_TIME = "sleep refuses an invalid duration; without a shell there are no variables and no && or ;"
NO_TIME_IN_SHELL = "sleep refuses an invalid duration"


@dataclass(frozen=True, slots=True)
class Launch:
    """A program that starts: its base name and arguments, its own time, and its result.

    `script` is what it hands to a shell, named `shell`; `strict` as by set -e. `limit` is when a timeout ends it;
    `replaces`: nothing of the script that starts it runs afterwards; `doubt`: it may still return at once;
    `detached`: what it has started may run on when it returns.
    """

    words: tuple[str, ...]
    span: Span = ANY
    status: str = LIKELY
    fault: str = ""
    script: str | None = None
    shell: str = ""
    strict: bool = False
    limit: float = math.inf
    replaces: bool = False
    doubt: bool = False
    detached: bool = False

    def bounded(self, span: Span) -> Span:
        """That time, limited by the timeout."""
        bounded = span.within(self.limit)
        return Span(0, bounded.limit) if self.doubt else bounded


def launch(words: Sequence[str], *, in_shell: bool) -> Launch:
    """What these words start. `in_shell`: a shell reads them, which has its own commands."""
    return _launch(list(words), in_shell, 0)


def _launch(words: list[str], in_shell: bool, depth: int) -> Launch:
    if not words:
        return Launch((), NONE, SUCCEEDED)
    first, name = words[0], basename(words[0])
    if UNKNOWN in first or depth > _IN_A_ROW:
        return Launch(tuple(words))
    fault = _no_program(first, in_shell)
    if fault:
        return Launch((name, *words[1:]), NONE, FAILED, fault)
    if name == "timeout":
        return _limited(words, depth)
    if name in ("su", "runuser"):
        return _as_another(words, depth)
    if name in _PREFIXES:
        return _behind(name, words, in_shell, depth)
    if name in SHELLS:
        return _shell(words)
    return replace(_program(name, words[1:], in_shell), words=(name, *words[1:]))


def _no_program(first: str, in_shell: bool) -> str:
    """Why no program can have this name; empty where one may."""
    head, *rest = first.split(None, 1)[:2] or [""]
    folder = first.startswith(("/", "./", "../")) and any("/" in part[1:] for part in rest)  # with a blank in its name
    folder = folder and not _OPERAND.search(first) and not _PROGRAM_FILE.search(head)
    if not head or first.startswith("-") or (head != first and not folder):
        return NO_SUCH_PROGRAM
    if in_shell or "/" in first:
        return ""
    assigns = "=" in first and first.partition("=")[0].isidentifier()
    return NO_SHELL if first in (*OF_THE_SHELL, *_OPERATORS) or assigns else ""


def _behind(name: str, words: list[str], in_shell: bool, depth: int) -> Launch:
    """The program behind one that only starts another."""
    if name == "command" and words[1:2] and words[1] in ("-v", "-V"):
        return Launch(tuple(words), NONE, OPEN)
    prefix = _PREFIXES[name]
    rest = prefix.behind(words[1:])[prefix.operands :]
    if not rest:
        return Launch((name,), NONE, SUCCEEDED)
    found = _launch(rest, in_shell and name in ("command", "builtin"), depth + 1)
    if name == "setsid":  # measured: behind dash it waits, behind bash and without a shell it does not
        return replace(found, detached=True)
    return replace(found, replaces=True) if name == "exec" and in_shell else found


def _limited(words: list[str], depth: int) -> Launch:
    """`timeout 10 PROGRAM`. Old ones of busybox want `-t 10`."""
    rest = STARTERS["timeout"].behind(words[1:])
    if not rest:
        return Launch(("timeout",), NONE, FAILED)
    limit = _amount(rest[0])
    found = _launch(rest[1:], False, depth + 1)
    if limit is None:
        return replace(found, doubt=True)
    return replace(found, limit=min(found.limit, limit or math.inf), status=LIKELY)


def _as_another(words: list[str], depth: int) -> Launch:
    """`su USER -c SCRIPT` and `runuser -u USER -- PROGRAM`."""
    for index, word in enumerate(words[:-1]):
        if word in ("-c", "--command"):
            return Launch(tuple(words), script=words[index + 1], shell="sh")
    if "-u" in words[1:2] and len(words) > 3:
        rest = words[3:]
        return _launch(rest[1:] if rest[:1] == ["--"] else rest, False, depth + 1)
    return Launch(tuple(words))


def _shell(words: list[str]) -> Launch:
    name = basename(words[0])
    options = [word for word in words[1:] if word.startswith(("-", "+"))]
    if words[1:2] and words[1].startswith("-") and len(words[1].split()) > 1:
        return Launch((name,), NONE, FAILED, NOT_AN_OPTION)
    script = script_of(words)
    if script is not None:
        before = words[1 : words.index(script, 1)]
        strict = any(word.startswith("-") and not word.startswith("--") and "e" in word for word in before)
        # Measured: dash 0.5.12 refuses the option and ends with 2, bash and busybox know it.
        doubt = name in ("sh", "dash") and "pipefail" in before
        split = ONLY_FIRST if script.strip() == "sleep" and words[-1] is not script else ""
        return Launch((name,), fault=split, script=script, shell=name, strict=strict, doubt=doubt)
    operands = [word for word in words[1:] if not word.startswith(("-", "+"))]
    if any("c" in option for option in options if not option.startswith("--")):
        return Launch((name,), NONE, FAILED, NO_SCRIPT)
    if not operands:
        return Launch((name,), NONE, SUCCEEDED)  # it reads its input, and a hook has none
    file = operands[0]
    if _no_program(file, True) or ("/" not in file and (file in INSTANT or file in ("sleep", "exec"))):
        return Launch((name,), NONE, FAILED, NO_OPTION)
    return Launch((name, *words[1:]))


def _program(name: str, operands: Sequence[str], in_shell: bool) -> Launch:
    if name == "sleep":
        return _sleep(operands, in_shell)
    if name == "usleep" and len(operands) == 1 and operands[0].isascii() and operands[0].isdecimal():
        return Launch((), exactly(int(operands[0][:12]) / 1e6), SUCCEEDED)
    if name in ("tail", "journalctl") and any(FOLLOWS.fullmatch(word) for word in operands):
        return Launch((), ANY if any(word.startswith("--pid") for word in operands) else ENDLESS)
    if name in NEVER_END:
        return Launch((), ENDLESS)
    asks = name in ("kill", "killall", "pkill") and any(word == "-0" for word in operands)
    if name == "killall" and any(word in ("-w", "--wait") for word in operands):
        return Launch((), ANY)
    if name == "mv":
        # Within a folder it renames; to another volume it copies.
        folders = {word.rpartition("/")[0] for word in operands if not word.startswith("-")}
        return Launch((), NONE if len(folders) == 1 else ANY)
    if name in ("awk", "gawk") and any("system" in word for word in operands):
        return Launch((), ANY)
    seconds = time_to_stop(name, operands)
    if seconds is not None:
        return Launch((), seconds)
    if name in INSTANT:
        return Launch((), NONE, OPEN if asks else _answer(name, operands))
    code = _sleeping_code(name, operands)
    return Launch((), exactly(code), SUCCEEDED) if code is not None else Launch(())


def _answer(name: str, operands: Sequence[str]) -> str:
    """Whether an instant program succeeds."""
    if name == "false":
        return FAILED
    if name in ("[", "test"):
        return _tested([word for word in operands if word != "]"])
    if name in ASKS:
        return OPEN
    return SUCCEEDED if name in ONLY_SAYS else LIKELY


def _tested(words: Sequence[str]) -> str:
    if any(UNKNOWN in word for word in words):
        return OPEN
    match words:
        case []:
            return FAILED
        case [word]:
            return SUCCEEDED if word else FAILED
        case [one, sign, other] if sign in _EQUAL:
            return SUCCEEDED if (one == other) == _EQUAL[sign] else FAILED
    return OPEN


def _amount(word: str) -> float | None:
    """The seconds of `1m`, as every sleep understands it; None for anything else."""
    match = _AMOUNT.fullmatch(word)
    return float(match[1]) * SLEEP_UNITS[match[2]] if match else None


def _sleep(operands: Sequence[str], in_shell: bool) -> Launch:
    """Measured with GNU coreutils 9.1 and busybox 1.35: both add their operands and refuse all where one is no time."""
    if not operands:
        return Launch((), NONE, FAILED, NO_OPERAND)
    if operands[0] in ("--help", "--version"):
        return Launch((), NONE)
    total, doubt = 0.0, False
    for word in operands:
        if UNKNOWN in word:
            return Launch((), ANY)
        seconds = _amount(word)
        if seconds is None and _FOR_EVER.fullmatch(word):
            seconds = math.inf
        elif seconds is None and (word == "--" or _GNU_AMOUNT.fullmatch(word)):
            seconds, doubt = _gnu_amount(word), True
        if seconds is None:
            return Launch((), NONE, FAILED, NO_TIME_IN_SHELL if in_shell else NO_TIME)
        total += seconds
    if doubt:
        return Launch((), up_to(total))  # GNU understands it, busybox refuses it
    return Launch((), exactly(total), SUCCEEDED)


def _gnu_amount(word: str) -> float:
    match = _GNU_AMOUNT.fullmatch(word)
    if not match:
        return 0
    return (int(match[1], 16) if match[1][:2] in ("0x", "0X") else float(match[1])) * SLEEP_UNITS[match[2]]


def _sleeping_code(name: str, operands: Sequence[str]) -> float | None:
    """The seconds of code such as `python -c "import time; time.sleep(9)"`; None for any other."""
    if len(operands) != 2:
        return None
    for program, option, code, unit in SLEEPING_CODE:
        match = code.fullmatch(operands[1]) if program.fullmatch(name) and operands[0] == option else None
        if match:
            return float(match[1]) * unit
    return None
