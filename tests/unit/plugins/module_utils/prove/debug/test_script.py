# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script itself, under the shell and the awk of this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[6] / "roles" / "debug" / "files" / "observe.sh"
HOSTILE = "x; stop\n\x1b[31m"
NAMED = f"open('/proc/self/comm', 'w').write({HOSTILE!r}); print(1, flush=True); import time; time.sleep(60)"
ARGUMENTS = ("graceful-debug", "60", "1", "0", "")  # to wait for the stop, and for its end


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What it writes until it ends, beside a process with a bad name, and its own process."""
    log = tmp_path_factory.mktemp("observe") / "log"
    with subprocess.Popen([sys.executable, "-c", NAMED], stdout=subprocess.PIPE) as bad, log.open("w") as stream:
        assert bad.stdout and bad.stdout.readline()
        script = subprocess.Popen(["/bin/sh", "-c", SCRIPT.read_text(), *ARGUMENTS], stdout=stream)
        try:
            until = time.monotonic() + 20
            while "looked" not in log.read_text() and time.monotonic() < until:
                time.sleep(0.05)
            script.send_signal(signal.SIGTERM)
            script.wait(20)
        finally:
            bad.kill()
            script.kill()
    return log.read_text() + f"me {script.pid}"


def test_it_tells_of_others_and_not_of_itself_and_ends_in_time(output: str) -> None:
    lines = output.splitlines()
    me = lines.pop().partition(" ")[2]
    assert lines[0] == f"observe {me}"
    assert lines.count("stop") == 1
    assert "ended" not in lines  # this machine goes on
    processes = [line.split(" ", 8) for line in lines if line.startswith("process ")]
    assert str(os.getpid()) in {fields[1] for fields in processes}
    assert me not in {fields[1] for fields in processes} | {fields[2] for fields in processes}
    assert all(re.fullmatch(r"[0-9a-f]{16}", mask) for fields in processes for mask in fields[5:8])


def test_a_name_breaks_no_line(output: str) -> None:
    assert any(line.endswith(" x; stop\\n?[31m") for line in output.splitlines())
    assert "\x1b" not in output
    known = r"observe \d+|process \d+ .*|sockets (-|[0-9A-F]{4}) [0-9A-F]{2} \d+|looked|stop|me \d+"
    assert [line for line in output.splitlines() if not re.fullmatch(known, line)] == []
