# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real process that is told to end, once, several times at once, and twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

PROGRAM = """
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
interruption = Interruption()
interruption.listen()
print("listens", flush=True)
interruption.pause(60)
print(interruption.words, flush=True)
import time
time.sleep(3)
print("report", flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout and started.stdout.readline() == "listens\n"
        yield started
        started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_however_often_it_comes_leaves_time_for_the_report(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    for _time in range(3):
        process.send_signal(number)
        time.sleep(0.1)
    assert process.communicate()[0] == f"interrupted ({number.name})\nreport\n"
    assert process.returncode == 0


def test_a_later_one_ends_it_at_once(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    time.sleep(1.3)
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[0] == "interrupted (SIGTERM)\n"
    assert process.returncode == -signal.SIGTERM
