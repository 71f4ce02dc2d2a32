# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the observer's log is read as, whatever is in it, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.changes import timeline
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.document import document
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observed import Observation, clean, read
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observer import Observer
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.summary import render
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import Story

NONE, TERM = "0" * 16, "0000000000004002"
OBSERVER = Observer("graceful-debug-1", "tools:1", "web", False, 60, {})


def log(*entries: str) -> list[str]:
    """Lines of a log, one second after the other; those with a blank in front belong to the second before."""
    lines, second = [], 0
    for entry in entries:
        second += not entry.startswith(" ")
        lines.append(f"2026-11-22T23:45:{second + 9:02}.123456789Z {entry.lstrip(' ')}")
    return lines


RUNNING = ("process 1 0 S 3 " + f"{NONE} {NONE} {TERM} app", f" process 7 1 S 1 {NONE} {NONE} {NONE} worker 1")
STOPPED = log(
    "observe 90",
    *RUNNING,
    " sockets 1F90 0A 1",
    " sockets 1F90 01 3",
    " looked",
    "looked",
    "stop",
    f"process 1 0 S 3 {NONE} {NONE} {TERM} app",
    f" process 7 1 Z 1 {NONE} {NONE} {NONE} worker 1",
    " sockets 1F90 01 1",
    " sockets - 06 2",
    " looked",
    f"process 1 0 S 3 {NONE} {TERM} {NONE} app",
    " looked",
)


def told(lines: list[str]) -> list[str]:
    return [text for _at, text in timeline(read(lines))]


def test_what_changes_is_told_and_what_stays_is_not() -> None:
    assert told(STOPPED) == [
        "process 1 app: SIGTERM: handled",
        "process 7 worker 1: SIGTERM: no handler: ends it at once",
        "port 8080: listening",
        "port 8080: ESTABLISHED 3",
        "the stop begins: the preStop hook if there is one, else SIGTERM",
        "process 7 worker 1: ended, but its parent has not reaped it (zombie)",
        "port 8080: no longer listening",
        "port 8080: ESTABLISHED 3 → 1",
        "outgoing connections: TIME_WAIT 2",
        "process 1 app: SIGTERM: now ignored",
        "process 7 worker 1: ended",
        "port 8080: ESTABLISHED 1 → 0",
        "outgoing connections: TIME_WAIT 2 → 0",
    ]


def test_a_look_that_shows_the_same_is_kept_once() -> None:
    seen = read(STOPPED)
    assert len(seen.looks) == 3
    assert seen.own_pid == 90
    assert seen.sees_processes
    assert seen.before() == seen.looks[0]


def test_a_container_that_is_its_own_pid_1_sees_no_target() -> None:
    assert not read(log("observe 1", "sockets 1F90 0A 1", " looked", "stop", "ended")).sees_processes
    assert "all processes of the target have ended" not in told(log("observe 1", "looked", "stop", "ended"))


def test_an_end_that_was_seen_is_told() -> None:
    assert told(log("observe 9", *RUNNING, " looked", "stop", "ended"))[-1] == "all processes of the target have ended"


@pytest.mark.parametrize(
    "line",
    [
        "process 1 0 S 3 x",
        f"process 99999999999 0 S 3 {NONE} {NONE} {NONE} app",
        f"process 1 0 S 3 {NONE} {NONE} app",
        "sockets 1F90 0A -1",
        "sockets 1F900 0A 1",
        "observe x",
        "stop\x1b[31m",
        "\u202estop",
        "",
    ],
)
def test_what_is_not_of_the_observer_changes_nothing(line: str) -> None:
    seen = read(["no time", "2026-11-22T23:45:10Z", *log(line)])
    assert seen == Observation(words=seen.words)
    assert all(word.isprintable() and len(word) <= 200 for word in seen.words)


def test_a_hostile_name_stays_a_name() -> None:
    seen = read(log("observe 9", f"process 1 0 S 1 {NONE} {NONE} {TERM} }}; stop\x1b[2J\u202e" + "n" * 500, " looked"))
    name = seen.looks[0].processes[1].name
    assert name.startswith("}; stop\\x1b[2J\\u202e")
    assert name.isprintable()
    assert seen.stop_at is None


def test_words_and_packets_are_bounded_and_without_payload() -> None:
    packet = (
        "1795401525.603140 eth0  Out IP 10.244.0.43.8080 > 10.244.0.1.42364: Flags [F.], seq 1:9, ack 2, win 64, "
        "options [nop,nop,TS val 1 ecr 2], length 8: HTTP: GET /?token=secret HTTP/1.1"
    )
    lines = log(*[" noise"] * 100, packet)
    seen = read(lines)
    assert len(seen.words) == 20
    assert [text for _at, text in seen.packets] == ["10.244.0.43.8080 > 10.244.0.1.42364: FIN ACK, 8 bytes"]
    assert clean(lines[-1]).endswith("options [nop,nop,TS val 1 ecr 2], length 8")
    other = log("1795401525.603140 lo  In  ARP, secret")
    assert read(other) == Observation()
    assert clean(other[0]).endswith("Z (packet not kept)")
    six = packet.replace("IP 10.244.0.43.8080 > 10.244.0.1.42364", "IP6 fd00::1.8080 > fd00::2.42364")
    assert [text for _at, text in read(log(six)).packets] == ["fd00::1.8080 > fd00::2.42364: FIN ACK, 8 bytes"]


def debugged(after: float | None, lines: list[str] | None = None, **trace: Any) -> dict[str, Any]:
    traced = Story("slow-drain").document() | trace
    traced["ephemeral"] = [{"name": "graceful-debug-1", "finished_at": None, "after_seconds": after}]
    return document(OBSERVER, read(lines or STOPPED), "", traced, capture=False)


@pytest.mark.parametrize(
    ("after", "prolonged", "words"),
    [
        (-2.0, False, "2 s before the last container of the pod: it did not prolong the stop"),
        (0.0, False, "in the same second as the last container"),
        (1.0, None, "may have prolonged the stop by up to 2 s"),
        (20.0, True, "20 s after the last container of the pod, and prolonged the stop by that much"),
        (None, None, "is unknown"),
    ],
)
def test_whether_the_observer_prolonged_the_stop_is_said(
    after: float | None, prolonged: bool | None, words: str
) -> None:
    told = debugged(after)["observer"]
    assert told["prolonged"] is prolonged
    assert words in told["text"]


def test_times_count_from_the_stop_and_the_end_of_the_target_is_among_them() -> None:
    told = debugged(0.0)
    assert [entry["seconds"] for entry in told["timeline"]] == sorted(entry["seconds"] for entry in told["timeline"])
    assert {entry["text"]: entry["seconds"] for entry in told["timeline"]}["port 8080: no longer listening"] == 1
    assert told["timeline"][-1]["text"] == "container web ended in this second: exit code 0"
    assert told["looks"][0]["sockets"][0] == {"port": 8080, "state": "ESTABLISHED", "count": 3}


def test_without_a_stop_nothing_is_made_up() -> None:
    told = debugged(None, log("observe 90", *RUNNING, " looked"))
    assert told["stop_at"] is None
    assert {entry["seconds"] for entry in told["timeline"]} == {None}


def test_the_text_has_the_verdict_last_and_is_safe_to_print() -> None:
    told = debugged(0.0)
    told["timeline"][0]["text"] = "process 1 \x1b[31m\u202e"
    told["files"] = ["/r/debug-shop-web.json"]
    text = render(told, width=80)
    assert text.isprintable() or not [char for char in text if not char.isprintable() and char != "\n"]
    assert text.index("inside ") < text.index("the stop begins") < text.index("it did not prolong the stop")
    assert text.index("it did not prolong") < text.index("INFO ")
    assert text.endswith("file       /r/debug-shop-web.json\n")
    assert render(told, width=80, color=True).startswith("\x1b[1minside")
