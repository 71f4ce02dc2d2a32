# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the output of a command's processes goes, and how long they hold it open.

Who reads the output waits until every process that has it has ended or closed it: a shell for a substitution, a
program for the pipe in front of it, and containerd for stdout and stderr of a hook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.graceful.termination.plugins.module_utils.workload.script_nodes import (
    Chain,
    Listing,
    Node,
    Pipeline,
    Redirected,
    Subshell,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import Span
from ansible_collections.graceful.termination.plugins.module_utils.workload.tokens import LITERAL, Redirection

_SAME = re.compile(r"/dev/(?:fd/(\d)|(stdout)|(stderr))|/proc/self/fd/(\d)")


class Sink(list[Span]):
    """One reader of output: when each process that is left in the background has ended, from the start of the hook."""


class Streams:
    """What the file descriptors of a process lead to. One that is missing leads to a file, or is closed."""

    def __init__(self, sinks: dict[int, Sink]):
        self._sinks = sinks

    @classmethod
    def of_hook(cls, sink: Sink) -> Streams:
        """stdout and stderr, which lead to one reader: the container runtime."""
        return cls({1: sink, 2: sink})

    def into(self, sink: Sink) -> Streams:
        """The same with another stdout: a pipe."""
        return Streams(self._sinks | {1: sink})

    def redirected(self, redirections: Iterable[Redirection]) -> Streams:
        """The same after redirections, in the order of the text."""
        sinks = dict(self._sinks)
        for one in redirections:
            target = _target(one, sinks)
            for number in one.numbers:
                if target is None:
                    sinks.pop(number, None)
                else:
                    sinks[number] = target
        return Streams(sinks)

    def hold(self, until: Span) -> None:
        """A process that has them runs until then."""
        for sink in {id(sink): sink for sink in self._sinks.values()}.values():
            sink.append(until)


def _target(one: Redirection, sinks: dict[int, Sink]) -> Sink | None:
    """The reader that a redirection leads to; None for a file, or where it closes the descriptor."""
    if any(part.kind != LITERAL for part in one.target.parts):
        return sinks.get(one.numbers[0]) if one.copies else None  # not known which: as before
    text = "".join(part.text for part in one.target.parts)
    if one.copies:
        return sinks.get(int(text)) if text.isascii() and text.isdecimal() and len(text) < 3 else None
    match = _SAME.fullmatch(text)
    if not match:
        return None
    return sinks.get(1 if match[2] else 2 if match[3] else int(match[1] or match[4]))


def streams_of(node: Node, streams: Streams) -> list[Streams]:
    """What the processes lead to that a shell with these streams starts for a command."""
    if isinstance(node, Redirected):
        return [streams.redirected(node.redirections)]
    if isinstance(node, Pipeline):
        piped = streams.into(Sink())
        return [one for part in node.parts[:-1] for one in streams_of(part, piped)] + streams_of(
            node.parts[-1], streams
        )
    return [streams]


def ends_redirected(node: object) -> bool:
    """Whether the last command of a compound one has redirections of its own."""
    match node:
        case Redirected(body=Subshell() | Listing() | Chain()):
            return ends_redirected(node.body)
        case Subshell():
            return ends_redirected(node.body)
        case Listing():
            return isinstance(node.items[-1][0], Redirected) or ends_redirected(node.items[-1][0])
        case Chain():
            return isinstance(node.links[-1][1], Redirected) or ends_redirected(node.links[-1][1])
    return False
