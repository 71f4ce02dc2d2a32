# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the output of a command stays open, which is what containerd waits for.

Each script was run with dash 0.5.12, bash 5.2 and busybox 1.35, its output read to the end, with 1 s for 12 s. Those
marked with `kubelet` ran as preStop hooks on kind 1.37.2 with containerd 1.6 as well: the pod took as long.
"""

from __future__ import annotations

import math

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.execution import execute
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import (
    Background,
    HookTime,
    hook_time,
    takes_no_time,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import Span


def output(script: str, shell: str = "sh") -> tuple[Span, Span]:
    """(until the command has ended, until its output is closed)."""
    execution = execute((shell, "-c", script))
    return execution.span, execution.output


def hook(*words: str) -> HookTime:
    return hook_time(Handler("exec", command=words))


@pytest.mark.parametrize(
    "script",
    [
        "sleep 12 &",  # kubelet
        "sleep 12 & exit 0",  # kubelet
        "true && sleep 12 &",  # kubelet
        "! sleep 12 &",
        "(sleep 12) &",  # kubelet
        "(sleep 12 &)",
        "{ sleep 12 & }",
        "exec sleep 12 &",
        "nohup sleep 12 &",  # it redirects what is a terminal only
        "setsid sleep 12 &",  # kubelet
        "sleep 12 & disown",
        "timeout 12 sleep 90 &",
        "sleep 12 >/dev/null &",
        "sleep 12 2>/dev/null &",  # kubelet
        "sleep 12 2>&1 >/dev/null &",  # kubelet
        "sleep 12 >&2 2>/dev/null &",
        "sleep 12 >/dev/stdout 2>&1 &",
        "sleep 12 >/proc/self/fd/1 2>&1 &",
        "exec 3>&1 >/dev/null 2>&1; sleep 12 &",
        "{ sleep 12 >/dev/null 2>&1; true; } &",  # the shell around it holds it
        "{ sleep 12 & } 2>/dev/null",
        "sleep 12 | cat &",
        "sh -c 'sleep 12 &'",
        "eval 'sleep 12 &'",
        "f() { sleep 12; }; f &",
        "f() { sleep 12 & }; f",
        "for i in 1 2; do sleep 12 & done",
        "x=$(sleep 12 >/dev/null &)",
        "sleep 3 & sleep 12 &",
    ],
)
def test_a_command_in_the_background_holds_the_output(script: str) -> None:
    assert output(script) == (Span(0, 0), Span(12, 12))
    found = hook("sh", "-c", script)
    assert found.background == Background(after=0, pause=12)
    assert (found.seconds, found.certain, found.exact) == (12, 0, False)
    assert not takes_no_time(Handler("exec", command=("sh", "-c", script)))


@pytest.mark.parametrize(
    "script",
    [
        "sleep 12 >/dev/null 2>&1 &",
        "sleep 12 >/dev/null 2>/dev/null &",
        "sleep 12 >>/dev/null 2>>/dev/null &",
        "sleep 12 >/tmp/log 2>&1 &",  # kubelet
        "sleep 12 >/proc/1/fd/1 2>&1 &",  # kubelet
        "sleep 12 <&- >&- 2>&- &",
        "nohup sleep 12 >/dev/null 2>&1 &",
        "{ sleep 12; } >/dev/null 2>&1 &",  # kubelet
        "(sleep 12) >/dev/null 2>&1 &",
        "if true; then sleep 12; fi >/dev/null 2>&1 &",
        "while true; do sleep 12; done >/dev/null 2>&1 &",
        "exec >/dev/null 2>&1; sleep 12 &",
        "exec 3>&1; sleep 12 >/dev/null 2>&1 3>&- &",
        "(sleep 12 &) >/dev/null 2>&1",
        "sh -c 'sleep 12 &' >/dev/null 2>&1",
        "sleep 12 2>/dev/null | cat >/dev/null 2>&1 &",
        "x=$(sleep 12 >/dev/null 2>&1 &)",
        "true || sleep 12 &",
        "true &",
        "touch /tmp/stopping &",
        "echo 'sleep 12 &'",
        "# sleep 12 &",
    ],
)
def test_what_leads_elsewhere_or_ends_at_once_holds_nothing(script: str) -> None:
    assert output(script) == (Span(0, 0), Span(0, 0))
    assert takes_no_time(Handler("exec", command=("sh", "-c", script)))


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        ("sleep 12 & wait", 12),  # kubelet
        ("sleep 12 & wait $!", 12),
        ("sleep 12 >/dev/null 2>&1 & wait", 12),
        ("sleep 12 & sleep 20", 20),
        ("x=$(sleep 12 &)", 12),  # the shell reads that output to its end
        ("x=$(sleep 12 2>/dev/null &)", 12),
    ],
)
def test_a_command_that_is_waited_for_is_no_background(script: str, seconds: float) -> None:
    assert output(script) == (Span(seconds, seconds), Span(seconds, seconds))
    found = hook("sh", "-c", script)
    assert (found.seconds, found.exact, found.background) == (seconds, True, None)


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ("sleep 12 & kill $!", Span(0, 12)),  # kubelet
        ("(sleep 12 >/dev/null 2>&1) &", Span(0, 12)),  # bash and dash differ in what holds it
        ("{ sleep 12 >/dev/null 2>&1; } &", Span(0, 12)),
        ("true && { true; sleep 12 >/dev/null 2>&1; } &", Span(0, 12)),
        ("f() { sleep 12; }; f >/dev/null 2>&1 &", Span(0, 12)),
        ("sleep 12 &>/dev/null &", Span(0, 12)),  # sh may be dash, which reads `&` and `>`
        ("/app/drain.sh &", Span(0, math.inf)),
        ("curl -s http://localhost/drain &", Span(0, math.inf)),
    ],
)
def test_where_shells_differ_or_the_time_is_unknown(script: str, limits: Span) -> None:
    assert output(script) == (Span(0, 0), limits)
    assert hook("sh", "-c", script).background == Background(after=0, pause=0)


def test_bash_knows_a_redirection_of_both() -> None:
    assert output("sleep 12 &>/dev/null &", "bash") == (Span(0, 0), Span(0, 0))
    assert output("sleep 12 >& /dev/null &", "bash") == (Span(0, 0), Span(0, 0))


def test_setsid_by_itself_returns_or_waits_but_the_output_stays_open() -> None:
    execution = execute(("setsid", "sleep", "12"))  # kubelet: 14 s
    assert (execution.span, execution.output) == (Span(0, 12), Span(12, 12))


def test_a_reader_of_a_pipe_may_wait_for_the_background() -> None:
    assert output("(sleep 12 &) | cat") == (Span(0, 12), Span(12, 12))
    assert output("(sleep 12 >/dev/null 2>&1 &) | cat") == (Span(0, 0), Span(0, 0))


@pytest.mark.parametrize("script", ["sleep infinity &", "while true; do sleep 1; done &", "tail -f /dev/null &"])
def test_what_never_ends_holds_the_output_for_ever(script: str) -> None:  # kubelet: until SIGKILL
    found = hook("sh", "-c", script)
    assert found.background == Background(after=0, pause=0, endless=True)
    assert (found.seconds, found.endless) == (0, False)


@pytest.mark.parametrize(
    ("script", "left", "seconds"),
    [
        ("sleep 5; sleep 12 &", Background(after=5, pause=17), 17),
        ("sleep 12 & sleep 5", Background(after=5, pause=12), 12),
        ("/app/drain.sh & sleep 5", Background(after=5, pause=0), 5),
        ("sleep 1.2; sleep 0.5 &", Background(after=2, pause=0), 2),
    ],
)
def test_a_pause_beside_the_background_is_certain(script: str, left: Background, seconds: int) -> None:
    found = hook("sh", "-c", script)
    assert (found.background, found.seconds, found.certain) == (left, seconds, left.after)


def test_a_remark_says_which_part_is_not_certain() -> None:
    assert hook("sh", "-c", "sleep 5; sleep 12 &").remark == (
        " (12 s of it in the background, for which containerd waits)"
    )
    assert not hook("sh", "-c", "sleep 5").remark
    assert not hook("sh", "-c", "/app/drain.sh & sleep 5").remark
