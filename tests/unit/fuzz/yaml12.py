# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as a parser of version 1.2 reads it: `yes` is text, 0o17 is a number, and so on."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", list("-+.0123456789")),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's parser with the core schema of YAML 1.2."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _first)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("^<<$"), ["<"])


def _number(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return (
        int(text, 8 if "o" in text else 16 if "x" in text else 10) if text[:1] == "0" and len(text) > 2 else int(text)
    )


_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_pure = YAML(typ="safe", pure=True)


def read(text: str) -> Any:
    """The one document of a text. Raises YAMLError."""
    return yaml.load(text, _Loader)


def read_by_another(text: str) -> Any:
    """The same by ruamel.yaml, which takes thirty times as long; None where it fails, as at some odd comments."""
    try:
        return _pure.load(text)
    except YAMLError:
        return None
