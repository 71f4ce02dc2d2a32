# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary drill between the first wave and the next: which workload it drills, and what its result means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import ROLLING
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import checked_url

# Documented in modules/remediate.py.
CANARY_OPTIONS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(ROLLING), "default": ROLLING[0]},
}
PASSED, FAILED = "passed", "failed"  # of the states that the module drill ends in
_CLASSES = 4


@dataclass(frozen=True, slots=True)
class Canary:
    """A workload, and the `url` that leads to it."""

    url: str
    namespace: str
    name: str
    kind: str

    @property
    def key(self) -> str:
        """As reports name it."""
        return f"{self.namespace}/{self.kind}/{self.name}"

    def arguments(self) -> dict[str, Any]:
        """The arguments of the module drill, without connection and folder: one restart under load."""
        of = {"namespaces": [self.namespace], "kinds": [self.kind], "names": [self.name]}
        return {"url": self.url, "rounds": 1, "max_lost": 0, **of}


@dataclass(frozen=True, slots=True)
class Drilled:
    """How the drill ended: `status` and `reason` as the module drill gives them, `lost` by class."""

    status: str
    reason: str
    requests: int = 0
    lost: Mapping[str, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the next call of the module."""
        return asdict(self)

    @property
    def failure(self) -> str:
        """Why the run must not continue; empty if it may."""
        if self.status == PASSED:
            return ""
        counts = ""
        if self.lost:
            classes = sorted(self.lost.items(), key=lambda item: (-item[1], item[0]))[:_CLASSES]
            counts = f" (of {self.requests:,} requests: {', '.join(f'{name} {lost}' for name, lost in classes)})"
        return f"the canary drill did not pass: {self.reason}{counts}"


def read_canary(given: Mapping[str, Any]) -> Canary:
    """Check the option. Raises ValueError."""
    try:
        url = checked_url(given["url"])
    except ValueError as error:
        raise ValueError(f"canary_drill (termination_canary_drill): {error}") from None
    return Canary(url, given["namespace"], given["name"], given["kind"])
