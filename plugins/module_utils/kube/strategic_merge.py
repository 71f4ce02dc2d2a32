# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes' strategic merge patch, as far as this product writes patches, on plain data.

Maps merge, null deletes a key, the lists of `MERGE_KEYS` merge element by element, every other list is replaced.
Patch directives (`$patch`, `$retainKeys`, `$setElementOrder`, ...) are refused: no patch of this product needs one.
"""

from __future__ import annotations

import copy
from typing import Any

# A list's field name, and the field that identifies its elements (patchMergeKey in the Kubernetes API).
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_NEVER_ADDED = frozenset({"containers", "initContainers", "ephemeralContainers"})


class MergeError(ValueError):
    """The patch does not fit the object. The message names the field and the reason."""


def merge(obj: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return `obj` with the strategic merge patch applied; neither argument changes.

    What the patch does not touch is shared with `obj`, not copied. Raises MergeError, also for a container that `obj`
    does not have, since no patch of this product adds one.
    """
    return _merge_map(obj, patch, "")


def merge_patches(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Combine two patches into one that does what both do; where they disagree the second holds. Nulls stay.

    Patches are expected to agree on the shape: a map over a null (delete, then set again) counts as the map alone.
    """
    result = dict(first)
    for key, value in second.items():
        result[key] = _combine(result[key], value, key) if key in result else value
    return result


def in_order_of(obj: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """The same patch with the elements of its lists in the order of the object's.

    An API server puts what a patch names into the order of the patch (normalizeElementOrder in strategicpatch), so that
    containers would change their places in the pod.
    """
    result = dict(patch)
    for key, value in patch.items():
        old = obj.get(key) if isinstance(obj, dict) else None
        if isinstance(value, dict):
            result[key] = in_order_of(old, value)
        elif isinstance(value, list) and key in MERGE_KEYS and isinstance(old, list):
            name = MERGE_KEYS[key]
            places = {item.get(name): (index, item) for index, item in enumerate(old) if isinstance(item, dict)}
            known = sorted((item for item in value if item[name] in places), key=lambda item: places[item[name]][0])
            new = [item for item in value if item[name] not in places]
            result[key] = [in_order_of(places[item[name]][1], item) for item in known] + new
    return result


def difference(before: Any, after: Any) -> list[str]:
    """List the dotted paths at which two objects differ, e.g. `spec.template.spec.containers[app].lifecycle.preStop`.

    A path ends where one side has nothing, or something of another type: 1, 1.0, "1" and True all differ. The order of
    keys does not count, the order of list elements does. Empty means equal. A part that both sides share through
    aliases is visited once, and reported where it is met first.
    """
    paths: list[str] = []
    _difference(before, after, "", "", paths, set())
    return paths


def same(one: Any, other: Any) -> bool:
    """Whether `difference` would list nothing, which is far slower to compute."""
    return _same(one, other, set())


def _merge_map(target: dict[str, Any], patch: dict[str, Any], path: str) -> dict[str, Any]:
    result = copy.copy(target)
    for key, value in patch.items():
        here = _path_of(path, key)
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_value(target.get(key), value, key, here)
    return result


def _merge_value(present: Any, value: Any, key: str, path: str) -> Any:
    if isinstance(value, dict) and isinstance(present, dict):
        return _merge_map(present, value, path)
    if isinstance(value, list) and key in MERGE_KEYS:
        return _merge_list(present if isinstance(present, list) else [], value, key, path)
    return _as_stored(value, path)


def _merge_list(target: list[Any], patch: list[Any], field: str, path: str) -> list[Any]:
    key = MERGE_KEYS[field]
    result = list(target)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise MergeError(f"{path}: an element of the patch has no {key}")
        places = _places(result, key, item[key])
        if len(places) > 1:
            raise MergeError(f"{path}: {len(places)} elements have the {key} {item[key]}")
        if places:
            result[places[0]] = _merge_map(result[places[0]], item, f"{path}[{item[key]}]")
        elif field in _NEVER_ADDED:
            raise MergeError(f"{path}: there is no element with the {key} {item[key]}")
        else:
            result.append(_as_stored(item, path))
    return result


def _places(items: list[Any], key: str, wanted: Any) -> list[int]:
    return [i for i, item in enumerate(items) if isinstance(item, dict) and key in item and item[key] == wanted]


def _as_stored(value: Any, path: str) -> Any:
    """How a new value is stored: a null in a patch only ever means "delete this key"."""
    if isinstance(value, dict):
        return {key: _as_stored(item, _path_of(path, key)) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_as_stored(item, path) for item in value]
    return value


def _path_of(path: str, key: str) -> str:
    """The path of a patch's key. Raises MergeError for a key that is a directive."""
    here = _join(path, key)
    if key.startswith("$"):
        raise MergeError(f"{here}: patch directives are not supported")
    return here


def _combine(first: Any, second: Any, key: str) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        return merge_patches(first, second)
    if isinstance(first, list) and isinstance(second, list) and key in MERGE_KEYS:
        name = MERGE_KEYS[key]
        result = list(first)
        for item in second:
            places = _places(result, name, item.get(name)) if isinstance(item, dict) else []
            if places:
                result[places[0]] = merge_patches(result[places[0]], item)
            else:
                result.append(item)
        return result
    return second


def _difference(a: Any, b: Any, path: str, field: str, paths: list[str], seen: set[tuple[int, int]]) -> None:
    if a is b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        pairs = [(_join(path, key), key, a.get(key), b.get(key), key in a and key in b) for key in {**a, **b}]
    elif isinstance(a, list) and isinstance(b, list):
        found = _pair_elements(a, b, path, field)
        if found is None:
            paths.append(path)
            return
        pairs = found
    else:
        if not _same_scalar(a, b):
            paths.append(path)
        return
    # Without this, objects that refer to their parts through aliases a few levels deep would never end.
    if (id(a), id(b)) in seen:
        return
    seen.add((id(a), id(b)))
    for here, key, one, other, both in pairs:
        if both:
            _difference(one, other, here, key, paths, seen)
        else:
            paths.append(here)


def _same(a: Any, b: Any, seen: set[tuple[int, int]]) -> bool:
    if a is b:
        return True
    if isinstance(a, dict):
        if not isinstance(b, dict) or a.keys() != b.keys():
            return False
        pairs = [(value, b[key]) for key, value in a.items()]
    elif isinstance(a, list):
        if not isinstance(b, list) or len(a) != len(b):
            return False
        pairs = list(zip(a, b, strict=True))
    else:
        return _same_scalar(a, b)
    if (id(a), id(b)) in seen:  # as in _difference
        return True
    seen.add((id(a), id(b)))
    return all(_same(one, other, seen) for one, other in pairs)


def _same_scalar(a: Any, b: Any) -> bool:
    # NaN is not equal to itself, and both sides having it is no difference; repr distinguishes it from the rest.
    return type(a) is type(b) and (a == b or repr(a) == repr(b) == "nan")


def _pair_elements(a: list[Any], b: list[Any], path: str, field: str) -> list[tuple[str, str, Any, Any, bool]] | None:
    """Elements that belong together, by name where the list has names; None: compare only the whole list."""
    names_a, names_b = _names(a, field), _names(b, field)
    if names_a is None or names_b is None:
        if len(a) != len(b):
            return None
        return [(f"{path}[{i}]", "", one, other, True) for i, (one, other) in enumerate(zip(a, b, strict=True))]
    if [name for name in names_a if name in names_b] != [name for name in names_b if name in names_a]:
        return None
    return [
        (f"{path}[{name}]", "", names_a.get(name), names_b.get(name), name in names_a and name in names_b)
        for name in {**names_a, **names_b}
    ]


def _names(items: list[Any], field: str) -> dict[Any, Any] | None:
    key = MERGE_KEYS.get(field)
    if key is None or not all(isinstance(item, dict) and isinstance(item.get(key), str | int) for item in items):
        return None
    names = {item[key]: item for item in items}
    return names if len(names) == len(items) else None


def _join(path: str, key: str) -> str:
    if "." in key or "/" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
