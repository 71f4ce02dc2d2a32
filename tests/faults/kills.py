# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL for every process of a run, again and again at random moments, while many workloads are patched.

They are objects without pods: the controllers are stopped meanwhile, and nothing is waited for.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from .cluster import Cluster
from .patched import ALL, Plan
from .playbook import Playbook

WORKLOADS = 200
_VARIABLES: dict[str, Any] = {"wait": False, "writes_per_second": 40, "report_formats": ["json"]}
_LONGEST = 2.5  # seconds from the first patch to the kill
_FEW = 20  # with no more than so many left to patch, all are made anew


def series(cluster: Cluster, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill, look, and go on, so many times; then let it finish, and run it once more."""
    chance = random.Random(seed)
    samples: list[dict[str, Any]] = []
    with cluster.without_controllers():
        plan, left = None, 0
        while len(samples) < kills:
            if plan is None or left <= _FEW:
                cluster.reset(WORKLOADS, pods=False)
                plan = Plan(cluster, folder, _VARIABLES)
            playbook = Playbook(folder, _VARIABLES)
            playbook.wait_for_patch()
            moment = chance.uniform(0, _LONGEST)
            time.sleep(moment)
            late = playbook.ended
            processes = playbook.kill()
            counts = plan.counts()
            left = WORKLOADS - counts[ALL]
            if late:
                continue
            samples.append(
                {
                    "seconds_after_the_first_patch": round(moment, 3),
                    "processes": processes,
                    "workloads": counts,
                    "patched_without_a_line_in_the_journal": plan.unnoted(),
                }
            )
            print(f"faults: kill {len(samples)} of {kills}: {counts}", flush=True)
        if plan is None:
            raise ValueError("no kill was asked for")
        last = Playbook(folder, _VARIABLES).finish() | {"workloads": plan.counts()}
        sent = len(cluster.requests())
        again = Playbook(folder, _VARIABLES).finish() | {"patches_sent": len(cluster.requests()) - sent}
    return {"workloads": WORKLOADS, "seed": seed, "kills": samples, "next_run": last, "run_after_that": again}


def is_right(result: dict[str, Any]) -> bool:
    """Nothing half-applied after any kill, nothing unnoted, and the next run converged."""
    again = result["run_after_that"]
    return (
        all(sample["workloads"]["half"] == 0 for sample in result["kills"])
        and all(sample["patched_without_a_line_in_the_journal"] == 0 for sample in result["kills"])
        and result["next_run"]["workloads"][ALL] == WORKLOADS
        and again["changed"] == again["patches_sent"] == 0
    )
