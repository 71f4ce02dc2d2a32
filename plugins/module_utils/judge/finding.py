# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding: what one rule says of one workload, and what is to be done about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES, Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """`severity` is final: the user's, or lowered for an unknown profile or a workload without pods."""

    rule: Rule
    hit: Hit
    severity: str
    workload: Workload

    @property
    def container(self) -> str | None:
        """The name of the container at fault, if it is one container's fault."""
        return self.hit.container.name if self.hit.container else None

    @property
    def evidence(self) -> str:
        """What it rests on: one of EVIDENCE."""
        return self.hit.evidence or self.rule.evidence

    @property
    def fingerprint(self) -> str:
        """Stable over runs, different for each namespace: a hash of rule, object and container."""
        parts = (self.rule.id, self.workload.key, self.container or "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def order(self) -> tuple[int, Identity, str, str]:
        """Worst first, then by name, so that two runs list them alike."""
        return (SEVERITIES.index(self.severity), self.workload.identity, self.rule.id, self.container or "")


def lowered(severity: str) -> str:
    """One severity lower; info stays info."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]
