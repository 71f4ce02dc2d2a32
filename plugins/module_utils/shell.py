# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's command says about shells, read as text and never run."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# bash -c and busybox sh -c replace themselves with a single simple command; dash, Debian's sh, does not (measured).
_SEPARATOR = re.compile(r"&&|\|\||[;&|\n]")
_LOOP = re.compile(r"(^|[;&|\s])(while|until|for)\s")
_SLEEP = re.compile(r"(?:^|[;&|(\s/])sleep\s+(\d+(?:\.\d+)?)([smh]?)(?=$|[\s;&|)])")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def basename(word: str) -> str:
    """The program of a path, such as sh of /bin/sh."""
    return word.rsplit("/", 1)[-1]


def script_of(words: Sequence[str]) -> str | None:
    """The script of `sh -c SCRIPT` and its kin, or None when the words are not a shell with a script."""
    if not words or basename(words[0]) not in SHELLS:
        return None
    for index, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--"):
            if word.endswith("c") and index + 1 < len(words):
                return words[index + 1]
            continue
        return None
    return None


def commands_of(script: str) -> list[str]:
    """The simple commands of a script, roughly: split at ; & | && || and newlines, comments and empty ones dropped."""
    joined = script.replace("\\\n", " ")
    parts = [part.strip() for part in _SEPARATOR.split(_without_quoted(joined))]
    return [part for part in parts if part and not part.startswith("#")]


def _without_quoted(script: str) -> str:
    """The script with the inside of quotes blanked, so that a separator in a quoted text does not split."""
    return re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", lambda match: "'" + "_" * (len(match[0]) - 2) + "'", script)


def has_loop(script: str) -> bool:
    """Whether the script repeats something, so that its sleeps do not add up."""
    return bool(_LOOP.search(_without_quoted(script)))


def sleeps(text: str) -> float:
    """The seconds of all literal `sleep N` in a text; units s, m and h are understood."""
    return sum(float(amount) * _UNITS[unit] for amount, unit in _SLEEP.findall(text))
