# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a task from people, variables and forms: the one place that normalises them.

A form, such as an AWX survey, sends "" for a blank field, and a list as one string with one entry in each line; a list
of maps as one of YAML or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.graceful.termination.plugins.module_utils._k8s.auth import AUTH_OPTIONS

# Commas are part of a label selector, and of the name of a group in LDAP.
BY_LINE = ("label_selectors", "impersonate_groups")
_AS_IT_IS = ("password",)
# What selects what is changed, and where: a blank field in a form must mean neither everything nor any cluster.
SELECTION = ("namespaces", "names", "label_selectors")
PLACE = ("kubeconfig", "context", "host")


def normalise(arguments: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The arguments without blank ones, which count as not given.

    Surrounding blanks are removed; lists are split by line and comma, label selectors by line. `options` is the
    argument specification; unknown arguments stay as is, for the module to refuse. Raises ValueError for a text that
    is no list of maps where one is expected.
    """
    normal = {}
    for name, value in arguments.items():
        spec = {**AUTH_OPTIONS, **options}.get(name)
        if spec is not None and name not in _AS_IT_IS:
            value = _entries(name, value, spec) if spec.get("type") == "list" else _stripped(value)
        if not is_blank(value):
            normal[name] = value
    return normal


def is_blank(value: Any) -> bool:
    """Whether nothing was entered: None, blanks, or a list of nothing else. False and 0 are values."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | tuple):
        return all(map(is_blank, value))
    return value is None


def refuse_blank(arguments: Mapping[str, Any]) -> None:
    """Raises ValueError if a form field that selects what is changed is blank. `arguments` are not normalised.

    For modules that change a cluster or stop pods. A given list of namespaces must name some, or "*" for all.
    """
    blank = [name for name, value in arguments.items() if value is not None and is_blank(value)]
    named = {name for name, value in arguments.items() if not is_blank(value)}
    if "source" in blank:
        raise ValueError(
            "source is blank, and without it the live cluster would be changed: set it to a file or folder of "
            "manifests, or remove termination_source; nothing was done"
        )
    if "source" in named:
        return
    for group in (PLACE, ("namespaces",), SELECTION):
        found = [name for name in group if name in blank]
        if found and not named & set(group):
            raise ValueError(
                f"{found[0]} (termination_{found[0]}) is blank: {_NEXT[group[0]]}, or remove it; nothing was done"
            )


_NEXT = {
    "kubeconfig": "name the cluster",
    "namespaces": 'name namespaces, or "*" for all of them',
}


def _entries(name: str, value: Any, spec: Mapping[str, Any]) -> Any:
    if spec.get("elements") == "dict":
        return [entry for given in _listed(value) for entry in _maps(name, given)]
    if isinstance(value, str):
        if name == "impersonate_groups" and "\n" not in value.strip():
            return value  # kubernetes.core separates groups by commas, but in a list
        value = [value]
    if not isinstance(value, list | tuple):
        return value
    return [entry for given in value for entry in _split(name, given) if not is_blank(entry)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _maps(name: str, entry: Any) -> list[Any]:
    """The entries of a list of maps that stand in one of its entries, as text or as they are."""
    if is_blank(entry):
        return []
    if not isinstance(entry, str):
        return [entry]
    try:
        read = _listed(yaml.safe_load(entry))
    except yaml.YAMLError:
        read = [None]
    if not all(isinstance(one, Mapping) for one in read):
        raise ValueError(
            f"{name} (termination_{name}): a text there must be a list of maps as YAML or JSON, "
            'such as [{"reason": "..."}]'
        )
    return read


def _split(name: str, entry: Any) -> list[Any]:
    if not isinstance(entry, str):
        return [entry]
    lines = entry.splitlines()
    parts = lines if name in BY_LINE else [part for line in lines for part in line.split(",")]
    return [part.strip() for part in parts]


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
