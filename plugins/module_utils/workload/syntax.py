# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of shell scripts, as far as hooks use it. A script is read, never run.

A script that is not understood raises ScriptError: the shell may refuse it as well, or understand more than this file.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from ansible_collections.graceful.termination.plugins.module_utils.workload.tokens import (
    END,
    Redirection,
    ScriptError,
    Token,
    Word,
    tokenize,
)

_DEPTH = 30  # levels of loops, branches and groups; text from a cluster may be hostile
_CLOSING = ("then", "elif", "else", "fi", "do", "done", "esac", "}")


def parse(script: str) -> Listing:
    """The commands of a script. Raises ScriptError."""
    parser = _Parser(tokenize(script))
    body = parser.listing()
    if parser.ahead is not END:
        raise ScriptError("unexpected text at the end")
    return body


class _Parser:
    def __init__(self, tokens: Sequence[Token]):
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def ahead(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    def listing(self) -> Listing:
        """Commands up to a word or an operator that closes them."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise ScriptError("too deep")
        items: list[tuple[Node, bool]] = []
        while True:
            self._newlines()
            if self.ahead is END or self._closes():
                break
            node = self._chain()
            items.append((node, self.ahead.operator == "&"))
            if self.ahead.operator not in ("&", ";", "\n"):
                break
            self._at += 1
        self._depth -= 1
        return Listing(tuple(items))

    def _closes(self) -> bool:
        return self.ahead.operator in (")", ";;") or self._keyword() in _CLOSING

    def _keyword(self) -> str:
        """The word ahead as it is written, in which a quote keeps a keyword from being one."""
        return self.ahead.word.raw if self.ahead.word else ""

    def _newlines(self) -> None:
        while self.ahead.operator == "\n":
            self._at += 1

    def _take(self, expected: str) -> None:
        if expected not in (self._keyword(), self.ahead.operator):
            raise ScriptError(f"no {expected}")
        self._at += 1

    def _chain(self) -> Node:
        links = [("", self._pipeline())]
        while self.ahead.operator in ("&&", "||"):
            operator = self.ahead.operator
            self._at += 1
            self._newlines()
            links.append((operator, self._pipeline()))
        return Chain(tuple(links)) if len(links) > 1 else links[0][1]

    def _pipeline(self) -> Node:
        negated = False
        while self._keyword() in ("!", "time"):
            negated ^= self._keyword() == "!"
            self._at += 1
        parts = [self._command()]
        while self.ahead.operator in ("|", "|&"):
            self._at += 1
            self._newlines()
            parts.append(self._command())
        return Pipeline(tuple(parts), negated) if negated or len(parts) > 1 else parts[0]

    def _command(self) -> Node:
        keyword = self._keyword()
        if self.ahead.operator == "(":
            return self._subshell()
        if keyword == "{":
            node: Node = self._between("{", "}")
        elif keyword in ("while", "until"):
            self._at += 1
            condition = self._body()
            node = Loop(condition, self._between("do", "done"), keyword == "until")
        elif keyword == "if":
            node = self._branch()
        elif keyword in ("for", "select"):
            node = self._for()
        elif keyword == "case":
            node = self._case()
        else:
            return self._simple()
        return self._redirected(node, [])

    def _subshell(self) -> Node:
        self._take("(")
        body = self._body()
        self._take(")")
        return self._redirected(Subshell(body), [])

    def _body(self) -> Listing:
        body = self.listing()
        if not body.items:
            raise ScriptError("no command")
        return body

    def _between(self, first: str, last: str) -> Listing:
        self._take(first)
        body = self._body()
        self._take(last)
        return body

    def _branch(self) -> Branch:
        branches, otherwise = [], None
        self._take("if")
        while True:
            condition = self._body()
            self._take("then")
            branches.append((condition, self._body()))
            if self._keyword() != "elif":
                break
            self._at += 1
        if self._keyword() == "else":
            self._at += 1
            otherwise = self._body()
        self._take("fi")
        return Branch(tuple(branches), otherwise)

    def _for(self) -> For:
        self._at += 1
        name = self.ahead.word
        if name is None:
            raise ScriptError("for without a name")
        self._at += 1
        self._newlines()
        words: list[Word] | None = None
        if self._keyword() == "in":
            self._at += 1
            words = []
            while self.ahead.word:
                words.append(self.ahead.word)
                self._at += 1
        if self.ahead.operator == ";":
            self._at += 1
        self._newlines()
        body = self._between("{", "}") if self._keyword() == "{" else self._between("do", "done")
        return For(name.raw, None if words is None else tuple(words), body)

    def _case(self) -> Case:
        self._at += 2  # the word that it looks at
        self._newlines()
        self._take("in")
        bodies = []
        while True:
            self._newlines()
            if self._keyword() == "esac":
                break
            while self.ahead.word or self.ahead.operator in ("(", "|"):
                self._at += 1
            self._take(")")
            bodies.append(self.listing())
            if self.ahead.operator == ";;":
                self._at += 1
        self._take("esac")
        return Case(tuple(bodies))

    def _simple(self) -> Node:
        words: list[Word] = []
        redirections: list[Redirection] = []
        while self.ahead.word or self.ahead.redirects:
            if self.ahead.word:
                words.append(self.ahead.word)
            elif self.ahead.redirects:
                redirections.append(self.ahead.redirects)
            self._at += 1
        if len(words) == 1 and self.ahead.operator == "(":
            return self._function(words[0].raw)
        if words and words[0].raw == "function" and len(words) > 1:
            raise ScriptError("not every shell knows that word")
        if not words and not redirections:  # `> file` is a command
            raise ScriptError("no command")
        return self._redirected(Simple(tuple(words)), redirections)

    def _function(self, name: str) -> Function:
        self._take("(")
        self._take(")")
        self._newlines()
        return Function(name, self._command())

    def _redirected(self, node: Node, redirections: list[Redirection]) -> Node:
        """The command with its redirections: those that were found among its words, and those behind it."""
        while self.ahead.redirects:
            redirections.append(self.ahead.redirects)
            self._at += 1
        return Redirected(node, tuple(redirections)) if redirections else node
