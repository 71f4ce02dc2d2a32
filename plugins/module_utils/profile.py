# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a workload is for, and so what it loses when a pod stops: exactly one profile, and any number of traits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.around.service import Service
from ansible_collections.graceful.termination.plugins.module_utils.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload import ANNOTATION, BATCH_KINDS, Workload

PROFILES = ("serving", "worker", "batch", "controller", "unknown")
MESH_PROXIES = ("istio-proxy", "linkerd-proxy")  # injected: not their owner's to fix in the template
# Scrapes are repeated by the scraper: a Service for metrics alone does not make a workload one that serves requests.
_METRICS_PORT = re.compile(r"(^|-)(metrics|prometheus)(-|$)")
_LEADER_ELECTION = re.compile(r"^--?(enable-)?leader-elect(ion)?(=true)?$")


@dataclass(frozen=True, slots=True)
class Profile:
    """`name` is one of PROFILES; `drain_containers` receive the requests; `note` says what would settle a doubt."""

    name: str
    traits: tuple[str, ...]
    services: tuple[Service, ...]
    drain_containers: tuple[Container, ...]
    note: str | None = None

    @property
    def takes_requests(self) -> bool:
        """Whether it is judged by what requests lose: it serves, or nothing rules that out."""
        return self.name in ("serving", "unknown")


def classify(workload: Workload, context: Context) -> Profile:
    """The profile of a workload, by its annotation if it has one, else by what is known around it."""
    services, drain = _routes(workload, context.services_of(workload))
    name, note = _name(workload, context, services)
    declared = workload.annotations.get(f"{ANNOTATION}profile", "")
    if declared in PROFILES:
        name, note = declared, None
    elif declared:
        note = f"annotation {ANNOTATION}profile: '{declared:.40}' is not one of {', '.join(PROFILES)}"
    traits = _traits(workload, context, services)
    own = tuple(container for container in workload.containers if container.name not in MESH_PROXIES)
    return Profile(name, traits, tuple(services), drain or own or workload.containers, note)


def _name(workload: Workload, context: Context, services: list[Service]) -> tuple[str, str | None]:
    if workload.kind in BATCH_KINDS:
        return "batch", None
    if any(_LEADER_ELECTION.match(word) for container in workload.containers for word in container.words):
        return "controller", None
    if services:
        return "serving", None
    missing = context.why_unknown("Service", workload.namespace)
    if missing:
        return "unknown", f"profile unknown, judged as serving with less weight: {missing}"
    return "worker", None


def _routes(workload: Workload, services: list[Service]) -> tuple[list[Service], tuple[Container, ...]]:
    """The Services that bring requests to the pods, and the containers that own their target ports."""
    routing, owners = [], set()
    for service in services:
        reached = set()
        for port in service.ports:
            named = isinstance(port.target, str) and not port.target.isdecimal()
            owner, name = _owner(workload, port.target)
            if any(_METRICS_PORT.search(text) for text in (port.name, name, str(port.target))):
                continue
            # A number routes to the pod whether a container declares it or not; a name that nobody has, does not.
            if owner or not named:
                reached.add(owner)
        if reached or not service.ports:
            routing.append(service)
            owners |= reached
    return routing, tuple(container for container in workload.containers if container.name in owners)


def _owner(workload: Workload, target: int | str) -> tuple[str, str]:
    """The container that declares the port, and the port's name there; empty where there is none."""
    for container in (*workload.containers, *workload.sidecars):
        for port in container.ports:
            if target == port.name or str(target) == str(port.number):
                return container.name, port.name
    return "", ""


def _traits(workload: Workload, context: Context, services: list[Service]) -> tuple[str, ...]:
    traits = []
    if services and all(service.headless for service in services):
        traits.append("headless-only")
    if any(service.type == "LoadBalancer" or service.ip_targets for service in services):
        traits.append("external-lb")
    if any(service.ip_targets for service in services):
        traits.append("lb-ip-targets")
    if any(container.name in MESH_PROXIES for container in (*workload.containers, *workload.sidecars)):
        traits.append("meshed")
    autoscaler = context.autoscaler_of(workload)
    if autoscaler:
        traits.append("autoscaled")
    if workload.replicas == 0 or (autoscaler and autoscaler.min_replicas == 0):
        traits.append("scaled-to-zero")
    if workload.pod.get("hostNetwork") is True or any(
        port.host_port for container in workload.containers for port in container.ports
    ):
        traits.append("host-port")
    if workload.obj["metadata"].get("ownerReferences"):
        traits.append("owned")
    return tuple(traits)
