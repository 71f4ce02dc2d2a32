# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a script runs: lists, pipelines, branches and loops, and what runs beside them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from ansible_collections.graceful.termination.plugins.module_utils.workload.launch import (
    FAILED,
    LIKELY,
    OPEN,
    SUCCEEDED,
    UNKNOWN,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.script_nodes import (
    Branch,
    Chain,
    For,
    Listing,
    Loop,
    Node,
    Pipeline,
    Redirected,
    Simple,
    breaks,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import (
    ENDLESS,
    NONE,
    Span,
    any_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.steps import Step
from ansible_collections.graceful.termination.plugins.module_utils.workload.streams import (
    Sink,
    Streams,
    ends_redirected,
    streams_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.tokens import Word
from ansible_collections.graceful.termination.plugins.module_utils.workload.words import Value, Variables, numbers_in

DASH = ("sh", "dash")  # in Debian's images sh is dash
_ITEMS = 30  # of a loop, that are followed one by one


class Meter:
    """Counts what all shells of one command do together."""

    def __init__(self) -> None:
        self.steps = 0
        self.depth = 0


class Flow(ABC):
    """One shell. `now` is the time since the command began; `_over` when it may have ended before its last line."""

    def __init__(
        self, shell: str, meter: Meter, streams: Streams, now: Span = NONE, variables: Variables | None = None
    ):
        self.shell = shell
        self.now = now
        self.streams = streams
        self.steps: list[Step] = []
        self.fault = ""
        self.ended = False
        self._meter = meter
        self._over: list[Span] = []
        self._variables = variables or Variables()
        self._functions: dict[str, Node] = {}
        self._behind: list[tuple[Span, Span]] = []  # (when it began, how long it takes) in the background
        self._strict = False  # set -e
        self._loops = 0
        self._returns: list[list[Span]] = []  # when each function that runs may have been left

    def total(self) -> Span:
        """The time until the shell has ended."""
        return any_of(self._over + ([] if self.ended else [self.now]))

    @abstractmethod
    def follow(self, node: Node) -> str:
        """Follow a part of a script; returns whether it succeeds."""

    @abstractmethod
    def _fork(self) -> Flow:
        """A separate shell that starts in the present state of this one."""

    def _end(self) -> str:
        self._over.append(self.now)
        self.ended = True
        return LIKELY

    def _listing(self, listing: Listing) -> str:
        status = SUCCEEDED
        for node, behind in listing.items:
            if self.ended:
                break
            if behind:
                self._background(node)
                continue
            status = self.follow(node)
            if self._strict and not isinstance(node, Chain) and not self.ended:
                if status == FAILED:
                    self._end()
                elif status == OPEN:
                    self._over.append(self.now)
        return status

    def _background(self, node: Node) -> None:
        child = self._fork()
        child.follow(node)
        ends = child.total()
        self._behind.append((self.now, ends.after(self.now)))
        self.steps += child.steps
        # A shell may replace itself with its last command, or wait for it with its own output open.
        holds = Span(self.now.least, ends.limit) if ends_redirected(node) else ends
        for streams in streams_of(node, self.streams):
            streams.hold(holds)
        if isinstance(node, Redirected) and self._keeps_its_own(node):
            self.streams.hold(Span(self.now.least, ends.limit))

    def _keeps_its_own(self, node: Redirected) -> bool:
        """Whether some shells wait for it in the background with their own output open, whatever the redirections."""
        if any(one.of_bash for one in node.redirections) and self.shell in DASH:
            return True
        words = node.body.words if isinstance(node.body, Simple) else ()
        return bool(words) and words[0].raw in self._functions

    def _redirected(self, node: Redirected) -> str:
        before, self.streams = self.streams, self.streams.redirected(node.redirections)
        status = self.follow(node.body)
        if not (isinstance(node.body, Simple) and [word.raw for word in node.body.words] == ["exec"]):
            self.streams = before
        return status

    def _child(self, node: Node) -> str:
        child = self._fork()
        status = child.follow(node)
        self.now = child.total()
        self.steps += child.steps
        self.fault = self.fault or child.fault
        return OPEN if child._over and status != FAILED else status

    def _chain(self, chain: Chain) -> str:
        status = SUCCEEDED
        for operator, node in chain.links:
            runs = not operator or _goes_on(operator, status)
            if runs:
                status = self.follow(node)
            elif runs is None:
                before = status
                after = self._one_of([node, None])
                status = OPEN if operator == "&&" or after != SUCCEEDED else SUCCEEDED
                status = before if before == LIKELY and status == OPEN else status
        return status

    def _pipeline(self, pipeline: Pipeline) -> str:
        status = LIKELY
        if len(pipeline.parts) == 1:
            status = self.follow(pipeline.parts[0])
        else:
            children = []
            pipes = Sink()
            for part in pipeline.parts:
                child = self._fork()
                if part is not pipeline.parts[-1]:
                    child.streams = self.streams.into(pipes)
                status = child.follow(part)
                children.append(child.total())
                self.steps += child.steps
            if any(span.endless for span in children[:-1]):
                children = [Span(self.now.least, math.inf)]  # a reader that ends may end it
            children += [Span(self.now.least, span.limit) for span in pipes]
            for span in children:
                self.now = self.now.beside(span)
        if pipeline.negated:
            return {SUCCEEDED: FAILED, FAILED: SUCCEEDED, LIKELY: OPEN}.get(status, status)
        return status

    def _one_of(self, bodies: Sequence[Node | None]) -> str:
        """One of these runs, and it is unknown which; None stands for none at all."""
        before, variables = self.now, self._variables
        ends, open_ends, statuses = [], False, set()
        for body in bodies:
            self.now, self.ended, self._variables = before, False, variables.copy()
            statuses.add(self.follow(body) if body else SUCCEEDED)
            variables = variables.merged(self._variables)
            if not self.ended:
                ends.append(self.now)
                open_ends = True
        self._variables = variables
        self.ended = not open_ends
        if ends:
            self.now = any_of(ends)
        return statuses.pop() if len(statuses) == 1 else OPEN

    def _branch(self, branch: Branch) -> str:
        (condition, body), *others = branch.branches
        status = self._asked(condition)
        if self.ended:
            return LIKELY
        rest: Node | None = Branch(tuple(others), branch.otherwise) if others else branch.otherwise
        if status == SUCCEEDED:
            return self.follow(body)
        if status == FAILED:
            return self.follow(rest) if rest else SUCCEEDED
        return self._one_of([body, rest])

    def _asked(self, condition: Node) -> str:
        strict, self._strict = self._strict, False
        status = self.follow(condition)
        self._strict = strict
        return status

    def _loop(self, loop: Loop) -> str:
        self._loops += 1
        self._variables = self._variables.forgotten()
        before = self.now
        status = self._asked(loop.condition)
        if self.ended:
            self._loops -= 1
            return LIKELY
        goes_on = status == (FAILED if loop.negated else SUCCEEDED)
        if status in (SUCCEEDED, FAILED) and not goes_on:
            self._loops -= 1
            return SUCCEEDED
        after_condition, over = self.now, len(self._over)
        self.follow(loop.body)
        self._loops -= 1
        may_stop = breaks(loop.body) or len(self._over) > over
        self.ended = False
        if goes_on and not may_stop and after_condition.least < math.inf:
            self.now = ENDLESS
            return self._end()
        self.now = Span(after_condition.least if before.least < math.inf else math.inf, math.inf)
        return SUCCEEDED

    def _for(self, loop: For) -> str:
        values = None if loop.words is None else self._items(loop.words)
        before, over = self.now, len(self._over)
        self._loops += 1
        try:
            if values is None:
                self._variables = self._variables.forgotten()
                self._one_of([loop.body, None])
                taken = self.now.after(before)
                self.now = before if taken == NONE else Span(before.least, math.inf)
            elif breaks(loop.body):
                self._variables = self._variables.forgotten()
                self._one_of([loop.body])
                self.now = Span(before.least, (before + self.now.after(before).times(len(values))).limit)
            elif len(values) <= _ITEMS:
                for value in values:
                    self._variables.set(loop.name, value)
                    self.follow(loop.body)
            else:
                self._variables = self._variables.forgotten()
                self.follow(loop.body)
                self.now = before + self.now.after(before).times(len(values))
        finally:
            self._loops -= 1
        return OPEN if len(self._over) > over else LIKELY

    def _items(self, words: Sequence[Word]) -> list[Value] | None:
        """The values that a loop runs over; None if unknown."""
        items: list[Value] = []
        for word in words:
            counted = numbers_in(word, braces=basename(self.shell) == "bash")
            if counted is not None:
                items += [Value(str(number)) for number in counted]
                continue
            value = self._variables.resolve(word)
            if UNKNOWN in value.text or (not word.quoted and any(sign in value.text for sign in "*?[{")):
                return None
            items += [value] if word.quoted else [Value(text) for text in value.text.split()]
        return items


def _goes_on(operator: str, status: str) -> bool | None:
    """Whether what follows the operator runs; None where that is open."""
    if status in (SUCCEEDED, FAILED):
        return (status == SUCCEEDED) == (operator == "&&")
    return True if status == LIKELY and operator == "&&" else None
