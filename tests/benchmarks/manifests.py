# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures on a folder of manifests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import yaml

from .commands import Commands
from .figures import Figure
from .objects import around, deployment, namespace

SIZE = 5000
ROUNDS = 3
_KINDS = ("Service", "PodDisruptionBudget")
_LINTS = "no-readiness-probe,no-liveness-probe,no-rolling-update-strategy,pdb-max-unavailable,pdb-min-available"


def write(folder: Path) -> list[str]:
    """Write one file for each Deployment, with its Service and budget; their names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(SIZE):
        objects = [deployment(number), *(item for _path, item in around(number, number + 1) if item["kind"] in _KINDS)]
        for item in objects:
            item["metadata"] = item["metadata"] | {"namespace": namespace(number)}
        text = yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False)
        (folder / f"service-{number:05}.yaml").write_text(text, encoding="utf-8")
    return sorted(map(str, folder.iterdir()))


def measure(commands: Commands, peers: dict[str, str]) -> Iterator[Figure]:
    """Audit the folder, and let the others read it, in turns."""
    folder = commands.folder / "manifests"
    files = write(folder)
    audits, loads, lints = [], [], []
    for _round in range(ROUNDS):
        audits.append(commands.play("audit of files", "audit", source=str(folder)).seconds)
        commands.bare("PyYAML of files", "yaml", str(folder))
        loads.append(commands.samples[-1].seconds)
        if "kube-linter" in peers:
            command = [peers["kube-linter"], "lint", "--format", "json", "--do-not-auto-add-defaults"]
            lints.append(
                commands.take(
                    "kube-linter of files", [*command, "--include", _LINTS, str(folder)], allowed=(0, 1)
                ).seconds
            )
    commands.split("phases of an audit of files", str(folder))
    found = commands.report("audit of files")["summary"]
    if found["workloads"] != SIZE:
        raise AssertionError(f"{found['workloads']} of {SIZE} workloads were judged")
    audit = median(audits)
    yield Figure("files-audit-to-pyyaml", audit / median(loads), "<= 1.5", "an audit / parsing alone, whole processes")
    if lints:
        yield Figure("files-kube-linter-to-audit", median(lints) / audit, "", "kube-linter / an audit")
    if "kube-score" in peers:
        other = commands.take(
            "kube-score of files", [peers["kube-score"], "score", "-o", "json", *files], allowed=(0, 1)
        )
        yield Figure("files-kube-score-to-audit", other.seconds / audit, ">= 5", "kube-score / an audit")
