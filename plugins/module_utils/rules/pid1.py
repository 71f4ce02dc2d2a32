# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1: whether SIGTERM reaches the application at all. Static form: what the command says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.container import is_idle
from ansible_collections.graceful.termination.plugins.module_utils.remedy import EXEC_ENTRYPOINT, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.shell import (
    basename,
    commands_of,
    ends_in_program,
    script_of,
)

# `exec PROGRAM` replaces the shell; `exec >file` only redirects. An init that the shell starts is not PID 1 either.
HANDLES_SIGTERM = re.compile(r"trap\s|(?:\w+=\S*\s+)*exec\s+(?!\d*[<>])\S")


def _shell_wrapper(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if not workload.application_is_pid1:
        return
    for container in workload.containers:
        script = script_of(container.words) if container.command else None
        commands = commands_of(script) if script is not None else []
        if not commands or any(HANDLES_SIGTERM.match(command) for command in commands):
            continue
        single = len(commands) == 1
        may_go = single or (basename(container.words[0]) == "bash" and ends_in_program(script or ""))
        idle = is_idle(container)
        message = (
            "the shell is PID 1 and passes no signal on: SIGTERM never reaches the application, which is killed "
            f"after {workload.grace} s with all that is in flight"
        )
        if idle:
            message = (
                "the container only waits, and as PID 1 it ignores SIGTERM: nothing is lost, but every stop of the pod "
                f"takes all of its {workload.grace} s"
            )
        elif may_go:
            message = (
                "the shell may stay PID 1 (bash and busybox replace themselves with a single command, a recent bash "
                "with the last of several, dash does not): then SIGTERM never reaches the application, which is killed "
                f"after {workload.grace} s"
            )
        yield Hit(
            message,
            f"{container.path}.command",
            # The script itself stays out of the report: it may hold a secret.
            Remedy(EXEC_ENTRYPOINT, "a changed start command is for its owner to test", {"single": single}),
            container,
            "info" if may_go or idle or case.profile.name == "batch" else None,
            {"commands": len(commands), "grace_seconds": workload.grace},
        )


RULES = (
    Rule(
        id="pid1-shell-wrapper",
        title="A shell is PID 1 and does not pass SIGTERM on",
        severity="warning",
        evidence="static",
        why="The kernel delivers a signal to PID 1 only if it has a handler. A shell has none and forwards nothing: "
        "the application never learns that it should stop.",
        traps=(
            "a single simple command, which most shells replace themselves with: an info",
            "several of bash's, the last of them a program, which it replaces itself with: an info",
            "a container that only waits: an info, nothing is lost",
            "exec or trap in the script",
            "tini or dumb-init in front",
            "shareProcessNamespace or hostPID: the shell is not PID 1",
            "Windows pods",
            "batch workloads: an info",
        ),
        check=_shell_wrapper,
        remedies=(EXEC_ENTRYPOINT,),
        seed="fault 1",
    ),
)
