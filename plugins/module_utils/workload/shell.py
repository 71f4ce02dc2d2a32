# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's command says about shells, read as text and never run.

Not a shell parser: quoted text, substitutions, comments and redirections are blanked, the rest is cut into commands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
_INITS = ("tini", "tini-static", "docker-init", "dumb-init")
# Left to right, so that a quote in a comment and a # in quotes are each read as what they are. An escaped quote opens
# nothing: without it, thousands of them would each be followed to the end of the text.
_QUOTED_OR_COMMENT = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|(?<![^\s;&|()])#[^\n]*", re.S)
_PLAIN_WORD = re.compile(r"[\w./:=+-]+")
_SUBSTITUTION = re.compile(r"\$\([^()]*\)")
_NESTED = 10  # levels of $( ) that are looked into; text from a cluster may be hostile
_REDIRECTION = re.compile(r"&>>?|(?<!\d)\d*[<>]&(?:\d+|-)?")
_SEPARATOR = re.compile(r"&&|\|\||[;&|\n]")
_BACKGROUND = re.compile(r"(?<![&|])&(?!&)")
_OPENING = re.compile(r"^(?:(?:then|else|do|time|!|\{)\s+|\(\s*)+")
_CLOSING = ("fi", "done", "esac", "}", ")")
_BRANCHING = re.compile(r"(?:while|until|for|if|elif|case|select)\b")
_BUILTINS = (".", ":", "cd", "echo", "eval", "exit", "export", "printf", "read", "set", "source", "true", "wait")
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)")
# Seconds of what may stand behind the number of `sleep` and `timeout`.
SLEEP_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def basename(word: str) -> str:
    """The program of a path, such as sh of /bin/sh."""
    return word.rsplit("/", 1)[-1]


def script_of(words: Sequence[str]) -> str | None:
    """The script of `sh -c SCRIPT` and its kin, or None when the words are not a shell with a script."""
    rest = iter(words)
    program = basename(next(rest, ""))
    if program == "env":
        program = basename(next((word for word in rest if "=" not in word), ""))
    if program == "busybox":
        program = next(rest, "")
    if program not in SHELLS:
        return None
    takes_script = False
    for word in rest:
        if word in ("-", "--"):
            continue
        if word.startswith("--"):
            if word in ("--rcfile", "--init-file"):
                next(rest, None)
        elif word.startswith(("-", "+")):
            takes_script |= word.startswith("-") and "c" in word
            if "o" in word.lower():
                next(rest, None)  # the name of an option, as in -o pipefail
        else:
            return word if takes_script else None
    return None


def behind_init(words: Sequence[str]) -> tuple[str, ...]:
    """What a tini or dumb-init in front of the words starts; empty where there is none, or it sends another signal."""
    if not words or basename(words[0]) not in _INITS:
        return ()
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith(("-r", "--rewrite")):
            return ()
        if word in ("-p", "-e"):
            del rest[:1]  # their value
    return tuple(rest)


def has_script(words: Sequence[str]) -> bool:
    """Whether the words call a shell, by itself or behind an init, and its script is one of them."""
    return script_of(behind_init(words) or words) is not None


def commands_of(script: str) -> list[str]:
    """The simple commands of a script, roughly, without `then`, `do` and the like; quoted text is blanked."""
    parts = (_OPENING.sub("", part.strip()).rstrip(" \t)") for part in _SEPARATOR.split(_blanked(script)))
    return [part for part in parts if part and part not in _CLOSING]


def is_straight(script: str) -> bool:
    """Whether the commands run once each and one after the other: no loop, no branch, nothing in the background."""
    text = _blanked(script)
    return not _BACKGROUND.search(text) and not any(_BRANCHING.match(command) for command in commands_of(script))


def ends_in_program(script: str) -> bool:
    """Whether the last command is a program by itself, which bash replaces itself with instead of waiting for it.

    Measured with bash 5.2: not with a redirection, in a pipeline, or with an empty line after it.
    """
    text = script.replace("\\\n", " ").removesuffix("\n")
    last = text.rpartition("\n")[2]
    commands = commands_of(last)
    if not commands or not is_straight(last) or _BACKGROUND.search(_blanked(script)) or "<<" in script:
        return False
    if re.search(r"[|<>`]", last) or any(last.count(quote) % 2 for quote in "'\""):
        return False
    program = commands[-1].split()[0]
    is_function = re.search(rf"(?:^|\s){re.escape(program)}\s*\(\)", script)
    return program not in _BUILTINS and not is_function


def sleep_seconds(words: Sequence[str]) -> float | None:
    """The seconds of `sleep N`; units and several amounts are understood. None for anything else."""
    if len(words) < 2 or basename(words[0]) != "sleep":
        return None
    amounts = [_AMOUNT.fullmatch(word) for word in words[1:]]
    if None in amounts:
        return None
    return sum(float(amount[1]) * SLEEP_UNITS[amount[2]] for amount in amounts if amount)


def _blanked(script: str) -> str:
    """The script with everything replaced by `_` in which a separator would not separate."""
    text = _QUOTED_OR_COMMENT.sub(_blank, script.replace("\\\n", " "))
    for _level in range(_NESTED):
        text, found = _SUBSTITUTION.subn("_", text)
        if not found:
            break
    return _REDIRECTION.sub(" ", text)


def _blank(match: re.Match[str]) -> str:
    if match[0].startswith("#"):
        return ""
    inner = match[0][1:-1]
    return inner if _PLAIN_WORD.fullmatch(inner) and match[0].startswith(("'", '"')) else "_"


def in_place(words: Sequence[str]) -> Sequence[str]:
    """The words that become PID 1: as they are, or those that a script ends with after `exec`; empty where unknown."""
    script = script_of(words)
    if script is None:
        return words
    last = (commands_of(script) or [""])[-1].split()
    straight = is_straight(script) and "|" not in script and script.count("exec") == 1
    return last[1:] if straight and last[:1] == ["exec"] else ()
