# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other tools, in the versions that were compared with, built from Go modules into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

VERSIONS = {
    "kube-score": ("github.com/zegl/kube-score", "v1.20.0", "/cmd/kube-score"),
    "kube-linter": ("golang.stackrox.io/kube-linter", "v0.8.3", "/cmd/kube-linter"),
    "popeye": ("github.com/derailed/popeye", "v0.22.1", ""),
}
# A module that is published under another path than it calls itself.
_REPLACED = {"golang.stackrox.io/kube-linter": "github.com/stackrox/kube-linter"}


def find(cache: Path) -> dict[str, str]:
    """name -> program of those that are there or can be built; says why one cannot, and goes on without it."""
    found = {}
    for name, (module, version, package) in VERSIONS.items():
        program = cache / "bench" / version / name
        if not program.exists():
            print(f"bench: building {name} {version}", flush=True)
            problem = _build(module, version, package, program)
            if problem:
                print(f"bench: {name} is not compared with: {problem}", flush=True)
                continue
        found[name] = str(program)
    return found


def _build(module: str, version: str, package: str, program: Path) -> str | None:
    """Build one of them, as a dependency of an empty module; what went wrong, if anything did."""
    go = shutil.which("go")
    if not go:
        return "there is no go on PATH to build it with"
    lines = ["module bench", "go 1.24", f"require {module} {version}"]
    if module in _REPLACED:
        lines.append(f"replace {module} => {_REPLACED[module]} {version}")
    with TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text("\n".join(lines) + "\n", encoding="utf-8")
        environment = os.environ | {"GOBIN": str(program.parent), "GOFLAGS": "-mod=mod"}
        command = [go, "install", module + package]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["go install failed"])[-1]
