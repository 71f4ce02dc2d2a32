# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What files hold as they were read: text, documents, and the objects in these with their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable, line_of
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    Document,
    NotText,
    decode,
    load_documents,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.files import read_file
from ansible_collections.graceful.termination.plugins.module_utils.manifests.lists import is_list, items_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Origin


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds."""

    text: str
    documents: list[Document]


@dataclass(frozen=True, slots=True)
class Entry:
    """One Kubernetes object with its place. `path` is the real path of its file; None where that is not known."""

    data: dict[str, Any]
    origin: Origin
    path: str | None


Loaded: TypeAlias = "Content | NotText | OSError"


def load(path: str) -> Loaded:
    """What a file holds, or why that is unknown."""
    try:
        with barrier(NotText, OSError):
            text = decode(read_file(path))
            return Content(text, load_documents(text))
    except (NotText, OSError) as error:
        return error
    except Unreadable as error:
        return NotText(error.reason)


def objects_of(document: Document, file: str, path: str) -> Iterator[Entry]:
    """The objects of a document: itself, or the items of a List. Anything else holds none.

    An item of a List that is no object is given as it is, for its reader to report. Raises TooMany.
    """
    data, origin = document.data, Origin(file, document.line, document.index)
    if is_list(data) and isinstance(data.get("apiVersion"), str):
        for index, (_place, item) in enumerate(items_of(data)):
            line = line_of(item) or origin.line
            yield Entry(item, Origin(file, line, document.index, index), path)
    elif is_object(data):
        yield Entry(data, origin, path)


def is_object(data: object) -> bool:
    """Whether it says what it is, as every Kubernetes object does."""
    return isinstance(data, dict) and isinstance(data.get("kind"), str) and isinstance(data.get("apiVersion"), str)


class Files:
    """The files of a source by their real paths, each read once."""

    def __init__(self) -> None:
        self._loaded: dict[str, Loaded] = {}

    def keep(self, path: str, content: Loaded) -> None:
        """Add what the file holds."""
        self._loaded[path] = content

    def get(self, path: str) -> Loaded:
        """What the file holds."""
        if path not in self._loaded:
            self._loaded[path] = load(path)
        return self._loaded[path]

    def content(self, path: str) -> Content:
        """The same of a file that could be read before."""
        found = self.get(path)
        if not isinstance(found, Content):
            raise TypeError(path)
        return found

    def read(self, path: str) -> bytes:
        """The bytes of a file; of one that was read before and is text, as it was then. Raises OSError."""
        found = self._loaded.get(path)
        if isinstance(found, Content):
            return found.text.encode()
        if isinstance(found, OSError):
            raise found
        return read_file(path)
