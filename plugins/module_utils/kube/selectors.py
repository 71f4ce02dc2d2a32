# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes label selectors: the `matchLabels` form of objects and the text form of `kubectl -l`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")

_KEY = r"(?P<key>[\w./-]+)"
_EXPRESSION = re.compile(rf"^{_KEY}\s+(?P<operator>in|notin)\s*\((?P<values>[\w.,\s-]*)\)$")
_EQUALITY = re.compile(rf"^{_KEY}\s*(?P<operator>==|=|!=)\s*(?P<value>[\w.-]*)$")
_EXISTS = re.compile(rf"^(?P<not>!?)\s*{_KEY}$")
_OPERATORS = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition: `operator` is In, NotIn, Exists or DoesNotExist, as in the Kubernetes API."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet this condition."""
        if self.operator == "In":
            return labels.get(self.key) in self.values
        if self.operator == "NotIn":
            # A missing key satisfies NotIn, as it does in the API server.
            return labels.get(self.key) not in self.values
        if self.operator == "Exists":
            return self.key in labels
        return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold. A selector without requirements matches everything."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    @classmethod
    def of_labels(cls, labels: Mapping[str, str]) -> Selector:
        """The selector of a Service: a plain map of equal labels."""
        return cls(tuple(Requirement(key, "In", frozenset((str(value),))) for key, value in labels.items()))

    @classmethod
    def of_object(cls, selector: Mapping[str, Any]) -> Selector:
        """A LabelSelector (`matchLabels`, `matchExpressions`). Raises ValueError for a form the API server refuses."""
        labels = selector.get("matchLabels") or {}
        expressions = selector.get("matchExpressions") or []
        if not isinstance(labels, Mapping) or not isinstance(expressions, list):
            raise ValueError("matchLabels must be a map and matchExpressions a list")
        requirements = list(cls.of_labels(labels).requirements)
        for expression in expressions:
            if not isinstance(expression, Mapping):
                raise ValueError("an entry of matchExpressions must be a map")
            operator = expression.get("operator")
            if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
                raise ValueError(f"operator '{operator}' is not In, NotIn, Exists or DoesNotExist")
            values = expression.get("values") or []
            if not isinstance(values, list) or bool(values) != (operator in ("In", "NotIn")):
                raise ValueError(f"values of operator {operator} must be a list, empty for Exists and DoesNotExist")
            requirements.append(Requirement(str(expression.get("key")), operator, frozenset(map(str, values))))
        return cls(tuple(requirements))

    def as_object(self) -> dict[str, Any]:
        """A LabelSelector that selects the same."""
        labels: dict[str, str] = {}
        expressions: list[dict[str, Any]] = []
        for one in self.requirements:
            if one.operator == "In" and len(one.values) == 1 and one.key not in labels:
                labels[one.key] = next(iter(one.values))
            else:
                values = {"values": sorted(one.values)} if one.values else {}
                expressions.append({"key": one.key, "operator": one.operator, **values})
        return ({"matchLabels": labels} if labels else {}) | ({"matchExpressions": expressions} if expressions else {})


class Selecting(Generic[_T]):
    """Things with a selector, such as the Services of a namespace, found by the labels of a pod.

    Each is looked up by one label that it requires: to ask all of them for every workload would take the square of a
    large namespace.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str] | None, list[tuple[int, Selector, _T]]] = defaultdict(list)
        self._count = 0

    def add(self, selector: Selector, thing: _T) -> None:
        """Add one."""
        required = next((one for one in selector.requirements if one.operator == "In"), None)
        self._count += 1
        for label in [(required.key, value) for value in required.values] if required else [None]:
            self._found[label].append((self._count, selector, thing))

    def of(self, labels: Mapping[str, str]) -> list[_T]:
        """Those whose selector matches the labels, in their original order."""
        asked = [entry for label in (None, *labels.items()) for entry in self._found.get(label, ())]
        taking = sorted((entry for entry in asked if entry[1].matches(labels)), key=lambda entry: entry[0])
        return [thing for _place, _selector, thing in taking]


def parse_selector(text: str) -> Selector:
    """Parse the text form, such as `app=shop,tier in (web,api),!legacy`. Raises ValueError with the part at fault."""
    requirements = []
    for part in re.split(r",(?![^(]*\))", text):
        part = part.strip()
        if not part:
            continue
        if match := _EXPRESSION.match(part):
            values = frozenset(value.strip() for value in match["values"].split(","))
            requirements.append(Requirement(match["key"], "In" if match["operator"] == "in" else "NotIn", values))
        elif match := _EQUALITY.match(part):
            operator = "NotIn" if match["operator"] == "!=" else "In"
            requirements.append(Requirement(match["key"], operator, frozenset((match["value"],))))
        elif match := _EXISTS.match(part):
            requirements.append(Requirement(match["key"], "DoesNotExist" if match["not"] else "Exists"))
        else:
            raise ValueError(f"label selector '{text}': cannot read '{part}'; write it as for kubectl -l")
    return Selector(tuple(requirements))


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector in the form of an API query."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        values = ",".join(expression.get("values") or ())
        parts.append(_OPERATORS[expression["operator"]].format(expression["key"], values))
    return ",".join(parts)
