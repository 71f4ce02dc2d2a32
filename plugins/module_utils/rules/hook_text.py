# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the text of an exec hook does: stop its own server, call what the image lacks, close what is still in use."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import ENOUGH
from ansible_collections.graceful.termination.plugins.module_utils.rules.pauses import as_intended
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DECIDES,
    PRESTOP_DELAY_FIRST,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_REMOVE,
    PRESTOP_SLEEP,
    REGISTRY_DEREGISTER,
    Remedy,
    pause_instead,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import HOOK_FAILED
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import EVENTS, EXEC
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import (
    Command,
    calls_of,
    commands_in,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import stops_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import basename
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell_less import calls_shell, lacks_shell

# Programs that run for no time worth counting.
_INSTANT = (
    *("echo", "printf", "true", ":", "[", "[[", "test", "date", "set", "export", "cd"),
    *("touch", "logger", ""),
)
_SAYS = ("echo", "printf", "logger", ":")
_POOL = r"(?:db|database|data-?source|(?:connection[-_]?)?pool|hikari|jdbc)s?"
_CLOSING = r"(?:close|disconnect|destroy|shutdown)"
_CLOSES = re.compile(rf"(?<![a-z]){_CLOSING}[-_./]?{_POOL}(?![a-z])|(?<![a-z]){_POOL}[-_./]?{_CLOSING}(?![a-z])", re.I)
_REGISTRY = re.compile(r"nacos|eureka|consul|zookeeper|(?:de|un)-?register|service-?registry", re.I)
_LONGEST_WORD = 500


def _exec_hooks(containers: Sequence[Container]) -> Iterator[tuple[Container, list[Command]]]:
    for container in containers:
        if container.pre_stop and container.pre_stop.kind == "exec" and container.pre_stop.command:
            yield container, commands_in(container.pre_stop.command)


def _text(container: Container) -> str:
    """The whole command of the hook, for words that quotes would hide; never for the report."""
    return " ".join(container.pre_stop.command) if container.pre_stop else ""


def _shell_missing(case: Case) -> Iterator[Hit]:
    for container, _commands in _exec_hooks(case.workload.all_containers):
        words = container.pre_stop.command if container.pre_stop else ()
        if container.pre_stop and container.pre_stop.windows:
            continue  # there, prestop-missing says what Windows does not have
        look = case.look(container)
        bare, read = look is not None and look.bare, look is not None and look.processes is not None
        if not calls_shell(words) or not (bare or (lacks_shell(container.image) and not read)):
            continue
        program = basename(words[0])
        known, manual = "an image of this name", "the image name suggests that it has no shell; try it on a pod"
        if bare:
            known, manual = "its image (it lacks even cat)", "the image lacks even cat, so it has no shell either"
        failed = any(event.reason == HOOK_FAILED and event.container == container.name for event in case.seen.events)
        remedy = Remedy(PRESTOP_SLEEP, manual, as_intended(case, container))
        if container.native_sidecar:
            remedy = Remedy(PRESTOP_REMOVE, "a native sidecar stops after the application: it needs no delay")
        yield Hit(
            f"the preStop hook starts '{program:.20}', which {known} does not have: the hook fails at once and SIGTERM "
            "follows without any delay",
            f"{container.path}.lifecycle.preStop.exec",
            remedy,
            container,
            "error" if bare and failed else None,
            numbers={"prestop_seconds": 0},
            evidence=None if lacks_shell(container.image) else "runtime",
        )


def _stops_early(case: Case) -> Iterator[Hit]:
    seconds, source = case.wanted_prestop
    for container in case.serving_containers:
        stop = next(iter(stops_of(container)), None)
        if stop is None or stop.starts.limit >= ENOUGH:
            continue
        slept = stop.starts.limit
        cut = ", and what is in flight is cut" if stop.drains is False else ""
        added = max(seconds - math.floor(slept), 0)
        grace = max(case.workload.grace + added, case.budget.required + added)
        fronts = case.profile.chain.in_front_of(container)
        arrive = f"{fronts[0].name} still forwards requests" if fronts else "new requests still arrive"
        yield Hit(
            f"the preStop hook stops the server {slept:g} s after termination starts, while {arrive}: they are "
            f"refused{cut}; wait {seconds} s ({source}) first",
            f"{container.path}.lifecycle.preStop.exec",
            Remedy(
                PRESTOP_DELAY_FIRST,
                "the hook's owner must decide; if the server stops cleanly on its stop signal, a delay alone is enough",
                {"grace_seconds": grace},
            ),
            container,
            numbers={"prestop_seconds": math.floor(slept), "wanted_seconds": seconds},
        )


def _closes(command: Command, container: Container) -> bool:
    """Whether a command removes something that the application needs for what is in flight."""
    if command.program in _SAYS:
        return False
    if command.program in ("umount", "fusermount"):
        return True
    if command.program in ("pkill", "killall") and "pgbouncer" in command.words:
        return "pgbouncer" not in container.image
    return any(_CLOSES.search(word[:_LONGEST_WORD]) for word in command.words)


def _returns_at_once(commands: Sequence[Command]) -> bool:
    return all(command.program in (*_INSTANT, "curl", "wget") and not command.keyword for command in commands)


def _repeats_badly(command: Command) -> bool:
    if command.program == "mv":
        return True
    return any(call.method == "POST" and not call.loopback for call in calls_of(command))


def _side_effects(case: Case) -> Iterator[Hit]:
    called = {container.name for container in case.profile.drain_containers} if case.profile.takes_requests else set()
    for container, commands in _exec_hooks(case.workload.containers):
        registry = bool(_REGISTRY.search(_text(container)))
        message, severity, evidence = "", "info", None
        remedy = pause_instead(case, DECIDES)
        if any(_closes(command, container) for command in commands):
            message, severity = (
                "the preStop hook closes what the application still needs: it runs before SIGTERM, so everything in "
                "flight fails. Close it in the SIGTERM handler, after the last request",
                "warning",
            )
        elif registry and container.name in called and _returns_at_once(commands) and not case.delays_itself:
            # The loss is that of prestop-missing, which a hook of any kind holds back.
            message, severity = (
                "the preStop hook deregisters the pod but does not wait: clients with a cached address still call it "
                "when SIGTERM comes",
                "info" if case.never_overlaps else "warning",
            )
            remedy, evidence = (
                Remedy(REGISTRY_DEREGISTER, "the owner must fill in how to deregister"),
                "context",
            )
        elif not registry and any(map(_repeats_badly, commands)):
            message = (
                "the preStop hook moves files or sends a request outside of the pod: a restarted kubelet runs the "
                "hook again, so it must be idempotent"
            )
        if message:
            path = f"{container.path}.lifecycle.preStop.exec"
            yield Hit(message, path, remedy, container, severity, evidence=evidence)


RULES = (
    Rule(
        id="prestop-shell-missing",
        title="preStop hook calls a program that the image does not have",
        severity="warning",
        evidence="static",
        why="An image without a shell cannot run sh or sleep: the hook fails at once, its event never says why, and "
        "SIGTERM follows without the delay that the manifest promises. An error where a running pod and an event "
        "of the failed hook show it.",
        exceptions=(
            "a running pod shows that such an image has cat or the like",
            "debug and dev variants of such images have a shell",
            "a program from a folder that a volume may bring",
            "a program that is neither a shell nor sleep",
            "static as a part of another name, such as static-assets",
        ),
        check=_shell_missing,
        seed="nine steps: 3",
        remedies=(PRESTOP_SLEEP, PRESTOP_REMOVE),
        by_hand=True,
        observes=(EXEC, EVENTS),
    ),
    Rule(
        id="prestop-stops-server-early",
        title="preStop hook stops the server before traffic has stopped",
        severity="warning",
        evidence="context",
        why="When the hook starts, proxies and load balancers still send new requests. A server that stops listening "
        "at that moment refuses them.",
        exceptions=(
            "a pause of 5 s or more comes first",
            "a pause or a condition of unknown length comes first",
            "workloads that serve no requests",
            "signals that reload, and kill -0",
            "what is only printed, or written in a comment",
        ),
        check=_stops_early,
        serving_only=True,
        seed="nine steps: 3; fault 1",
        remedies=(PRESTOP_DELAY_FIRST,),
        needs=("Service",),
    ),
    Rule(
        id="prestop-side-effects",
        title="preStop hook closes what is in use, or must not run twice",
        severity="warning",
        evidence="static",
        why="The hook runs while the application still serves: without its connection pool every request in flight "
        "fails. And a hook is delivered at least once, not exactly once.",
        exceptions=(
            "deregistering first and then waiting",
            "deregistering without a delay, where the server delays its own shutdown",
            "what is only printed",
            "a line appended to a log",
            "calls to the pod itself",
            "a pooler that stops itself",
        ),
        check=_side_effects,
        seed="2 settings: preStop; fault 3",
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, REGISTRY_DEREGISTER),
        by_hand=True,
        needs=("Service", "HorizontalPodAutoscaler"),
    ),
)
