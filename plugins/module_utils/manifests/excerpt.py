# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diff shows of a manifest: the lines around an edit, and no value that may be a secret."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.manifests.layout import Node, compose
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import BREAK, document_spans

CONTEXT = 3  # lines before and after an edit, as diff -u has them
MASK = "********"
_HELD, _HOLDERS = {"data", "stringData", "binaryData"}, {"Secret", "ConfigMap"}
_LISTS = {"env", "httpHeaders"}  # of entries with a name and a value
_WORDS = {"args", "command"}  # of a container, and of a probe or hook: tokens and passwords may be there, too
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def excerpt(before: str, after: str) -> tuple[str, str]:
    """The lines of edits and those around them, with masked values. All others are empty, so that numbers stay true."""
    old, new = BREAK.split(masked(before)), BREAK.split(masked(after))
    context = BREAK.split(masked(before, words=True)), BREAK.split(masked(after, words=True))
    shown: tuple[dict[int, str], dict[int, str]] = {}, {}
    for kind, *places in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            continue
        for lines, around, kept, first, last in zip((old, new), context, shown, places[::2], places[1::2], strict=True):
            near = range(max(first - CONTEXT, 0), min(last + CONTEXT, len(lines)))
            kept.update({number: around[number] for number in near if number not in kept})
            kept.update({number: lines[number] for number in range(first, last)})
    return _only(shown[0], len(old)), _only(shown[1], len(new))


def masked(text: str, *, words: bool = False) -> str:
    """The text with MASK in place of what Secrets and ConfigMaps hold, and of the values of variables and headers.

    With `words` those of commands too, but of hooks. It has as many lines. Of a document that cannot be taken apart
    nothing is left.
    """
    pieces, position = [], 0
    for start, end in document_spans(text):
        span = text[start:end]
        pieces.append(text[position:start])
        position = end
        try:
            hidden = sorted((node.start, node.end) for node in _secrets(compose(span), words=words))
        except (yaml.YAMLError, ValueError, RecursionError):
            hidden = [(0, len(span))] if span.strip() else []
        at = 0
        for first, last in hidden:
            pieces += [span[at:first], MASK, *BREAK.findall(span, first, last)]
            at = last
        pieces.append(span[at:])
    return "".join([*pieces, text[position:]])


def _secrets(node: Node, key: str = "", *, words: bool, secret: bool = False) -> Iterator[Node]:
    """The scalars to mask. `key` is the one whose value the node is; `secret`: all of it is to be masked."""
    if node.kind == "scalar":
        if (secret or node.anchored) and not node.empty:
            yield node
    elif node.kind == "seq":
        for child in node.children:
            yield from _secrets(child, key, words=words, secret=secret)
    elif node.kind == "map":
        pairs = list(zip(node.children[::2], node.children[1::2], strict=True))
        kinds = {value.value for name, value in pairs if name.value == "kind"}
        for name, value in pairs:
            hidden = (
                secret
                or (name.value in _HELD and kinds <= _HOLDERS)
                or (key in _LISTS and name.value == "value")
                or (words and name.value in _WORDS)
                or name.value == _APPLIED
            )
            yield from _secrets(value, name.value, words=words and name.value != "lifecycle", secret=hidden)


def _only(kept: dict[int, str], count: int) -> str:
    return "\n".join(kept.get(number, "") for number in range(count))
