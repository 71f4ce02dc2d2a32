# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a preStop hook takes, as far as its text shows."""

from __future__ import annotations

import time

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time


def script(text: str) -> Handler:
    """An exec handler with a shell script."""
    return Handler("exec", command=("sh", "-c", text))


@pytest.mark.parametrize(
    ("handler", "seconds"),
    [
        (None, 0),
        (Handler("sleep", seconds=15), 15),
        (Handler("tcpSocket"), 0),  # fails at once
        (Handler("exec"), 0),  # the API server refuses it
        (Handler("exec", command=("sleep", "20")), 20),
        (Handler("exec", command=("/usr/bin/sleep", "1m")), 60),
        (script("sleep 20"), 20),
        (script("exec sleep 20"), 20),
        (script("echo bye; sleep 5 && /bin/sleep 1m"), 65),
        (script("sleep '7' >&2 # not 70"), 7),
        (script("sleep 0.2; sleep 0.3"), 1),
        (script("echo 'sleep 9'; true"), 0),
        (script("sleep 5; for i in 1 2; do sleep 10; done"), 25),
    ],
)
def test_a_time_that_is_exact(handler: Handler | None, seconds: int) -> None:
    time = hook_time(handler)
    assert (time.seconds, time.exact) == (seconds, True)


@pytest.mark.parametrize(
    ("handler", "least"),
    [
        (Handler("httpGet"), 0),
        (Handler("exec", command=("/drain.sh", "60")), 0),
        (Handler("exec", command=("sleep", "infinity")), 0),
        (script("curl -X POST localhost/off && sleep 20"), 20),
        (script("nginx -s quit; sleep 10; sleep $MORE"), 10),
        (script("sleep 5; exec /drain.sh"), 5),
        (script("echo $(curl localhost/off); sleep 5"), 5),
        (script("while pgrep app; do sleep 5; done"), 0),
        (script("[ -f x ] && sleep 5 & wait"), 0),
    ],
)
def test_a_time_that_is_a_lower_bound(handler: Handler, least: int) -> None:
    time = hook_time(handler)
    assert (time.seconds, time.exact) == (least, False)


@pytest.mark.parametrize(
    "handler",
    [
        Handler("exec", command=("/wait-shutdown",)),
        script("nginx -s quit; while pgrep -x nginx; do sleep 1; done"),
        script("curl -s localhost:9000/drain; sleep 20"),
    ],
)
def test_a_hook_that_waits_until_the_server_has_drained(handler: Handler) -> None:
    assert hook_time(handler).drains


@pytest.mark.parametrize("text", ["sleep 20", "nginx -s quit; sleep 20", "kill -QUIT 1"])
def test_a_hook_that_does_not(text: str) -> None:
    assert not hook_time(script(text)).drains


@pytest.mark.parametrize("part", ["nginx -s quit ", "pgrep ", "/drai"])
def test_no_text_takes_long(part: str) -> None:
    started = time.process_time()
    hook_time(script(part * 10_000))
    assert time.process_time() - started < 2


def test_the_source_never_quotes_the_command() -> None:
    assert "hunter2" not in hook_time(script("curl -u me:hunter2 localhost; sleep 5")).source


# --- a hook that sends PID 1 a signal and waits


@pytest.mark.parametrize(
    ("text", "signal", "waits"),
    [
        ("sleep 10; kill -QUIT 1; sleep 45", "QUIT", 45),
        ("sleep 10 && kill -SIGQUIT 1 && exec sleep 45", "QUIT", 45),
        ("set -e\nsleep 10\nkill -s WINCH 1 2>/dev/null\nsleep 20\nsleep 25.5", "WINCH", 45),
        ("echo bye >&2; sleep 10; /bin/kill -10 1; sleep 45", "USR1", 45),
        ("kill -TERM 1; sleep 5", "TERM", 5),
        ("sleep 10; kill -QUIT 1", "QUIT", 0),
    ],
)
def test_the_signal_and_the_wait_after_it(text: str, signal: str, waits: int) -> None:
    time = hook_time(script(text))
    assert (time.signal, time.waits) == (signal, waits)


@pytest.mark.parametrize(
    "text",
    [
        "sleep 10; kill -QUIT 1; sleep $WAIT",
        "sleep 10; kill -QUIT 1; sleep infinity",
        "sleep 10; kill -QUIT 1 || sleep 45",
        "true || kill -QUIT 1; sleep 45",
        "! sleep 10 && kill -QUIT 1; sleep 45",
        "test -f /tmp/a && kill -QUIT 1; sleep 45",
        "exec sleep 10; kill -QUIT 1; sleep 45",
        "exit 0; kill -QUIT 1; sleep 45",
        "if true; then kill -QUIT 1; fi; sleep 45",
        "(sleep 10; kill -QUIT 1) & sleep 45",
        "kill -QUIT 1 & sleep 45",
        "stop() { kill -QUIT 1; }; sleep 45",
        "echo 'kill -QUIT 1'; sleep 45",
        "sleep 45 # kill -QUIT 1",
        "echo a > /data/a && kill -QUIT 1; sleep 45",
        "sleep 10; kill -QUIT 1; sleep 20; kill -TERM 1; sleep 25",
        "sleep 10; kill -QUIT 1; sleep 20; nginx -s stop; sleep 25",
        "sleep 10; kill -QUIT 7; sleep 45",
        "sleep 10; kill -QUIT 1 7; sleep 45",
        "sleep 10; kill -QUIT $(cat /run/nginx.pid); sleep 45",
        "sleep 10; kill 1; sleep 45",
        "timeout 5 sleep 10; kill -QUIT 1; sleep 45",
    ],
)
def test_where_a_signal_or_a_wait_is_in_doubt_there_is_none(text: str) -> None:
    time = hook_time(script(text))
    assert (time.signal, time.waits) == ("", 0)


@pytest.mark.parametrize(
    ("drain", "seconds"), [(45, 10), (60, 10), (20, 35), (0, 55)], ids=["as long", "longer", "shorter", "unknown"]
)
def test_what_a_hook_takes_beside_the_drain_that_it_waits_for(drain: int, seconds: int) -> None:
    time = hook_time(script("sleep 10; kill -QUIT 1; sleep 45"))
    assert time.beside_drain("QUIT", drain).seconds == seconds
    assert time.beside_drain("TERM", drain) == time


def test_a_hook_that_sends_no_signal_takes_its_time_from_the_drain() -> None:
    time = hook_time(script("sleep 55"))
    assert time.beside_drain("", 45) == time.beside_drain("QUIT", 45) == time
