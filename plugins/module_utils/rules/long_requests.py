# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and connections that last longer than the time a pod has left.

What a route allows a request limits only what comes by that route, and does not say what the application needs: it is
compared with the grace period here, and in the budget it only raises a default of the server that is not certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import DRAIN_ANNOTATION
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    CONNECTION_AGE,
    GRACE_PERIOD,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule

_PROTOCOLS = ("kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss", "grpc")
_PORT = re.compile(r"(grpc|grpcs|ws|wss|websocket)(-|$)")
_AGE = re.compile(r"max[-_.]?connection[-_.]?age", re.IGNORECASE)


def _remaining(case: Case) -> tuple[int, int]:
    """(seconds after SIGTERM, seconds of preStop) of the container that has the least; a draining hook counts as 0."""
    hooks = [case.hook_of(container) for container in case.profile.drain_containers]
    prestop = max((0 if hook.drains else hook.seconds for hook in hooks), default=0)
    return max(case.workload.grace - prestop, 0), prestop


def _exceeds(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if case.declared_need:
        return
    routes = case.routes
    remaining, prestop = _remaining(case)
    path = f"{workload.pod_path}.terminationGracePeriodSeconds"
    timeout = max((one for route in routes for one in route.timeouts), key=lambda one: one.seconds, default=None)
    if timeout and timeout.seconds > remaining:
        needed = prestop + timeout.seconds + case.policy.margin_seconds
        reason = f"only the owner knows whether requests take that long: set annotation {DRAIN_ANNOTATION}"
        if needed > case.policy.max_grace_seconds:
            reason += f"; {needed} s exceed the policy's {case.policy.max_grace_seconds} s"
        yield Hit(
            f"a request may take {timeout.seconds} s ({timeout.source}), but {remaining} s of the pod's "
            f"{workload.grace} s remain after preStop: longer requests are cut",
            path,
            Remedy(GRACE_PERIOD, reason, {"grace_seconds": needed}),
            numbers={
                "request_seconds": timeout.seconds,
                "prestop_seconds": prestop,
                "grace_seconds": workload.grace,
                "left_seconds": remaining,
            },
        )
        return
    uploads = [route for route in routes if route.upload]
    if uploads:
        yield Hit(
            f"uploads of {uploads[0].upload} stream straight to the pod ({uploads[0].title}: "
            f"proxy-body-size, proxy-request-buffering off), and {remaining} s remain after preStop: a longer upload "
            "is cut and cannot resume elsewhere",
            path,
            Remedy(GRACE_PERIOD, f"only the owner knows how long an upload takes: set annotation {DRAIN_ANNOTATION}"),
            severity="info",
            numbers={"left_seconds": remaining},
        )


def _long_lived(case: Case) -> Iterator[Hit]:
    if "meshed" in case.profile.traits or _limits_their_age(case):
        return  # the proxy beside it closes them when it drains, or the server does from time to time
    evidence = [
        f"port {port.name or port.target} of Service {service.namespace}/{service.name}"
        for service in case.profile.services
        for port in service.ports
        if port.app_protocol in _PROTOCOLS or _PORT.match(port.name)
    ]
    evidence += [route.title for route in case.routes if route.sockets]
    if evidence:
        container = case.profile.drain_containers[0]
        yield Hit(
            f"gRPC or WebSocket connections ({evidence[0]}) stay open when the pod's address is withdrawn, and keep "
            "carrying requests until the server closes them. It must send GOAWAY or a close frame on SIGTERM, else "
            "they are cut",
            container.path,
            Remedy(CONNECTION_AGE, "whether the server closes them on SIGTERM cannot be seen from outside: check it"),
            container,
        )


def _limits_their_age(case: Case) -> bool:
    return any(
        _AGE.search(text)
        for container in case.workload.containers
        for text in (
            *container.words,
            *(str(entry.get("name")) for entry in get_maps(container.spec, "env", container.path)),
        )
    )


RULES = (
    Rule(
        id="long-request-exceeds-grace",
        title="A routed request may outlast the pod",
        severity="warning",
        evidence="context",
        why="A timeout of minutes on a route means that requests of minutes are expected. One that is in flight when "
        "the grace period ends is cut with SIGKILL, and an upload starts again from the first byte.",
        exceptions=(
            "a timeout that is not written, or is 0",
            "nginx timeouts of gRPC and WebSocket routes: they say how long a stream may be silent",
            "annotations on an Ingress that its controller does not read",
            "uploads that nginx buffers, as it does by default",
            "a declared need: the annotation drain-seconds, or termination_drains",
        ),
        check=_exceeds,
        remedies=(GRACE_PERIOD,),
        by_hand=True,
        serving_only=True,
        seed="fault 6",
        needs=("Service", "Ingress", "HTTPRoute", "VirtualService"),
    ),
    Rule(
        id="long-lived-connections",
        title="Connections outlive the pod's address",
        severity="info",
        evidence="context",
        why="Withdrawing an address closes no connection. Clients that hold one open keep sending on it until the "
        "server closes it or is killed.",
        exceptions=(
            "meshed pods: the proxy closes connections when it drains",
            "a maximum age of connections among the arguments or variables",
            "HTTP/1 keep-alive: servers close it with their last answer",
        ),
        check=_long_lived,
        remedies=(CONNECTION_AGE,),
        serving_only=True,
        seed="fault 6",
        needs=("Service", "Ingress", "GRPCRoute"),
    ),
)
