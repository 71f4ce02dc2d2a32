# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that is too short for kube-proxy."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import ENOUGH
from ansible_collections.graceful.termination.plugins.module_utils.rules.pauses import longer_sleep, short_hooks
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import PRESTOP_EXEC_SLEEP, PRESTOP_SLEEP
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.rules.senders import covered
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server


def _too_short(case: Case) -> Iterator[Hit]:
    services = case.profile.services
    if case.pods_addressed_by or not any(not service.headless for service in services):
        return  # lb-deregistration-race; and who looks the pods up by name does not wait for kube-proxy
    if case.exclusive or case.never_overlaps:
        return
    wanted, source = case.wanted_prestop
    # Who sets a shorter policy has decided so; a remedy writes no more than that.
    for container, hook in short_hooks(case, min(ENOUGH, wanted)):
        if not hook.exact or not hook.seconds or hook_stops_server(container):
            continue
        yield Hit(
            f"preStop ends after {hook.seconds} s: kube-proxy on some nodes may still send new requests to the pod, "
            f"and they are refused; {wanted} s ({source}) {covered(case, wanted)}",
            f"{container.path}.lifecycle.preStop",
            longer_sleep(case, container, wanted),
            container,
            numbers={"prestop_seconds": hook.seconds, "wanted_seconds": wanted},
        )


RULES = (
    Rule(
        id="prestop-too-short",
        title="preStop pause shorter than kube-proxy needs",
        severity="warning",
        evidence="context",
        why="Every node learns on its own that a pod's address is withdrawn. A pause of a second or two ends before "
        "the last one has, and the connections that come after it are refused.",
        exceptions=(
            f"a pause of {ENOUGH} s or more, however long the policy's is, and one as long as a shorter policy",
            "a hook whose time is not known, that waits for the drain, or that stops the server",
            "a server that delays its own shutdown",
            "load balancers that send to the addresses of pods: lb-deregistration-race",
            "headless Services alone, and one pod that is never replaced before it is gone",
            "no hook at all, or one that returns at once: prestop-missing",
        ),
        check=_too_short,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        serving_only=True,
        seed="2 settings: preStop; fault 2",
        needs=(
            *("Service", "HorizontalPodAutoscaler", "PersistentVolumeClaim"),
            *("Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "TargetGroupBinding"),
        ),
    ),
)
