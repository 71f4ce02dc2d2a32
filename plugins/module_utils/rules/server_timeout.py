# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's own shutdown timeout: shorter than what is in flight needs, or none at all."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.allowance import Allowance
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import Drain
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import ENOUGH
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import SERVER_TIMEOUT, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import DEFAULT_GRACE


def _drains(case: Case) -> Iterator[tuple[Container, Drain]]:
    for container in case.workload.all_containers:
        if container.name in case.profile.drains:
            yield container, case.profile.drains[container.name]


def _needs(case: Case, drain: Drain) -> Iterator[tuple[int, str, str, str]]:
    """(seconds, source, how, evidence) of what says how long what is in flight takes; a declared need stands alone."""
    if drain.need and drain.need.seconds:
        yield drain.need.seconds, drain.need.source, drain.need.how, drain.need.evidence
    if case.declared_need or not case.profile.takes_requests:
        return
    for route in case.routes:
        for timeout in route.timeouts:
            yield timeout.seconds, timeout.source, "route", "context"


def _remedy(case: Case, container: Container, allowance: Allowance, seconds: int) -> Remedy:
    """Both lines: the server's setting, and a grace period of pause, need and margin."""
    server = allowance.server
    setting = f"set the shutdown timeout of the server to {seconds} s"
    if server and server.advice:
        setting = f"set {server.advice.format(seconds=seconds)}"
    elif server:
        setting = f"{server.name} has no setting for this: only a preStop pause of {seconds} s more lets requests end"
    before = case.prestop_of(container).seconds + case.drain_of(container).delay.seconds
    grace = max(case.workload.grace, before + seconds + case.budget.margin)
    return Remedy(
        SERVER_TIMEOUT,
        "the owner must change the configuration of the server",
        {"setting": setting, "grace_seconds": grace},
    )


def _severity(how: str, allowance: Allowance) -> str:
    if how == "declared" and allowance.certain and not (allowance.server and allowance.server.requeues):
        return "error"
    return "warning"


def _too_short(case: Case) -> Iterator[Hit]:
    for container, drain in _drains(case):
        allowance = drain.allowance
        longest = max(_needs(case, drain), default=None)
        if not allowance or not allowance.seconds or longest is None or longest[0] <= allowance.seconds:
            continue
        seconds, source, how, evidence = longest
        if how == "route" and not allowance.certain:
            continue  # neither number was set for this workload
        cut = "puts the rest back into its queue" if allowance.server and allowance.server.requeues else "cuts the rest"
        takes = "a request may take" if how == "route" else "what is in flight takes"
        yield Hit(
            f"{takes} {seconds} s ({source}), but the server {cut} {allowance.seconds} s after its stop signal "
            f"({allowance.source}), however long the grace period is",
            container.path,
            _remedy(case, container, allowance, seconds),
            container,
            _severity(how, allowance),
            {"need_seconds": seconds, "allowance_seconds": allowance.seconds},
            "context" if "context" in (evidence, allowance.evidence) else None,
        )


def _ends_at_once(case: Case) -> Iterator[Hit]:
    if case.has_shutdown_manager:
        return
    for container, drain in _drains(case):
        allowance, hook = drain.allowance, case.hook_of(container)
        # A call to another container may return when the connections are gone.
        paused = hook.exact or (hook.background and hook.background.pause)
        waits = not paused or (container.pre_stop is not None and container.pre_stop.kind == "httpGet")
        if not allowance or allowance.seconds != 0 or waits:
            continue
        # Requests come for a few seconds more; the rest of a pause is time for them to end.
        covered = max(hook.certain + drain.delay.pause - ENOUGH, 0)
        declared = drain.need.seconds if drain.need and drain.need.how == "declared" else None
        if declared is not None and declared <= covered:
            continue
        takes = f", which takes up to {declared} s ({drain.need.source})" if declared and drain.need else ""
        after = f"; the pause before it is enough for requests of up to {covered} s" if covered else ""
        severity = "error" if declared else "info" if covered else "warning"
        yield Hit(
            f"the server does not finish what is in flight{takes}: {allowance.source}{after}",
            container.path,
            _remedy(case, container, allowance, declared or DEFAULT_GRACE),
            container,
            severity if allowance.certain else "info",
            {"allowance_seconds": 0, "need_seconds": declared, "covered_seconds": covered},
        )


RULES = (
    Rule(
        id="server-timeout-too-short",
        title="The server cuts what is in flight before it is done",
        severity="warning",
        evidence="static",
        why="A server has a shutdown timeout of its own, and cuts at its end what it has not finished. A longer grace "
        "period changes nothing about that.",
        exceptions=(
            "a timeout that is as long as the need",
            "a server that waits without limit, or of which nothing is known",
            "a default that a file of the image may raise: a warning",
            "routes with longer timeouts than such a default",
            "a need that is not known",
        ),
        check=_too_short,
        remedies=(SERVER_TIMEOUT,),
        seed="2 settings: grace",
        needs=("ConfigMap", "Service", "Ingress", "HTTPRoute", "VirtualService"),
    ),
    Rule(
        id="server-ends-at-once",
        title="The server does not finish its requests when it is stopped",
        severity="warning",
        evidence="context",
        why="Some servers exit on the signal that they get, whatever is in flight. A pause before it keeps new "
        "requests away and does not help those that are there.",
        exceptions=(
            "a signal on which the server drains",
            "a hook that stops the server, or whose time is not known",
            "a pause that leaves the declared need; of an unknown need, one that leaves any time is an info",
            "a signal that the image may declare otherwise: an info",
            "a shell, npm or another program in front of it: which signal arrives is not known",
            "workers and batch workloads",
        ),
        check=_ends_at_once,
        remedies=(SERVER_TIMEOUT,),
        serving_only=True,
        seed="nine steps: 4",
        needs=("Service",),
    ),
)
