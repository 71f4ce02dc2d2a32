# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pods depend on beside their template: ConfigMaps, claims, and the Leases that they hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.claim import read_claim
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.config_map import read_config_map
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.lease import is_held_by, read_holder
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass
class Dependencies:
    """`configs` maps (namespace, name) of a ConfigMap to its texts; one that does not exist has none.

    `claims` maps (namespace, name) to access modes, `lease_holders` a namespace to the names that Leases hold.
    """

    configs: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    claims: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    lease_holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, namespace: str, name: str, obj: Obj) -> None:
        """Index one object; those of other kinds are left out. Raises Unreadable."""
        match obj["kind"]:
            case "ConfigMap":
                data = read_config_map(obj)
                # Two of one name, as in two overlays: which of them holds is not known, so neither does.
                same = self.configs.get((namespace, name), data) == data
                self.configs[(namespace, name)] = data if same else {}
            case "PersistentVolumeClaim":
                self.claims[(namespace, name)] = read_claim(obj)
            case "Lease":
                if holder := read_holder(namespace, obj):
                    self.lease_holders[namespace].add(holder)

    def config_of(self, namespace: str, name: str) -> dict[str, str] | None:
        """The texts of a ConfigMap by key; None where it is not known."""
        return self.configs.get((namespace, name))

    def claim_of(self, namespace: str, name: str) -> tuple[str, ...] | None:
        """The access modes of a PersistentVolumeClaim; None where it is not known."""
        return self.claims.get((namespace, name))

    def elects_leader(self, workload: Workload) -> bool:
        """Whether one of the workload's pods holds a Lease of their namespace."""
        return is_held_by(workload, self.lease_holders.get(workload.namespace, ()))
