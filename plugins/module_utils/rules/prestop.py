# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks: the delay that lets traffic leave before SIGTERM, and how it fails."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import SLEEP_ACTION, SLEEP_ZERO
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    GRACE_PERIOD,
    POSTSTART_REMOVE,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_REMOVE,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import (
    HOOK_FAILED,
    HTTP_FALLBACK,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import EVENTS
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import takes_no_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import ISTIO_PROXY


def _sleep_remedy(case: Case) -> Remedy:
    """The sleep action, or from a person's hand an exec sleep where the cluster is too old to run it."""
    if case.oldest >= SLEEP_ACTION:
        return Remedy(PRESTOP_SLEEP)
    return Remedy(
        PRESTOP_EXEC_SLEEP,
        f"Kubernetes {case.oldest} has no sleep action (on by default from {SLEEP_ACTION}), and whether the image "
        "has a shell is not known",
    )


def _missing(case: Case) -> Iterator[Hit]:
    traits = case.profile.traits
    drain = case.profile.drain_containers
    hooks = [container.pre_stop for container in drain if container.pre_stop]
    if not all(map(takes_no_time, hooks)) or case.delays_itself or case.exclusive:
        return
    if "external-lb" not in traits and all(container.name == ISTIO_PROXY for container in drain):
        return  # a gateway goes on for terminationDrainDuration, 5 s by default: enough for what is in the cluster
    severity = None
    if "lb-ip-targets" in traits:
        severity = "error"
    elif "headless-only" in traits or case.never_overlaps:
        # Peers find each other without kube-proxy; and where there is no other pod, none could take the requests.
        severity = "info"
    seconds, source = case.wanted_prestop
    sender = "kube-proxy still sends"
    if "external-lb" in traits:
        direct = "lb-ip-targets" in traits or any(one.type == "LoadBalancer" for one in case.profile.services)
        sender = "the load balancer still sends" if direct else "the load balancer or the ingress still sends"
    elif "headless-only" in traits:
        sender = "clients that have looked the name up before still send"
    for container in drain:
        remedy, hooked = _sleep_remedy(case), ""
        if container.pre_stop:
            hooked = " (its hook returns at once)"
            if container.pre_stop.kind == "exec":
                remedy = Remedy(remedy.name, "what the hook does belongs to the application's owner")
        yield Hit(
            f"no preStop delay{hooked}: SIGTERM comes while {sender} new requests to the pod, and they are refused; "
            f"{seconds} s ({source}) let that end",
            f"{container.path}.lifecycle.preStop",
            remedy,
            container,
            severity,
            {"prestop_seconds": 0, "wanted_seconds": seconds},
        )


def _hooked(case: Case) -> Iterator[Container]:
    for container in case.workload.all_containers:
        if container.pre_stop:
            yield container


def _exceeds_grace(case: Case) -> Iterator[Hit]:
    grace = case.budget.grace
    for container in _hooked(case):
        hook = case.prestop_of(container)
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
    for container in case.workload.containers:
        drain, hook = case.drain_of(container), case.prestop_of(container)
        left = budget.grace - hook.seconds
        if hook.seconds == 0 or hook.drains or left <= 0:
            continue
        wanted = (drain.seconds or 0) + budget.margin
        if left >= wanted:
            continue
        need = f"the margin alone is {budget.margin} s"
        if drain.seconds:
            need = f"its requests take {drain.seconds} s"
            if not drain.measured:
                need = f"it declares {drain.seconds} s to drain"
        yield Hit(
            f"preStop takes {hook.seconds} s of {budget.grace} s and leaves {left} s after SIGTERM, but {need}: "
            "what is in flight after that is cut",
            f"{container.path}.lifecycle.preStop",
            Remedy(GRACE_PERIOD),
            container,
            "error" if (drain.seconds or 0) > left and not drain.measured else None,
            {
                "prestop_seconds": hook.seconds,
                "grace_seconds": budget.grace,
                "left_seconds": left,
                "drain_seconds": drain.seconds if container.name in case.profile.drains else None,
            },
            # What is less than the margin needs no drain to be known.
            case.profile.drain_evidence if left >= budget.margin else None,
        )


def _tcp_socket(case: Case) -> Iterator[Hit]:
    for container in case.workload.all_containers:
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
    oldest = case.oldest
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
    if case.has_shutdown_manager:
        return  # it answers when the connections are gone
    for container in case.workload.containers:
        hook = container.pre_stop
        if hook is None or hook.kind != "httpGet":
            continue
        events = case.seen.events
        told = {event.reason for event in events if event.container == container.name}
        named = isinstance(hook.port, str) and not hook.port.isdecimal()
        nameless = named and hook.port not in {port.name for port in container.ports}
        message = (
            "the preStop hook is an httpGet: the kubelet ignores its status and has no timeout for it, so a 404 "
            "or an answer before the drain counts as done, and SIGTERM follows at once"
        )
        if nameless:
            message = (
                f"the preStop hook calls port '{hook.port:.20}', a name that no port of the container has: it fails at "
                "once and SIGTERM follows without any delay"
            )
        elif HOOK_FAILED in told:
            message = (
                f"the preStop hook is an httpGet that nobody answered when a pod stopped (event {HOOK_FAILED}): "
                "SIGTERM followed without any delay"
            )
        elif HTTP_FALLBACK in told:
            message += f"; a pod answered HTTP where HTTPS is declared (event {HTTP_FALLBACK})"
        yield Hit(
            message,
            f"{container.path}.lifecycle.preStop.httpGet",
            Remedy(PRESTOP_SLEEP, "what the endpoint does is not known"),
            container,
            "error" if nameless or HOOK_FAILED in told else None,
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
            "batch, worker and controller workloads take no requests",
            "headless-only peer discovery: an info",
            "one replica of a StatefulSet or with Recreate: an info, no other pod could take the requests",
            "the server delays its own shutdown (--shutdown-grace-period, CoreDNS's lameduck, a shutdown-manager)",
            "a Service for metrics, probes or the members of a ring alone",
            "a container that only holds a place: pause, or sleep as its command",
            "a hook that may take its time; one that certainly returns at once is no delay",
            "a gateway of Istio that only the cluster sends to: it drains for some seconds by itself",
        ),
        check=_missing,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        serving_only=True,
        seed="2 settings: preStop; fault 2",
        needs=(
            *("Service", "HorizontalPodAutoscaler", "PersistentVolumeClaim"),
            *("Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "TargetGroupBinding"),
        ),
    ),
    Rule(
        id="prestop-exceeds-grace",
        title="preStop takes the whole grace period",
        severity="error",
        evidence="static",
        why="preStop and the application's shutdown share one grace period. When the hook uses it up, the application "
        "gets 2 s and then SIGKILL.",
        exceptions=("sleeps inside a loop do not add up", "a hook whose time is not declared"),
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
        exceptions=(
            "the hook itself waits until the server has drained",
            "a hook whose time is not declared",
            "preStop beyond grace is prestop-exceeds-grace",
        ),
        check=_starves_drain,
        remedies=(GRACE_PERIOD,),
        seed="2 settings: preStop",
        needs=("ConfigMap", "Service"),
    ),
    Rule(
        id="prestop-tcp-socket",
        title="tcpSocket lifecycle handler never works",
        severity="error",
        evidence="static",
        why="The API accepts tcpSocket for lifecycle hooks, but the kubelet has no such handler: the delay does not "
        "exist.",
        exceptions=("tcpSocket in a probe is fine",),
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
        "before the drain is done, gives no delay at all, and no event says so. An event that nobody answered makes it "
        "an error.",
        exceptions=(
            "exec and sleep hooks",
            "a shutdown-manager, which answers when the connections are gone",
            "a port by number that no container declares: the declaration is optional",
        ),
        check=_http_unverified,
        remedies=(PRESTOP_SLEEP,),
        by_hand=True,
        seed="2 settings: preStop",
        observes=(EVENTS,),
    ),
    Rule(
        id="sleep-action-unsupported",
        title="Sleep action on a cluster that does not run it",
        severity="error",
        evidence="context",
        why="An API server before 1.30 drops the field, an older kubelet fails the hook: either way there is no delay.",
        exceptions=("Kubernetes 1.30 and later", "seconds: 0 from 1.33"),
        check=_sleep_unsupported,
        remedies=(PRESTOP_EXEC_SLEEP,),
        seed="2 settings: preStop",
        since="1.29",
        needs=("Node",),
    ),
)
