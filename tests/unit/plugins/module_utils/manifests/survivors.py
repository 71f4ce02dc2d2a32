# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a manifest that Writer wrote must survive an edit."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifests.writer import Path, Written


def changes(before: Any, after: Any, path: Path = ()) -> list[tuple[Path, str]]:
    """What differs, told apart by other code than that under test: added, deleted, replaced, or set (a scalar)."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = [((*path, key), "deleted") for key in before if key not in after]
        found += [((*path, key), "added") for key in after if key not in before]
        for key in before:
            if key in after:
                found += changes(before[key], after[key], (*path, key))
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) <= len(after) and before:
        found = [((*path, index), "added") for index in range(len(before), len(after))]
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            found += changes(one, other, (*path, index))
        return found
    if type(before) is type(after) and before == after:
        return []
    return [(path, "replaced" if isinstance(before, dict | list) and before else "set")]


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def check_survivors(written: Written, before: Any, after: Any, result: str) -> None:
    """Every comment and every line that no change touches is still there, in order."""
    found = changes(before, after)
    emptied = {path[:-1] for path, how in found if how == "deleted" and at(after, path[:-1]) == {}}
    moved = any(how == "deleted" and isinstance(path[-2], int) for path, how in found)

    def within(path: Path, outer: Path) -> bool:
        return path[: len(outer)] == outer

    for comment, path in written.comments.items():
        lost = any(
            within(path, changed) and (how in ("deleted", "replaced") or path != changed)
            for changed, how in found
            if how != "added"
        )
        if not lost and not any(within(path, place) for place in emptied):
            assert comment in result, comment
    lines = iter(result.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
    for line in written.lines:
        touched = any(within(line.path, path) or (line.loose and within(path, line.path)) for path, _value in found)
        if (
            not touched
            and line.path != ("blank",)
            and not any(within(line.path, place) for place in emptied)
            and not moved
        ):
            assert any(line.text == other for other in lines), line.text
