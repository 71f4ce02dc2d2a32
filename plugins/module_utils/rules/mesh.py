# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service meshes: a proxy that exits before the application, after it, or never."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import NATIVE_SIDECAR
from ansible_collections.graceful.termination.plugins.module_utils.rules.mesh_proxies import (
    ANNOUNCED,
    annotations_path,
    classic,
    doubt,
    manual,
    native_remedy,
    quits,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    MESH_DRAIN,
    MESH_NATIVE_SIDECAR,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh import (
    ISTIO,
    LINKERD,
    NATIVE,
    Proxy,
    template_annotations,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh_config import (
    PROXY_CONFIG,
    MeshConfigError,
    istio_drain,
    linkerd_grace,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import NO_HOOK, HookTime
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import BATCH_KINDS

_NOT_YET = NotEvaluated(
    "the template requests a native sidecar, but its pods run the proxy as a container: restart the pods, or upgrade "
    "the injector"
)
_LONG_LIVED = re.compile(r"(?:grpc|http2|h2c?|wss?|websocket)(?:-|$)")


def _needed(case: Case) -> int:
    """The seconds that the application certainly runs after termination starts."""
    return case.budget.prestop.seconds + (case.budget.drain.expected or 0)


def _hook(case: Case, proxy: Proxy) -> HookTime:
    return case.hook_of(proxy.container) if proxy.container else NO_HOOK


def _outlives(case: Case, proxy: Proxy) -> bool | None:
    """Whether a classic proxy stays as long as the application; None where that is not known.

    Raises MeshConfigError.
    """
    hook = _hook(case, proxy)
    if not hook.exact:
        return None
    if case.budget.container == proxy.name:
        return True  # its own hook takes longest
    if proxy.mesh == LINKERD:
        stays: float = hook.seconds
    else:
        drain = istio_drain(template_annotations(case.workload), proxy.container)
        stays = math.inf if drain.until_idle else hook.seconds + drain.seconds
    if stays < _needed(case):
        return False
    return True if case.budget.known or stays == math.inf else None


def _not_native(case: Case) -> Iterator[Hit | NotEvaluated]:
    if case.oldest < NATIVE_SIDECAR:
        return
    if doubt(case):
        yield ANNOUNCED
    for proxy in classic(case):
        if proxy.injected and template_annotations(case.workload).get(NATIVE[proxy.mesh], "").lower() == "true":
            yield _NOT_YET
            continue
        batch = case.workload.kind in BATCH_KINDS
        severity = "error" if batch and not quits(case) else None
        try:
            outlives = not batch and _outlives(case, proxy)
        except MeshConfigError:
            outlives = None  # mesh-drain-too-short says so
        if outlives:
            severity = "info"
        yield Hit(
            f"{proxy.name} runs as an ordinary container and gets SIGTERM at the same time as the application"
            + (
                ", but its own delay covers the known shutdown time of the application"
                if outlives
                else ": requests in flight and the application's own calls lose their network"
            ),
            annotations_path(case) if proxy.container is None or proxy.injected else proxy.container.path,
            native_remedy(proxy),
            proxy.container,
            severity,
        )


def _drain_remedy(case: Case, proxy: Proxy) -> Remedy:
    """A drain as long as the application's; where that is not known, until the last connection has ended."""
    budget = case.budget
    paused = any(container.pre_stop for container in case.profile.drain_containers)
    # A pause that is still to come has to be outlived as well.
    missing = 0 if paused or not case.profile.takes_requests else case.wanted_prestop[0]
    pause = budget.prestop.seconds + missing
    seconds = pause + budget.drain.expected if budget.known and budget.drain.expected is not None else None
    grace = max(case.workload.grace + missing, (pause if seconds is None else seconds) + budget.margin)
    return Remedy(
        MESH_DRAIN,
        manual(proxy, "it reads the annotation only where it mounts its pod's annotations (istio-podinfo)"),
        {
            "mesh": ISTIO,
            "injected": proxy.injected,
            "proxy_drain_seconds": seconds,
            "minimum_seconds": max(pause, 5),
            # Only that there are some: their values may be anything, and a snippet goes into reports.
            "keeps": PROXY_CONFIG in template_annotations(case.workload),
            "grace_seconds": grace,
        },
    )


def _istio_drain_too_short(case: Case, proxy: Proxy) -> Iterator[Hit | NotEvaluated]:
    outlives = _outlives(case, proxy)
    # What is not known of a hook of the proxy's own says nothing of the application.
    if outlives is None and not case.budget.known and _hook(case, proxy).exact:
        yield NotEvaluated(
            "how long the application needs to drain is unknown: set annotation graceful.termination/drain-seconds"
        )
    if outlives is not False:
        return
    drain, needed = istio_drain(template_annotations(case.workload), proxy.container), _needed(case)
    least = "" if case.budget.known else "at least "
    yield Hit(
        f"{proxy.name} exits {drain.seconds:g} s after SIGTERM (terminationDrainDuration), but the application runs "
        f"for {least}{needed} s: from then on it has no network, and its requests fail",
        annotations_path(case),
        _drain_remedy(case, proxy),
        proxy.container,
        numbers={"proxy_drain_seconds": math.floor(drain.seconds), "needed_seconds": needed},
    )


def _linkerd_outlasts_grace(case: Case, proxy: Proxy) -> Iterator[Hit]:
    seconds, declared = linkerd_grace(template_annotations(case.workload))
    names = [port.name for service in case.profile.services for port in service.ports]
    grace = case.workload.grace
    if seconds <= grace or grace <= 5 or not (declared or any(map(_LONG_LIVED.match, names))):
        return
    yield Hit(
        f"{proxy.name} waits up to {seconds:g} s for its connections to end, but the pod is killed after {grace} s: "
        "long-lived connections are cut instead of closed",
        annotations_path(case),
        Remedy(
            MESH_DRAIN,
            manual(proxy, "its own environment sets this, not the annotation"),
            {"mesh": LINKERD, "injected": proxy.injected, "proxy_grace_seconds": grace - 5},
        ),
        proxy.container,
        "info",
        {"proxy_drain_seconds": math.floor(seconds), "grace_seconds": grace},
    )


def _drain_too_short(case: Case) -> Iterator[Hit | NotEvaluated]:
    if case.workload.kind in BATCH_KINDS:
        return
    if doubt(case):
        yield ANNOUNCED
    for proxy in classic(case):
        check = _istio_drain_too_short if proxy.mesh == ISTIO else _linkerd_outlasts_grace
        try:
            yield from check(case, proxy)
        except MeshConfigError as error:
            yield NotEvaluated(str(error))


RULES = (
    Rule(
        id="mesh-sidecar-not-native",
        title="Mesh proxy runs as an ordinary container",
        severity="warning",
        evidence="context",
        why="All ordinary containers get SIGTERM at the same moment. The proxy is the application's network: when it "
        "leaves first, requests in flight and calls to others fail. A native sidecar stops after the application.",
        exceptions=(
            "a native sidecar",
            "Kubernetes before 1.29, which has none",
            "a gateway, or a part of the mesh itself",
            "a proxy whose own drain covers the application's: an info",
            "injection that a template only announces: not evaluated without live pods",
        ),
        check=_not_native,
        seed="fault 5",
        since="1.29",
        remedies=(MESH_NATIVE_SIDECAR,),
        needs=("Pod", "Node"),
    ),
    Rule(
        id="mesh-drain-too-short",
        title="Mesh proxy leaves before the application has drained",
        severity="error",
        evidence="context",
        why="An ordinary Istio proxy exits 5 s after SIGTERM whatever the application does. A preStop delay of 10 s "
        "then makes it worse: the application still serves, but cannot be reached.",
        exceptions=(
            "a native sidecar, or no proxy at all (ambient)",
            "EXIT_ON_ZERO_ACTIVE_CONNECTIONS",
            "a drain that the whole mesh is set to",
            "a proxy with its own hook",
            "a gateway, or a part of the mesh itself",
            "batch workloads",
            "Linkerd: an info, and only for connections that live long",
        ),
        check=_drain_too_short,
        seed="fault 5",
        remedies=(MESH_DRAIN,),
        needs=("Pod", "Service"),
    ),
)
