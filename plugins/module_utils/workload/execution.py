# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when a command is executed: which programs start, when, and how long it all takes.

Commands are followed as the kernel and a shell would, never run. What a script decides by what it finds, such as a file
or a response, stays open: the bounds of its time then differ. A command whose success is not checked is assumed to
succeed, as its author does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.graceful.termination.plugins.module_utils.workload.control_flow import DASH, Flow, Meter
from ansible_collections.graceful.termination.plugins.module_utils.workload.launch import (
    LIKELY,
    OPEN,
    SUCCEEDED,
    UNKNOWN,
    Launch,
    launch,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import KILLERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.script_nodes import (
    Branch,
    Case,
    Chain,
    For,
    Function,
    Listing,
    Loop,
    Node,
    Pipeline,
    Redirected,
    Simple,
    Subshell,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import (
    ANY,
    NONE,
    Span,
    any_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.steps import Step
from ansible_collections.graceful.termination.plugins.module_utils.workload.streams import Sink, Streams
from ansible_collections.graceful.termination.plugins.module_utils.workload.syntax import parse
from ansible_collections.graceful.termination.plugins.module_utils.workload.tokens import ScriptError, Word
from ansible_collections.graceful.termination.plugins.module_utils.workload.words import Value

_STEPS = 2000  # commands that are followed; a script of loops in loops could have any number
_EVALUATED = 200  # words of an eval
_NESTED = 10  # shells and functions in one another


@dataclass(frozen=True, slots=True)
class Execution:
    """What a command does in `span`. `fault` says why it fails at its start, and is empty where it does not.

    `output`: the time until its output is closed; longer than `span` where it leaves a process in the background that
    holds it open.
    """

    span: Span
    steps: tuple[Step, ...]
    fault: str = ""
    output: Span = NONE


@lru_cache(maxsize=1024)
def execute(words: tuple[str, ...]) -> Execution:
    """Follow a command as the kernel starts it: one program with its arguments, and no shell unless it is that."""
    if not words:
        return Execution(NONE, (), "the API server refuses a hook without a command")
    sink = Sink()
    run = _Run("", Meter(), Streams.of_hook(sink))
    try:
        run.start(launch(list(words), in_shell=False), ())
    except (ScriptError, RecursionError):
        return Execution(ANY, tuple(run.steps), output=ANY)
    output = span = run.total()
    for held in sink:
        output = output.beside(held)
    if any(step.words[:1] and step.words[0] in KILLERS for step in run.steps):
        output = Span(span.least, output.limit)  # it may end what is in the background
    return Execution(span, tuple(run.steps), run.fault, output)


class _Run(Flow):
    """One shell, or the kernel before the first one."""

    def script(self, text: str) -> str:
        """Follow a script from its first line; returns whether it succeeds. Raises ScriptError."""
        self._meter.depth += 1
        if self._meter.depth > _NESTED:
            raise ScriptError("too deep")
        status = self.follow(parse(text))
        self._meter.depth -= 1
        return status

    def follow(self, node: Node) -> str:
        """Follow a part of a script; returns whether it succeeds."""
        if self.ended:
            return LIKELY
        self._meter.steps += 1
        if self._meter.steps > _STEPS:
            raise ScriptError("too many steps")
        match node:
            case Simple():
                return self._simple(node)
            case Listing():
                return self._listing(node)
            case Chain():
                return self._chain(node)
            case Pipeline():
                return self._pipeline(node)
            case Subshell():
                return self._child(node.body)
            case Redirected():
                return self._redirected(node)
            case Branch():
                return self._branch(node)
            case Loop():
                return self._loop(node)
            case For():
                return self._for(node)
            case Case():
                return self._one_of([*node.bodies, None])
            case Function():
                self._functions[node.name] = node.body
                return SUCCEEDED

    def _fork(self) -> _Run:
        child = _Run(self.shell, self._meter, self.streams, self.now, self._variables.copy())
        child._functions, child._strict, child._loops = dict(self._functions), self._strict, self._loops
        return child

    def _simple(self, node: Simple) -> str:
        words = list(node.words)
        assigned: list[tuple[str, Value]] = []
        self._substitutions(words)
        while words and (assignment := self._variables.assignment(words[0])):
            assigned.append(assignment)
            words.pop(0)
        if not words:
            for name, value in assigned:
                self._variables.set(name, value)
        texts, reads = self._variables.split(words)
        if not texts:
            return SUCCEEDED
        if texts[0] in self._functions and self._meter.depth < _NESTED:
            return self._call(self._functions[texts[0]])
        if texts[0] == "eval" and UNKNOWN not in "".join(texts):
            if len(texts) > _EVALUATED:
                raise ScriptError("too long")
            return self.script(" ".join(texts[1:]))
        if texts[0] == "wait":
            return self._wait(texts[1:])
        if texts[0] == "return" and self._returns:
            self._returns[-1].append(self.now)
            self.ended = True
            return LIKELY
        if texts[0] == "exit":
            return self._end()
        if texts[0] == "return" or (texts[0] == "set" and "pipefail" in texts and self.shell in DASH):
            self._over.append(self.now)  # bash continues; dash refuses pipefail and exits
        if texts[0] == "set":
            self._strict |= any(text.startswith("-") and "e" in text for text in texts[1:2])
        return self.start(launch(texts, in_shell=True), reads)

    def _call(self, body: Node) -> str:
        """A function, which `return` leaves."""
        self._meter.depth += 1
        self._returns.append([])
        status = self.follow(body)
        returned = self._returns.pop()
        self._meter.depth -= 1
        if returned:
            self.now = any_of(returned + ([] if self.ended else [self.now]))
            self.ended = False
            return OPEN
        return status

    def _substitutions(self, words: Sequence[Word]) -> None:
        """What a shell runs first, for its output."""
        for word in words:
            for script in self._variables.scripts(word):
                child, pipe = self._fork(), Sink()
                child.streams = self.streams.into(pipe)
                child.script(script)
                self.now = child.total()
                for held in pipe:
                    self.now = self.now.beside(held)
                self.steps += child.steps

    def _wait(self, operands: Sequence[str]) -> str:
        if not self._behind:
            return LIKELY
        left = [(began + takes).remaining_at(self.now) for began, takes in self._behind]
        longest = left[0]
        for span in left[1:]:
            longest = longest.beside(span)
        if operands and len(left) > 1:
            longest = Span(0, longest.limit)
        self.now = self.now + longest
        return LIKELY

    def start(self, program: Launch, reads: tuple[str, ...]) -> str:
        """Follow one program that is started, and what it starts in turn."""
        self.steps.append(Step(program.words, self.now, reads, bool(self._loops)))
        if program.fault:
            self.fault = self.fault or program.fault
        if program.script is not None:
            child = _Run(program.shell, self._meter, self.streams, self.now)
            child._loops, child._strict = self._loops, program.strict
            try:
                child.script(program.script)
                span = child.total().after(self.now)
            except ScriptError:
                span = ANY
            if "&>" in program.script and program.shell in DASH:
                span = Span(0, span.limit)  # dash reads `&` and `>`
            status: str = LIKELY
            self.steps += child.steps
            self.fault = self.fault or child.fault
        else:
            span, status = program.span, program.status
        takes = program.bounded(span)
        if program.detached:
            self.streams.hold(self.now + takes)
            takes = Span(0, takes.limit)
        self.now = self.now + takes
        if program.replaces:
            return self._end()
        if self.now.endless:
            return self._end()
        return status
