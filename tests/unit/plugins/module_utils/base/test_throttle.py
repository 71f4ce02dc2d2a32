# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""So many requests a second: with a clock that moves only while somebody waits."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.base.throttle import Throttle, threads
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import answer, failed, script


class Clock:
    """`times` are when somebody was let through."""

    def __init__(self) -> None:
        self.time = 100.0
        self.times: list[float] = []

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def through(self, throttle: Throttle, callers: int) -> list[float]:
        for _caller in range(callers):
            throttle.wait()
            self.times.append(round(self.time - 100, 3))
        return self.times


def throttle(rate: int, clock: Clock) -> Throttle:
    return Throttle(rate, lambda: clock.time, clock.pause)


def test_no_more_than_the_rate_in_any_second() -> None:
    clock = Clock()
    assert clock.through(throttle(4, clock), 6) == [0, 0.25, 0.5, 0.75, 1, 1.25]


def test_what_was_not_used_is_not_made_up_for() -> None:
    clock = Clock()
    limit = throttle(2, clock)
    limit.wait()
    clock.time += 60
    assert clock.through(limit, 3) == [60, 60.5, 61]


def test_the_next_process_goes_on_where_the_last_one_ended() -> None:
    clock = Clock()
    first = throttle(2, clock)
    assert clock.through(first, 2) == [0, 0.5]
    clock.time += 0.125
    second = Throttle(2, lambda: clock.time, clock.pause, last=first.last)
    assert clock.through(second, 2) == [0, 0.5, 1, 1.5]


def test_a_clock_that_began_anew_holds_nobody_up_for_more_than_one_turn() -> None:
    clock = Clock()
    assert clock.through(Throttle(2, lambda: clock.time, clock.pause, last=1e9), 2) == [0.5, 1]


def test_where_nothing_was_written_there_is_no_last_turn() -> None:
    clock = Clock()
    first = throttle(2, clock)
    assert Throttle(2, lambda: clock.time, clock.pause, last=first.last).last == first.last == 0


def test_no_more_threads_than_the_rate_takes() -> None:
    assert [threads(rate, 8) for rate in (0, 1, 5, 6, 100)] == [8, 1, 1, 2, 8]


def test_no_limit() -> None:
    clock = Clock()
    assert clock.through(throttle(0, clock), 3) == [0, 0, 0]


def test_only_what_changes_something_waits_and_each_try_does() -> None:
    clock = Clock()
    with script() as declared:
        declared.expect("GET", "/x", answer({}), answer({}), answer({}))
        declared.expect("PATCH", "/x", answer({}), answer({}), query=(("dryRun", "All"),))
        declared.expect("PATCH", "/x", answer({}), failed(429, retry_after="7"), answer({}))
        api = Api(declared, clock.pause, throttle(1, clock))
        for _time in range(3):
            api.get("/x", "get x")
        for _time in range(2):
            api.patch("/x", {}, (("dryRun", "All"),), "try x")
        assert clock.time == 100
        api.patch("/x", {}, (), "patch x")
        api.patch("/x", {}, (), "patch x")
    assert clock.time == 108, "a second for the rate, and 7 that the server asked for"
