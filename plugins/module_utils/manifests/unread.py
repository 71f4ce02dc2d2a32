# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could not be read, and what it would have been: nothing of it may be taken as absent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Origin

ANY = ""  # of a kind or a namespace that is not known

_KIND = re.compile(r"""^["']?kind["']?[ \t]*:[ \t]*["']?([A-Za-z]\w*)["']?[ \t]*(?:#.*)?\r?$""", re.MULTILINE)
_FLOW_KIND = re.compile(r"""[{,\s]["']?kind["']?\s*:\s*["']?([A-Za-z]\w*)""")
_NAMESPACE = re.compile(r"""[{,\s]["']?namespace["']?[ \t]*:[ \t]*["']?([^\s"',}]*)""")
_OWN_NAME = re.compile(r"""[{,\s]["']?name["']?[ \t]*:[ \t]*["']?([^\s"',}]*)""")
_NAMED = re.compile(r"""^["']?metadata["']?[ \t]*:""", re.MULTILINE)
# What names and labels may be. Anything else is a placeholder: a template's, a substitution's, a person's.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?)?")
# Others find these by their names.
_FOUND_BY_NAME = ("ConfigMap", "Gateway", "Namespace", "PersistentVolumeClaim")


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that was not read: its kind and namespace, each ANY where that is not known.

    `besides`: of an object that was read as it is, the placeholder of its namespace; it is known to be there.
    """

    kind: str
    namespace: str
    origin: Origin
    besides: str = ""

    @property
    def reason(self) -> str:
        """What is not known, for messages."""
        line = f", line {self.origin.line}" if self.origin.line else ""
        what = f"a {self.kind}" if self.kind else "an object of unknown kind"
        return f"{what} cannot be read ({self.origin.file}{line})"


def unread_text(span: str, origin: Origin, *, template: bool) -> list[Unread]:
    """What a document that cannot be read would have been, as far as its text tells; nothing if it is no object."""
    content = span.lstrip()
    flow = content.startswith("{") and not content.startswith("{{")
    kinds = set((_FLOW_KIND if flow else _KIND).findall(span))
    if not kinds and not template and "kind" not in span:
        return []
    if flow and len(kinds) > 1:
        kinds = set()  # which of them is that of the object itself is not known
    found = (_OWN_NAME if kinds == {"Namespace"} else _NAMESPACE).search(span)
    # What a template does not say is up to its release.
    implied = "default" if kinds and not template and (flow or _NAMED.search(span)) else ANY
    namespace = found[1] if found else implied
    if not _NAME.fullmatch(namespace):
        namespace = ANY
    return [Unread(kind, namespace, origin) for kind in sorted(kinds) or [ANY]]


def unread_object(data: Any, origin: Origin) -> Unread:
    """The same of an object that could be read as YAML."""
    entry = data if isinstance(data, dict) else {}
    kind, metadata = entry.get("kind"), entry.get("metadata")
    namespace = metadata.get("namespace") or "default" if isinstance(metadata, dict) else ANY
    if kind == "Namespace" and isinstance(metadata, dict):
        namespace = metadata.get("name")
    known = isinstance(namespace, str) and _NAME.fullmatch(namespace)
    return Unread(kind if isinstance(kind, str) else ANY, str(namespace) if known else ANY, origin)


def filled_in_later(obj: dict[str, Any], origin: Origin) -> Unread | None:
    """What an object of a valid form leaves open: whom it selects, or in which namespace it is, if not as it stands."""
    kind, metadata, spec = obj["kind"], obj.get("metadata"), obj.get("spec")
    metadata = metadata if isinstance(metadata, dict) else {}
    spec = spec if isinstance(spec, dict) else {}
    namespace, name = metadata.get("namespace"), metadata.get("name")
    selects = [spec.get("selector"), spec.get("scaleTargetRef")]
    unsure = not all(_LABEL.fullmatch(text) for text in _texts(selects))
    if kind in _FOUND_BY_NAME and isinstance(name, str) and not _NAME.fullmatch(name):
        unsure = True
    if isinstance(namespace, str) and namespace and not _NAME.fullmatch(namespace):
        return Unread(kind, ANY, origin, "" if unsure else namespace)
    return unread_object(obj, origin) if unsure else None


def _texts(value: Any) -> set[str]:
    """All keys and texts of a value."""
    found: set[str] = set()
    pending, seen = [value], set()
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            found.add(node)
        elif isinstance(node, dict | list) and id(node) not in seen:
            seen.add(id(node))
            pending += [*node, *node.values()] if isinstance(node, dict) else node
    return found
