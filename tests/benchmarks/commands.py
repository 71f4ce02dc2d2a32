# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that are measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import DEFAULT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import CONTEXT, NAMESPACE, WORKLOADS

from .bare import Server
from .sample import Sample, run

ROOT = Path(__file__).resolve().parents[2]
_PATHS = "tests:tools:.collections"
_READ = [*(WORKLOADS[kind] for kind in DEFAULT_KINDS), *CONTEXT.values(), NAMESPACE]


class Commands:
    """Runs commands with their output in `folder`, and keeps every sample."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.samples: list[Sample] = []
        self.phases: dict[str, dict[str, float]] = {}

    def take(self, what: str, command: Sequence[str], **more: Any) -> Sample:
        """Measure one command. Raises BenchmarkError."""
        sample = run(what, list(command), output=self.output(what), **more)
        self.samples.append(sample)
        print(f"bench: {what}: {sample.seconds} s, {sample.peak_mb:.0f} MB", flush=True)
        return sample

    def output(self, what: str) -> Path:
        """Where the output of the last run of a command is."""
        return self.folder / f"{what.replace(' ', '-')}.out"

    def play(self, what: str, playbook: str, **variables: Any) -> Sample:
        """One whole run of a playbook, as a user starts it, with report.json and nothing else."""
        given = {"report_dir": str(self.folder / what.replace(" ", "-")), "report_formats": ["json"]} | variables
        extra = json.dumps({f"termination_{name}": value for name, value in given.items()})
        return self.take(what, ["ansible-playbook", "-v", f"playbooks/{playbook}.yml", "--extra-vars", extra])

    def report(self, what: str) -> dict[str, Any]:
        """The report of a run of a playbook."""
        path = self.folder / what.replace(" ", "-") / "report.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def split(self, what: str, *arguments: str) -> None:
        """Where one more audit spends its time, within the module."""
        self.take(what, [sys.executable, "-m", "benchmarks.phases", *arguments], environment={"PYTHONPATH": _PATHS})
        self.phases[what] = json.loads(self.output(what).read_text(encoding="utf-8"))

    def bare(self, what: str, *arguments: str) -> float:
        """One run of the bare client; its own seconds, without the start of Python."""
        self.take(what, [sys.executable, "-m", "benchmarks.bare", *arguments], environment={"PYTHONPATH": _PATHS})
        return float(json.loads(self.output(what).read_text(encoding="utf-8"))["seconds"])


def lists(server: Server) -> list[str]:
    """The paths that an audit lists and this server has."""
    found = []
    for resource in _READ:
        try:
            server.send("GET", f"{resource.path(None)}?limit=1")
        except RuntimeError as error:
            if ": 404 " not in str(error):
                raise
        else:
            found.append(resource.path(None))
    return found
