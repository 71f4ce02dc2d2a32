# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading manifests the way Kubernetes' own tools read YAML, with the line of each mapping.

Kubernetes reads YAML through go-yaml v2: `yes`, `on` and `y` are booleans, `0777` is octal, `1e3` is a number, `1:30`
and dates are strings, keys are strings whatever they look like, unknown tags are ignored, and `<<` merges at its
position. PyYAML's C parser does the parsing here; only the step from nodes to data is our own, since PyYAML's would
read
scalars differently and takes as long as the parsing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.manifests.expansion import Unusable, require_bounded
from ansible_collections.graceful.termination.plugins.module_utils.manifests.scalar import key_text, plain_value
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import count_breaks, document_spans

BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

TEMPLATE = "a Helm or other template, not a manifest: render it first"
# PyYAML's C code recurses without a limit and crashes the process on a file that is nothing but brackets.
MAX_DEPTH = 200
_SLOW = 1_000_000  # characters; what PyYAML's own parser takes some seconds for

# What _Loader gives nodes as tags. A tag written in a file has no spaces.
_PLAIN, _TEXT, _COLLECTION = "plain scalar", "other scalar", "a collection"
_TYPED_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))


class NotText(ValueError):
    """The bytes are no text that could be a manifest. The message is the reason."""


class LocatedDict(dict[str, Any]):
    """A mapping that knows its 1-based line in the file."""

    __slots__ = ("line",)
    line: int


@dataclass(slots=True)
class Document:
    """One document of a file.

    `index` is that of its span (`document_spans`). `line` (1-based) is where the content starts, or where a broken
    document breaks. `problem` is the reason why there is no data; None for a document that could be read, whose data
    may be None (an empty document) or anything else YAML can say. `duplicate_keys` are (line, key) of every key that
    its mapping has already had; the last one holds, as for Kubernetes.
    """

    index: int
    line: int
    data: Any = None
    problem: str | None = None
    duplicate_keys: list[tuple[int, str]] = field(default_factory=list)


def decode(raw: bytes) -> str:
    """Return the text of a file, byte-order mark and line ends included; encoding it as UTF-8 gives the same bytes.

    Raises NotText.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotText("not UTF-8 but UTF-16: convert it first")
    if b"\0" in raw:
        raise NotText("not a text file")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotText(f"not UTF-8 at byte {error.start}") from None


def load_documents(text: str) -> list[Document]:
    """Return every document of a file. A broken one is a Document with a problem, and the next `---` starts afresh."""
    documents: list[Document] = []
    line, position = 1, 0
    for index, (start, end) in enumerate(document_spans(text)):
        line += count_breaks(text, position, start)
        position = start
        documents.extend(load_span(text[start:end], line, index))
    return documents


def load_span(span: str, line: int, index: int) -> Iterator[Document]:
    """Load what one span holds: its document, and one with a problem if there is something else behind its end (`...`).

    `line` is the 1-based line of the span's start, `index` its place in `document_spans`.
    """
    found = 0
    try:
        try:
            for document in _documents(_Loader, span, line, index):
                found += 1
                yield document
        except yaml.composer.ComposerError as error:
            if found or "duplicate anchor" not in str(error.context) or len(span) > _SLOW:
                raise
            yield from _documents(_AnchorsLoader, span, line, index)
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError) as error:
        yaml_only = isinstance(error, Unusable | RecursionError)
        yield (None if yaml_only else _json_document(span, line, index)) or _broken(error, span, line, index)


def _documents(kind: Any, span: str, line: int, index: int) -> Iterator[Document]:
    loader = kind(span)
    try:
        while loader.check_node():
            node = loader.get_node()
            if "*" in span:  # no alias is without
                require_bounded(node, len(span), MAX_DEPTH)
            document = Document(index, line + node.start_mark.line)
            document.data = _Builder(line, document.duplicate_keys).build(node)
            yield document
    finally:
        loader.dispose()


class _Composing:
    """Composes nodes, leaving what plain scalars mean to `plain_value`, and ends before the C stack does."""

    depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unusable(f"nested more than {MAX_DEPTH} levels deep", current_node.start_mark.line)

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return _COLLECTION


class _Loader(_Composing, BaseLoader):  # type: ignore[misc, valid-type]
    pass


class _AnchorsLoader(_Composing, yaml.SafeLoader):
    """Lets an anchor be set anew, as YAML does and go-yaml with it; PyYAML's C code allows no other way."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent) and getattr(event, "anchor", None):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)


class _Builder:
    """Makes data of one document's nodes. Aliased collections stay one shared object, however often they are named."""

    def __init__(self, first_line: int, duplicate_keys: list[tuple[int, str]]) -> None:
        self.first_line = first_line
        self.duplicate_keys = duplicate_keys
        self.done: dict[yaml.Node, Any] = {}

    def build(self, node: yaml.Node) -> Any:
        if node.__class__ is yaml.ScalarNode:
            if node.tag == _PLAIN:
                return plain_value(node.value)
            return _typed(node) if node.tag in _TYPED_TAGS else node.value
        known = self.done.get(node, self)
        if known is not self:
            return known
        result = (
            [self.build(item) for item in node.value] if node.__class__ is yaml.SequenceNode else self.mapping(node)
        )
        self.done[node] = result
        return result

    def mapping(self, node: yaml.MappingNode) -> LocatedDict:
        result = LocatedDict()
        result.line = self.first_line + node.start_mark.line
        merged: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.__class__ is not yaml.ScalarNode:
                raise Unusable("a mapping's key is itself a mapping or a list", key_node.start_mark.line)
            key = key_node.value
            if key_node.tag == _PLAIN:
                if key == "<<":
                    for source in reversed(self.merge_sources(value_node)):
                        merged.update(source.keys() - result.keys())
                        result.update(source)
                    continue
                key = key_text(plain_value(key))
            elif key_node.tag in _TYPED_TAGS:
                key = key_text(_typed(key_node))
            if key is None:
                raise Unusable("a mapping has an empty key", key_node.start_mark.line)
            if key in result:
                if key not in merged:
                    self.duplicate_keys.append((self.first_line + key_node.start_mark.line, key))
                merged.discard(key)
            result[intern(key)] = self.build(value_node)
        return result

    def merge_sources(self, node: yaml.Node) -> list[LocatedDict]:
        value = self.build(node)
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, LocatedDict) for source in sources):
            raise Unusable("'<<' merges something that is not a mapping", node.start_mark.line)
        return sources


def _typed(node: yaml.ScalarNode) -> Any:
    value = plain_value(node.value)
    return float(value) if node.tag.endswith(":float") and isinstance(value, int) else value


def _json_document(span: str, line: int, index: int) -> Document | None:
    """JSON that is no YAML: surrogate pairs, tabs before the first bracket, very long keys. Its lines are not known."""

    def located(pairs: list[tuple[str, Any]]) -> LocatedDict:
        found = LocatedDict(pairs)
        found.line = first
        return found

    content = span.lstrip()
    if not content.startswith("{"):
        return None
    first = line + count_breaks(span, 0, len(span) - len(content))
    try:
        data = json.loads(content, object_pairs_hook=located)
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if _levels(data) > MAX_DEPTH:
        return None
    return Document(index, first, data)


def _levels(data: Any) -> int:
    """How deeply JSON is nested."""
    count, level = 0, [data]
    while level := [
        part
        for value in level
        for part in (value.values() if isinstance(value, dict) else value)
        if isinstance(part, dict | list)
    ]:
        count += 1
    return count + 1


def _broken(error: Exception, span: str, first_line: int, index: int) -> Document:
    reason, at = _explain(error, span, first_line)
    line = first_line + at
    if "{{" in span:
        return Document(index, line, problem=TEMPLATE)
    return Document(index, line, problem=f"{reason}, line {line}")


def _explain(error: Exception, span: str, first_line: int) -> tuple[str, int]:
    """What is wrong, and the 0-based line in the span."""
    if isinstance(error, Unusable):
        return error.reason, error.line
    if isinstance(error, RecursionError):
        return "nested too deeply", 0
    if isinstance(error, yaml.MarkedYAMLError):
        mark, begun = error.problem_mark or error.context_mark, error.context_mark
        at = mark.line if mark else 0
        reason = f"not valid YAML: {error.problem or error.context}"
        if error.problem and error.context and begun and begun.line < at:
            reason += f" ({error.context} from line {first_line + begun.line})"
        return reason, at
    # The rest are characters that YAML does not allow. PyYAML gives their position in bytes or in characters.
    bad = yaml.reader.Reader.NON_PRINTABLE.search(span)
    at = bad.start() if bad else 0
    name = f"the character U+{ord(span[at]):04X}" if bad else "a character"
    return f"not valid YAML: {name} is not allowed", count_breaks(span, 0, at)
