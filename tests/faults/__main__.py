# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do each fault to a cluster of its own, and keep what became of it in results.json (make faults).

ONLY=kills or ONLY=cases does a part, and keeps nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from own_cluster import docker_engine

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION

from . import cases, kills
from .cluster import ROOT, Cluster

KILLS = 50


def done(name: str, right: bool, began: float) -> None:
    """One line for the screen."""
    print(f"faults: {name}: {'right' if right else 'WRONG'} ({time.monotonic() - began:.0f} s)", flush=True)


def main() -> int:
    """Return 0 where nothing was half-applied and each next run converged."""
    os.chdir(ROOT)
    part = os.environ.get("ONLY", "")
    if part not in ("", "kills", "cases"):
        print(f'faults: ONLY="{part}": it is kills or cases', file=sys.stderr)
        return 2
    folder = ROOT / "build/faults"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    results: dict[str, Any] = {}
    verdicts: list[bool] = []
    with docker_engine(), Cluster(folder) as cluster:
        results = {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "versions": {
                "graceful.termination": VERSION,
                "ansible-core": version("ansible-core"),
                "Kubernetes": cluster.version,
            },
            "cases": [],
        }
        for case in cases.CASES if part != "kills" else ():
            began = time.monotonic()
            results["cases"].append(cases.run(case, cluster, folder / "run"))
            verdicts.append(cases.is_right(results["cases"][-1]))
            done(case.name, verdicts[-1], began)
            print(json.dumps(results["cases"][-1], indent=1), flush=True)
        if part != "cases":
            began = time.monotonic()
            results["kills"] = kills.series(cluster, folder / "run", KILLS, seed=int(began))
            verdicts.append(kills.is_right(results["kills"]))
            done(f"{KILLS} kills", verdicts[-1], began)
    if not part:
        path = Path(__file__).with_name("results.json")
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"{sum(verdicts)} right, {len(verdicts) - sum(verdicts)} wrong")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
