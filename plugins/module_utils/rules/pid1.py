# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1: whether SIGTERM reaches the application at all, as far as the command shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import EXEC_ENTRYPOINT, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import EXEC
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pid1 import (
    clears_shell,
    is_deaf_shell,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, is_idle
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import stops_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    behind_init,
    commands_of,
    ends_in_program,
    has_script,
    in_place,
    script_of,
)

# `exec PROGRAM` replaces the shell; `exec >file` only redirects. An init that the shell starts is not PID 1 either.
HANDLES_SIGTERM = re.compile(r"trap\s|(?:\w+=\S*\s+)*exec\s+(?!\d*[<>])\S")

# Measured as PID 1 with an application that drains for 1 s, with dash, bash and busybox as their shells: npm 11 ends
# after 0.6 s with dash and lets the application drain with the others; yarn 1.22 and pnpm 9 end at once with all three.
_PACKAGE_MANAGERS = ("npm", "npx", "yarn", "yarnpkg", "pnpm")
# Images whose sh is dash.
_DEBIAN = re.compile(r"(?:^|/)node(?::(?!.*alpine)|$)|debian|bookworm|bullseye|trixie|ubuntu|slim")

_SEEN = (
    "seen in a running pod: the shell is PID 1 with children and without a handler for the stop signal, so they get "
    "no signal and run until they are killed after {grace} s: what is in flight then is cut"
)


def _shell_wrapper(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if not workload.application_is_pid1:
        return
    for container in workload.containers:
        sure = bool(container.command) or not has_script(container.args)
        written = container.words if container.command else () if sure else container.args
        started = behind_init(written)
        words = started or written
        script = script_of(words)
        commands = commands_of(script) if script is not None else []
        look = case.look(container)
        confirmed = is_deaf_shell(look)
        declared = commands and not any(HANDLES_SIGTERM.match(command) for command in commands)
        if not confirmed and (not declared or (clears_shell(look) and not started)):
            continue
        if not started and _ended_by_hook(container, commands):
            continue
        single = len(commands) == 1
        may_go = single or (basename(words[0] if words else "") == "bash" and ends_in_program(script or ""))
        idle = bool(words) and is_idle(replace(container, command=words, args=()))
        if idle and (started or not sure):
            continue  # it exits at once, and nothing is lost
        message = _message(basename(written[0]) if started else "", workload.grace, idle=idle, may_go=may_go)
        if confirmed and not idle:
            message = _SEEN.format(grace=workload.grace)
        elif not sure:
            message = f"if the image's entrypoint starts its arguments, as most do: {message}"
        yield Hit(
            message,
            f"{container.path}.{'command' if sure else 'args'}",
            exec_entrypoint(container, single=single),
            container,
            _severity(case, idle=idle, confirmed=confirmed, may_go=may_go or not sure),
            {"commands": len(commands), "grace_seconds": workload.grace},
            # The command alone would have shown it, and at least as a warning.
            "static" if declared and not (confirmed and may_go) else "runtime",
        )


def _ended_by_hook(container: Container, commands: list[str]) -> bool:
    """Whether the preStop hook stops what the shell waits for, so that the shell ends as well, signal or not.

    A signal to PID 1 would be the shell's; a loop starts the next one; and what only sleeps goes on.
    """
    if not commands or all(stop.to_first for stop in stops_of(container)):
        return False
    loops = any(command.startswith(("while ", "until ", "for ")) for command in commands)
    last = replace(container, command=("sh", "-c", commands[-1]), args=())
    return not loops and not is_idle(last)


def _package_manager(case: Case) -> Iterator[Hit]:
    if not case.workload.application_is_pid1:
        return
    for container in case.workload.containers:
        words = container.words if container.command else container.args
        program, *operands = list(in_place(behind_init(words) or words)) or [""]
        name = basename(program)
        if name not in _PACKAGE_MANAGERS or not _runs_script(name, operands):
            continue
        surely = name != "npm" or _DEBIAN.search(container.image)
        if name == "npm" and "alpine" in container.image:
            continue
        message = (
            f"on SIGTERM {name} exits without waiting for the application, which is killed within a second, with "
            "everything in flight"
        )
        if name == "npm":
            message = (
                "npm forwards SIGTERM to the shell that it starts. If that is dash, as in Debian and Ubuntu, the "
                "shell exits without forwarding it, npm exits with it, and the application is killed within a second, "
                "with everything in flight"
            )
        yield Hit(
            f"{message}; start the application directly, as the script in package.json does",
            f"{container.path}.{'command' if container.command else 'args'}",
            Remedy(
                EXEC_ENTRYPOINT,
                "see package.json for what the script starts",
                {"single": True, "in_args": False, "only_args": not container.command},
            ),
            container,
            "info" if not surely or case.profile.name == "batch" else None,
            {"grace_seconds": case.workload.grace},
        )


def _runs_script(name: str, operands: list[str]) -> bool:
    """Whether a package manager starts an application, by any of its commands for that."""
    plain = [word for word in operands if not word.startswith("-")]
    if name in ("npm", "npx"):
        return name == "npx" or bool({"start", "run", "run-script", "exec"} & set(plain[:3]))
    return bool(plain) and plain[0] not in ("install", "add", "config", "cache", "audit", "publish")


def _check(case: Case) -> Iterator[Hit]:
    yield from _shell_wrapper(case)
    yield from _package_manager(case)


def exec_entrypoint(container: Container, *, single: bool) -> Remedy:
    """To start the application without a shell around it. `single`: the script is one command.

    The script itself stays out of the report: it may hold a secret.
    """
    in_args = bool(container.command) and has_script(container.words) and not has_script(container.command)
    # A command would replace the image's entrypoint.
    only_args = not container.command and has_script(container.args)
    variables = {"single": single, "in_args": in_args, "only_args": only_args}
    return Remedy(EXEC_ENTRYPOINT, "its owner must test a changed start command", variables)


def _severity(case: Case, *, idle: bool, confirmed: bool, may_go: bool) -> str | None:
    if idle or case.profile.name == "batch":
        return "info"
    return "error" if confirmed else "info" if may_go else None


def _message(init: str, grace: int, *, idle: bool, may_go: bool) -> str:
    """What is lost; `init` is the program in front of the shell, or empty."""
    if idle:
        return (
            "the container only waits, and as PID 1 it ignores SIGTERM: nothing is lost, but every stop of the pod "
            f"takes the full {grace} s"
        )
    stays = (
        "(bash and busybox replace themselves with a single command, a recent bash with the last of several, dash does "
        "not)"
    )
    if init:
        # Measured with tini (with and without -g) and dumb-init, dash and bash.
        killed = f"and {init} exits with it: the application is killed at that moment, with everything in flight"
        if may_go:
            return (
                f"the shell behind {init} may stay {stays}: then SIGTERM from {init} ends the shell at once, {killed}"
            )
        return f"{init} forwards SIGTERM to a shell, which exits at once instead of forwarding it, {killed}"
    if may_go:
        return (
            f"the shell may stay PID 1 {stays}: then SIGTERM never reaches the application, which runs until it is "
            f"killed after {grace} s"
        )
    return (
        "the shell is PID 1 and forwards no signals: SIGTERM never reaches the application, which runs until it is "
        f"killed after {grace} s, and what is in flight then is cut"
    )


RULES = (
    Rule(
        id="pid1-shell-wrapper",
        title="A shell keeps SIGTERM from the application",
        severity="warning",
        evidence="static",
        why="The kernel delivers SIGTERM to PID 1 only if it has a handler. A shell has none without a trap and "
        "forwards nothing: the application never gets SIGTERM. It runs until it is killed at the end of the grace "
        "period: every stop takes the full grace period, and connections and work that last longer are cut. "
        "Behind an init, SIGTERM ends the shell instead, and the init and the application with it at once. npm, "
        "yarn and pnpm start the application through a shell, or do not wait for it. An error where a running pod "
        "shows it.",
        exceptions=(
            "a single simple command, with which most shells replace themselves: an info",
            "several commands of bash, the last of them a program, with which it replaces itself: an info",
            "a container that only waits: an info, nothing is lost",
            "exec or trap in the script, unless a running pod shows otherwise",
            "a running pod shows that the shell was replaced by a program or handles the signal",
            "tini or dumb-init in front of the application itself, or one that sends another signal",
            "a script in args alone, as the image's entrypoint is not known: an info",
            "npm in an Alpine image, whose shell is replaced by the application; in an image of unknown origin: an "
            "info",
            "a preStop hook that stops by name what the shell waits for: the shell ends with it",
            "shareProcessNamespace or hostPID: the shell is not PID 1",
            "Windows pods",
            "batch workloads: an info",
        ),
        check=_check,
        remedies=(EXEC_ENTRYPOINT,),
        seed="fault 1",
        observes=(EXEC,),
    ),
)
