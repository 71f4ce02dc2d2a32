# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/messages.md: every text that a user can see, read from the source.

A text is a string literal with at least two words, other than a docstring, a pattern or the documentation of a plugin.
Its kind comes from the constructor, exception or function that it ends up in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES

# Kind: what it means, and the next step.
KINDS = {
    "finding": "A rule found something. Open the rule in [rules.md](rules.md): it says why this matters, which remedy "
    "exists, and when the finding does not apply. `make remediate` applies the automatic remedies.",
    "manual": "Why a remedy is not applied automatically. Copy the snippet from `report.md`, decide what it cannot "
    "know, and apply it by hand.",
    "not evaluated": "A rule had no evidence, or something could not be read. Grant the right, or give the input "
    "that the message names, and run again.",
    "skipped": "A file, document or object could not be judged. Correct it at the line that the report names, or "
    "exclude it.",
    "refused": "A change was planned, then refused, because it could do harm or could not be written safely. Apply the "
    "snippet by hand.",
    "action": "What became of one workload in a remediation. A failed one is listed with its cause; see "
    "[remediation.md](remediation.md).",
    "error": "The run, or one request of it, failed. The message ends with the next step, or names the option or file "
    "to correct.",
    "warning": "The run went on. Read it before you rely on the result.",
    "failure": "A task failed. The reports that could be written are there.",
    "display": "Progress, hints, or the result of check mode, at the terminal.",
    "preflight": "What the preflight of a remediation saw. A workload that is certain to fail is skipped; correct what "
    "the message names and run again.",
    "budget": "Where a number of the budget comes from, or why it is unknown. The annotation "
    "`graceful.termination/drain-seconds` settles an unknown drain.",
    "proof": "What a drill, a trace or a debug run saw: [drill.md](drill.md), [trace.md](trace.md), "
    "[debug.md](debug.md).",
    "report": "A heading, column or sentence of the report: [report.md](report.md).",
    "part": "A part of one of the texts above.",
}
# The kind of a text that is no argument of a known constructor, by folder below module_utils; the longest name counts.
_ROOMS = {
    "apply": "action",
    "apply/preflight": "preflight",
    "budget": "budget",
    "prove": "proof",
    "report": "report",
}
# The classes and functions that take a text for a user, and the kind of that text.
_CONSTRUCTORS = {
    "Hit": "finding",
    "Remedy": "manual",
    "NotEvaluated": "not evaluated",
    "Unseen": "not evaluated",
    "CoverageGap": "not evaluated",
    "Skipped": "skipped",
    "Unreadable": "skipped",
    "NotText": "skipped",
    "EditRefused": "refused",
    "CannotSplice": "refused",
    "MergeError": "refused",
    "Action": "action",
    "action_entry": "action",
    "Rollout": "action",
    "Look": "preflight",
    "Drain": "budget",
    "HookTime": "budget",
    "Timeout": "budget",
    "Server": "budget",
    "Cause": "proof",
    "Check": "proof",
    "Step": "proof",
    "Stream": "proof",
    "Interrupted": "error",
    "NotWhole": "error",
    "TooMuch": "error",
    "Unanswered": "error",
    "Unreachable": "error",
    "warn": "warning",
    "warning": "warning",
    "fail_json": "failure",
    "exit_json": "display",
    "display": "display",
}
# Their texts are no messages: docs/rules.md has the rules, docs/templates.md the variables of snippets.
_OTHERS = {"Rule", "Variable"}
_WORDS = re.compile(r"[A-Za-z<>,:;)'-]+ [A-Za-z<(]{2,}|[a-z]{2,} <")
# Patterns, markup and types.
_PATTERN = re.compile(r"^<\w+ \w+=|\w\[\w+, |\.[*+]|\\[bsdSwAZ.]|\(\?|\w\|\w|\$$")
_DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
_HEAD = """# Messages

Made by `make docs` from `plugins/`; a test fails when it is stale. It lists every text that a user can see. `<name>` is
a value that the run fills in. Search for the fixed words of your message, then look up its kind.

| kind | what it means, and what to do |
|---|---|
"""


class UnknownConstructor(Exception):
    """A class takes a text, and this file does not say which kind of message that is."""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One text: its kind, and the words with <holes>."""

    kind: str
    text: str


def render_messages(plugins: Path) -> str:
    """The page as Markdown, grouped by folder and file. Raises UnknownConstructor."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(plugins.rglob("*.py"))}
    page = _HEAD + "".join(f"| {kind} | {meaning} |\n" for kind, meaning in KINDS.items())
    room = ""
    for path, tree in trees.items():
        messages = sorted(set(read_messages(tree, _default(path))))
        if not messages:
            continue
        folder = path.parent.relative_to(plugins.parent).as_posix()
        if folder != room:
            room = folder
            page += f"\n## {room}\n"
        page += f"\n### {path.name}\n\n{_rules_of(path)}| kind | text |\n|---|---|\n"
        page += "".join(f"| {message.kind} | {_cell(message.text)} |\n" for message in messages)
    return page


def _rules_of(path: Path) -> str:
    rules = [rule.id for rule in RULES if rule.check.__module__.endswith(f".rules.{path.stem}")]
    links = ", ".join(f"[{rule}](rules.md#{rule})" for rule in rules)
    return f"Rules: {links}\n\n" if rules and path.parent.name == "rules" else ""


def _cell(text: str) -> str:
    text = re.sub(r"\s*\n\s*", " ↵ ", text.strip())
    return f"``{text}``".replace("|", "\\|") if "`" in text else f"`{text}`".replace("|", "\\|")


def _calls(tree: ast.Module) -> dict[str, str]:
    """The kinds of what the private functions of a file return, by name: what their calls stand in."""
    kinds: dict[str, str] = {}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        kind = kind_of(call)
        for argument in _arguments(call) if kind else ():
            for node in ast.walk(argument):
                if kind and isinstance(node, ast.Call) and _name(node.func).startswith("_"):
                    kinds.setdefault(_name(node.func), kind)
    return kinds


def kind_of(call: ast.Call) -> str | None:
    """The kind of the texts in a call, if it is known for itself."""
    name = _name(call.func)
    return _CONSTRUCTORS.get(name) or ("error" if name.endswith("Error") else None)


def _default(path: Path) -> str:
    """The kind of the other texts of a file."""
    folder = path.parent.as_posix().rpartition("module_utils/")[2]
    rooms = [room for room in _ROOMS if f"{folder}/".startswith(f"{room}/")]
    return _ROOMS[max(rooms, key=len)] if rooms else "part"


def read_messages(tree: ast.Module, default: str = "part") -> Iterator[Message]:
    """The texts of a module. Raises UnknownConstructor."""
    yield from _Reader(_calls(tree), default).visit(tree, default, {})


class _Reader:
    """Walks the source of one file."""

    def __init__(self, calls: Mapping[str, str], default: str):
        self._calls = calls
        self._default = default

    def visit(self, node: ast.AST, kind: str, variables: dict[str, str]) -> Iterator[Message]:
        """The texts below a node; `kind` is what they are unless a closer node says so, `variables` those of names."""
        if _is_no_message(node):
            return
        if isinstance(node, ast.FunctionDef):
            variables, kind = _variables(node), self._calls.get(node.name, self._default)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            kind = next((variables[name] for name in _targets(node) if name in variables), kind)
        else:
            kind = _kind_below(node) or kind
        text = _text(node)
        if text is not None and _WORDS.search(text) and not _PATTERN.search(text):
            yield Message(kind, text)
        for child in ast.iter_child_nodes(node) if text is None else _holes(node):
            yield from self.visit(child, kind, variables)


def _is_no_message(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return bool(_DOCUMENTATION & set(_targets(node)))
    if isinstance(node, ast.Call):
        pattern = isinstance(node.func, ast.Attribute) and _name(node.func.value) == "re"
        return pattern or _name(node.func) in _OTHERS
    return isinstance(node, ast.Assert)


def _kind_below(node: ast.AST) -> str | None:
    """The kind of the texts within a node, where it says one. Raises UnknownConstructor."""
    if isinstance(node, ast.Raise):
        return "error"
    if isinstance(node, ast.Dict) and any(isinstance(key, ast.Constant) and key.value == "msg" for key in node.keys):
        return "failure"
    if not isinstance(node, ast.Call):
        return None
    kind, name = kind_of(node), _name(node.func)
    if not kind and name[:1].isupper() and any(map(_is_text, node.args)):
        raise UnknownConstructor(f"{name}({_text(node.args[0])!r}, …): enter the class in tools/messages_page.py")
    return kind


def _targets(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> list[str]:
    return sorted(map(_name, node.targets if isinstance(node, ast.Assign) else [node.target]))


def _variables(function: ast.FunctionDef) -> dict[str, str]:
    """The kinds of the local names that are handed to a constructor."""
    found: dict[str, str] = {}
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        kind = kind_of(call)
        for argument in _arguments(call) if kind else ():
            found |= {node.id: kind for node in ast.walk(argument) if kind and isinstance(node, ast.Name)}
    return found


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _is_text(node: ast.AST) -> bool:
    text = _text(node)
    return text is not None and bool(_WORDS.search(text))


def _text(node: ast.AST) -> str | None:
    """The words of a literal, an f-string or a sum of them; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else f"<{_hole(part.value)}>"
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
