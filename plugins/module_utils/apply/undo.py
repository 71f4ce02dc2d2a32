# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls back a patch: only fields that still have the value of the patch, to the value before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import MERGE_KEYS, merge


@dataclass(frozen=True, slots=True)
class Undo:
    """`before`: the fields that `patch` names, as they were; a field that is missing was not set."""

    before: dict[str, Any]
    patch: dict[str, Any]

    def against(self, now: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """(the strategic merge patch that rolls `now` back, the dotted paths that other clients have changed since).

        Raises MergeError where `before` and `patch` do not belong to one object.
        """
        others: list[str] = []
        return _reverse(self.before, merge(self.before, self.patch), now, self.patch, "", others), tuple(sorted(others))


def project(obj: Any, patch: Any, field: str = "") -> Any:
    """Only the fields of an object that a patch names: ours."""
    if isinstance(patch, dict) and isinstance(obj, dict):
        return {key: project(obj[key], value, key) for key, value in patch.items() if obj.get(key) is not None}
    if isinstance(patch, list) and isinstance(obj, list) and field in MERGE_KEYS:
        key = MERGE_KEYS[field]
        wanted = {item[key]: item for item in patch}
        return [project(item, wanted[item[key]]) for item in obj if item.get(key) in wanted]
    return obj


def _reverse(
    before: Any, after: Any, now: Any, sent: Mapping[str, Any], path: str, others: list[str]
) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    for key, value in sent.items():
        here = f"{path}.{key}" if path else key
        old, ours, present = (part.get(key) if isinstance(part, dict) else None for part in (before, after, now))
        if ours == old:
            continue
        if key in MERGE_KEYS and isinstance(value, list):
            elements = _elements(old, ours, present, value, key, here, others)
            if elements:
                patch[key] = elements
        elif old is None and project(present, value) == present == ours:
            patch[key] = None  # all of it was ours, and an empty map would not be valid everywhere
        elif isinstance(value, dict) and isinstance(ours, dict) and isinstance(present, dict):
            part = _reverse(old, ours, present, value, here, others)
            if part:
                patch[key] = part
        elif present == ours:
            patch[key] = old
        elif present != old:
            others.append(here)
    return patch


def _elements(
    before: Any, after: Any, now: Any, sent: list[dict[str, Any]], field: str, path: str, others: list[str]
) -> list[dict[str, Any]]:
    name, found = MERGE_KEYS[field], []
    for item in sent:
        here = f"{path}[{item[name]}]"
        old, ours, present = (_element(part, name, item[name]) for part in (before, after, now))
        if present is None:
            others.append(here)
            continue
        change = _reverse(old, ours, present, item, here, others)
        if change:
            found.append({name: item[name], **change})
    return found


def _element(items: Any, name: str, wanted: Any) -> dict[str, Any] | None:
    return next((item for item in items or () if item.get(name) == wanted), None)
