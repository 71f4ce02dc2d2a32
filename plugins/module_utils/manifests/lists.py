# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a document: itself, or the items of a List, of a typed List, and of Lists within these."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import LocatedDict

LIMIT = 100_000  # items of one document; a few aliases can expand to any number

Path = tuple[int, ...]


class TooMany(ValueError):
    """A List has more items than LIMIT."""


def is_list(data: object) -> bool:
    """Whether a document holds other objects instead of being one."""
    return isinstance(data, dict) and str(data.get("kind")).endswith("List") and isinstance(data.get("items"), list)


def items_of(data: dict[str, Any]) -> list[tuple[Path, Any]]:
    """The items of a List with their indexes from the outermost list on. Raises TooMany.

    An item of a typed List, such as a DeploymentList, gets the kind and apiVersion that it may leave out.
    """
    found = list(islice(_items(data, ()), LIMIT + 1))
    if len(found) > LIMIT:
        raise TooMany(f"a List of more than {LIMIT:,} objects")
    return found


def _items(data: dict[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    kind, version = str(data["kind"]).removesuffix("List"), data.get("apiVersion")
    for index, item in enumerate(data["items"]):
        place = (*path, index)
        if is_list(item):
            yield from _items(item, place)
        elif kind and isinstance(item, dict) and not (item.get("kind") and item.get("apiVersion")):
            full = LocatedDict({"apiVersion": version, "kind": kind} | item)
            if line := getattr(item, "line", None):
                full.line = line
            yield place, full
        else:
            yield place, item
