# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes, as far as they decide when an old pod may stop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    LIVENESS_PROBE,
    READINESS_PROBE,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import (
    INJECTED_IMAGE,
    Container,
    is_idle,
)

_EXISTS = re.compile(r"\['(?:\S*/)?(?:pgrep|pidof)'")


def _no_readiness(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if workload.pod.get("readinessGates") or any("readinessProbe" in sidecar.probes for sidecar in workload.sidecars):
        return
    for container in case.profile.drain_containers:
        if "readinessProbe" in container.probes or container.image == INJECTED_IMAGE or is_idle(container):
            continue
        port = container.ports[0].number if container.ports else None
        yield Hit(
            "no readinessProbe: a new pod counts as ready the moment its process starts, so a rolling update stops old "
            "pods before the new ones can answer",
            f"{container.path}.readinessProbe",
            Remedy(
                READINESS_PROBE,
                "its owner must choose a request that shows when the application is ready",
                {"port": port},
            ),
            container,
            # Without another pod, requests fail whether the new pod is ready or not.
            "info" if case.never_overlaps else None,
            {"port": port},
        )


def _endpoint(container: Container, probe: Obj) -> tuple[str, ...] | None:
    """What a probe checks, port names resolved; None if it is not comparable."""
    ports = {port.name: port.number for port in container.ports if port.name}
    for kind in ("httpGet", "tcpSocket", "grpc"):
        body = probe.get(kind)
        if isinstance(body, dict):
            port = body.get("port")
            detail = body.get("path") or "/" if kind == "httpGet" else body.get("service") or ""
            # str(): an object from a file may hold anything here, and anything must compare.
            return kind, str(ports.get(port, port) if isinstance(port, str) else port), str(detail)
    body = probe.get("exec")
    command = str(body.get("command") or "") if isinstance(body, dict) else ""
    # A process exists under any load, and when it does not, there is nothing to kill.
    return ("exec", command) if command and not _EXISTS.match(command) else None


def _window(probe: Obj) -> int:
    """Seconds of failure after which a probe acts, with the API server's defaults."""
    return get(probe, "periodSeconds", int, "probe", 10) * get(probe, "failureThreshold", int, "probe", 3)


def _identical(case: Case) -> Iterator[Hit]:
    for container in case.profile.drain_containers:
        liveness, readiness = container.probes.get("livenessProbe"), container.probes.get("readinessProbe")
        if not liveness or not readiness:
            continue
        endpoint = _endpoint(container, liveness)
        if endpoint is None or endpoint != _endpoint(container, readiness):
            continue
        kills, unreadies = _window(liveness), _window(readiness)
        if kills > unreadies:
            continue
        period = max(get(liveness, "periodSeconds", int, "probe", 10), 1)
        yield Hit(
            f"liveness makes the same check as readiness and acts after {kills} s, no later than readiness "
            f"({unreadies} s): under load or when a dependency fails, pods are killed instead of being taken out of "
            "service",
            f"{container.path}.livenessProbe",
            Remedy(
                LIVENESS_PROBE,
                "its owner must choose a check that tells a hung process from a busy one",
                {"failure_threshold": -(-3 * unreadies // period)},
            ),
            container,
            numbers={"liveness_seconds": kills, "readiness_seconds": unreadies},
        )


RULES = (
    Rule(
        id="no-readiness-probe",
        title="Serving container has no readiness probe",
        severity="warning",
        evidence="context",
        why="Without it a pod is Ready when its process starts. In a rolling update the old pods are stopped while the "
        "new ones still warm up.",
        exceptions=(
            "readinessGates decide instead",
            "a native sidecar's readiness counts for the pod",
            "containers that serve no requests; beside an application, where no container declares the port of the "
            "Service, a database proxy, a queue worker, a log agent, an exporter or a reloader",
            "a gateway whose container is injected (image: auto)",
            "one replica of a StatefulSet or with Recreate: an info, no other pod could serve the requests",
            "batch, worker and controller workloads",
        ),
        check=_no_readiness,
        remedies=(READINESS_PROBE,),
        serving_only=True,
        seed="2 settings: probes",
        needs=("Service", "HorizontalPodAutoscaler"),
    ),
    Rule(
        id="pod-probes-identical",
        title="Liveness kills where readiness should remove the pod from service",
        severity="warning",
        evidence="context",
        why="With the same check, liveness adds terminations exactly when the pods are busiest, each of them a chance "
        "to lose requests.",
        exceptions=(
            "the same endpoint with a later liveness (periodSeconds x failureThreshold)",
            "different paths, ports or commands",
            "workloads and containers that serve no requests",
            "pgrep and pidof, which only check that the process exists",
        ),
        check=_identical,
        remedies=(LIVENESS_PROBE,),
        serving_only=True,
        seed="2 settings: probes",
        needs=("Service",),
    ),
)
