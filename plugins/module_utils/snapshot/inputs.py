# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run brings beside what its source reads: durations of requests, measured and declared, results of drills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import Proof
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.measured import Key, Measurement, longest
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import NO_NEEDS, DeclaredNeeds
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import Service
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import (
    BUILT_IN,
    Catalogue,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True)
class Inputs:
    """`measured` maps what requests go to to how long they take; `needs` is what the user declares of that.

    `drills` maps the UID of a workload to the last drill that came to a result. `servers` is what is known of servers.
    """

    measured: Mapping[Key, Measurement] = field(default_factory=dict)
    drills: Mapping[str, Proof] = field(default_factory=dict)
    needs: DeclaredNeeds = NO_NEEDS
    servers: Catalogue = BUILT_IN

    def measured_of(self, workload: Workload, services: Sequence[Service]) -> Measurement | None:
        """How long requests take, by the longest of what was measured; None where nothing was.

        `services` are those that select the workload's pods.
        """
        keys = [(workload.namespace, kind, workload.name) for kind in (workload.kind, "")]
        keys += [(service.namespace, "Service", service.name) for service in services]
        found = [self.measured[key] for key in keys if key in self.measured]
        return longest(*found) if found else None
