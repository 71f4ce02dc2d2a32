# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the tools of the test cluster: their logs, their locks, and what an interruption leaves. No Docker."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from testbed.common import Failure, attempt, cache_folder, need

from ansible_collections.graceful.termination.tests.unit.tools.loading import TOOLS


def sh(script: str) -> tuple[str, ...]:
    """A command that runs this script."""
    return ("sh", "-c", script)


# --- Where things are kept -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/home/ada"},
        {"HOME": "/home/ada", "XDG_CACHE_HOME": "/var/cache"},
        {"HOME": "/home/ada", "XDG_CACHE_HOME": "/var/cache", "GRACEFUL_CACHE": "/srv/cache"},
        {"HOME": "/home/ada", "GRACEFUL_CACHE": ""},
        {"GRACEFUL_CACHE": "cache/here"},
    ],
)
def test_python_and_bash_agree_on_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = f'source {TOOLS}/common.sh; echo "$cache"'
    bash = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert str(cache_folder(environment)) == bash.stdout.strip()


def test_without_a_home_the_cache_has_to_be_named() -> None:
    with pytest.raises(Failure, match="set HOME or GRACEFUL_CACHE"):
        cache_folder({})


# --- Steps and their logs --------------------------------------------------------------------------------------------


def test_a_step_is_one_line_and_its_output_is_in_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log/step.log"
    attempt(log, "doing it", lambda into: into.run(*sh("echo out; echo err >&2; cat")))
    assert log.read_text() == "out\nerr\n"
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"\S+: doing it … \d+ s\n", told.err)


def test_a_failed_step_shows_the_end_of_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "step.log"
    with pytest.raises(Failure) as failed:
        attempt(log, "doing it", lambda into: into.run(*sh("seq 100; exit 3")))
    assert str(failed.value) == f"failed: doing it (status 3). The whole log: {log}"
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\S+: doing it … failed after \d+ s", lines[0])
    assert len(lines) == 21
    assert "    100" in lines
    assert "    1" not in lines


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 7", 7), ("kill -KILL $$", 137)],
)
def test_the_status_is_that_of_a_shell(tmp_path: Path, script: str, status: int) -> None:
    with pytest.raises(Failure, match=rf"\(status {status}\)"):
        attempt(tmp_path / "step.log", "doing it", lambda into: into.run(*sh(script)))


def test_a_missing_command_is_named_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    with pytest.raises(Failure, match=r"\(status 1\)"):
        attempt(log, "doing it", lambda into: into.run("no-such-command-here"))
    assert "no-such-command-here" in log.read_text()


def test_a_command_reads_what_another_writes(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    attempt(log, "piping", lambda into: into.run("tr", "a-z", "A-Z", feed=("echo", "abc")))
    assert log.read_text() == "ABC\n"


def test_a_pipe_fails_with_the_command_that_writes(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    with pytest.raises(Failure, match=r"\(status 5\)"):
        attempt(log, "piping", lambda into: into.run("cat", feed=sh("echo half; exit 5")))
    assert log.read_text().startswith("half\n")


def test_a_pipe_ends_when_its_reader_does(tmp_path: Path) -> None:
    """And not when what it reads ends, which may be never."""
    with pytest.raises(Failure, match=r"\(status 4\)"):
        attempt(tmp_path / "step.log", "piping", lambda into: into.run(*sh("exit 4"), feed=("yes",)))


# --- Interruptions and locks -----------------------------------------------------------------------------------------


@contextmanager
def tool(folder: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """A tool that runs with its main function; it can name `folder`."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    code = (
        # As from a terminal, also where the tests themselves run under nohup or in the background.
        "import signal\n"
        "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):\n"
        "    signal.signal(number, signal.SIG_DFL)\n"
        "from pathlib import Path\n"
        "from testbed.common import *\n"
        f"folder = Path({str(folder)!r})\n"
        f"def main(arguments):\n{lines}\n"
        "start(main)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(TOOLS)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


LONG_STEP = """\
lock(folder / "lock")
try:
    attempt(folder / "log", "waiting", lambda log: log.run("sh", "-c", "sleep 300 & echo $! >pid; wait", cwd=folder))
finally:
    (folder / "cleaned").touch()
"""


def read_pid(folder: Path, process: subprocess.Popen[str]) -> int:
    """Of the command of the long step, when it runs."""
    path = folder / "pid"
    while not (path.exists() and path.read_text().strip()):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
    return int(path.read_text())


def is_locked(path: Path) -> bool:
    """Whether any process holds the lock."""
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until_unlocked(path: Path) -> None:
    """Return when no process holds the lock any more."""
    subprocess.run(["flock", "--timeout", "30", path, "true"], check=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_all_processes_of_a_step_and_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    with tool(tmp_path, LONG_STEP) as process:
        pid = read_pid(tmp_path, process)
        process.send_signal(number)
        assert process.wait(30) == 128 + number
        assert process.stderr is not None
        told = process.stderr.read()
    assert (tmp_path / "cleaned").exists()
    wait_until_unlocked(tmp_path / "lock")
    assert not Path(f"/proc/{pid}/cwd").exists()
    assert "Traceback" not in told
    assert "stopped after" in told


@pytest.mark.parametrize("own", ["", "".join(f"exec {number}>/dev/null; " for number in range(3, 10))])
def test_a_command_that_outlives_a_killed_tool_keeps_its_lock(tmp_path: Path, own: str) -> None:
    """It may still write where the next run would. Scripts use low file descriptors for their own."""
    with tool(tmp_path, LONG_STEP.replace("sleep", f"{own}sleep")) as process:
        pid = read_pid(tmp_path, process)
        process.kill()
        process.wait()
        try:
            assert is_locked(tmp_path / "lock")
        finally:
            os.kill(pid, signal.SIGKILL)
    wait_until_unlocked(tmp_path / "lock")


def test_a_failure_is_said_without_a_traceback(tmp_path: Path) -> None:
    with tool(tmp_path, 'raise Failure("no disk: buy one")') as process:
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert process.stderr.read() == "-c: no disk: buy one\n"


# --- Packages --------------------------------------------------------------------------------------------------------


def test_what_is_there_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION", "0")
    need("sh", "dash")


def test_what_is_missing_is_named_where_it_may_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION", "0")
    with pytest.raises(Failure, match=r"PROVISION=0 forbids .*: debootstrap. As root: apt-get install .* debootstrap"):
        need("no-such-command-here", "debootstrap")
