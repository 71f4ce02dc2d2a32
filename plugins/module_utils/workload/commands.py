# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simple commands of a hook or a start command, word by word, and the calls they make to ports of their own pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import STARTERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    commands_of,
    script_of,
)

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1", "0.0.0.0")
BRANCHES = ("if", "elif", "while", "until", "for", "case", "select")
_IN_A_ROW = 20  # of programs that only start the next one; text from a cluster may be hostile
_HTTP_CLIENTS = ("curl", "wget")
_TCP_CLIENTS = ("nc", "ncat", "netcat")


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command. `keyword` is the one of BRANCHES in front of it, or empty; `negated` where `!` follows it.

    `words` begin with the program's base name; without assignments and programs that only start another one.
    """

    words: tuple[str, ...]
    keyword: str = ""
    negated: bool = False

    @property
    def program(self) -> str:
        """The base name of the program; empty where there is none."""
        return self.words[0] if self.words else ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request or a connection. `port` is 0 and `path` empty where none is written; `method` of HTTP is a guess."""

    host: str
    port: int
    path: str
    method: str

    @property
    def loopback(self) -> bool:
        """Whether it goes to the pod itself."""
        return self.host in LOOPBACK


def commands_in(words: Sequence[str]) -> list[Command]:
    """The simple commands of an exec hook or a container, in the order of the text. Quoted text is blanked to `_`."""
    script = script_of(words)
    if script is None:
        return [_command(list(words))] if words else []
    return [_command(command.split()) for command in commands_of(script)]


def _command(words: list[str]) -> Command:
    keyword = words.pop(0) if words and words[0] in BRANCHES else ""
    negated = bool(words) and words[0] == "!"
    rest = words[int(negated) :]
    for _one in range(_IN_A_ROW):
        if not rest:
            break
        first = basename(rest[0])
        if first in STARTERS:
            rest = STARTERS[first].behind(rest[1:])[STARTERS[first].operands :]
        elif _assigns(rest[0]):
            rest = rest[1:]
        else:
            return Command((first, *rest[1:]), keyword, negated)
    return Command(tuple(rest), keyword, negated)


def _assigns(word: str) -> bool:
    name, equals, _value = word.partition("=")
    return bool(equals) and name.isidentifier()


def calls_of(command: Command) -> list[Call]:
    """The calls of curl, wget and nc that are written out; none for other programs."""
    if command.program in _HTTP_CLIENTS:
        method = _method(command.words)
        return [call for word in command.words[1:] if (call := _url(word, method))]
    if command.program in _TCP_CLIENTS:
        plain = [word for word in command.words[1:] if not word.startswith("-")]
        return [Call(host, int(port), "", "") for host, port in pairwise(plain) if host in LOOPBACK and _is_port(port)]
    return []


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def _url(word: str, method: str) -> Call | None:
    """A word as a URL; None for an option or any other word."""
    if word.startswith("-"):
        return None
    scheme, has_scheme, rest = word.partition("://")
    if not has_scheme:
        rest = scheme
    place, slash, path = rest.partition("/")
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, ""
    if (port and not _is_port(port)) or not (has_scheme or host in LOOPBACK):
        return None
    return Call(host, int(port or 0), slash + path, method)


def _method(words: Sequence[str]) -> str:
    """The HTTP method: GET unless an option sets another."""
    for method in _methods(words):
        if method.isalpha():
            return method.upper()
    sends = any(word.startswith(("--data", "--json", "--post-", "--form")) or word in ("-d", "-F") for word in words)
    return "POST" if sends else "GET"


def _methods(words: Sequence[str]) -> Iterator[str]:
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in ("--request", "--method"):
            yield following
        elif word.startswith(("--request=", "--method=")):
            yield word.partition("=")[2]
        elif word.startswith("-") and not word.startswith("--") and "X" in word:
            yield word.partition("X")[2] or following
