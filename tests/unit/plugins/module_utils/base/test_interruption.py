# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real process that is told to end, once, several times at once, and twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

# Arguments: the file descriptor to which each signal is acknowledged when it has been handled, and what the clock shows
# when it is looked at for the first time, the second, and so on.
PROGRAM = """
import os, signal, sys, time
acknowledged, *clock = sys.argv[1:]
time.monotonic = map(float, clock).__next__
install = signal.signal
def signal_acknowledged(number, handler):
    def handled(*args):
        handler(*args)
        os.write(int(acknowledged), b".")
    return install(number, handled if callable(handler) else handler)
signal.signal = signal_acknowledged
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
interruption = Interruption()
interruption.listen()
print("listens", flush=True)
interruption.pause(60)
print(interruption.reason, flush=True)
sys.stdin.readline()
print("report", flush=True)
"""


class Process:
    """It waits for its end; once that was asked for, for a line, and then it writes its report."""

    def __init__(self, *clock: float) -> None:
        self._acknowledged, write = os.pipe()
        self.child: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(write), *map(str, clock)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[write],
        )
        os.close(write)
        assert self.line() == "listens\n"

    def send(self, number: signal.Signals) -> bool:
        """Send a signal and wait until it was handled; False if the process ended by it."""
        self.child.send_signal(number)
        return os.read(self._acknowledged, 1) == b"."

    def line(self) -> str:
        """The next line that it writes."""
        assert self.child.stdout
        return self.child.stdout.readline()

    def end(self) -> tuple[str, int]:
        """What else it writes when it may go on, and how it ends."""
        return self.child.communicate("\n", timeout=20)[0], self.child.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        self.child.kill()
        self.child.communicate()
        os.close(self._acknowledged)


@pytest.fixture
def begin() -> Iterator[Callable[..., Process]]:
    begun: list[Process] = []

    def process(*clock: float) -> Process:
        begun.append(Process(*clock))
        return begun[-1]

    yield process
    for each in begun:
        each.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_however_often_it_comes_leaves_time_for_the_report(
    begin: Callable[..., Process], number: signal.Signals
) -> None:
    process = begin(100.0, 100.1, 100.9)
    assert [process.send(number) for _time in range(3)] == [True] * 3
    assert process.line() == f"interrupted ({number.name})\n"
    assert process.end() == ("report\n", 0)


def test_a_later_one_ends_it_at_once(begin: Callable[..., Process]) -> None:
    process = begin(100.0, 101.1)
    assert process.send(signal.SIGTERM)
    assert process.line() == "interrupted (SIGTERM)\n"
    assert not process.send(signal.SIGTERM)
    assert process.end() == ("", -signal.SIGTERM)
