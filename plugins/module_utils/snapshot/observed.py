# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source sees of running pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Evidence
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True)
class Observed:
    """`injected` maps a workload's key to the containers that its live pods have and its template does not.

    `evidence` is what they show beyond that; nothing unless the user enables it.
    """

    injected: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)

    def injected_into(self, workload: Workload) -> tuple[Container, ...]:
        """The containers that its live pods have and its template does not."""
        return self.injected.get(workload.key, ())
