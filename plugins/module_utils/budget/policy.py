# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's policy: the only numbers that the product chooses for itself, all of them seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import whole

# In-cluster, kube-proxy follows within a few seconds; an external load balancer takes tens of seconds to let a
# target go.
PRESTOP_SECONDS = {"default": 10, "external-lb": 20}


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a preStop delay is, by trait; what is added for clock and runtime; how far grace may be raised alone."""

    prestop_seconds: dict[str, int] = field(default_factory=lambda: dict(PRESTOP_SECONDS))
    margin_seconds: int = 10
    max_grace_seconds: int = 300

    @classmethod
    def from_options(cls, options: dict[str, Any] | None) -> Policy:
        """Build from `termination_policy`. Missing keys keep their defaults. Raises ValueError naming the key."""
        if not isinstance(options or {}, dict):
            raise ValueError("policy: must be a map such as {margin_seconds: 10}")
        options = dict(options or {})
        prestop = options.pop("prestop_seconds", None)
        prestop = {} if prestop is None else prestop
        if not isinstance(prestop, dict):
            raise ValueError("policy.prestop_seconds: must be a map such as {default: 10, external-lb: 20}")
        unknown = set(prestop) - set(PRESTOP_SECONDS)
        if unknown:
            raise ValueError(
                f"policy.prestop_seconds: unknown key '{min(map(str, unknown))}'; "
                f"it may hold {', '.join(PRESTOP_SECONDS)}"
            )
        merged = {
            key: _seconds(f"prestop_seconds.{key}", prestop.get(key, value), 1)
            for key, value in PRESTOP_SECONDS.items()
        }
        margin = _seconds("margin_seconds", options.pop("margin_seconds", 10), 0)
        cap = _seconds("max_grace_seconds", options.pop("max_grace_seconds", 300), 1)
        if options:
            raise ValueError(
                f"policy: unknown key '{min(map(str, options))}'; it may hold prestop_seconds, margin_seconds, "
                "max_grace_seconds"
            )
        return cls(merged, margin, cap)

    def prestop_for(self, traits: tuple[str, ...]) -> tuple[int, str]:
        """The preStop delay in seconds for a workload with these traits, and where the number comes from."""
        key = "external-lb" if "external-lb" in traits else "default"
        return self.prestop_seconds[key], f"policy for {key}" if key != "default" else "policy default"


def _seconds(key: str, value: object, least: int) -> int:
    seconds = whole(value)
    if seconds is None:
        raise ValueError(f"policy.{key}: '{value!s:.40}' is not a whole number of seconds")
    if not least <= seconds <= 86400:
        raise ValueError(f"policy.{key}: {seconds} is not between {least} and 86400 seconds")
    return seconds
