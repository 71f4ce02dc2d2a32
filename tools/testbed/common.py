# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools of the test cluster share: where things are kept, how they report, how they install Debian packages.

Results go to standard output, progress and errors to standard error. They run before there is a virtual environment:
nothing here or beside it imports more than the standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, NoReturn

from testbed.processes import Word, end_at_signals, held_locks, started

TOOLS = Path(__file__).resolve().parents[1]
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"  # debootstrap, dockerd and iptables; a plain user's PATH may lack these
_TAIL = 20  # lines of the log of what failed


class Failure(Exception):
    """The tool cannot go on. The text says why, and what to do."""


class Log:
    """The log of one step: everything that its commands print."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def note(self, text: str) -> None:
        """Write a line of our own."""
        self._file.write(f"{text}\n".encode())

    def run(self, *command: Word, feed: tuple[Word, ...] = (), cwd: Path | None = None) -> None:
        """Run a command; `feed` is one whose output it reads. Raises CalledProcessError where either fails."""
        with contextlib.ExitStack() as stack:
            running: list[tuple[tuple[Word, ...], subprocess.Popen[bytes]]] = []
            pipe: IO[bytes] | None = None
            if feed:
                feeder = stack.enter_context(started(feed, cwd, stdout=subprocess.PIPE, stderr=self._file))
                running.append((feed, feeder))
                pipe = feeder.stdout
            reader = stack.enter_context(started(command, cwd, pipe or subprocess.DEVNULL, self._file, self._file))
            running.append((command, reader))
            if pipe:
                pipe.close()  # so that the feeder ends when its reader does
            codes = [(words, process.wait()) for words, process in reversed(running)]
        for words, code in codes:
            if code:
                raise subprocess.CalledProcessError(code, [str(word) for word in words])


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the tools keep what they download and build. tools/common.sh says the same."""
    given = environment.get("GRACEFUL_CACHE")
    if given:
        return Path.cwd() / given
    base = environment.get("XDG_CACHE_HOME") or (environment["HOME"] + "/.cache" if environment.get("HOME") else "")
    if not base:
        raise Failure("set HOME or GRACEFUL_CACHE")
    return Path.cwd() / base / "graceful-termination"


def say(text: object, end: str = "\n") -> None:
    """Tell the person something, under the name of the tool."""
    print(f"{Path(sys.argv[0]).name}: {text}", end=end, file=sys.stderr, flush=True)


def indented_tail(log: Path, lines: int = _TAIL) -> str:
    """The end of a log, to be shown below a message."""
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "".join(f"    {line}\n" for line in last)


def attempt(log: Path, what: str, action: Callable[[Log], None]) -> None:
    """Do something with its output in the log, and one line of progress with its seconds.

    Where it fails, this shows the end of the log and raises Failure.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    say(f"{what} … ", end="")
    status, outcome = 1, "stopped"
    try:
        with log.open("wb", buffering=0) as file:
            status = _status(Log(file), action)
        outcome = "failed" if status else ""
    finally:
        seconds = f"{time.monotonic() - begin:.0f} s"
        print(f"{outcome} after {seconds}" if outcome else seconds, file=sys.stderr, flush=True)
    if status:
        print(indented_tail(log), end="", file=sys.stderr, flush=True)
        raise Failure(f"failed: {what} (status {status}). The whole log: {log}")


def _status(log: Log, action: Callable[[Log], None]) -> int:
    """Do it, and return an exit code as a shell would."""
    try:
        action(log)
    except subprocess.CalledProcessError as error:
        log.note(error.stderr or "")
        log.note(f"{shlex.join(error.cmd)}: exit code {error.returncode}")
        return error.returncode if error.returncode > 0 else 128 - error.returncode
    except (Failure, OSError) as error:
        log.note(str(error))
        return 1
    return 0


def run(*command: Word) -> None:
    """Run a tool that reports by itself. Raises Failure where it fails: it has said why."""
    with started(command) as process:
        if process.wait():
            raise Failure(f"failed: {' '.join(map(str, command))}")


def provisions() -> bool:
    """Whether missing packages may be installed, and a missing Docker started."""
    return (os.environ.get("PROVISION") or "1") != "0"


def need(command: str, package: str) -> None:
    """Install the Debian package of a command that is missing. Raises Failure with what to install if it may not."""
    if shutil.which(command):
        return
    by_hand = f"As root: apt-get install --no-install-recommends {package}"
    if not provisions():
        raise Failure(f"PROVISION=0 forbids installing what is missing: {package}. {by_hand}")
    if not shutil.which("apt-get"):
        raise Failure(f"missing, and only Debian packages can be installed from here: {package}")
    if os.geteuid():
        raise Failure(f"missing, and only root can install it: {package}. {by_hand}")
    attempt(cache_folder() / "apt.log", f"installing the Debian package {package}", lambda log: _install(log, package))


def _install(log: Log, package: str) -> None:
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    # A package list that cannot be refreshed is no failure as long as the package can be installed.
    with contextlib.suppress(subprocess.CalledProcessError):
        log.run("apt-get", "update", "-q")
    wait = ("-o", "DPkg::Lock::Timeout=300")
    log.run("apt-get", "install", "-q", "-y", "--no-install-recommends", *wait, package)


def lock(path: Path, waiting: str = "") -> None:
    """Hold the lock until this process ends, and every command of its steps: one that outlives it may still write."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting:
            say(waiting)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    # Above 9, for scripts such as debootstrap use the numbers below for their own.
    held_locks.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10))
    os.close(descriptor)


def start(main: Callable[[list[str]], None]) -> NoReturn:
    """Run a tool with its arguments. A failure is said, and a signal ends it when it has cleaned up behind itself."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}"
    end_at_signals()
    try:
        main(sys.argv[1:])
    except (Failure, OSError) as error:
        say(error)
        sys.exit(1)
    sys.exit(0)
