# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks: the delay that lets traffic leave before SIGTERM, and how it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.drain import drain_of
from ansible_collections.graceful.termination.plugins.module_utils.hook import hook_time
from ansible_collections.graceful.termination.plugins.module_utils.remedy import (
    GRACE_PERIOD,
    POSTSTART_REMOVE,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_REMOVE,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.version import SLEEP_ACTION, SLEEP_ZERO, Version

# Proxies that keep serving for a while after SIGTERM by themselves, by a flag or by a companion container.
_DELAYS_ITSELF = re.compile(r"(?:^|\s)--shutdown-(?:grace-period|delay|delay-duration)[= ](?!0s?(?:\s|$))")
_SHUTDOWN_MANAGERS = ("shutdown-manager",)


def _sleep_remedy(case: Case) -> Remedy:
    """The sleep action, or from a person's hand an exec sleep where the cluster is too old to run it."""
    if _oldest(case) >= SLEEP_ACTION:
        return Remedy(PRESTOP_SLEEP)
    return Remedy(
        PRESTOP_EXEC_SLEEP,
        f"Kubernetes {_oldest(case)} has no sleep action (on by default from {SLEEP_ACTION}), and whether the image "
        "has a shell is not known",
    )


def _oldest(case: Case) -> Version:
    """What runs the hook: the API server must take it, and every kubelet must know it."""
    return min(case.version, case.context.oldest_kubelet or case.version)


def _delays_itself(case: Case) -> bool:
    if any(container.name in _SHUTDOWN_MANAGERS for container in case.workload.containers):
        return True
    return any(_DELAYS_ITSELF.search(" ".join(container.words)) for container in case.profile.drain_containers)


def _missing(case: Case) -> Iterator[Hit]:
    workload, traits = case.workload, case.profile.traits
    drain = case.profile.drain_containers
    if any(container.pre_stop for container in drain) or _delays_itself(case):
        return
    severity = None
    if "lb-ip-targets" in traits:
        severity = "error"
    elif "headless-only" in traits or (workload.recreates and case.replicas == 1):
        # Peers find each other without kube-proxy; and with Recreate no other pod could take the requests.
        severity = "info"
    seconds, source = case.policy.prestop_for(traits)
    sender = "kube-proxy still sends"
    if "external-lb" in traits:
        sender = "the load balancer still sends"
    elif "headless-only" in traits:
        sender = "clients that have looked the name up before still send"
    for container in drain:
        yield Hit(
            f"no preStop delay: SIGTERM comes while {sender} new requests to the pod, and they are refused; "
            f"{seconds} s ({source}) let that end",
            f"{container.path}.lifecycle.preStop",
            _sleep_remedy(case),
            container,
            severity,
            {"prestop_seconds": 0, "wanted_seconds": seconds},
        )


def _hooked(case: Case) -> Iterator[Container]:
    for container in (*case.workload.containers, *case.workload.sidecars):
        if container.pre_stop:
            yield container


def _exceeds_grace(case: Case) -> Iterator[Hit]:
    grace = case.budget.grace
    for container in _hooked(case):
        hook = hook_time(container.pre_stop)
        if hook.seconds and hook.seconds >= grace:
            yield Hit(
                f"preStop takes {hook.seconds} s of a grace period of {grace} s: the application gets SIGTERM with "
                "2 s left and is then killed, with all that is in flight",
                f"{container.path}.lifecycle.preStop",
                Remedy(GRACE_PERIOD),
                container,
                numbers={"prestop_seconds": hook.seconds, "grace_seconds": grace, "left_seconds": 2},
            )


def _starves_drain(case: Case) -> Iterator[Hit]:
    budget = case.budget
    drains = {container.name for container in case.profile.drain_containers}
    for container in case.workload.containers:
        hook = hook_time(container.pre_stop)
        left = budget.grace - hook.seconds
        if hook.seconds == 0 or hook.drains or left <= 0:
            continue
        declared = drain_of(case.workload, container).seconds if container.name in drains else None
        wanted = (declared or 0) + budget.margin
        if left >= wanted:
            continue
        short = declared is not None and declared > left
        need = (
            f"it declares {declared} s to drain" if declared is not None else f"the margin alone is {budget.margin} s"
        )
        yield Hit(
            f"preStop takes {hook.seconds} s of {budget.grace} s and leaves {left} s after SIGTERM, but {need}: "
            "what is in flight after that is cut",
            f"{container.path}.lifecycle.preStop",
            Remedy(GRACE_PERIOD),
            container,
            "error" if short else None,
            {
                "prestop_seconds": hook.seconds,
                "grace_seconds": budget.grace,
                "left_seconds": left,
                "drain_seconds": declared,
            },
        )


def _tcp_socket(case: Case) -> Iterator[Hit]:
    for container in (*case.workload.containers, *case.workload.sidecars):
        if container.post_start and container.post_start.kind == "tcpSocket":
            # One finding a container: with this hook it does not even start, so its preStop can wait.
            yield Hit(
                "the kubelet has no tcpSocket handler for postStart, though the API takes it: the hook fails and the "
                "container is killed and restarted",
                f"{container.path}.lifecycle.postStart.tcpSocket",
                Remedy(POSTSTART_REMOVE, "what the hook was meant to wait for is not known"),
                container,
            )
        elif container.pre_stop and container.pre_stop.kind == "tcpSocket":
            remedy = _sleep_remedy(case)
            if container.native_sidecar:
                remedy = Remedy(PRESTOP_REMOVE, "a native sidecar stops after the application: it needs no delay")
            yield Hit(
                "the kubelet has no tcpSocket handler for preStop, though the API takes it: the hook fails at once and "
                "SIGTERM follows without any delay",
                f"{container.path}.lifecycle.preStop.tcpSocket",
                remedy,
                container,
                numbers={"prestop_seconds": 0},
            )


def _sleep_unsupported(case: Case) -> Iterator[Hit]:
    oldest = _oldest(case)
    for container in _hooked(case):
        hook = container.pre_stop
        if hook is None or hook.kind != "sleep":
            continue
        needed = SLEEP_ACTION if hook.seconds else SLEEP_ZERO
        if oldest < needed:
            yield Hit(
                f"the sleep action of {hook.seconds} s needs Kubernetes {needed}, but {oldest} runs it: the field is "
                "dropped or the hook fails, and SIGTERM follows without any delay",
                f"{container.path}.lifecycle.preStop.sleep",
                Remedy(PRESTOP_EXEC_SLEEP, "whether the image has a shell is not known"),
                container,
                numbers={"prestop_seconds": hook.seconds},
            )


def _http_unverified(case: Case) -> Iterator[Hit]:
    for container in case.workload.containers:
        hook = container.pre_stop
        if hook is None or hook.kind != "httpGet":
            continue
        named = isinstance(hook.port, str) and not hook.port.isdecimal()
        nameless = named and hook.port not in {port.name for port in container.ports}
        yield Hit(
            f"the preStop hook calls port {hook.port}, a name that no port of the container has: it fails at once and "
            "SIGTERM follows without any delay"
            if nameless
            else "the preStop hook is an httpGet: the kubelet ignores its status and has no timeout for it, so a 404 "
            "or an answer before the drain counts as done, and SIGTERM follows at once",
            f"{container.path}.lifecycle.preStop.httpGet",
            Remedy(PRESTOP_SLEEP, "what the endpoint does is not known"),
            container,
            "error" if nameless else None,
        )


RULES = (
    Rule(
        id="prestop-missing",
        title="Serving container has no preStop delay",
        severity="warning",
        evidence="context",
        why="The kubelet sends SIGTERM at the same moment as the pod's address is withdrawn. Proxies and load "
        "balancers follow later, each at its own pace; what they still send is refused.",
        traps=(
            "batch, worker and controller workloads take no requests",
            "headless-only peer discovery: an info",
            "one replica with Recreate: an info, no other pod could take the requests",
            "the server delays its own shutdown (--shutdown-grace-period, a shutdown-manager)",
            "a Service for metrics alone",
        ),
        check=_missing,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        requests_only=True,
        seed="2 settings: preStop; fault 2",
        needs=("Service",),
    ),
    Rule(
        id="prestop-exceeds-grace",
        title="preStop takes the whole grace period",
        severity="error",
        evidence="static",
        why="preStop and the application's shutdown share one grace period. When the hook uses it up, the application "
        "gets 2 s and then SIGKILL.",
        traps=("sleeps inside a loop do not add up", "a hook whose time is not declared"),
        check=_exceeds_grace,
        remedies=(GRACE_PERIOD,),
        seed="2 settings: preStop",
    ),
    Rule(
        id="prestop-starves-drain",
        title="preStop leaves too little time to drain",
        severity="warning",
        evidence="static",
        why="What preStop takes from the grace period is missing when the application finishes its requests.",
        traps=(
            "the hook itself waits until the server has drained",
            "a hook whose time is not declared",
            "preStop beyond grace is prestop-exceeds-grace",
        ),
        check=_starves_drain,
        remedies=(GRACE_PERIOD,),
        seed="2 settings: preStop",
    ),
    Rule(
        id="prestop-tcp-socket",
        title="tcpSocket lifecycle handler never works",
        severity="error",
        evidence="static",
        why="The API accepts tcpSocket for lifecycle hooks, but the kubelet has no such handler: the delay does not "
        "exist.",
        traps=("tcpSocket in a probe is fine",),
        check=_tcp_socket,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, PRESTOP_REMOVE, POSTSTART_REMOVE),
        seed="2 settings: preStop",
    ),
    Rule(
        id="prestop-http-unverified",
        title="httpGet preStop hook guarantees nothing",
        severity="warning",
        evidence="static",
        why="The kubelet neither looks at the status nor sets a timeout. A missing endpoint, or one that answers "
        "before the drain is done, gives no delay at all, and no event says so.",
        traps=("exec and sleep hooks", "a port by number that no container declares: the declaration is optional"),
        check=_http_unverified,
        remedies=(PRESTOP_SLEEP,),
        seed="2 settings: preStop",
    ),
    Rule(
        id="sleep-action-unsupported",
        title="Sleep action on a cluster that does not run it",
        severity="error",
        evidence="context",
        why="An API server before 1.30 drops the field, an older kubelet fails the hook: either way there is no delay.",
        traps=("Kubernetes 1.30 and later", "seconds: 0 from 1.33"),
        check=_sleep_unsupported,
        remedies=(PRESTOP_EXEC_SLEEP,),
        seed="2 settings: preStop",
        since="1.29",
        needs=("Node",),
    ),
)
