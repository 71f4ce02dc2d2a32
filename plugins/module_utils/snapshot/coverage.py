# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could not be read, and why: it is unknown, not absent."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Coverage:
    """`unknown` maps (kind, namespace) to the reason; namespace "" means everywhere, kind "" any of them."""

    unknown: dict[tuple[str, str], str] = field(default_factory=dict)

    def miss(self, kind: str, namespace: str, reason: str) -> None:
        """Note that an object of this kind was not read; each is "" where that is not known. The first reason stays."""
        self.unknown.setdefault((kind, namespace), reason)

    def why_unknown(self, kind: str, namespace: str) -> str | None:
        """The reason why objects of this kind are not all known in the namespace; None when they are."""
        kinds = (kind, "ScaledObject", "") if kind == "HorizontalPodAutoscaler" else (kind, "")
        keys = ((one, place) for one in kinds for place in ("", namespace))
        return next((reason for key in keys if (reason := self.unknown.get(key))), None)
