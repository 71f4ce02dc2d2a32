# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two declarations of an option: its description in a module's documentation, and its argument specification.

Both are written by hand, and `problems` says where they differ. What the roles say is generated from them (role_files).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import PRESTOP_SECONDS, Policy
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import ROLLING
from ansible_collections.graceful.termination.tools.connection import connection_options

ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = "ansible_collections.graceful.termination."
_COMPARED = ("type", "elements", "default", "choices", "required")
Option = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A map of options in a Python file, and the file that describes them. Both are paths below ROOT."""

    code: str
    name: str
    documentation: str

    @property
    def specs(self) -> dict[str, Option]:
        """The argument specification."""
        return getattr(_module(self.code), self.name)

    @property
    def described(self) -> dict[str, Option]:
        """What the documentation says."""
        module = _module(self.documentation)
        text = getattr(module, "ModuleDocFragment", module).DOCUMENTATION
        return yaml.safe_load(text).get("options") or {}


_RUN, _MODULES, _FRAGMENTS = "plugins/module_utils/run/options.py", "plugins/modules", "plugins/doc_fragments"
_PROVE = "plugins/module_utils/prove"
AUDIT = Place(_RUN, "AUDIT_OPTIONS", f"{_FRAGMENTS}/audit_options.py")
TARGET = Place(f"{_PROVE}/choose.py", "TARGET_OPTIONS", f"{_FRAGMENTS}/target_options.py")
TRACE = Place(f"{_PROVE}/trace/options.py", "TRACE_OPTIONS", f"{_FRAGMENTS}/trace_options.py")
# The places of each module, in the order in which its role lists the options.
MODULES = {
    "audit_info": (AUDIT, Place(_RUN, "AUDIT_INFO_OPTIONS", f"{_MODULES}/audit_info.py")),
    "remediate": (
        AUDIT,
        Place(_RUN, "REMEDIATE_OPTIONS", f"{_MODULES}/remediate.py"),
        Place("plugins/module_utils/apply/guardrails.py", "GUARDRAIL_OPTIONS", f"{_MODULES}/remediate.py"),
    ),
    "drill": (Place(f"{_PROVE}/drill/options.py", "DRILL_OPTIONS", f"{_MODULES}/drill.py"), TARGET),
    "pod_trace": (TRACE, TARGET),
    "pod_debug": (Place(f"{_PROVE}/debug/options.py", "DEBUG_OPTIONS", f"{_MODULES}/pod_debug.py"), TRACE, TARGET),
}

_SECONDS = {"type": "int"}
_PRESTOP = {"default": "Behind a Service of the cluster only.", "external-lb": "Behind a load balancer outside."}
# A role says what an empty value means, so that a user sees it in the defaults.
POLICY: dict[str, Option] = {
    "prestop_seconds": {
        "description": "The preStop delay, by what is in front of the workload.",
        "type": "dict",
        "options": {
            key: {"description": _PRESTOP[key]} | _SECONDS | {"default": value}
            for key, value in PRESTOP_SECONDS.items()
        },
    },
    "margin_seconds": {"description": "Added to every budget, for clocks and the container runtime."}
    | _SECONDS
    | {"default": Policy().margin_seconds},
    "max_grace_seconds": {"description": "The highest grace period that is set without a person."}
    | _SECONDS
    | {"default": Policy().max_grace_seconds},
}
_WHOLE: dict[str, Option] = {"kinds": {"default": list(DEFAULT_KINDS)}, "policy": {"options": POLICY, "default": None}}
_ROLLING: dict[str, Option] = {"kinds": {"default": list(ROLLING)}}
_OF_TRACE = {"pod": "trace_pod", "mode": "trace_mode", "allow_last_endpoint": "trace_allow_last_endpoint"}


@dataclass(frozen=True)
class Role:
    """A role calls one module. `names` are variables that differ from the option, without their prefix."""

    module: str
    names: Mapping[str, str]
    over: Mapping[str, Option]

    def variable(self, option: str) -> str:
        """The name of the variable for an option of the module."""
        return f"termination_{self.names.get(option, option)}"


ROLES = {
    "audit": Role("audit_info", {}, _WHOLE),
    "remediate": Role("remediate", {}, _WHOLE),
    "drill": Role("drill", {"mode": "drill_mode"}, _ROLLING),
    "trace": Role("pod_trace", _OF_TRACE, _ROLLING),
    "debug": Role(
        "pod_debug",
        _OF_TRACE | {name: f"debug_{name}" for name in ("image", "container", "capture")},
        _ROLLING,
    ),
}


def options(module: str) -> dict[str, Option]:
    """What users may set of a module, as it is described, in the order of its places; last its connection."""
    described = _described(module)
    names = dict.fromkeys(name for place in MODULES[module] for name in place.specs if not name.startswith("_"))
    # What is not described is for `problems` to say.
    return {name: described[name] for name in names if name in described} | connection_options()


def problems(module: str) -> list[str]:
    """Where documentation and argument parser differ, each with the file, the line, and what to write there."""
    places, described = _places(module), _described(module)
    specs = {name: spec for place in places for name, spec in place.specs.items()}
    found = []
    for name in specs.keys() - described.keys():
        place = next(place for place in places if name in place.specs)
        code = _find(place.code, rf'^\s+"{name}": \{{', place.name)
        found.append(f"{_find(place.documentation, '^options:')}: describe {name}, which {code} specifies")
    for name in described.keys() - specs.keys():
        place = next(place for place in places if name in place.described)
        where = _find(place.documentation, f"^  {name}:")
        spec = {key: described[name][key] for key in _COMPARED if key in described[name]}
        found.append(f'{_find(place.code, f"^{place.name}")}: add "{name}": {spec}, which {where} describes')
    for name in specs.keys() & described.keys():
        place = next(place for place in places if name in place.described)
        where = _find(place.documentation, f"^  {name}:")
        found += [f"{where}: {name}: {text}" for text in _differences(described[name], specs[name])]
    return sorted(found)


def _differences(described: Option, spec: Option) -> list[str]:
    found = [
        f"{key} is {described.get(key)!r} here, {spec.get(key)!r} in the argument specification"
        for key in _COMPARED
        if described.get(key) != spec.get(key)
    ]
    below, parsed = described.get("suboptions") or {}, spec.get("options") or {}
    if below.keys() != parsed.keys():
        found.append(f"suboptions are {sorted(below)} here, {sorted(parsed)} in the argument specification")
    for name in sorted(below.keys() & parsed.keys()):
        found += [f"{name}: {text}" for text in _differences(below[name], parsed[name])]
    return found


def _places(module: str) -> tuple[Place, ...]:
    """Those of the module, and its own file, which may describe what it shares with others."""
    first = MODULES[module][0]
    return (*MODULES[module], Place(first.code, first.name, f"{_MODULES}/{module}.py"))


def _described(module: str) -> dict[str, Option]:
    return {name: option for place in _places(module) for name, option in place.described.items()}


def _find(path: str, *patterns: str) -> str:
    """Such as plugins/modules/drill.py:28, of the first of the patterns that a line matches."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    for pattern in patterns:
        for number, line in enumerate(lines, 1):
            if re.search(pattern, line):
                return f"{path}:{number}"
    return path


def _module(path: str) -> Any:
    return importlib.import_module(_PACKAGE + path.removesuffix(".py").replace("/", "."))
