# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of its planned patch each workload has."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    difference,
    merge,
    merge_patches,
)

from .cluster import Cluster
from .playbook import Playbook, journal

NONE, ALL, HALF = "none", "all", "half"
STATES = (NONE, ALL, HALF)


class Plan:
    """The workloads as they were, and what a plan says they get."""

    def __init__(self, cluster: Cluster, folder: Path, variables: dict[str, Any]):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        path = folder / "plan.json"
        self._cluster, self._folder = cluster, folder
        self._before = cluster.deployments()
        Playbook(folder, variables | {"plan": str(path)}, check=True).finish()
        objects = json.loads(path.read_text(encoding="utf-8"))["objects"]
        # Each needs both parts: with one alone there would be nothing that could be applied by half.
        self._patches = {
            entry["object"]: merge_patches(entry["strategy"], entry["template"])
            for entry in objects
            if entry["strategy"] and entry["template"]
        }
        if self._patches.keys() != self._before.keys():
            raise RuntimeError(f"{len(self._patches)} of {len(self._before)} workloads are planned: see {path}")

    def states(self) -> dict[str, str]:
        """One of STATES by workload."""
        now = self._cluster.deployments()
        return {name: _state(self._before[name], now[name], patch) for name, patch in self._patches.items()}

    def counts(self) -> dict[str, int]:
        """How many workloads are in each of STATES."""
        counts = Counter(self.states().values())
        return {name: counts[name] for name in STATES}

    def unnoted(self) -> int:
        """How many workloads have something of their patch without a line in the journal."""
        noted = {line["object"] for line in journal(self._folder) if "patch" in line}
        return sum(found != NONE and name not in noted for name, found in self.states().items())


def _state(before: dict[str, Any], now: dict[str, Any], patch: dict[str, Any]) -> str:
    wanted = set(difference(before, merge(before, patch)))
    missing = set(difference(now, merge(now, patch)))
    return ALL if not missing else NONE if missing == wanted else HALF
