# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a rule may look at when it judges one workload. Each fact is worked out once, whichever rules ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ansible_collections.graceful.termination.plugins.module_utils.budget.budget import (
    compute_budget,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.exclusive import (
    Exclusive,
    exclusive,
    shared_data,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.budget.profile import classify
from ansible_collections.graceful.termination.plugins.module_utils.budget.stopping import Stopping
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import (
    Version,
    oldest_kubelet_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.claim import claim_names
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Look, Seen
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.stops import (
    ObservedStop,
    observed_stops,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh import (
    Proxy,
    is_only_announced,
    proxies_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route import Route
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scale import Autoscaler, DisruptionBudget
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.scaling import RunBy
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import SLOW
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.data_stores import DataStore, data_stores
from ansible_collections.graceful.termination.plugins.module_utils.workload.lasting import disks_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True)
class Case(Stopping):
    """One workload and what is known around it.

    What a property reads is of a wrong type only where the API server would refuse it: then it raises Unreadable.
    """

    def why_unknown(self, kind: str) -> str | None:
        """The reason why objects of this kind are not all known in its namespace; None when they are."""
        return self.context.coverage.why_unknown(kind, self.workload.namespace)

    # How many pods

    @cached_property
    def autoscaler(self) -> Autoscaler | None:
        """The HorizontalPodAutoscaler that sets its replicas, if any."""
        return self.context.scaling.autoscaler_of(self.workload)

    @property
    def replicas(self) -> int | None:
        """The fewest pods it runs with: an autoscaler's minimum beats the declared number, but 0 switches it off."""
        declared = self.context.scaling.replicas_of(self.workload)
        return self.autoscaler.min_replicas if self.autoscaler and declared != 0 else declared

    @property
    def run_by(self) -> RunBy | None:
        """The Rollout of Argo that runs its template. What the workload itself says of rollouts is then not used."""
        return self.context.scaling.run_by(self.workload)

    @property
    def replicas_declared(self) -> bool:
        """Whether something read says how many; else there is one, unless something outside sets another number."""
        return self.autoscaler is not None or (
            self.workload.spec.get("replicas") is not None and not self.scaler_unread
        )

    @property
    def scaler_unread(self) -> str | None:
        """Why an autoscaler that was not read may set its replicas; None where none does."""
        if self.autoscaler:
            return None
        return self.why_unknown("HorizontalPodAutoscaler")

    @property
    def never_overlaps(self) -> bool:
        """Whether it has one pod, which is gone before the next one starts: no other pod could take its requests."""
        return self.replicas == 1 and (self.workload.recreates or self.workload.kind == "StatefulSet")

    @property
    def has_pods(self) -> bool:
        """Whether it is not scaled to zero."""
        return "scaled-to-zero" not in self.profile.traits

    # Who sends requests

    @cached_property
    def routes(self) -> list[Route]:
        """What brings requests to its Services, each route once."""
        return self.context.network.routes_of(self.profile.services)

    @cached_property
    def pods_addressed_by(self) -> set[str]:
        """Whose load balancers (AWS, NLB, GKE, AGIC) send to the addresses of its pods."""
        return self.context.network.pods_addressed_by(self.profile.services)

    @property
    def slowest_sender(self) -> tuple[str, int] | None:
        """(who, seconds) of the load balancer that is known to take longest until it leaves a pod out."""
        slow = [(who, SLOW[who]) for who in sorted(self.pods_addressed_by) if who in SLOW]
        return max(slow, key=lambda one: one[1], default=None)

    # Nodes and volumes

    @property
    def oldest_possible(self) -> Version:
        """The same for what is newly written: a kubelet that was not read may be as old as the API server allows."""
        unread = self.context.coverage.why_unknown("Node", "")
        return min(self.oldest, oldest_kubelet_of(self.version)) if unread else self.oldest

    @cached_property
    def disruption_budgets(self) -> list[DisruptionBudget]:
        """The PodDisruptionBudgets that select its pods."""
        return self.context.scaling.budgets_of(self.workload)

    @cached_property
    def claim_names(self) -> tuple[str, ...]:
        """The claims that its pods share, as their template names them."""
        return claim_names(self.workload)

    @cached_property
    def claims(self) -> dict[str, tuple[str, ...] | None]:
        """The same with their access modes; None where the claim is not known."""
        return {name: self.context.dependencies.claim_of(self.workload.namespace, name) for name in self.claim_names}

    @cached_property
    def disks(self) -> tuple[str, ...]:
        """The volumes of its pods that are a disk, which one node can have at a time."""
        return disks_of(self.workload)

    @cached_property
    def exclusive(self) -> Exclusive | None:
        """What must not run twice at a time in its pods, if anything."""
        return exclusive(self.workload, self.replicas, self.claims)

    @cached_property
    def shared_data(self) -> Exclusive | None:
        """The data of a known store on which a rollout starts a second server, if it does."""
        return shared_data(self.exclusive, self.workload, self.replicas)

    @cached_property
    def data_stores(self) -> tuple[DataStore, ...]:
        """Its databases and brokers whose stop is not declared: neither an operator nor a drain annotation."""
        if self.workload.kind not in ("StatefulSet", "Deployment") or "owned" in self.profile.traits:
            return ()
        declared = all(drain.expected is not None for drain in self.profile.drains.values())
        return () if declared else tuple(data_stores(self.workload))

    # What a mesh puts into its pods

    @cached_property
    def injected(self) -> tuple[Container, ...]:
        """The containers that its live pods have and its template does not."""
        return self.context.observed.injected_into(self.workload)

    @cached_property
    def proxies(self) -> tuple[Proxy, ...]:
        """The mesh proxies whose kind is known."""
        return proxies_of(self.workload, self.injected)

    @cached_property
    def proxy_only_announced(self) -> bool:
        """Whether its template or namespace asks for a proxy whose settings are not known."""
        # On a cluster, the pods of namespaces with a mesh are read, and show what is injected.
        namespace = self.context.cluster.namespaces.get(self.workload.namespace) if self.workload.origin.file else None
        return is_only_announced(self.workload, self.injected, meshed=namespace is not None and namespace.meshed)

    # What running pods show

    @property
    def seen(self) -> Seen:
        """Its pods, their events, and a look into its containers."""
        return self.context.observed.evidence.of(self.workload)

    def look(self, container: Container) -> Look | None:
        """The look into one of its containers; None where there was none."""
        return self.context.observed.evidence.look(self.workload, container)

    def why_not_seen(self, source: str) -> str | None:
        """Why a source of evidence says nothing about it; None where it does."""
        return self.context.observed.evidence.why_not(self.workload, source)

    @cached_property
    def observed_stops(self) -> list[ObservedStop]:
        """The stops of its containers that left a trace in pods and events."""
        return observed_stops(self.workload, self.seen.pods, self.seen.events)


def open_case(workload: Workload, context: Context, policy: Policy, version: Version) -> Case:
    """Put together what the rules need for one workload. Raises Unreadable."""
    reader = SettingsReader(workload, context)
    profile = classify(workload, context, reader)
    return Case(workload, profile, compute_budget(workload, profile, policy), context, policy, version, reader)
