# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sends requests inside the cluster: Services that keep addresses too long, and the ingress controller itself."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.ingress_nginx import (
    ingress_nginx_timeout,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    GRACE_PERIOD,
    READY_ADDRESSES,
    Remedy,
    grace_for_default,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule


def _publishes_not_ready(case: Case) -> Iterator[Hit]:
    services = [service for service in case.profile.services if service.publish_not_ready and not service.headless]
    if services:
        names = ", ".join(f"{service.namespace}/{service.name}" for service in services)
        yield Hit(
            f"Service {names} publishes addresses of pods that are not ready: a stopping pod gets new requests until "
            "it is deleted, whatever its hook and its probes do",
            f"Service {services[0].name}: spec.publishNotReadyAddresses",
            Remedy(
                READY_ADDRESSES,
                "check whether a client needs the pods that are not ready",
                {"namespace": services[0].namespace, "service": services[0].name},
            ),
            numbers={"services": len(services)},
        )


def _controller_drain(case: Case) -> Iterator[Hit | NotEvaluated]:
    workload, margin = case.workload, case.policy.margin_seconds
    if case.declared_need or workload.grace <= 2:
        return  # the declared value beats a default, and the budget reports it; or it is grace-period-zero
    for container in workload.containers:
        drain = ingress_nginx_timeout(case.settings_of(container))
        if drain is None:
            continue
        if drain.seconds is None:
            yield NotEvaluated(drain.source)
            continue
        hook = case.hook_of(container)
        # /wait-shutdown is the drain itself: it does not shorten the drain.
        delay = 0 if hook.drains else hook.seconds
        needed = delay + drain.seconds + margin
        # Of a default, which no owner has chosen, what lacks only the margin is no finding.
        if needed - (margin if drain.is_default else 0) > workload.grace:
            yield Hit(
                f"workers of the ingress controller may take {drain.seconds} s to finish their requests "
                f"({drain.source}); with preStop {delay} + margin {margin} that makes {needed} s, but the pod is "
                f"killed after {workload.grace} s: uploads, downloads and WebSockets of every application behind it "
                "are cut",
                f"{workload.pod_path}.terminationGracePeriodSeconds",
                grace_for_default(needed) if drain.is_default else Remedy(GRACE_PERIOD),
                container,
                numbers={"required_seconds": needed, "grace_seconds": workload.grace},
            )


RULES = (
    Rule(
        id="publish-not-ready-addresses",
        title="Service keeps the addresses of stopping pods",
        severity="error",
        evidence="context",
        why="publishNotReadyAddresses keeps an endpoint ready while its pod terminates, so that requests go to it "
        "until its object is deleted.",
        exceptions=("a headless Service for peer discovery: that is its purpose", "a Service for metrics alone"),
        check=_publishes_not_ready,
        remedies=(READY_ADDRESSES,),
        serving_only=True,
        seed="nine steps: 2",
        needs=("Service",),
    ),
    Rule(
        id="ingress-controller-drain",
        title="Ingress controller is killed before its workers have finished",
        severity="warning",
        evidence="context",
        why="ingress-nginx, retired since March 2026, lets its workers finish for worker-shutdown-timeout (240 s), and "
        "its chart has a grace period of 300 s for that.",
        exceptions=(
            "the /wait-shutdown hook is the drain itself",
            "a ConfigMap that is named, but not in the input",
            "other images with nginx in them",
            "the default of 240 s: no automatic change",
            "the owner's annotation drain-seconds: the budget counts with that",
        ),
        check=_controller_drain,
        remedies=(GRACE_PERIOD,),
        seed="fault 6",
        needs=("ConfigMap",),
    ),
)
