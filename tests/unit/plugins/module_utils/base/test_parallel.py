# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same results as in one process, whatever becomes of the others."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.parallel import on_all_cores

HERE = os.getpid()


def where(number: int) -> tuple[int, bool]:
    return number * number, os.getpid() == HERE


@pytest.fixture(autouse=True)
def no_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have left some behind, and they must not decide what is seen here."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@pytest.mark.parametrize("amount", [150, 151, 152])
def test_shares_are_computed_elsewhere_and_come_back_in_order(amount: int) -> None:
    found = on_all_cores(where, range(amount), cores=3)
    assert [square for square, _here in found] == [number * number for number in range(amount)]
    assert sum(here for _square, here in found) == -(-amount // 3)


@pytest.mark.parametrize(("amount", "cores"), [(0, 4), (99, 4), (500, 1)])
def test_little_to_do_or_one_core_needs_no_process(amount: int, cores: int) -> None:
    assert on_all_cores(where, range(amount), cores) == [(number * number, True) for number in range(amount)]


def test_beside_another_thread_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert all(here for _square, here in on_all_cores(where, range(200), cores=2))
    finally:
        end.set()
        thread.join()


def test_the_share_of_a_process_that_dies_is_computed_here() -> None:
    def die(number: int) -> int:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    assert on_all_cores(die, range(200), cores=2) == list(range(200))


def test_where_no_more_processes_are_to_be_had_the_rest_is_computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    fork = os.fork
    forked: list[bool] = []

    def once() -> int:
        if forked:
            raise BlockingIOError("no more")
        forked.append(True)
        return fork()

    monkeypatch.setattr("os.fork", once)
    found = on_all_cores(where, range(200), cores=4)
    assert [square for square, _here in found] == [number * number for number in range(200)]
    assert sum(here for _square, here in found) == 150


def test_a_process_in_which_it_fails_leaves_the_failure_to_this_one(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(number: int) -> int:
        if number == 101:
            raise ValueError("no")
        return number

    with pytest.raises(ValueError, match="no"):
        on_all_cores(fail, range(200), cores=2)
    assert capfd.readouterr().err == ""


def test_no_process_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(number: int) -> int:
        if os.getpid() == HERE:
            raise KeyboardInterrupt
        signal.pause()
        return number

    with pytest.raises(KeyboardInterrupt):
        on_all_cores(interrupt, range(200), cores=2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
