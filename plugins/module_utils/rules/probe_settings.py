# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How probes are set: how long a kill by one takes, how they wait for a slow start, and what runs during a stop."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    PROBE_GRACE_PERIOD,
    READINESS_PROBE_REQUEST,
    STARTUP_PROBE,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.lasting import outlives_pod
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import all_mounts_of

_PROBE_GRACE = Version(1, 25)  # on by default since
_LONG_GRACE = 60  # seconds
_RESTART_GRACE = 30  # seconds that a hung container gets instead, and more where its own hook takes longer
_LONG_DELAY = 30  # seconds
_FROZEN = Version(1, 35)  # whose kubelet runs no exec probes in a pod that terminates; 1.34 and 1.36 do


def _probed(case: Case) -> list[Container]:
    """The containers whose probes their owner sets."""
    containers = case.workload.all_containers
    return [container for container in containers if container.name not in MESH_PROXIES]


def _no_probe_grace(case: Case) -> Iterator[Hit]:
    grace = case.workload.grace
    if grace <= _LONG_GRACE or case.oldest < _PROBE_GRACE:
        return
    stores = case.workload.kind == "StatefulSet" or bool(case.claim_names)
    for container in _probed(case):
        killing = [
            probe
            for probe in ("livenessProbe", "startupProbe")
            if probe in container.probes
            and get(container.probes[probe], "terminationGracePeriodSeconds", int, f"{container.path}.{probe}") is None
        ]
        # Within it the hook runs, too: of a pause that takes all of it nothing is left to stop in.
        own = max(_RESTART_GRACE, case.hook_of(container).seconds + case.policy.margin_seconds)
        if not killing or own >= grace:
            continue
        manual = None
        if stores or any(map(outlives_pod, all_mounts_of(case.workload, container))):
            manual = "what it writes at shutdown may need the whole time"
        if container.native_sidecar:
            manual = "a native sidecar is often injected, not the workload's own"
        yield Hit(
            f"when {' or '.join(killing)} fails, the kubelet waits the pod's whole grace period of {grace} s before "
            "it restarts a hung container",
            f"{container.path}.{killing[0]}.terminationGracePeriodSeconds",
            Remedy(PROBE_GRACE_PERIOD, manual, {"probes": killing, "probe_grace_seconds": own}),
            container,
            numbers={"grace_seconds": grace, "probe_grace_seconds": own},
        )


def _no_startup_probe(case: Case) -> Iterator[Hit]:
    for container in _probed(case):
        if "startupProbe" in container.probes:
            continue
        liveness = container.probes.get("livenessProbe", {})
        delay = get(liveness, "initialDelaySeconds", int, f"{container.path}.livenessProbe", 0)
        if delay < _LONG_DELAY:
            continue
        yield Hit(
            f"liveness waits a fixed {delay} s for the start instead of using a startupProbe: a slower start is "
            "killed, a faster one is not checked until then",
            f"{container.path}.livenessProbe.initialDelaySeconds",
            Remedy(
                STARTUP_PROBE,
                "its owner must decide how long a start may take",
                {"failure_threshold": -(-2 * delay // 5)},
            ),
            container,
            numbers={"initial_delay_seconds": delay},
        )


def _frozen_readiness(case: Case) -> Iterator[Hit]:
    asked = [container for container in _probed(case) if container.probes.get("readinessProbe", {}).get("exec")]
    nodes = case.context.cluster.nodes
    frozen = sum(node.kubelet == _FROZEN for node in nodes) if asked else 0
    if not frozen:
        return
    # Its load balancer asks each node whether one of its pods is ready.
    local = any(service.local_policy for service in case.profile.services)
    for container in asked:
        yield Hit(
            f"{frozen} of {len(nodes)} nodes run kubelet {_FROZEN}, which stops running exec probes when a pod begins "
            "to terminate: its readiness stays as it was, and whatever waits for it to fail does not see the drain",
            f"{container.path}.readinessProbe.exec",
            Remedy(
                READINESS_PROBE_REQUEST,
                "choose a request that checks what the command checks; another kubelet version also solves it",
                {"port": container.ports[0].number if container.ports else None},
            ),
            container,
            "warning" if local else None,
            {"nodes": len(nodes), "nodes_affected": frozen},
        )


RULES = (
    Rule(
        id="probe-grace-period-missing",
        title="A hung container gets the whole long grace period",
        severity="warning",
        evidence="static",
        why="A kill by a probe uses the pod's grace period unless the probe has its own: time meant for a long drain "
        "delays the restart of a hung container.",
        exceptions=(
            "a grace period of 60 s or less",
            "a probe with its own terminationGracePeriodSeconds",
            "Kubernetes before 1.25, or a kubelet of that age, which has no such field",
            "readiness, which kills nothing",
            "StatefulSets and pods with claims: manual, as their writes at shutdown may need the time",
            "an injected mesh proxy: the workload's owner does not set its probes",
        ),
        check=_no_probe_grace,
        seed="2 settings: probes",
        since="1.25",
        remedies=(PROBE_GRACE_PERIOD,),
    ),
    Rule(
        id="startup-probe-missing",
        title="Long initial delay of liveness instead of a startup probe",
        severity="info",
        evidence="static",
        why="A fixed delay is too short for the slowest start, which is then killed, and too long for all others, "
        "which are not checked in that time.",
        exceptions=("a startupProbe beside it", "a delay of less than 30 s", "an injected mesh proxy"),
        check=_no_startup_probe,
        seed="2 settings: probes",
        since="1.20",
        remedies=(STARTUP_PROBE,),
    ),
    Rule(
        id="exec-readiness-frozen",
        title="Exec readiness probe on a kubelet that stops running it too early",
        severity="info",
        evidence="context",
        why="Kubelet 1.35 no longer runs exec probes in a pod that terminates, so a hook that makes readiness fail "
        "has no effect, and what watches readiness keeps sending.",
        exceptions=(
            "kubelets of other versions",
            "manifests, which say nothing of nodes",
            "httpGet, tcpSocket and grpc probes",
            "workloads that serve no requests",
            "a warning only behind a Service with externalTrafficPolicy Local, whose load balancer depends on "
            "readiness",
        ),
        check=_frozen_readiness,
        serving_only=True,
        seed="2 settings: probes",
        since="1.35",
        remedies=(READINESS_PROBE_REQUEST,),
        needs=("Service", "Node"),
    ),
)
