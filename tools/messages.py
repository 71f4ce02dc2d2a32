# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from the source every text that a user can see, and its kind.

A text is a string literal of at least two words, other than a docstring, a pattern or the documentation of a plugin.
Its kind comes from what it is handed to: a constructor, an exception, a function of a module. It is followed through
local names, through private functions that return a text, and through those that return such an object.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# The classes and functions that take a text for a user, and the kind of that text.
CONSTRUCTORS = {
    "Hit": "finding",
    "Remedy": "manual",
    "NotEvaluated": "not evaluated",
    "Unseen": "not evaluated",
    "CoverageGap": "not evaluated",
    "Skipped": "skipped",
    "Unusable": "skipped",
    "Unreadable": "skipped",
    "NotText": "skipped",
    "TooMany": "skipped",
    "BuildFailed": "not evaluated",
    "Kustomization": "not evaluated",
    "fail": "not evaluated",
    "EditRefused": "refused",
    "CannotSplice": "refused",
    "MergeError": "refused",
    "Action": "action",
    "action_entry": "action",
    "Rollout": "action",
    "Look": "preflight",
    "Drain": "budget",
    "Need": "budget",
    "Allowance": "budget",
    "OwnDelay": "budget",
    "Delays": "budget",
    "_Points": "budget",
    "HookTime": "budget",
    "Execution": "budget",
    "Timeout": "budget",
    "DatabaseProxy": "finding",
    "Cause": "proof",
    "Check": "proof",
    "Step": "proof",
    "Stream": "proof",
    "Interrupted": "error",
    "NotWhole": "error",
    "TooLong": "error",
    "TooMuch": "error",
    "Unanswered": "error",
    "Unreachable": "error",
    "warn": "warning",
    "warning": "warning",
    "AnsibleActionFail": "failure",
    "fail_json": "failure",
    "exit_json": "display",
    "display": "display",
}
# Their texts are no messages: docs/rules.md has the rules, docs/templates.md the variables of snippets, and commands
# are data.
_OTHERS = {"FileKey", "Flag", "JsonKey", "Options", "Rule", "Server", "StopCall", "StopCommand", "Switch", "Variable"}
_WORDS = re.compile(r"[A-Za-z<>,:;)'-]+ [A-Za-z<(]{2,}|[a-z]{2,} <")
# Patterns, markup and types.
_PATTERN = re.compile(r"^<\w+ \w+=|\w\[\w+, |\.[*+]|\\[bsdSwAZ.]|\(\?|\w\|\w|\$$")
_DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}


class UnknownConstructor(Exception):
    """A class takes a text, and CONSTRUCTORS does not say which kind of message that is."""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One text: its kind, and the words with <holes>."""

    kind: str
    text: str


def read_messages(tree: ast.Module, default: str = "part") -> Iterator[Message]:
    """The texts of a module; those that nothing gives a kind have the `default`. Raises UnknownConstructor."""
    yield from _Reader(tree, default).visit(tree, default, {})


class _Reader:
    """Walks the source of one file."""

    def __init__(self, tree: ast.Module, default: str):
        self._default = default
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        self._makers: dict[str, str] = {}
        for function in functions:
            made = CONSTRUCTORS.get(_name(function.returns)) if function.returns else None
            if made:
                self._makers[function.name] = made
        # The kinds of what private functions return, by what their calls are handed to.
        self._returned: dict[str, str] = {}
        for call, kind in self._constructions(tree):
            for node in self._handed_to(call):
                if isinstance(node, ast.Call) and _name(node.func).startswith("_"):
                    self._returned.setdefault(_name(node.func), kind)

    def visit(self, node: ast.AST, kind: str, variables: Mapping[str, str]) -> Iterator[Message]:
        """The texts below a node; `kind` is what they are unless a closer node says so, `variables` those of names."""
        if _is_no_message(node):
            return
        if isinstance(node, ast.FunctionDef):
            variables, kind = self._variables(node), self._returned.get(node.name, self._default)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            kind = next((variables[name] for name in _targets(node) if name in variables), kind)
        else:
            kind = self._kind_below(node) or kind
        text = _text(node)
        if text is not None and _WORDS.search(text) and not _PATTERN.search(text):
            yield Message(kind, text)
        for child in ast.iter_child_nodes(node) if text is None else _holes(node):
            yield from self.visit(child, kind, variables)

    def _kind_of(self, call: ast.Call) -> str | None:
        """The kind of the texts in a call, if it says one."""
        name = _name(call.func)
        return CONSTRUCTORS.get(name) or self._makers.get(name) or ("error" if name.endswith("Error") else None)

    def _kind_below(self, node: ast.AST) -> str | None:
        """The kind of the texts within a node, where it says one. Raises UnknownConstructor."""
        if isinstance(node, ast.Raise):
            return "error"
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            return "failure" if "msg" in keys else None
        if not isinstance(node, ast.Call):
            return None
        kind, name = self._kind_of(node), _name(node.func)
        if not kind and name[:1].isupper() and any(map(_is_text, node.args)):
            raise UnknownConstructor(f"{name}({_text(node.args[0])!r}, …): enter the class in CONSTRUCTORS")
        return kind

    def _variables(self, function: ast.FunctionDef) -> dict[str, str]:
        """The kinds of the local names that are handed to a constructor."""
        return {
            node.id: kind
            for call, kind in self._constructions(function)
            for node in self._handed_to(call)
            if isinstance(node, ast.Name)
        }

    def _constructions(self, tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
        for call in ast.walk(tree):
            kind = self._kind_of(call) if isinstance(call, ast.Call) else None
            if isinstance(call, ast.Call) and kind:
                yield call, kind

    def _handed_to(self, call: ast.Call) -> Iterator[ast.AST]:
        """What stands in the arguments of a call, other than within another constructor."""
        ahead: list[ast.AST] = [*call.args, *(keyword.value for keyword in call.keywords)]
        while ahead:
            node = ahead.pop()
            yield node
            if not (isinstance(node, ast.Call) and self._kind_of(node)):
                ahead += ast.iter_child_nodes(node)


def _is_no_message(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return bool(_DOCUMENTATION & set(_targets(node)))
    if isinstance(node, ast.Call):
        pattern = isinstance(node.func, ast.Attribute) and _name(node.func.value) == "re"
        return pattern or _name(node.func) in _OTHERS
    return isinstance(node, ast.Assert)


def _targets(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> list[str]:
    return sorted(map(_name, node.targets if isinstance(node, ast.Assign) else [node.target]))


def _is_text(node: ast.AST) -> bool:
    text = _text(node)
    return text is not None and bool(_WORDS.search(text))


def _text(node: ast.AST) -> str | None:
    """The words of a literal, an f-string or a sum of them; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"<{_hole(part.value)}>"
            for part in node.values
            if isinstance(part, (ast.Constant, ast.FormattedValue))
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(side) for side in (node.left, node.right)]
        if any(part is not None for part in parts):
            return "".join(
                part if part is not None else f"<{_hole(side)}>"
                for part, side in zip(parts, (node.left, node.right), strict=True)
            )
    return None


def _hole(node: ast.AST) -> str:
    """A name for a value: that of the variable, attribute, key or function it comes from."""
    if isinstance(node, ast.Subscript):
        return str(node.slice.value) if isinstance(node.slice, ast.Constant) else _hole(node.value)
    if isinstance(node, ast.Call):
        return _hole(node.args[0]) if node.args and _name(node.func) in ("visible", "str", "len") else _name(node.func)
    return _name(node).strip("_") or "…"


def _holes(node: ast.AST) -> Iterator[ast.AST]:
    """What a text is filled with: it may hold texts of its own."""
    if isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield part.value
    elif isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            if _text(side) is None:
                yield side
            else:
                yield from _holes(side)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
