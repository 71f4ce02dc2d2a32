# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the tools: they keep the locks that a tool holds, and none outlives a tool that is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 10  # seconds between SIGTERM and SIGKILL for what an interruption leaves

Word = str | Path
Stream = int | IO[bytes] | None  # as subprocess takes them

held_locks: list[int] = []  # by this tool and all that it starts, as file descriptors


class _Interruption:
    """The signals that end a tool. While a process is started they wait: else it would be left behind."""

    def __init__(self) -> None:
        self._starting = False
        self._received = 0

    def signalled(self, number: int, _frame: object) -> None:
        """End the tool, or remember the signal."""
        self._received = number
        if not self._starting:
            self._end()

    def wait(self) -> None:
        """Signals wait from now on."""
        self._starting = True

    def go_on(self) -> None:
        """They do not wait any more; one that did ends the tool."""
        self._starting = False
        if self._received:
            self._end()

    def _end(self) -> NoReturn:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # nothing interrupts the clean-up
        sys.exit(128 + self._received)


_interruption = _Interruption()


def end_at_signals() -> None:
    """From now on a signal ends the tool when it has cleaned up behind itself, with the exit code of a shell."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interruption.signalled)


@contextlib.contextmanager
def started(
    command: tuple[Word, ...],
    cwd: Path | None = None,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = None,
    stderr: Stream = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, and end that whole group if an exception ends the block."""
    _interruption.wait()
    try:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, process_group=0, pass_fds=held_locks
        )
    except BaseException:
        _interruption.go_on()
        raise
    try:
        _interruption.go_on()
        yield process
    except BaseException:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
        raise


def answer(*command: Word, timeout: float | None = None) -> str | None:
    """What a command prints, without blanks around it; None where it is missing, fails or takes longer (seconds)."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.decode(errors="replace").strip()
