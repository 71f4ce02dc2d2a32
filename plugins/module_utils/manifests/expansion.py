# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much YAML expands to: with aliases and merges, 700 bytes can mean gigabytes.

The data that is made of it shares what is aliased, but whatever prints, copies or hashes a value walks through all of
it. So there is a limit for the whole document before anything is made of it, as go-yaml has for Kubernetes' own tools.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml

# Characters that aliases and merges may add to a document, beside as many as it has itself. An API server accepts 3
# MiB.
MAX_ADDED = 10 * 2**20


class Unusable(yaml.YAMLError):
    """Well-formed YAML that no manifest can contain. `line` is 0-based within the text that was parsed."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def require_bounded(root: yaml.Node, written: int, max_depth: int) -> None:
    """Raises Unusable if a node expands to too much, is nested too deeply through aliases, or contains itself.

    `written` is the length of the document's text. Its time is proportional to that, whatever it expands to.
    """
    if not isinstance(root, yaml.ScalarNode):
        _Measure(2 * written + MAX_ADDED, max_depth).collection(root)


class _Measure:
    """Each collection is measured once, however often it is named."""

    def __init__(self, limit: int, max_depth: int) -> None:
        self.limit = limit
        self.max_depth = max_depth
        # (characters, levels) of each; None while one is being measured.
        self.known: dict[yaml.Node, tuple[int, int] | None] = {}

    def collection(self, node: yaml.Node) -> tuple[int, int]:
        if node in self.known:
            if measured := self.known[node]:
                return measured
            raise Unusable("a node contains itself through an alias", node.start_mark.line)
        self.known[node] = None
        size, depth = 1, 0
        for child, merged in _children(node):
            inner, levels = (1 + len(child.value), 0) if isinstance(child, yaml.ScalarNode) else self.collection(child)
            size, depth = size + inner, max(depth, levels - merged)
            if size > self.limit:
                reason = f"its aliases expand to more than {MAX_ADDED // 2**20} MiB: write the values out"
                raise Unusable(reason, node.start_mark.line)
        if depth >= self.max_depth:
            raise Unusable(f"nested more than {self.max_depth} levels deep", node.start_mark.line)
        self.known[node] = size, depth + 1
        return size, depth + 1


def _children(node: yaml.Node) -> Iterator[tuple[yaml.Node, bool]]:
    """(child, whether it is merged into the node, and so no level of its own)."""
    if isinstance(node, yaml.SequenceNode):
        yield from ((child, False) for child in node.value)
        return
    for key, value in node.value:
        yield key, False
        yield value, key.value == "<<"
