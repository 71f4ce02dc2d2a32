# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying strategic merge patches to the text of a manifest, leaving every other byte alone.

The patched object is worked out as data first; then the text is spliced wherever that object differs from what the text
says; then the text is read again and must say exactly that object. A splice that went wrong is refused, never returned.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import Barrier, unexpected
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import MergeError, merge, same
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    Document,
    load_documents,
    load_span,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.layout import Layout, compose
from ansible_collections.graceful.termination.plugins.module_utils.manifests.lists import TooMany, items_of
from ansible_collections.graceful.termination.plugins.module_utils.manifests.splice import CannotSplice, Splicer
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import (
    BREAK,
    BREAKS,
    count_breaks,
    document_spans,
)


class DocumentPath(NamedTuple):
    """Which object of a file: the index of its document, and if that is a List the item's among all of `items_of`."""

    document: int
    item: int | None = None


class EditRefused(Exception):
    """The text stays as it is. `reason` says why, `line` (1-based) where."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(f"{reason} (line {line})")
        self.reason = reason
        self.line = line


def apply_patches(
    text: str,
    patches: Sequence[tuple[DocumentPath, dict[str, Any]]],
    documents: Sequence[Document] | None = None,
) -> str:
    """Return the text with the strategic merge patches applied. Patches that change nothing return the identical text.

    `documents` is what `load_documents` made of the text, where the caller has that already.
    Raises EditRefused when any of them cannot be applied; patch a file object by object to lose only those.
    """
    wanted: defaultdict[int, list[tuple[int | None, dict[str, Any]]]] = defaultdict(list)
    for path, patch in patches:
        wanted[path.document].append((path.item, patch))
    loaded: defaultdict[int, list[Document]] = defaultdict(list)
    for document in load_documents(text) if documents is None else documents:
        loaded[document.index].append(document)
    newline = BREAK.search(text)
    pieces, position, line = [], 0, 1
    spans = document_spans(text)
    for index in sorted(wanted):
        if not 0 <= index < len(spans):
            raise EditRefused(f"there is no document {index}", 1)
        start, end = spans[index]
        line += count_breaks(text, position, start)
        edited = _edit(text[start:end], line, loaded[index], wanted[index], newline.group() if newline else "\n")
        pieces += [text[position:start], edited]
        line += count_breaks(text, start, end)
        position = end
    return "".join([*pieces, text[position:]])


def _edit(
    span: str,
    line: int,
    documents: list[Document],
    patches: Sequence[tuple[int | None, dict[str, Any]]],
    newline: str,
) -> str:
    """Edit the one document of a span that begins at `line`."""
    for broken in [document for document in documents if document.problem]:
        raise EditRefused(str(broken.problem), broken.line)
    if not documents:
        raise EditRefused("there is no document", line)
    document = documents[0]
    expected = _patched(document, patches)
    if same(document.data, expected):
        return span
    unterminated = span[-1] not in BREAKS
    layout = Layout(span + newline if unterminated else span, newline)
    try:
        splicer = Splicer(layout, unterminated)
        splicer.change_document(compose(span), document.data, expected)
        edited = splicer.result()
    except CannotSplice as error:
        raise EditRefused(error.reason, line + error.line) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise EditRefused("its YAML cannot be parsed into nodes", document.line) from error
    except Exception as error:
        if Barrier.transparent:
            raise
        raise EditRefused(unexpected(error), document.line) from error
    # The line break that was lacking is removed again, unless an edit has made it a part of a value.
    candidates = [edited.removesuffix(layout.newline(len(layout.text))), edited] if unterminated else [edited]
    for candidate in candidates:
        # YAML allows commas that JSON does not.
        if _says(candidate, expected) and (_is_json(candidate) or not _is_json(span)):
            return candidate
    raise EditRefused("the edit could not be verified: the new text would not match the patched object", document.line)


def _patched(document: Document, patches: Sequence[tuple[int | None, dict[str, Any]]]) -> Any:
    """What the document's data must be after the edit."""
    after = document.data
    for item, patch in patches:
        try:
            if item is None:
                after = merge(after, patch)
            else:
                path, _item = items_of(after)[item]
                after = _with_item(after, path, patch)
        except MergeError as error:
            raise EditRefused(f"the patch does not fit: {error}", document.line) from error
        except (KeyError, IndexError, TypeError, AttributeError, TooMany) as error:
            raise EditRefused("there is no such object in the document", document.line) from error
    return after


def _with_item(data: Any, path: tuple[int, ...], patch: dict[str, Any]) -> Any:
    """The List with one of its items patched."""
    if not path:
        return merge(data, patch)
    items = list(data["items"])
    items[path[0]] = _with_item(items[path[0]], path[1:], patch)
    return {**data, "items": items}


def _is_json(span: str) -> bool:
    try:
        return span.lstrip().startswith("{") and isinstance(json.loads(span), dict)
    except ValueError:
        return False


def _says(span: str, expected: Any) -> bool:
    """Whether a span holds one document, with exactly this data."""
    documents = list(load_span(span, 1, 0))
    return len(documents) == 1 and not documents[0].problem and same(expected, documents[0].data)
