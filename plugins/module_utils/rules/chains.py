# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a pod that work through each other: a proxy, the application behind it, the proxy of its database."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import ENOUGH
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import NATIVE_SIDECAR, SLEEP_ACTION
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DATABASE_PROXY_NATIVE,
    DECIDES,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, is_idle
from ansible_collections.graceful.termination.plugins.module_utils.workload.database_proxies import (
    DatabaseProxy,
    database_proxy_of,
    seconds_of_wait,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.proxies import is_companion
from ansible_collections.graceful.termination.plugins.module_utils.workload.queue_workers import queue_worker
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import BATCH_KINDS

_ENDS_PROXY = re.compile(r"quitquitquit|\b(?:pkill|killall|kill|shutdown)\b", re.IGNORECASE)
_SCHEDULERS = ("cron", "crond", "supercronic", "go-crond", "anacron")
_DRAIN_UNKNOWN = NotEvaluated(
    "how long the application needs to drain is unknown: set annotation graceful.termination/drain-seconds"
)


def _uneven(case: Case) -> Iterator[Hit]:
    for container in case.profile.chain.behind:
        own = case.pause_of(container)
        fronts = case.profile.chain.in_front_of(container)
        if not own.exact or own.drains or not fronts or case.keeps_serving(container):
            continue
        if own.seconds < ENOUGH and hook_stops_server(container):
            continue
        front = max(fronts, key=lambda one: case.pause_of(one).seconds)
        pause = case.pause_of(front).seconds
        if own.seconds >= pause:
            continue
        yield Hit(
            f"the application gets SIGTERM after {own.seconds} s, but {front.name} in front of it serves for {pause} "
            f"s: requests that {front.name} forwards in between are refused, and clients get a 502",
            f"{container.path}.lifecycle.preStop",
            _pause_remedy(case, container, pause),
            container,
            # Without another pod the requests fail anyway.
            "info" if case.never_overlaps else None,
            {"prestop_seconds": own.seconds, "wanted_seconds": pause},
        )
    yield from _may_be_uneven(case)


def _may_be_uneven(case: Case) -> Iterator[Hit]:
    """The one container beside a proxy, of which nothing says whether the proxy forwards to it."""
    for front, container in case.profile.chain.possible:
        alone = [one for one, _other in case.profile.chain.possible].count(front) == 1
        own, pause = case.pause_of(container), case.pause_of(front).seconds
        if not alone or not _may_serve(container) or hook_stops_server(container):
            continue
        if case.reader.of(front).files:
            continue  # its own configuration was read, and it sends no request to this container
        if not own.exact or own.drains or own.seconds >= pause:
            continue
        remedy = _pause_remedy(case, container, pause)
        yield Hit(
            f"{front.name} serves for {pause} s, but this container gets SIGTERM after {own.seconds} s: if "
            f"{front.name} forwards requests to it, which no port or address here tells, clients get a 502 in between",
            f"{container.path}.lifecycle.preStop",
            Remedy(remedy.name, "only its owner knows whether requests reach it", remedy.variables),
            container,
            "info",
            {"prestop_seconds": own.seconds, "wanted_seconds": pause},
        )


def _may_serve(container: Container) -> bool:
    """Whether a container of which nothing tells that it listens may do so all the same."""
    program = basename(container.words[0]) if container.words else ""
    return not container.ports and program not in _SCHEDULERS and not queue_worker(container)


def _pause_remedy(case: Case, container: Container, seconds: int) -> Remedy:
    """The same pause as in front; automatic only where nothing but a pause is replaced."""
    added = seconds - case.pause_of(container).seconds
    values = {"seconds": seconds}
    with_grace = values | {"grace_seconds": max(case.workload.grace + added, case.budget.required)}
    if case.oldest_possible < SLEEP_ACTION:
        why = f"Kubernetes {case.oldest_possible} has no sleep action; check whether the image has a shell"
        return Remedy(PRESTOP_EXEC_SLEEP, why, with_grace)
    handler = container.pre_stop
    if handler and handler.kind != "tcpSocket" and not case.hook_of(container).only_waits:
        return Remedy(PRESTOP_SLEEP, DECIDES, with_grace)
    return Remedy(PRESTOP_SLEEP, variables=values)


def _applications(case: Case) -> list[Container]:
    """The containers that ask the proxies of databases."""
    proxies = {proxy.name for proxy in case.profile.chain.database_proxies}
    return [
        one
        for one in case.workload.containers
        if one.name not in (*proxies, *MESH_PROXIES) and not is_companion(one) and not is_idle(one)
    ]


def _stays(case: Case, container: Container, proxy: DatabaseProxy) -> float | None:
    """How many seconds of a stop a proxy keeps its connections, at most; None if unknown."""
    variables = {name: variable.value for name, variable in case.settings_of(container).variables.items()}
    pause, waits = case.pause_of(container), seconds_of_wait(container, proxy, variables)
    return pause.seconds + waits if pause.exact and waits is not None else None


def _leaves_first(case: Case) -> Iterator[Hit | NotEvaluated]:
    proxies = case.profile.chain.database_proxies
    if not proxies or case.workload.kind in BATCH_KINDS:
        return
    applications = _applications(case)
    drains = [case.drain_of(one) for one in applications]
    pause = max(case.pause_of(one).seconds for one in applications)
    drain = max(one.expected or 0 for one in drains)
    for container in proxies:
        proxy = database_proxy_of(container)
        stays = _stays(case, container, proxy) if proxy else math.inf
        if proxy is None or stays is None:
            yield NotEvaluated(f"how long container {container.name} runs after SIGTERM is unknown")
        elif stays < pause + drain:
            names = " and ".join(one.name for one in applications)
            yield Hit(
                f"{proxy.title} exits {stays:g} s after termination starts, but the shutdown of {names} takes "
                f"{pause + drain} s (preStop {pause} + drain {drain}): database queries fail from then on",
                container.path,
                _native_remedy(case, proxy, pause + drain),
                container,
                # Of what was measured, only one request in a thousand takes that long.
                "warning" if stays >= pause and any(one.measured for one in drains) else None,
                {"proxy_seconds": math.floor(stays), "needed_seconds": pause + drain},
            )
        elif stays < math.inf and any(one.expected is None for one in drains):
            yield _DRAIN_UNKNOWN


def _native_remedy(case: Case, proxy: DatabaseProxy, seconds: int | None) -> Remedy:
    why = "the container must move to initContainers, and its owner must decide how it is probed there"
    if case.oldest < NATIVE_SIDECAR:
        why = f"Kubernetes {case.oldest} has no native sidecars: until then make the proxy wait, or stop it explicitly"
    return Remedy(DATABASE_PROXY_NATIVE, why, {"flag": proxy.setting, "needed_seconds": seconds})


def _job_never_completes(case: Case) -> Iterator[Hit]:
    if case.workload.kind not in BATCH_KINDS:
        return
    applications = _applications(case)
    if any(_ENDS_PROXY.search(word) for one in applications for word in one.words):
        return
    forbids = get(case.workload.spec, "concurrencyPolicy", str, "spec", "") == "Forbid"
    later = ", and no later run starts (concurrencyPolicy Forbid)" if forbids else ""
    for container in case.profile.chain.database_proxies:
        proxy = database_proxy_of(container)
        if proxy is None or (container.words and container.words[0].endswith("timeout")):
            continue
        # A program of the image may well make the proxy exit; a command that is written out would show it.
        hidden = any(not one.command for one in applications) or "--quitquitquit" in container.words
        yield Hit(
            f"nothing stops {container.name} when the work is done: the pod never completes, and the Job stays active "
            f"until it is stopped by hand{later}",
            container.path,
            _native_remedy(case, proxy, None),
            container,
            "warning" if hidden else None,
        )


RULES = (
    Rule(
        id="prestop-uneven",
        title="Application stops before the proxy in front of it",
        severity="warning",
        evidence="context",
        why="All containers of a pod stop at the same time, each after its own hook. A delay in the proxy alone keeps "
        "it serving without the application behind it: every request in that time gets a 502.",
        exceptions=(
            "the application's delay is as long, or longer",
            "one container beside a proxy that declares no port, and that nothing else links to it: an info",
            "a hook whose time is not declared, or that waits for the drain",
            "a server that delays its own shutdown",
            "a hook that stops the server within 5 s is prestop-stops-server-early",
            "exporters, agents, log shippers, reloaders, proxies of a mesh or of a database",
            "two containers that Services reach on different ports, unless one names the address of the other",
            "native sidecars: they stop after the application",
        ),
        check=_uneven,
        serving_only=True,
        seed="2 settings: preStop",
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        needs=("Service", "ConfigMap", "HorizontalPodAutoscaler"),
    ),
    Rule(
        id="proxy-leaves-first",
        title="Database proxy exits before the application",
        severity="error",
        evidence="context",
        why="All containers of a pod get SIGTERM at the same time. A database proxy that exits at once closes the "
        "connections while the application still serves or finishes its work. A delay in the application alone "
        "makes that gap longer.",
        exceptions=(
            "a native sidecar",
            "a delay or a preStop hook of the proxy that covers the application's shutdown",
            "proxies that wait for their clients, such as PgBouncer from 1.23",
            "an application that declares neither a delay nor a drain: not evaluated",
            "a proxy that a Service reaches, or one beside its own database",
            "a script around the proxy, which may wait",
        ),
        check=_leaves_first,
        seed="fault 3",
        remedies=(DATABASE_PROXY_NATIVE,),
        needs=("Service", "ConfigMap"),
    ),
    Rule(
        id="proxy-job-never-completes",
        title="Job whose database proxy never exits",
        severity="error",
        evidence="static",
        why="A pod completes when all of its ordinary containers have exited. The proxy does not exit by itself.",
        exceptions=(
            "a native sidecar",
            "a call that stops the proxy (quitquitquit, pkill), or a script around the proxy",
            "a program of the image that may do so: a warning",
            "workloads that run forever",
        ),
        check=_job_never_completes,
        seed="fault 3",
        remedies=(DATABASE_PROXY_NATIVE,),
    ),
)
