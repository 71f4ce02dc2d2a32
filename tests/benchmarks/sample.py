# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command as a whole process and take its measure."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any


class BenchmarkError(Exception):
    """A command that did not do what it was to be measured for."""


@dataclass(frozen=True)
class Sample:
    """`seconds` by the wall clock, `cpu_seconds` of all its processes, `peak_mb` of the largest of them."""

    what: str
    seconds: float
    cpu_seconds: float
    peak_mb: float

    def as_dict(self) -> dict[str, Any]:
        """As it is kept among the raw samples."""
        return asdict(self)


def run(
    what: str,
    command: list[str],
    *,
    output: Path,
    stdin: IO[bytes] | None = None,
    environment: dict[str, str] | None = None,
    allowed: tuple[int, ...] = (0,),
) -> Sample:
    """Run a command with its output in a file. Raises BenchmarkError where its exit code is not an allowed one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with output.open("wb") as written:
        process = subprocess.Popen(
            command,
            stdin=stdin or subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
        )
        # The usage of a child that was waited for includes the children that it waited for: the sum of their time, and
        # the largest of their peaks.
        _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        tail = "\n".join(output.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise BenchmarkError(f"{what}: exit {process.returncode}: {' '.join(command)[:300]}\n{tail}")
    cpu = usage.ru_utime + usage.ru_stime
    return Sample(what, round(seconds, 2), round(cpu, 2), round(usage.ru_maxrss / 1024, 1))
