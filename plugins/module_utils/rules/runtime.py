# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1 of running pods: its signals and its children, as the kernel reports them."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import INIT_PROCESS, TRACE, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import (
    EVENTS,
    EXEC,
    STATUS,
    Look,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pid1 import (
    RUNTIMES,
    is_deaf_shell,
    may_get_another,
    only_by_runtime,
    reaction_to_stop,
    runtime_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.proc import Processes
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.signals import (
    HANDLED,
    IGNORED,
    UNKNOWN,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, is_idle

_STARTED = 10  # seconds that a program may take to set up its handlers
_SOME, _MANY = 3, 10  # zombies; fewer may be a moment's
_IDLE = ("sleep", "tail", "pause", "catatonit")
_TO_TEST = "its owner must test a changed start command"


def _seen(case: Case) -> Iterator[tuple[Container, Look, Processes] | NotEvaluated]:
    """The containers that were inspected, and each reason once why others were not."""
    workload = case.workload
    if not case.has_pods or not workload.application_is_pid1:
        return
    reason = case.why_not_seen(EXEC)
    if reason is None and not case.seen.looks:
        reason = "there is no ready pod to inspect"
    if reason:
        yield NotEvaluated(reason)
        return
    problems = {}
    for container in workload.containers:
        look = case.look(container)
        if look is None:
            problems["not all of its containers are running"] = True
        elif look.processes is None:
            problems[look.problem] = True
        else:
            yield container, look, look.processes
    yield from map(NotEvaluated, problems)


def _unhandled(case: Case) -> Iterator[Hit | NotEvaluated]:
    for seen in _seen(case):
        if isinstance(seen, NotEvaluated):
            yield seen
            continue
        container, look, processes = seen
        reaction = reaction_to_stop(look)
        if reaction == UNKNOWN:
            yield NotEvaluated("the user that an exec runs as may not read the signal handlers of PID 1")
        elif reaction != HANDLED and not is_deaf_shell(look):
            yield _deaf(case, container, look, processes, ignores=reaction == IGNORED)


def _deaf(case: Case, container: Container, look: Look, processes: Processes, *, ignores: bool) -> Hit | NotEvaluated:
    grace = case.workload.grace
    if look.seconds < _STARTED:
        return NotEvaluated("its container had just started; run again")
    others = may_get_another(look)
    by_runtime = only_by_runtime(look, others)
    if others and not by_runtime:
        return NotEvaluated(
            f"PID 1 handles {', '.join(others)} but not SIGTERM. STOPSIGNAL of the image decides which one it gets, "
            "and the Kubernetes API does not show that"
        )
    idle = processes.program in _IDLE or is_idle(container)
    signal = look.stop_signal[:20] or "SIGTERM"
    why = f"ignores {signal}" if ignores else f"has no handler for {signal}, and the kernel drops it"
    message = f"PID 1 ({processes.program}) {why}: "
    if idle:
        message += f"the container only waits, so nothing is lost, but every stop of the pod takes the full {grace} s"
    else:
        message += (
            f"the application gets no signal and runs until it is killed after {grace} s, with everything in flight"
        )
    if by_runtime and not idle:
        message += "; unless its image declares STOPSIGNAL SIGINT, which the Kubernetes API does not show"
    severity = "info" if idle or by_runtime or case.profile.name == "batch" else None
    if by_runtime and not idle and case.profile.name != "batch" and case.declared_need:
        message += "; its owner declares a drain, which would never start"
        severity = "warning"
    return Hit(
        message,
        f"{container.path}.command",
        Remedy(INIT_PROCESS, _TO_TEST),
        container,
        severity,
        {"grace_seconds": grace},
    )


def _runtime_default(case: Case) -> Iterator[Hit | NotEvaluated]:
    stops = case.observed_stops if STATUS in case.context.observed.evidence.asked else []
    clean = {stop.container for stop in stops if stop.ended.exit_code == 0}
    for seen in _seen(case):
        if isinstance(seen, NotEvaluated):
            yield seen
            continue
        container, look, processes = seen
        runtime = runtime_of(look)
        if not runtime or container.name in clean or reaction_to_stop(look) != HANDLED or case.profile.name == "batch":
            continue
        yield Hit(
            f"PID 1 ({processes.program}) handles SIGTERM, but that may be its runtime alone: {RUNTIMES[runtime]}; "
            "only a stop under load shows which",
            f"{container.path}.command",
            Remedy(TRACE, "only a stop shows whether the application drains"),
            container,
            "info",
        )


def _zombies(case: Case) -> Iterator[Hit | NotEvaluated]:
    for seen in _seen(case):
        if isinstance(seen, NotEvaluated):
            yield seen
            continue
        container, _look, processes = seen
        amount = processes.zombies
        if not processes.all:
            yield NotEvaluated("the image has no find: only PID 1 could be read")
        elif amount >= _SOME:
            yield Hit(
                f"{amount} zombie processes wait for PID 1 ({processes.program}) to reap them, which it does not: "
                "they do not block the stop, but use up process IDs",
                f"{container.path}.command",
                Remedy(INIT_PROCESS, _TO_TEST),
                container,
                "warning" if amount >= _MANY else None,
                {"zombies": amount},
            )


RULES = (
    Rule(
        id="pid1-sigterm-unhandled",
        title="PID 1 has no handler for its stop signal",
        severity="error",
        evidence="runtime",
        why="The kernel drops a signal for which PID 1 has no handler: the container always takes its whole grace "
        "period and is then killed.",
        exceptions=(
            "PID 1 handles another signal that the image may declare as STOPSIGNAL: not evaluated",
            "Python and shells, which always handle SIGINT, as that may be the image's STOPSIGNAL: an info; with a "
            "declared drain a warning",
            "an init or a server that reads its signals itself (tini, dumb-init, s6, sigwait, signalfd)",
            "a container that only waits: an info, nothing is lost",
            "a shell with children is pid1-shell-wrapper",
            "a container that has just started: not evaluated",
            "shareProcessNamespace or hostPID: the application is not PID 1",
            "Windows pods",
            "batch workloads: an info",
        ),
        check=_unhandled,
        remedies=(INIT_PROCESS,),
        seed="fault 1",
        observes=(EXEC,),
    ),
    Rule(
        id="pid1-runtime-default",
        title="Only the language runtime handles SIGTERM",
        severity="warning",
        evidence="runtime",
        why="A handler is no proof of a drain: Go exits at once, the JVM runs its hooks, and Node as PID 1 runs until "
        "it is killed. Only a stop under load decides, so this is an info.",
        exceptions=(
            "the application finishes its requests: a stop with exit code 0 was seen",
            "batch workloads",
            "shareProcessNamespace or hostPID",
            "Windows pods",
        ),
        check=_runtime_default,
        remedies=(TRACE,),
        seed="fault 1",
        observes=(EXEC, STATUS, EVENTS),
    ),
    Rule(
        id="zombie-processes",
        title="PID 1 does not reap its children",
        severity="info",
        evidence="runtime",
        why="Zombie processes do not block a stop, but they use up process IDs. From 10 on this is a warning.",
        exceptions=(
            "one or two of them at one moment",
            "ended children whose own parent is alive",
            "shareProcessNamespace, where the pause process reaps",
            "Windows pods",
        ),
        check=_zombies,
        remedies=(INIT_PROCESS,),
        seed="fault 1",
        observes=(EXEC,),
    ),
)
