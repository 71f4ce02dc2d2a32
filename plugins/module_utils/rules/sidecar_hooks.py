# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks of sidecars, and those that talk to a mesh's proxy: waiting for it to exit, or making it exit."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    PRESTOP_EXEC_SLEEP,
    PRESTOP_REMOVE,
    PRESTOP_SLEEP,
    Remedy,
    pause_instead,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.names import agent_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh import quits_proxy, waits_for_proxy
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import HookTime
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server


def _hook_remedy(case: Case, container: Container, *, injected: bool) -> Remedy:
    if injected:
        return Remedy(PRESTOP_REMOVE, "the hook is injected with the proxy: change it in the mesh's configuration")
    if container.native_sidecar or container.name in MESH_PROXIES:
        return Remedy(PRESTOP_REMOVE, "a proxy drains by itself on SIGTERM")
    return pause_instead(case, "its owner must keep the rest of the hook; make the proxy wait by its settings")


def _hooks(case: Case) -> Iterator[tuple[Container, bool, str]]:
    """(container, whether injected, path of its hook) of each preStop exec hook."""
    workload = case.workload
    for container in (*workload.all_containers, *case.injected):
        if container.pre_stop and container.pre_stop.kind == "exec":
            group = "initContainers" if container.native_sidecar else "containers"
            path = f"{workload.pod_path}.{group}[{container.name}].lifecycle.preStop.exec"
            yield container, any(container is one for one in case.injected), path


def _self_wait(case: Case) -> Iterator[Hit]:
    for container, injected, path in _hooks(case):
        if not any(waits_for_proxy(commands_in(container.pre_stop.command if container.pre_stop else ()))):
            continue
        message = (
            "the preStop hook waits until the mesh proxy has exited. A native sidecar waits for the application, so "
            f"both wait until the pod is killed after {case.workload.grace} s. An ordinary proxy leaves the "
            "application without network"
        )
        if container.name in MESH_PROXIES:
            message = (
                "the preStop hook of the proxy waits for the proxy itself to exit, which gets SIGTERM only after the "
                f"hook: it always takes the full {case.workload.grace} s and is then killed"
            )
        remedy = _hook_remedy(case, container, injected=injected)
        yield Hit(message, path, remedy, container, numbers={"grace_seconds": case.workload.grace})


def _quit_in_server(case: Case) -> Iterator[Hit]:
    for container, injected, path in _hooks(case):
        commands = commands_in(container.pre_stop.command if container.pre_stop else ())
        for command in commands:
            if command.keyword in ("while", "until"):
                break  # it may well wait for the end of the last request
            if quits_proxy(command):
                yield Hit(
                    "the preStop hook makes the mesh proxy exit at once, without a drain: requests in flight are cut, "
                    "and the application has no network for the rest of its work",
                    path,
                    _hook_remedy(case, container, injected=injected),
                    container,
                )
                break


def _waits(hook: HookTime) -> bool:
    return hook.endless or hook.seconds > 0


def _sidecar_misuse(case: Case) -> Iterator[Hit]:
    workload = case.workload
    injected = [one for one in case.injected if one.native_sidecar]
    for container in (*workload.sidecars, *injected):
        hook = container.pre_stop
        words = hook.command if hook else ()
        commands, text = commands_in(words), " ".join(words)
        if hook is None or "drain" in text.lower() or any(waits_for_proxy(commands)):
            continue
        if hook_stops_server(container) or any(quits_proxy(command) for command in commands):
            message, severity = (
                "the preStop hook stops this native sidecar while the application still works: hooks of sidecars run "
                "at the start of a termination, only their SIGTERM waits for the application",
                "warning",
            )
        elif agent_of(container):
            continue  # it polls files, and must outlive the application by one interval
        elif _waits(case.hook_of(container)) or any(command.keyword in ("while", "until") for command in commands):
            message, severity = (
                "the preStop hook of this native sidecar has no effect: it runs beside the application's hook, and "
                "the sidecar gets SIGTERM after the application anyway",
                "info",
            )
        else:
            continue
        why = "a native sidecar stops after the application: it needs no delay"
        if container in injected:
            why = "the hook is injected with the sidecar: change it where the injection is configured"
        path = f"{workload.pod_path}.initContainers[{container.name}].lifecycle.preStop"
        yield Hit(message, path, Remedy(PRESTOP_REMOVE, why), container, severity)


RULES = (
    Rule(
        id="sidecar-prestop-misuse",
        title="preStop hook of a native sidecar",
        severity="warning",
        evidence="context",
        why="The hook of a native sidecar runs at the start of the termination, beside the application's. One that "
        "stops the sidecar removes it from an application that still works; one that waits has no effect.",
        exceptions=(
            "a call that starts a drain, as a mesh injects it",
            "a program whose effect is unknown",
            "a delay of a log shipper, which polls files and must read the last lines",
            "ordinary containers",
        ),
        check=_sidecar_misuse,
        seed="fault 5",
        since="1.29",
        remedies=(PRESTOP_REMOVE,),
        needs=("Pod",),
    ),
    Rule(
        id="mesh-prestop-self-wait",
        title="preStop hook waits for the mesh proxy to exit",
        severity="error",
        evidence="context",
        why="A loop on the proxy's own port ends when the proxy has exited. In the proxy's own hook that never "
        "happens; in the application's hook it must not happen before the application has finished.",
        exceptions=(
            "a loop on a port of the application",
            "a loop that waits until the proxy has started",
            "a loop that counts the proxy's connections",
            "a request without a loop",
            "a loop with its own limit",
        ),
        check=_self_wait,
        seed="fault 5",
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, PRESTOP_REMOVE),
        by_hand=True,
        needs=("Pod",),
    ),
    Rule(
        id="mesh-quit-in-server",
        title="preStop hook of a server makes the mesh proxy exit",
        severity="error",
        evidence="context",
        why="quitquitquit and Linkerd's shutdown are made for jobs: the proxy exits at once, without a drain, while "
        "the server still works.",
        exceptions=(
            "batch workloads, which it is made for",
            "a call of another program's quitquitquit, such as a database proxy's",
            "a GET, which the proxy refuses",
            "a hook that first waits until the work is done",
            "a call that starts a drain",
        ),
        check=_quit_in_server,
        serving_only=True,
        seed="fault 5",
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, PRESTOP_REMOVE),
        by_hand=True,
        needs=("Pod", "Service"),
    ),
)
