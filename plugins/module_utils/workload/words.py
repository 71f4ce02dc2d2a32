# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the words of a script are expanded: variables that it sets itself, numbers that it counts through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.launch import UNKNOWN
from ansible_collections.graceful.termination.plugins.module_utils.workload.tokens import (
    LITERAL,
    SCRIPT,
    VARIABLE,
    Part,
    Word,
)

_ASSIGNS = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_SEQ = re.compile(r"seq((?:\s+\d{1,6}){1,3})")
_BRACES = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")
# $(NAME) is how Kubernetes writes variables in command and args. In a hook it does not, and a shell starts a program
# of that name, which is nowhere.
_NO_PROGRAM = re.compile(r"\s*[A-Z][A-Z0-9_]+\s*")
_LONGEST = 10_000  # of a value; `a=$a$a` doubles


@dataclass(frozen=True, slots=True)
class Value:
    """A text, UNKNOWN where a part is not known, and the scripts that made such parts."""

    text: str
    reads: tuple[str, ...] = ()


class Variables:
    """Those that a script has set."""

    def __init__(self, values: dict[str, Value] | None = None):
        self._values = values or {}

    def copy(self) -> Variables:
        """For a separate shell or branch."""
        return Variables(dict(self._values))

    def set(self, name: str, value: Value) -> None:
        """Remember one."""
        self._values[name] = value if len(value.text) <= _LONGEST else Value(UNKNOWN)

    def merged(self, other: Variables) -> Variables:
        """What both agree on; anything else is not known."""
        names = self._values.keys() | other._values.keys()
        unsure = Value(UNKNOWN)
        return Variables(
            {
                name: self._values.get(name, unsure) if self._values.get(name) == other._values.get(name) else unsure
                for name in names
            }
        )

    def forgotten(self) -> Variables:
        """Without any value: in a loop that is followed once, any of them may change from round to round."""
        return Variables(dict.fromkeys(self._values, Value(UNKNOWN)))

    def assignment(self, word: Word) -> tuple[str, Value] | None:
        """(name, value) of `NAME=VALUE`."""
        match = _ASSIGNS.match(word.raw)
        if not match or not word.parts or word.parts[0].kind != LITERAL:
            return None
        first = Part(LITERAL, word.parts[0].text[match.end() :])
        value = self.resolve(Word((first, *word.parts[1:]), word.raw, word.quoted))
        return match[1], Value(UNKNOWN, value.reads) if match[2] else value

    def resolve(self, word: Word) -> Value:
        """The word as the program gets it."""
        texts: list[str] = []
        reads: list[str] = []
        for part in word.parts:
            if part.kind == LITERAL:
                texts.append(part.text)
            elif part.kind == VARIABLE and part.text in self._values:
                value = self._values[part.text]
                texts.append(value.text)
                reads += value.reads
            elif part.kind == SCRIPT and _NO_PROGRAM.fullmatch(part.text):
                texts.append("")
            else:
                texts.append(UNKNOWN)
                reads += [part.text] if part.kind == SCRIPT else []
        return Value("".join(texts), tuple(reads))

    def split(self, words: Sequence[Word]) -> tuple[list[str], tuple[str, ...]]:
        """(the words as the program gets them, the scripts that made parts of them)."""
        texts: list[str] = []
        reads: list[str] = []
        for word in words:
            value = self.resolve(word)
            reads += value.reads
            substituted = any(part.kind != LITERAL for part in word.parts)
            texts += value.text.split() if substituted and not word.quoted else [value.text]
        return texts, tuple(reads)

    def scripts(self, word: Word) -> Iterator[str]:
        """Those that a shell runs for a word."""
        for part in word.parts:
            if part.kind == SCRIPT and not _NO_PROGRAM.fullmatch(part.text):
                yield part.text


def numbers_in(word: Word, *, braces: bool) -> Sequence[int] | None:
    """The numbers of `$(seq 1 10)` and, in a shell that knows them, of `{1..10}`; None for any other word."""
    if len(word.parts) == 1 and word.parts[0].kind == SCRIPT and (match := _SEQ.fullmatch(word.parts[0].text.strip())):
        first, step, last = 1, 1, 1
        match [int(number) for number in match[1].split()]:
            case [last]:
                pass
            case [first, last]:
                pass
            case [first, step, last]:
                pass
        return range(first, last + 1, step) if step else None
    if braces and (match := _BRACES.fullmatch(word.raw)):
        first, last = int(match[1]), int(match[2])
        return range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return None
