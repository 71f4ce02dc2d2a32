# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks: the delay that lets traffic stop before SIGTERM, and how it fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import ENOUGH
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import SLEEP_ACTION
from ansible_collections.graceful.termination.plugins.module_utils.rules.pauses import as_intended
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DECIDES,
    FOREGROUND_FIRST,
    GRACE_PERIOD,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.rules.senders import covered
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import takes_no_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import ISTIO_PROXY
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import SLEEP_UNITS

NEEDED_FOR_PAUSE = ("Service", "HorizontalPodAutoscaler", "PersistentVolumeClaim")  # who must pause, and who must not
_OWN_LIMIT = re.compile(r"(?:\S*/)?timeout (\d{1,6})([smh]?)$")


def sleep_remedy(case: Case) -> Remedy:
    """The sleep action, or, for a person to apply, an exec sleep where the cluster is too old to run it.

    The kubelet itself sleeps, on Windows as well.
    """
    if case.oldest_possible >= SLEEP_ACTION:
        return Remedy(PRESTOP_SLEEP)
    return Remedy(
        PRESTOP_EXEC_SLEEP,
        f"Kubernetes {case.oldest_possible} has no sleep action (on by default from {SLEEP_ACTION}); check whether the "
        "image has a shell",
    )


def without_pause(case: Case, lacks: Callable[[Handler], bool] = takes_no_time) -> tuple[Container, ...]:
    """The containers that take requests and have no delay, of those that should have one.

    `lacks`: whether a hook is none.
    """
    drain = case.profile.drain_containers if case.profile.takes_requests else ()
    if case.delays_itself or case.exclusive:
        return ()
    waiting = [container for container in drain if container.pre_stop and not lacks(container.pre_stop)]
    if waiting:
        # Containers stop side by side: the pause of one is none for another one that a Service reaches as well.
        drain = tuple(container for container in drain if container not in waiting and _is_reached(case, container))
    # A hook that stops the server at once is prestop-stops-server-early.
    drain = tuple(container for container in drain if not hook_stops_server(container))
    if "external-lb" not in case.profile.traits and all(container.name == ISTIO_PROXY for container in drain):
        return ()  # a gateway runs on for terminationDrainDuration, 5 s by default: enough for clients in the cluster
    return drain


def _is_reached(case: Case, container: Container) -> bool:
    """Whether a Service certainly sends to this container: to a port that it declares, or because no container declares
    any of them, and all others declare what they listen on.
    """
    declared = {one.name: _ports(one) for one in case.workload.all_containers}
    targets = {str(port.target) for service in case.profile.services for port in service.ports}
    if targets & declared[container.name]:
        return True
    silent = [one.name for one in case.profile.drain_containers if not declared[one.name]]
    return silent == [container.name] and targets.isdisjoint(set().union(*declared.values()))


def _ports(container: Container) -> set[str]:
    return {str(name) for port in container.ports for name in (port.number, port.name) if name}


def _finds_peers(case: Case) -> bool:
    """Whether its only Service may be there for the names of its pods: a StatefulSet needs one, others need none."""
    return case.workload.kind == "StatefulSet" and "headless-only" in case.profile.traits


def _missing(case: Case) -> Iterator[Hit]:
    traits, drain, severity = case.profile.traits, without_pause(case), None
    if "lb-ip-targets" in traits:
        severity = "error"
    elif _finds_peers(case) or case.never_overlaps:
        # Peers find each other without kube-proxy; and where there is no other pod, none could serve the requests.
        severity = "info"
    sender = "kube-proxy still sends"
    if "external-lb" in traits:
        direct = "lb-ip-targets" in traits or any(one.type == "LoadBalancer" for one in case.profile.services)
        sender = "the load balancer still sends" if direct else "the load balancer or the ingress still sends"
    elif "headless-only" in traits:
        sender = "clients with a cached DNS answer still send"
    for container in drain:
        seconds, source = case.wanted_prestop
        remedy, hooked = sleep_remedy(case), ""
        if container.pre_stop:
            hooked = " (its hook returns at once)"
            if container.pre_stop.kind == "exec":
                fault = case.hook_of(container).fault
                hooked = f" (its hook fails at once: {fault})" if fault else hooked
                intended = as_intended(case, container)
                seconds, source = (intended["seconds"], "as the hook says") if intended else (seconds, source)
                remedy = Remedy(remedy.name, DECIDES, intended)
        own, unless = case.drain_of(container).delay, ""
        if own.if_built and own.seconds >= ENOUGH:
            unless = f", unless its image was built with {own.if_built}: then it waits {own.seconds} s by itself"
        yield Hit(
            f"no preStop delay{hooked}: SIGTERM comes while {sender} new requests to the pod, and they are refused; "
            f"{seconds} s ({source}) {covered(case, seconds)}{unless}",
            f"{container.path}.lifecycle.preStop",
            remedy,
            container,
            "info" if unless and severity is None else severity,
            {"prestop_seconds": 0, "wanted_seconds": seconds},
        )


def hooked_containers(case: Case) -> Iterator[Container]:
    """The containers with a preStop hook, native sidecars among them."""
    for container in case.workload.all_containers:
        if container.pre_stop:
            yield container


def _exceeds_grace(case: Case) -> Iterator[Hit]:
    grace = case.budget.grace
    for container in hooked_containers(case):
        path = f"{container.path}.lifecycle.preStop"
        hook = case.prestop_of(container)
        if hook.endless and not hook_stops_server(container):
            why = "a longer grace period does not help: its owner must check what the hook waits for"
            yield Hit(
                f"preStop never ends by itself and uses up all {grace} s: the application gets SIGTERM with 2 s left "
                "and is then killed, with everything in flight",
                path,
                Remedy(sleep_remedy(case).name, why),
                container,
                numbers={"prestop_seconds": None, "grace_seconds": grace, "left_seconds": 2},
            )
        elif hook.background and hook.certain < grace and (hook.background.endless or hook.seconds >= grace):
            if hook_stops_server(container):
                continue
            takes = "which never ends" if hook.background.endless else f"which takes {hook.seconds} s"
            yield Hit(
                f"preStop leaves a command in the background, {takes}, with its output open; containerd waits for that "
                f"and uses up all {grace} s: the application gets SIGTERM with 2 s left and is then killed, with "
                "everything in flight",
                path,
                Remedy(sleep_remedy(case).name, "its owner must decide what the hook has to wait for"),
                container,
                "warning",
                {"prestop_seconds": hook.seconds or None, "grace_seconds": grace, "left_seconds": 2},
            )
        elif hook.seconds and hook.seconds >= grace:
            refused = ""
            if container.pre_stop and container.pre_stop.kind == "sleep" and hook.seconds > grace:
                refused = "; the API server refuses a sleep longer than the grace period, so this cannot be deployed"
            yield Hit(
                f"preStop takes {hook.seconds} s of a grace period of {grace} s: the application gets SIGTERM with 2 "
                f"s left and is then killed, with everything in flight{refused}",
                path,
                Remedy(GRACE_PERIOD),
                container,
                numbers={"prestop_seconds": hook.seconds, "grace_seconds": grace, "left_seconds": 2},
            )
        elif not hook.exact and (limit := _own_limit(container)) >= grace:
            yield Hit(
                f"preStop may take {limit} s (its own timeout) of a grace period of {grace} s: what it has not done "
                "by then is cut, and so is everything in flight",
                path,
                Remedy(GRACE_PERIOD, "its owner must check how long its command takes", {"grace_seconds": limit + 30}),
                container,
                "warning",
                numbers={"prestop_seconds": limit, "grace_seconds": grace, "left_seconds": 2},
            )


def _own_limit(container: Container) -> int:
    """The seconds after which a hook ends its own command, as `timeout 600 drain.sh`; 0 where it sets no limit."""
    words = container.pre_stop.command if container.pre_stop else ()
    match = _OWN_LIMIT.match(" ".join(words[:2])) if len(words) > 2 else None
    return int(match[1]) * SLEEP_UNITS[match[2]] if match else 0


def _starves_drain(case: Case) -> Iterator[Hit]:
    budget = case.budget
    for container in case.workload.containers:
        drain, hook = case.drain_of(container), case.prestop_of(container)
        remaining = budget.grace - hook.seconds
        if hook.seconds == 0 or hook.drains or remaining <= 0:
            continue
        expected = drain.expected or 0
        wanted = expected + budget.margin
        if remaining >= wanted:
            continue
        if remaining >= budget.margin and expected > budget.grace:
            continue  # it would not fit without the hook either: grace-period-insufficient
        need = f"the margin alone is {budget.margin} s"
        if expected:
            need = f"its requests take {expected} s"
            if not drain.measured:
                need = f"it declares {expected} s to drain"
        yield Hit(
            f"preStop takes {hook.seconds} s{hook.remark} of the grace period of {budget.grace} s and leaves "
            f"{remaining} s after SIGTERM, but {need}: what is in flight after that is cut",
            f"{container.path}.lifecycle.preStop",
            Remedy(GRACE_PERIOD, FOREGROUND_FIRST if hook.remark else None),
            container,
            "error" if expected > remaining and not drain.measured and not hook.remark else None,
            {
                "prestop_seconds": hook.seconds,
                "grace_seconds": budget.grace,
                "left_seconds": remaining,
                "drain_seconds": drain.expected if container.name in case.profile.drains else None,
            },
            # Less than the margin is too little whatever the drain is, unless the hook itself drains for that long.
            case.profile.drain_evidence if remaining >= budget.margin or hook != case.hook_of(container) else None,
        )


RULES = (
    Rule(
        id="prestop-missing",
        title="Serving container has no preStop delay",
        severity="warning",
        evidence="context",
        why="The kubelet sends SIGTERM at the same moment as the pod's address is withdrawn. Proxies and load "
        "balancers follow later, each at its own pace; what they still send is refused.",
        exceptions=(
            "batch, worker and controller workloads serve no requests",
            "a StatefulSet with only its headless Service: an info, unless an Ingress or another route sends there",
            "one replica of a StatefulSet or with Recreate: an info, no other pod could serve the requests",
            "the server delays its own shutdown (--shutdown-grace-period, CoreDNS's lameduck, a shutdown-manager)",
            "a Service for metrics, probes or the members of a ring alone",
            "a placeholder container: pause, or sleep as its command",
            "beside an application, where no container declares the port of the Service: a database proxy, a queue "
            "worker, a log agent, an exporter or a reloader, known by program or image",
            "a hook that may take time; one that certainly returns or fails at once is no delay",
            "a hook that stops the server at once is prestop-stops-server-early",
            "an Istio gateway that only gets requests from the cluster: it drains for some seconds by itself",
        ),
        check=_missing,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        serving_only=True,
        seed="2 settings: preStop; fault 2",
        needs=(*NEEDED_FOR_PAUSE, "Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "TargetGroupBinding"),
    ),
    Rule(
        id="prestop-exceeds-grace",
        title="preStop takes the whole grace period",
        severity="error",
        evidence="static",
        why="preStop and the application's shutdown share one grace period. When the hook uses it up, the application "
        "gets 2 s and then SIGKILL.",
        exceptions=(
            "sleeps in a loop or a branch that may end earlier",
            "a hook whose time is not declared",
            "a loop that waits for something, and tail --pid",
        ),
        check=_exceeds_grace,
        remedies=(GRACE_PERIOD, PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        seed="2 settings: preStop",
    ),
    Rule(
        id="prestop-starves-drain",
        title="preStop leaves too little time to drain",
        severity="warning",
        evidence="static",
        why="The time that preStop uses is missing when the application finishes its requests.",
        exceptions=(
            "the hook itself waits until the server has drained",
            "a hook whose time is not declared",
            "preStop beyond grace is prestop-exceeds-grace",
            "a drain that is longer than the grace period by itself is grace-period-insufficient",
        ),
        check=_starves_drain,
        remedies=(GRACE_PERIOD,),
        seed="2 settings: preStop",
        needs=("ConfigMap", "Service"),
    ),
)
