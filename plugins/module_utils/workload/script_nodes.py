# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that a shell script consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ansible_collections.graceful.termination.plugins.module_utils.workload.tokens import Redirection, Word


@dataclass(frozen=True, slots=True)
class Simple:
    """A program with its words, assignments in front of it included. `[[ … ]]` and `(( … ))` are one, too."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`a | b`; `negated` by `!`."""

    parts: tuple[Node, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """`a && b || c`. Each link is (the operator in front of it, a pipeline); the first one's operator is empty."""

    links: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Commands one after the other: (the command, whether `&` sends it to the background). Braces are one as well."""

    items: tuple[tuple[Node, bool], ...]


@dataclass(frozen=True, slots=True)
class Subshell:
    """`( … )`."""

    body: Listing


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`: (condition, body) of each branch; `otherwise` is None where there is no else."""

    branches: tuple[tuple[Listing, Listing], ...]
    otherwise: Listing | None


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`, or `until` with `negated`."""

    condition: Listing
    body: Listing
    negated: bool


@dataclass(frozen=True, slots=True)
class For:
    """`words` is None where they are the script's own arguments, or where an expression counts."""

    name: str
    words: tuple[Word, ...] | None
    body: Listing


@dataclass(frozen=True, slots=True)
class Case:
    """One of the bodies runs, or none."""

    bodies: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A definition: its body runs when it is called."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Redirected:
    """A command, simple or not, with the redirections at it."""

    body: Node
    redirections: tuple[Redirection, ...]


_LEAVES = ("break", "continue", "exit", "return")
Node: TypeAlias = "Simple | Pipeline | Chain | Listing | Subshell | Branch | Loop | For | Case | Function | Redirected"


def breaks(node: object) -> bool:
    """Whether a loop's body may leave it."""
    if isinstance(node, Simple):
        return bool(node.words) and node.words[0].raw in _LEAVES
    return any(breaks(child) for child in _children(node))


def _children(node: object) -> Sequence[object]:
    match node:
        case Listing():
            return [item for item, _behind in node.items]
        case Chain():
            return [link for _operator, link in node.links]
        case Pipeline():
            return node.parts
        case Subshell() | Loop() | For() | Redirected():
            return [node.body]
        case Branch():
            return [*(part for pair in node.branches for part in pair), node.otherwise]
        case Case():
            return node.bodies
    return ()
