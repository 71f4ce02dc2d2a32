# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings requests to pods: Services, routes to them, and the gateways of these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selecting
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.route import (
    ROUTE_KINDS,
    Route,
    read_gateway_class,
    read_routes,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import Service, read_service
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass
class Network:
    """`services` are by namespace, `routes` by (namespace, name) of their Service.

    `gateways` maps (namespace, name) to a class.
    """

    services: dict[str, Selecting[Service]] = field(default_factory=lambda: defaultdict(Selecting))
    routes: dict[tuple[str, str], list[Route]] = field(default_factory=lambda: defaultdict(list))
    gateways: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, namespace: str, name: str, obj: Obj) -> None:
        """Index one object; those of other kinds are left out. Raises Unreadable."""
        match obj["kind"]:
            case "Service":
                if service := read_service(namespace, name, obj):
                    self.services[namespace].add(service.selector, service)
            case "Gateway":
                self.gateways[(namespace, name)] = read_gateway_class(obj)
            case kind if kind in ROUTE_KINDS:
                for route in read_routes(namespace, name, obj):
                    for target in route.services:
                        self.routes[target].append(route)

    def has_services(self, namespace: str) -> bool:
        """Whether a Service of the namespace selects pods, whichever they are."""
        return namespace in self.services

    def services_of(self, workload: Workload) -> list[Service]:
        """The Services that select the workload's pods."""
        services = self.services.get(workload.namespace)
        return services.of(workload.template_labels) if services else []

    def routes_of(self, services: Sequence[Service]) -> list[Route]:
        """The routes to these Services, each once, with the sender by its gateways."""
        found = [route for service in services for route in self.routes.get((service.namespace, service.name), ())]
        return [
            route.through([self.gateways.get(gateway, "") for gateway in route.gateways])
            for route in dict.fromkeys(found)
        ]

    def pods_addressed_by(self, services: Sequence[Service]) -> set[str]:
        """Whose load balancers (AWS, NLB, GKE, AGIC) send to the addresses of the pods behind these Services."""
        senders = {service.pods_addressed_by for service in services}
        senders |= {route.pods_addressed_by(service) for route in self.routes_of(services) for service in services}
        return senders - {""}
