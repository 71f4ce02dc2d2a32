# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which workloads a run judges. What the user leaves out is counted as excluded, never dropped silently."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS, OPT_IN_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector, parse_selector

_PATTERN = re.compile(r"[*?\[]")


def is_pattern(text: str) -> bool:
    """Whether a text may fit more than one value."""
    return bool(_PATTERN.search(text))


@dataclass(frozen=True, slots=True)
class Selection:
    """The user's choice. `namespaces` and `names` are shell patterns such as `team-*`; empty means all."""

    kinds: tuple[str, ...] = DEFAULT_KINDS
    namespaces: tuple[str, ...] = ()
    exclude_namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    label_selectors: tuple[Selector, ...] = ()

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Selection:
        """Build from module options. Raises ValueError that names the option and what it may hold."""
        kinds = tuple(options.get("kinds") or DEFAULT_KINDS)
        known = (*DEFAULT_KINDS, *OPT_IN_KINDS)
        for kind in kinds:
            if kind not in known:
                raise ValueError(f"kinds: '{kind}' is not one of {', '.join(known)}")
        return cls(
            kinds=kinds,
            namespaces=tuple(options.get("namespaces") or ()),
            exclude_namespaces=tuple(options.get("exclude_namespaces") or ()),
            names=tuple(options.get("names") or ()),
            label_selectors=tuple(parse_selector(text) for text in options.get("label_selectors") or ()),
        )

    @property
    def named_namespaces(self) -> list[str] | None:
        """The namespaces that are looked at, where each is named, so that rights in these are enough; else None."""
        if not self.namespaces or any(map(is_pattern, self.namespaces)):
            return None
        return sorted({name for name in self.namespaces if self.has_namespace(name)})

    def has_namespace(self, namespace: str) -> bool:
        """Whether the namespace is looked at."""
        if any(fnmatch.fnmatchcase(namespace, pattern) for pattern in self.exclude_namespaces):
            return False
        return not self.namespaces or any(fnmatch.fnmatchcase(namespace, pattern) for pattern in self.namespaces)

    def includes(self, namespace: str, name: str, labels: dict[str, str]) -> bool:
        """Whether an object of a selected kind is judged (True) or counted as excluded (False)."""
        if not self.has_namespace(namespace):
            return False
        if self.names and not any(fnmatch.fnmatchcase(name, pattern) for pattern in self.names):
            return False
        # Several selectors add up to more workloads, as several `-l` runs would.
        return not self.label_selectors or any(selector.matches(labels) for selector in self.label_selectors)
