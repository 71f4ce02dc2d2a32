# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one pod requests from a node and a quota: the sum over its containers, as the scheduler computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quantity import parse_quantity
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get_map, get_maps

Amounts = Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Demand:
    """`without` maps a resource such as requests.cpu to the containers that do not set it."""

    requests: Amounts
    limits: Amounts
    without: Mapping[str, tuple[str, ...]]


def demand_of(pod: Obj) -> Demand:
    """What a pod of this spec requests. Raises Unreadable."""
    return Demand(_sum(pod, "requests"), _sum(pod, "limits"), _without(pod))


def _sum(pod: Obj, part: str) -> dict[str, Fraction]:
    running: dict[str, Fraction] = {}
    for container in get_maps(pod, "containers", "spec"):
        _add(running, _amounts(container, part))
    # An init container runs alone, next to the native sidecars that started before it.
    sidecars: dict[str, Fraction] = {}
    starting: dict[str, Fraction] = {}
    for container in get_maps(pod, "initContainers", "spec"):
        own = dict(_amounts(container, part))
        if container.get("restartPolicy") == "Always":
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        _raise(starting, own)
    _add(running, sidecars)
    _raise(running, starting)
    running |= _amounts(pod, part)  # pod-level resources override the sum
    overhead = _parse(get_map(pod, "overhead", "spec"))
    _add(running, {name: amount for name, amount in overhead.items() if part == "requests" or name in running})
    return running


def _amounts(holder: Obj, part: str) -> dict[str, Fraction]:
    resources = get_map(holder, "resources", "")
    found = _parse(get_map(resources, part, "resources"))
    # A container with only a limit gets a request of the same size when the pod is created.
    return _parse(get_map(resources, "limits", "resources")) | found if part == "requests" else found


def _parse(amounts: Obj) -> dict[str, Fraction]:
    return {str(name): parse_quantity(value) for name, value in amounts.items()}


def _add(total: dict[str, Fraction], more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount


def _raise(total: dict[str, Fraction], minimum: Amounts) -> None:
    for name, amount in minimum.items():
        total[name] = max(total.get(name, Fraction(0)), amount)


def _without(pod: Obj) -> dict[str, tuple[str, ...]]:
    containers = [*get_maps(pod, "containers", "spec"), *get_maps(pod, "initContainers", "spec")]
    return {
        f"{part}.{name}": tuple(
            str(container.get("name")) for container in containers if name not in _amounts(container, part)
        )
        for part in ("requests", "limits")
        for name in ("cpu", "memory")
        if name not in _amounts(pod, part)
    }
