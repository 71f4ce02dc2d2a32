# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers outside of the cluster: they learn late that a pod terminates."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.pauses import longer_sleep, short_hooks
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DEREGISTRATION_DELAY,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.rules.senders import covered
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.service import NLB, deregistration_delay

_NOTICE = 5  # seconds after the last failed health check until the load balancer has acted on it
_UNDECLARED = NotEvaluated(
    "how long the command of the preStop hook takes is not declared: a sleep action would declare it"
)


def _race(case: Case) -> Iterator[Hit | NotEvaluated]:
    senders = case.pods_addressed_by
    if not senders:
        return
    wanted, source = case.wanted_prestop
    for container, hook in short_hooks(case, wanted):
        if not hook.exact:
            yield _UNDECLARED
            continue
        yield Hit(
            f"preStop ends after {hook.seconds} s, but a load balancer of {' and '.join(sorted(senders))} sends to the "
            f"pod's address until it has been deregistered there: {wanted} s ({source}) {covered(case, wanted)}",
            f"{container.path}.lifecycle.preStop",
            longer_sleep(case, container, wanted),
            container,
            numbers={"prestop_seconds": hook.seconds, "wanted_seconds": wanted},
        )
    yield from _outlives_the_pod(case)


def _slow(case: Case) -> Iterator[Hit]:
    """A pause as long as the policy's, behind a load balancer that is known to need longer."""
    if not case.slowest_sender or case.delays_itself:
        return
    who, seconds = case.slowest_sender
    wanted = case.wanted_prestop[0]
    hooks = [(case.pause_of(container), container) for container in case.profile.drain_containers]
    if any(not hook.exact or hook.drains for hook, _container in hooks):
        return
    hook, container = max(hooks, key=lambda one: one[0].seconds)
    if not wanted <= hook.seconds < seconds:
        return  # prestop-missing, or lb-deregistration-race
    longer = longer_sleep(case, container, seconds)
    yield Hit(
        f"preStop ends after {hook.seconds} s, but {who} is known to send new requests to the pod for about {seconds} "
        "s, whatever its own delays are: set a longer policy (prestop_seconds, external-lb)",
        f"{container.path}.lifecycle.preStop",
        Remedy(longer.name, f"the owner must accept {seconds} s for every stop of a pod", longer.variables),
        container,
        numbers={"prestop_seconds": hook.seconds, "wanted_seconds": seconds},
    )


def _outlives_the_pod(case: Case) -> Iterator[Hit]:
    """A declared deregistration delay that is longer than the pod lives."""
    grace = case.workload.grace
    written = [
        ("Service", service.namespace, service.name, delay)
        for service in case.profile.services
        if service.pods_addressed_by == NLB and (delay := deregistration_delay(service.annotations))
    ] + [
        (route.kind, route.namespace, route.name, route.deregistration) for route in case.routes if route.deregistration
    ]
    for kind, namespace, name, (seconds, key) in written:
        if seconds > grace:
            yield Hit(
                f"{kind} {namespace}/{name} keeps requests to a deregistered pod open for {seconds} s, but the pod is "
                f"killed after {grace} s: longer requests get a 502",
                f"{case.workload.pod_path}.terminationGracePeriodSeconds",
                Remedy(
                    DEREGISTRATION_DELAY,
                    "only the owner knows how long requests take: set a longer grace period or a shorter delay",
                    {"kind": kind, "namespace": namespace, "name": name, "annotation": key, "delay_seconds": grace},
                ),
                severity="info",
                numbers={"deregistration_seconds": seconds, "grace_seconds": grace},
            )
            return


def _local(case: Case) -> Iterator[Hit | NotEvaluated]:
    services = [service for service in case.profile.services if service.is_local_balancer]
    if not services:
        return
    wanted, source = case.wanted_prestop
    service = max(services, key=lambda one: one.health_window or 0)
    if service.health_window is not None:
        wanted, source = service.health_window + _NOTICE, f"interval times threshold + {_NOTICE}"
    for container, hook in short_hooks(case, wanted):
        if not hook.exact:
            yield _UNDECLARED
            continue
        yield Hit(
            f"Service {service.namespace}/{service.name} has externalTrafficPolicy Local: the load balancer keeps "
            "sending to the node of a stopping pod until its health check reaches the failure threshold, and no other "
            f"node serves those requests; preStop ends after {hook.seconds} s, but this needs {wanted} s ({source})",
            f"{container.path}.lifecycle.preStop",
            longer_sleep(case, container, wanted),
            container,
            numbers={"prestop_seconds": hook.seconds, "wanted_seconds": wanted},
        )


RULES = (
    Rule(
        id="lb-deregistration-race",
        title="preStop shorter than the load balancer's deregistration",
        severity="warning",
        evidence="context",
        why="A load balancer that sends to pod addresses learns through a controller and an API that a pod "
        "terminates. Until then it sends new requests, and after SIGTERM they are refused.",
        exceptions=(
            "no hook at all is prestop-missing",
            "targets that are nodes: local-traffic-policy-drain",
            "proxies in the cluster (nginx, Traefik, Envoy, Istio) follow within seconds",
            "a hook that waits for the drain, and a server that delays its own shutdown",
            "a hook whose time is not declared",
            "a load balancer that is known to need longer than the policy: lb-deregistration-slow",
        ),
        check=_race,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, DEREGISTRATION_DELAY),
        serving_only=True,
        seed="fault 2",
        needs=("Service", "Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "TargetGroupBinding"),
    ),
    Rule(
        id="lb-deregistration-slow",
        title="Load balancer slower than the policy's preStop delay",
        severity="info",
        evidence="context",
        why="Some load balancers are known to send to a pod for minutes after its termination starts: an NLB with "
        "pods as targets for about 2 minutes, Azure's Application Gateway for about 90 s. A delay of the policy's "
        "length does not cover that.",
        exceptions=(
            "no hook at all is prestop-missing, a shorter one lb-deregistration-race",
            "a pause or a policy as long as the load balancer needs",
            "an ALB, GKE, and targets that are nodes",
            "a hook that waits for the drain or whose time is not declared, a server that delays its own shutdown",
        ),
        check=_slow,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        by_hand=True,
        serving_only=True,
        seed="fault 2",
        needs=("Service", "Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "TargetGroupBinding"),
    ),
    Rule(
        id="local-traffic-policy-drain",
        title="preStop ends before the load balancer drops the node",
        severity="warning",
        evidence="context",
        why="With externalTrafficPolicy Local a node without a ready pod fails its health check, but the load "
        "balancer sends there until the failure threshold is reached. What arrives after SIGTERM is refused.",
        exceptions=(
            "no hook at all is prestop-missing",
            "targets that are pods: lb-deregistration-race",
            "externalTrafficPolicy Cluster, NodePort and ClusterIP",
            "a hook that waits for the drain, and a server that delays its own shutdown",
        ),
        check=_local,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        serving_only=True,
        seed="fault 2",
        since="1.28",
        needs=("Service",),
    ),
)
