# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a workload is for, and so what it loses when a pod stops: exactly one profile, and any number of traits."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ansible_collections.graceful.termination.plugins.module_utils.budget.bystanders import answering
from ansible_collections.graceful.termination.plugins.module_utils.budget.chain import NO_CHAIN, Chain, find_chain
from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import Drain, drain_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.side_ports import (
    has_port,
    is_scraped,
    is_side_port,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.names import FLUENT_BIT, agent_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import Service
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import (
    Container,
    Port,
    is_idle,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.proxies import is_companion
from ansible_collections.graceful.termination.plugins.module_utils.workload.queue_workers import queue_worker
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import (
    ANNOTATION,
    BATCH_KINDS,
    Workload,
)

PROFILES = ("serving", "worker", "batch", "controller", "unknown")
# Side ports of a program that is known to work on a queue, where more are there only to look at it.
_WORKER_PORT = re.compile(
    r"(^|-)(admin|dashboard|flower|health|healthz|healthcheck|liveness|logs?|monitoring|readiness|status)(-|$)"
)
_CONTROLLERS = ("argocd-application-controller",)  # behind Services that are only scraped
_MONITOR_PORT = 2020  # where Fluent Bit tells about itself, under any name
_METRICS_SERVICE = re.compile(r"-(exporter|metrics(-service|-svc)?)$")
_WEBHOOK = re.compile(r"(^|-)(admission|webhooks?)(-|$)")
_LEADER_ELECTION = re.compile(r"^--?(enable-)?leader-elect(ion)?(=true)?$")


@dataclass(frozen=True, slots=True)
class Profile:
    """`name` is one of PROFILES; `drain_containers` receive the requests; `note` says what would settle a doubt.

    `chain` has what stands behind them in the pod. `drains` maps the name of each of them, of what stands behind them
    and says so, and of what is beside them if it is not known which one a Service reaches, to how long its requests
    take; `drain_evidence` is "static" where the
    workload alone tells both, else "context".
    """

    name: str
    traits: tuple[str, ...]
    services: tuple[Service, ...]
    drain_containers: tuple[Container, ...]
    drains: dict[str, Drain]
    drain_evidence: str
    note: str | None = None
    chain: Chain = NO_CHAIN

    @property
    def without_defaults(self) -> Profile:
        """The same, but that the defaults of servers and routes are not known: no automatic change rests on them."""
        drains = {
            name: replace(drain, seconds=None) if drain.how in ("default", "route") else drain
            for name, drain in self.drains.items()
        }
        return replace(self, drains=drains)

    @property
    def takes_requests(self) -> bool:
        """Whether it is judged by what requests lose: it serves, or a port speaks for it and nothing against it."""
        return self.name == "serving" or (self.name == "unknown" and any(map(has_port, self.drain_containers)))


def classify(workload: Workload, context: Context, reader: SettingsReader) -> Profile:
    """The profile of a workload, by its annotation if it has one, else by what is known around it."""
    services, reached, undeclared = _routes(workload, context)
    name, note = _name(workload, context, services)
    declared = workload.annotations.get(f"{ANNOTATION}profile", "")
    if declared in PROFILES:
        name, note = declared, None
    elif declared:
        note = f"annotation {ANNOTATION}profile: '{declared:.40}' is not one of {', '.join(PROFILES)}"
    traits = _traits(workload, context, services)
    applications = _applications(workload)
    if reached and undeclared:
        reached += _without_ports(workload, reached, services, reader)
    chain = find_chain(workload, reached, reader)
    # What certainly answers no request keeps its time in the budget: it may still be needed for one.
    timed = drain = reached or applications
    if not reached and name in ("serving", "unknown"):
        drain = answering(workload, applications, services, reader)
    routes = context.network.routes_of(services) if name in ("serving", "unknown") else ()
    drains = {container.name: drain_of(workload, container, context, reader, routes) for container in timed}
    for container in chain.behind:
        # Where it is not known, it is part of the requests of what stands in front.
        inner = drain_of(workload, container, context, reader, routes)
        if inner.seconds is not None:
            drains.setdefault(container.name, inner)
    static = timed == applications and not chain.links and all(one.evidence == "static" for one in drains.values())
    return Profile(name, traits, tuple(services), drain, drains, "static" if static else "context", note, chain)


def _name(workload: Workload, context: Context, services: list[Service]) -> tuple[str, str | None]:
    if workload.kind in BATCH_KINDS:
        return "batch", None
    if any(map(_is_controller, workload.containers)) and not _is_called(workload, context, services):
        return "controller", None
    if services:
        return "serving", None
    # A flag says what the workload is for. A Lease may be for a side task of one that serves, so a Service beats it.
    if context.dependencies.elects_leader(workload):
        return "controller", None
    missing = context.coverage.why_unknown("Service", workload.namespace)
    if missing and _works_on_queue(workload, context) and not any(map(has_port, _applications(workload))):
        return "worker", None
    if missing and any(map(has_port, _applications(workload))):
        return "unknown", f"profile unknown, judged as serving with less weight: {missing}"
    if missing:
        return (
            "unknown",
            f"profile unknown, not judged by what requests lose, as no port for any is declared: {missing}",
        )
    return "worker", None


def _without_ports(
    workload: Workload, reached: tuple[Container, ...], services: list[Service], reader: SettingsReader
) -> tuple[Container, ...]:
    """Beside those that declare the port of a Service, those that may answer one that no container declares."""
    silent = tuple(
        one for one in _applications(workload) if one not in reached and not one.ports and not is_companion(one)
    )
    may_answer = answering(workload, (*reached, *silent), services, reader)
    return tuple(one for one in silent if one in may_answer)


def _applications(workload: Workload) -> tuple[Container, ...]:
    """All but the proxies of a mesh; of a gateway, which is nothing but one, that."""
    own = tuple(container for container in workload.containers if container.name not in MESH_PROXIES)
    return own or workload.containers


def _is_controller(container: Container) -> bool:
    return any(_LEADER_ELECTION.match(word) or basename(word) in _CONTROLLERS for word in container.words)


def _is_called(workload: Workload, context: Context, services: list[Service]) -> bool:
    """Whether a controller answers requests as well, each pod for itself: webhooks, or what comes from outside.

    Its other Services are for metrics, probes and the like, whatever their ports are called.
    """
    if any(basename(word) in _CONTROLLERS for container in workload.containers for word in container.words):
        return False
    names = ((one.name, port.name, str(port.target)) for one in services for port in one.ports)
    if any(_WEBHOOK.search(name) for row in names for name in row):
        return True
    routed = any(route.external for route in context.network.routes_of(services))
    return routed or any(one.type == "LoadBalancer" for one in services)


def _works_on_queue(workload: Workload, context: Context) -> bool:
    """Whether it is certain that the pods take jobs from a queue: by their program, or as KEDA scales them."""
    autoscaler = context.scaling.autoscaler_of(workload)
    return bool(autoscaler and autoscaler.queue) or any(map(queue_worker, _applications(workload)))


def _routes(workload: Workload, context: Context) -> tuple[list[Service], tuple[Container, ...], bool]:
    """The Services that bring requests to the pods, the containers that declare their target ports, and whether there
    is a target that none declares.
    """
    services = context.network.services_of(workload)
    if all(is_idle(container) for container in _applications(workload)):
        # Nothing listens, so the Service is there for a name only; a load balancer means a proxy that is injected.
        services = [service for service in services if service.type == "LoadBalancer"]
    ships_logs = any(agent_of(container) == FLUENT_BIT for container in workload.containers)
    works = _works_on_queue(workload, context)
    routing, owners = [], set()
    for service in services:
        reached = set()
        scraped_only = service.type == "ClusterIP" and not context.network.routes_of([service])
        for port in service.ports:
            named = isinstance(port.target, str) and not port.target.isdecimal()
            owner, own_port = _owner(workload, port.target)
            if is_side_port(owner, port.name, own_port.name, str(port.target)):
                continue
            # A name is no proof where a load balancer or a route leads to it.
            if scraped_only and (_METRICS_SERVICE.search(service.name) or is_scraped(owner, own_port)):
                continue
            if works and any(map(_WORKER_PORT.search, (port.name, own_port.name, str(port.target)))):
                continue
            if ships_logs and _MONITOR_PORT in (own_port.number, port.target):
                continue
            # A number routes to the pod whether a container declares it or not; a name that no container has, does not.
            if owner or not named:
                reached.add(owner.name if owner else "")
        # A StatefulSet must have a headless Service, and that needs no ports: the pods' own then tell what it is for.
        if reached or (not service.ports and any(map(has_port, _applications(workload)))):
            routing.append(service)
            owners |= reached
    return routing, tuple(container for container in workload.containers if container.name in owners), "" in owners


def _owner(workload: Workload, target: int | str) -> tuple[Container | None, Port]:
    """The container that declares the port, and the port as it is there; none and an empty one where there is none."""
    for container in workload.all_containers:
        for port in container.ports:
            if target == port.name or str(target) == str(port.number):
                return container, port
    return None, Port(0)


def _traits(workload: Workload, context: Context, services: list[Service]) -> tuple[str, ...]:
    traits, routes = [], context.network.routes_of(services)
    # What a route sends comes through proxies that learn late, as with any Service.
    if services and all(service.headless for service in services) and not routes:
        traits.append("headless-only")
    addressed = context.network.pods_addressed_by(services)
    balanced = addressed or any(service.type == "LoadBalancer" for service in services)
    if balanced or any(route.external for route in routes):
        traits.append("external-lb")
    if addressed:
        traits.append("lb-ip-targets")
    if any(container.name in MESH_PROXIES for container in workload.all_containers):
        traits.append("meshed")
    autoscaler = context.scaling.autoscaler_of(workload)
    if autoscaler:
        traits.append("autoscaled")
    # A ScaledObject scales from zero, too.
    is_off = context.scaling.replicas_of(workload) == 0 and not (
        not autoscaler and context.coverage.why_unknown("ScaledObject", workload.namespace)
    )
    if is_off or (autoscaler and autoscaler.min_replicas == 0 and not autoscaler.queue):
        traits.append("scaled-to-zero")
    if workload.pod.get("hostNetwork") is True or any(
        port.host_port for container in workload.all_containers for port in container.ports
    ):
        traits.append("host-port")
    if workload.obj["metadata"].get("ownerReferences"):
        traits.append("owned")
    return tuple(traits)
