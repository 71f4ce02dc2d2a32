# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only running pods can tell. As long as nobody looks at them, each of these says so instead of passing."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import NotEvaluated, Rule

UNSEEN = NotEvaluated("needs evidence from running pods, which an audit does not collect")


def _unseen(case: Case) -> Iterator[NotEvaluated]:
    if "scaled-to-zero" not in case.profile.traits:
        yield UNSEEN


def _unseen_pid1(case: Case) -> Iterator[NotEvaluated]:
    if case.workload.application_is_pid1:
        yield from _unseen(case)


RULES = (
    Rule(
        id="prestop-hook-failed",
        title="A preStop hook failed",
        severity="error",
        evidence="runtime",
        why="The kubelet reports a failed hook by an event that never says why, and goes straight to SIGTERM: the "
        "delay was not there.",
        traps=(
            "one failure on a container that had already exited",
            "events are kept for about an hour: none seen proves nothing",
        ),
        check=_unseen,
        seed="nine steps: 8",
    ),
    Rule(
        id="grace-period-exceeded",
        title="Containers are killed at the end of their grace period",
        severity="error",
        evidence="runtime",
        why="What was still in flight when SIGKILL came was cut.",
        traps=(
            "exit code 137 with reason OOMKilled or ContainerStatusUnknown",
            "native sidecars, for which a non-zero code is normal",
            "a forced deletion, or an ephemeral container in the pod",
        ),
        check=_unseen,
        seed="nine steps: 6",
    ),
    Rule(
        id="pid1-sigterm-unhandled",
        title="PID 1 has no handler for its stop signal",
        severity="error",
        evidence="runtime",
        why="The kernel drops a signal for which PID 1 has no handler: the container always takes its whole grace "
        "period and is then killed.",
        traps=(
            "the image or the container declares another stop signal",
            "shareProcessNamespace or hostPID: the application is not PID 1",
            "Windows pods",
        ),
        check=_unseen_pid1,
        seed="fault 1",
    ),
    Rule(
        id="pid1-runtime-default",
        title="Only the language runtime handles SIGTERM",
        severity="warning",
        evidence="runtime",
        why="A handler is no proof of a drain: Go exits at once, the JVM runs its hooks, and Node as PID 1 goes on "
        "until it is killed. Only a stop under load decides.",
        traps=("the application finishes its requests", "shareProcessNamespace or hostPID", "Windows pods"),
        check=_unseen_pid1,
        seed="fault 1",
    ),
    Rule(
        id="zombie-processes",
        title="PID 1 does not reap its children",
        severity="info",
        evidence="runtime",
        why="Defunct processes do not keep a pod from stopping, but they use up its process ids.",
        traps=("a few of them at one moment", "shareProcessNamespace, where the pause process reaps", "Windows pods"),
        check=_unseen_pid1,
        seed="fault 1",
    ),
    Rule(
        id="unclean-exit-code",
        title="The last stop was not clean",
        severity="warning",
        evidence="runtime",
        why="An exit code other than 0 after SIGTERM says that the application did not shut down by itself.",
        traps=("143 of a JVM, whose hooks ran", "native sidecars", "OOMKilled"),
        check=_unseen,
        seed="soul test",
    ),
    Rule(
        id="pod-stuck-terminating",
        title="A pod is still there long after its grace period",
        severity="error",
        evidence="runtime",
        why="A finalizer, a volume that does not unmount or a node that is gone keeps it; its replacement may wait "
        "for it.",
        traps=("the deletion timestamp already includes the grace period",),
        check=_unseen,
        seed="fault 1",
    ),
)
