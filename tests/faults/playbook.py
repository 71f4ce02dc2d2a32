# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the playbook remediate, as a user starts it, and what they leave in the folder of the reports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from .cluster import NAMESPACE

_MARK = "GRACEFUL_FAULTS_RUN"


class Playbook:
    """One run under way. `variables` without their prefix; `environment` may name another account."""

    def __init__(
        self, folder: Path, variables: dict[str, Any], *, check: bool = False, environment: dict[str, str] | None = None
    ):
        given = {"namespaces": [NAMESPACE], "report_dir": str(folder / "report")} | variables
        extra = json.dumps({f"termination_{name}": value for name, value in given.items()})
        self._folder = folder
        self._lines = len(journal(folder))
        self._mark = uuid.uuid4().hex
        self._log = folder / "playbook.log"
        self._log.unlink(missing_ok=True)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                ["ansible-playbook", "playbooks/remediate.yml", "-e", extra, *(["--check"] if check else [])],
                stdout=log,
                stderr=log,
                env=os.environ | (environment or {}) | {_MARK: self._mark},
            )

    @property
    def ended(self) -> bool:
        """Whether it has come to its end by itself."""
        return self._process.poll() is not None

    def wait_for_patch(self) -> None:
        """Return when the journal has its first line of this run, or it is over."""
        while len(journal(self._folder)) == self._lines and not self.ended:
            time.sleep(0.01)

    def finish(self) -> dict[str, Any]:
        """Let it come to its end; its exit status, and how many tasks its recap calls changed."""
        status = self._process.wait()
        text = self._log.read_text(encoding="utf-8")
        changed = re.search(r"ok=\d+\s+changed=(\d+)", text)
        return {"status": status, "changed": int(changed[1]) if changed else None}

    def kill(self) -> int:
        """SIGKILL for all its processes, also those in sessions of their own; how many there were."""
        killed: set[int] = set()
        while found := self._processes():
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            killed.update(found)
            self._process.poll()
        return len(killed)

    def terminate(self) -> None:
        """SIGTERM for all its processes, once."""
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    def wait_until_gone(self) -> None:
        """Return when none of its processes is there any more: what it has started may outlive it."""
        while self._processes():
            self._process.poll()
            time.sleep(0.05)

    def _processes(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"{_MARK}={self._mark}".encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found


def journal(folder: Path) -> list[dict[str, Any]]:
    """The lines of the journal. Raises ValueError where one of them is broken."""
    path = folder / "report" / "journal.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def actions(folder: Path) -> list[dict[str, Any]]:
    """What the last report says was done. Raises OSError, ValueError where there is no whole report."""
    return json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["actions"]
