# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about the context of workloads, in parts that each have one writer."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.cluster import Cluster
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.coverage import Coverage
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.dependencies import Dependencies
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.network import Network
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.observed import Observed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.population import Population
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scaling import Scaling


@dataclass
class Context:
    """What is known about the context of workloads.

    The first four are indexes of the objects that were read; only `add` fills them. `coverage` says what was not read,
    and `observed` what running pods show: the source writes both. `inputs` come from the options of the run, and
    `population` is counted when it is judged.
    """

    network: Network = field(default_factory=Network)
    scaling: Scaling = field(default_factory=Scaling)
    cluster: Cluster = field(default_factory=Cluster)
    dependencies: Dependencies = field(default_factory=Dependencies)
    coverage: Coverage = field(default_factory=Coverage)
    observed: Observed = field(default_factory=Observed)
    inputs: Inputs = field(default_factory=Inputs)
    population: Population = field(default_factory=Population)

    def add(self, obj: Obj) -> None:
        """Index one object of a context kind. Raises Unreadable where its types are wrong."""
        metadata = get_map(obj, "metadata", "")
        namespace = get(metadata, "namespace", str, "metadata", "") or "default"
        name = get(metadata, "name", str, "metadata", "")
        self.network.add(namespace, name, obj)
        self.scaling.add(namespace, name, obj)
        self.cluster.add(name, obj)
        self.dependencies.add(namespace, name, obj)
