# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when a command is executed.

The scripts were run with dash 0.5.12, bash 5.2 and busybox 1.35, and `sleep` of GNU coreutils 9.1: 138 of them in each
of the three shells, all within the bounds that are given here.
"""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.workload.execution import execute
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import ANY, ENDLESS, Span

UNKNOWN = math.inf


def span(*words: str) -> Span:
    """The time of a command."""
    return execute(words).span


def script(text: str, shell: str = "sh") -> Span:
    """The time of a shell's script."""
    return span(shell, "-c", text)


# --- as the kernel starts it: one program, and no shell unless it is that


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (("sleep", "20"), 20),
        (("/bin/sleep", "20s"), 20),
        (("sleep", "0.5m"), 30),
        (("sleep", "1m", "30"), 90),  # both programs add them
        (("sleep", ".5"), 0.5),
        (("busybox", "sleep", "5"), 5),
        (("env", "A=b", "sleep", "5"), 5),
        (("nohup", "sleep", "5"), 5),
        (("nice", "-n", "5", "sleep", "5"), 5),
        (("gosu", "app", "sleep", "5"), 5),
        (("su", "app", "-c", "sleep 5"), 5),
        (("su", "-", "app", "-s", "/bin/sh", "-c", "sleep 5"), 5),
        (("runuser", "-u", "app", "--", "sleep", "5"), 5),
        (("tini", "--", "sleep", "5"), 5),
        (("dumb-init", "sh", "-c", "sleep 5"), 5),
        (("timeout", "10", "sleep", "60"), 10),
        (("timeout", "60", "sleep", "10"), 10),
        (("timeout", "-s", "KILL", "-k", "5", "10s", "sleep", "infinity"), 10),
        (("timeout", "10", "sh", "-c", "while true; do sleep 1; done"), 10),
        (("sh", "-ec", "sleep 5"), 5),
        (("bash", "-lc", "sleep 5"), 5),
        (("bash", "-o", "pipefail", "-c", "sleep 5"), 5),
        (("sh", "-c", "sleep 5", "name", "argument"), 5),
        (("sh", "-c", "sleep 5", "&&", "sleep", "9"), 5),
        (("usleep", "2000000"), 2),
        (("python3", "-c", "import time; time.sleep(20)"), 20),
        (("perl", "-e", "sleep 20"), 20),
        (("perl", "-e", "select(undef, undef, undef, 0.5)"), 0.5),
        (("ruby", "-e", "sleep 20"), 20),
        (("php", "-r", "sleep(20);"), 20),
        (("node", "-e", "setTimeout(() => {}, 20000)"), 20),
    ],
)
def test_a_command_that_waits(words: tuple[str, ...], seconds: float) -> None:
    assert span(*words) == Span(seconds, seconds)
    assert not execute(words).fault


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("sleep 20",), "no program has such a name"),
        (("/bin/sh -c sleep 20",), "no program has such a name"),
        (("sh -c", "sleep 20"), "no program has such a name"),
        (("/app/stop.sh --wait 20",), "no program has such a name"),
        (("/app/stop.sh /data",), "no program has such a name"),
        (("/usr/lib/db/bin/ctl stop -D /srv/data -w -t 20",), "no program has such a name"),
        (("/usr/bin/curl http://127.0.0.1:8080/quit",), "no program has such a name"),
        (("/opt/agent leave http://127.0.0.1:8080/quit",), "no program has such a name"),
        (("/app/drain.sh conf/drain.conf",), "no program has such a name"),
        (("/app/drain file=conf/drain.conf",), "no program has such a name"),
        (("/app/drain > /proc/1/fd/1",), "no program has such a name"),
        (("./drain 'conf/a b'",), "no program has such a name"),
        (("",), "no program has such a name"),
        (("-c", "sleep 20"), "no program has such a name"),
        (("sh", "-c", "'sleep 20'"), "no program has such a name"),
        (("sh", "-c", '"sleep 20"'), "no program has such a name"),
        (("sh", "-c", "sleep\\ 20"), "no program has such a name"),
        (("sh", "-c", "sleep", "20"), "only the first word is the script"),
        (("sh", "sleep 20"), "the shell has no -c"),
        (("sh", "sleep", "20"), "the shell has no -c"),
        (("sh", "-c"), "no script after -c"),
        (("sh", "-c sleep 20"), "an option with a space"),
        (("bash", "-c sleep 20", "x"), "an option with a space"),
        (("sleep", "20", "&&", "nginx", "-s", "quit"), "sleep refuses an invalid duration"),
        (("sleep", "20", ";", "true"), "sleep refuses an invalid duration"),
        (("sleep", "20", "&"), "sleep refuses an invalid duration"),
        (("sleep", "20;"), "sleep refuses an invalid duration"),
        (("sleep", "$DELAY"), "sleep refuses an invalid duration"),
        (("sleep", "$(DELAY)"), "sleep refuses an invalid duration"),  # Kubernetes puts no variables into hooks
        (("sleep", ""), "sleep refuses an invalid duration"),
        (("sleep", "20 "), "sleep refuses an invalid duration"),
        (("sleep", "20ms"), "sleep refuses an invalid duration"),
        (("sleep", "-5"), "sleep refuses an invalid duration"),
        (("sleep",), "has no duration"),
        (("sh", "-c", "sleep $(DELAY)"), "has no duration"),  # the shell looks for a program DELAY
        (("sh", "-c", "sleep 20>/dev/null"), "has no duration"),  # the 20 is the redirection's
        (("exec", "sleep", "20"), "shell syntax"),
        (("cd", "/app;", "sleep", "20"), ""),
        (("DELAY=20", "sleep", "20"), "shell syntax"),
        (("while", "true;", "do", "sleep", "1;", "done"), "shell syntax"),
        ((), "the API server refuses"),
    ],
)
def test_a_command_that_fails_at_once(words: tuple[str, ...], why: str) -> None:
    execution = execute(words)
    assert execution.span == Span(0, 0)
    assert why in execution.fault
    assert "20" not in execution.fault, "what the command says stays out of the report"


@pytest.mark.parametrize(
    "words",
    [
        ("echo", "stopping", "&&", "sleep", "20"),
        ("touch", "/tmp/down"),
        ("rm", "-f", "/tmp/ready"),
        ("mv", "/tmp/ready", "/tmp/gone"),
        ("true",),
        ("kill", "-QUIT", "1"),
        ("sh",),  # it reads its input, and the kubelet connects none
        ("sh", "-c", ""),
        ("sh", "-c", "# sleep 20"),
        ("sh", "-c", "sleep 20 &"),
        ("sh", "-c", "(sleep 20; kill 1) &"),
        ("sh", "-c", "while true; do sleep 1; done &"),
        ("sh", "-c", "nohup sleep 20 >/dev/null 2>&1 &"),
        ("sh", "-c", "echo 'sleep 20'"),
        ("sh", "-c", "cat <<END\nsleep 20\nEND"),
        ("sh", "-c", "exit 0; sleep 20"),
        ("sh", "-c", "set -e; false; sleep 20"),
        ("sh", "-ec", "false; sleep 20"),
        ("sh", "-c", "false && sleep 20"),
        ("sh", "-c", "if false; then sleep 20; fi"),
        ("sh", "-c", "while false; do sleep 20; done"),
        ("sh", "-c", "until true; do sleep 20; done"),
        ("sh", "-c", "[ a = b ] && sleep 20"),
        ("sh", "-c", "f() { sleep 20; }"),
        ("sh", "-c", "trap 'sleep 20' TERM"),
        ("sh", "-c", "wait"),
        ("sh", "-c", "nginx -s quit"),
        ("bash", "-c", "cat /run/nginx.pid"),
    ],
)
def test_a_command_that_returns_at_once(words: tuple[str, ...]) -> None:
    assert span(*words) == Span(0, 0)


@pytest.mark.parametrize(
    "words",
    [
        ("sleep", "infinity"),
        ("sleep", "inf"),
        ("tail", "-f", "/dev/null"),
        ("tail", "-n0", "-F", "/var/log/app"),
        ("tail", "--follow=name", "/var/log/app"),
        ("sh", "-c", "while true; do sleep 1; done"),
        ("sh", "-c", "while :; do sleep 1; done; echo never"),
        ("sh", "-c", "while [ 1 ]; do sleep 1; done"),
        ("sh", "-c", "until false; do sleep 1; done"),
        ("sh", "-c", "while sleep 1; do :; done"),
        ("sh", "-c", "sleep 5; exec tail -f /dev/null"),
        ("sh", "-c", "sleep infinity & wait"),
        ("env", "sleep", "infinity"),
    ],
)
def test_a_command_that_never_ends(words: tuple[str, ...]) -> None:
    assert span(*words) == ENDLESS


@pytest.mark.parametrize(
    "words",
    [
        ("/drain.sh", "60"),
        ("mv", "/var/log/app.log", "/archive/app.log"),
        ("/opt/my app/bin/stop",),
        ("sh", "/scripts/stop.sh"),
        ("curl", "localhost:8080/drain"),
        ("tail", "--pid=1", "-f", "/dev/null"),
        ("sh", "-c", "sleep $DELAY"),
        ("sh", "-c", "sleep ${DELAY:-20}"),
        ("sh", "-c", "sleep $((DELAY + 5))"),
        ("sh", "-c", "sleep $(cat /etc/delay)"),
        ("sh", "-c", "while pgrep app; do sleep 1; done"),
        ("sh", "-c", "until curl -sf localhost/idle; do sleep 1; done"),
        ("sh", "-c", "while true; do sleep 1; [ -f /tmp/done ] && break; done"),
        ("sh", "-c", "while true; do sleep 1; if [ -f /tmp/done ]; then exit 0; fi; done"),
        ("sh", "-c", "i=0; while [ $i -lt 10 ]; do sleep 1; i=$((i+1)); done"),
        ("sh", "-c", "for host in $HOSTS; do sleep 1; done"),
        ("sh", "-c", "for file in /tmp/*; do sleep 1; done"),
        ("sh", "-c", "tail -f /var/log/app | grep -q drained"),
        ("sh", "-c", ". /etc/profile.d/stop.sh"),
        ("sh", "-c", "sleep 20; )"),  # a shell refuses that, or has done a part of it before
        ("java", "-jar", "stop.jar"),
    ],
)
def test_a_command_of_which_nobody_knows(words: tuple[str, ...]) -> None:
    assert span(*words) == ANY


# --- scripts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("sleep 5 && sleep 6; sleep 7\nsleep 8", 26),
        ("sleep 10 || true", 10),
        ("sleep 10 || sleep 20", 10),
        ("false || sleep 10", 10),
        ("! sleep 10", 10),
        ("sleep 10 | cat", 10),
        ("sleep 5 | sleep 10", 10),
        ("(sleep 10)", 10),
        ("{ sleep 10; }", 10),
        ("if true; then sleep 5; else sleep 9; fi", 5),
        ("if false; then sleep 9; elif true; then sleep 5; fi", 5),
        ("for i in 1 2 3; do sleep 5; done", 15),
        ("for i in 5 10; do sleep $i; done", 15),
        ("for i in $(seq 1 10); do sleep 1; done", 10),
        ("for i in `seq 10`; do sleep 1; done", 10),
        ("for i in 1 2; do for j in 1 2 3; do sleep 1; done; done", 6),
        ("sleep 5 & wait", 5),
        ("sleep 20 & sleep 5; wait", 20),
        ("sleep 5 & sleep 20 & wait", 20),
        ("sleep 5 & wait $!", 5),
        ("DELAY=7; sleep $DELAY", 7),
        ("X=1 Y=2; sleep $X$Y", 12),
        ("X=1 sleep 5", 5),
        ("exec sleep 5; sleep 6", 5),
        ("command sleep 5", 5),
        ("sh -c 'sleep 5'; sleep 1", 6),
        ("eval 'sleep 5'", 5),
        ("f() { sleep 5; }; f; f", 10),
        ("f() { return; sleep 9; }; f; sleep 5", 5),
        ("f() { exit; }; f; sleep 5", 0),
        ("echo $(sleep 5)", 5),
        ("X=$(sleep 5); sleep 1", 6),
        ("sleep 5 \\\n 6", 11),
        ("sleep '5' # 9", 5),
        ("sleep 5 >/dev/null 2>&1", 5),
        ("cat <<-END\n\tsleep 9\n\tEND\nsleep 5", 5),
        ("set -e; false || true; sleep 5", 5),
        ("trap '' TERM; sleep 5", 5),
        ("while false; do sleep 9; done; sleep 5", 5),
        ("nginx -s quit; sleep 5", 5),
        ("time sleep 5", 5),
    ],
)
def test_a_script_that_waits(text: str, seconds: float) -> None:
    assert script(text) == Span(seconds, seconds)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("if [ -f /tmp/slow ]; then sleep 20; fi", 0, 20),
        ("if [ -f /tmp/slow ]; then sleep 20; else sleep 5; fi", 5, 20),
        ("[ -f /tmp/slow ] && sleep 20", 0, 20),
        ("[ -f /tmp/slow ] || exit 0; sleep 20", 0, 20),
        ("[ -f /tmp/slow ] && sleep 20 & wait", 0, 20),
        ("set -e; [ -f /tmp/slow ]; sleep 20", 0, 20),
        ("case $MODE in slow) sleep 20;; *) sleep 5;; esac", 0, 20),
        ("if [ -f /tmp/slow ]; then X=20; else X=5; fi; sleep 5", 5, 5),
        ("kill -0 1 && sleep 20", 0, 20),
        ("curl -X POST localhost/off && sleep 20", 20, UNKNOWN),
        ("sleep 5; /drain.sh", 5, UNKNOWN),
        ("nginx -s quit; sleep 10; sleep $MORE", 10, UNKNOWN),
        ("sleep 5; while pgrep app; do sleep 1; done", 5, UNKNOWN),
        ("for i in 1 2 3; do sleep 5; [ -f /tmp/done ] && break; done", 0, 15),
        ("timeout 10 /drain.sh; sleep 5", 5, 15),
        ("sleep 1e1", 0, 10),  # GNU understands it, busybox refuses it
        ("sleep 0x10", 0, 16),
        ("sleep -- 5", 0, 5),
        ("set -o pipefail; sleep 5", 0, 5),  # dash refuses it and ends
        ("sleep 5 &>/dev/null", 0, 5),  # dash reads `&` and `>`
        ("pg_ctl stop -m fast", 0, 60),
    ],
)
def test_a_script_that_may_wait(text: str, least: float, most: float) -> None:
    assert script(text) == Span(least, most)


def test_what_only_bash_understands() -> None:
    assert script("for i in {1..10}; do sleep 1; done", "bash") == Span(10, 10)
    assert not script("for i in {1..10}; do sleep 1; done").exact
    assert script("set -o pipefail; sleep 5", "bash") == Span(5, 5)
    assert script("sleep 5 &>/dev/null", "bash") == Span(5, 5)
    assert script("[[ -f /tmp/a && -f /tmp/b ]] && sleep 5", "bash") == Span(0, 5)


def test_each_program_that_starts_has_its_time() -> None:
    steps = execute(("sh", "-c", "sleep 5; nginx -s quit; while pgrep nginx; do sleep 1; done")).steps
    (quits,) = [step for step in steps if step.words == ("nginx", "-s", "quit")]
    assert (quits.starts, quits.loops) == (Span(5, 5), False)
    assert [step.loops for step in steps if step.words[0] == "pgrep"] == [True]


ODD = st.text(alphabet="ab '\"`$(){}[]#;&|<>\\\n0=!*ifdone", max_size=60)


@given(ODD)
def test_no_text_is_too_odd(text: str) -> None:
    for words in (("sh", "-c", text), (text,), ("sh", text), ("sleep", text), ("timeout", text, "sleep", "1")):
        found = execute(words).span
        assert 0 <= found.least <= found.limit


@pytest.mark.parametrize(
    "text",
    [
        *(
            part * 10_000
            for part in ("(", "{ ", "$(", "`", '"', "'", "if ", "for i in ", "sleep 1;", "<<a\n", "f() ", "!")
        ),
        *(
            part * 10_000
            for part in ("env ", "a=$a$a;", "timeout 1 ", "eval ", "sh -c ", "\\", "case x in ", "$((", "${")
        ),
        "f() { f; f; }; f",
        "f() { f | f; }; f",
        "a=b; " + "a=$a$a; " * 200 + "sleep $a",
        "".join(f"for i{level} in {'1 ' * 30}; do " for level in range(20)) + "sleep 1" + "; done" * 20,
        "eval 'eval " * 50,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    execute(("sh", "-c", text))
    execute((text,))
    assert time.process_time() - started < 2
