# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are filled in after a build, such as those of Flux's postBuild: `${NAME}` is not what will be there."""

from __future__ import annotations

from typing import Any

SUBSTITUTED = "a part of it is filled in after the build (${…}), so its final value is unknown"
# What a fix neither reads nor writes.
_ELSEWHERE = frozenset({"metadata", "image", "volumes", "volumeMounts", "resources", "nodeSelector", "affinity"})
_SHELL = frozenset({"command", "args", "env"})


def is_substituted(obj: dict[str, Any], *, everywhere: bool) -> bool:
    """Whether an object has a value with `${`, where it bears on a fix.

    `everywhere`: also in commands and environment variables, where it may as well be a variable of a shell.
    """
    skipped = _ELSEWHERE if everywhere else _ELSEWHERE | _SHELL
    pending, seen = [obj.get("spec")], set()
    while pending:
        node = pending.pop()
        if isinstance(node, str) and "${" in node:
            return True
        if not isinstance(node, dict | list) or id(node) in seen:
            continue
        seen.add(id(node))
        pending += node if isinstance(node, list) else [value for key, value in node.items() if key not in skipped]
    return False
