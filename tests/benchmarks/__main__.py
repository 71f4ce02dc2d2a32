# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast this is, side by side with the alternatives in one run (make bench).

Prints one line a figure, "name  ratio  target  ok|short", and keeps the raw samples in results.json, from which
docs/performance.md is written. ONLY=files or ONLY=cluster runs a part, and writes neither.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import yaml
from own_cluster import docker_engine
from testbed.common import cache_folder

from . import manifests, patching, peers, reading
from .cluster import Cluster
from .commands import Commands
from .figures import Figure
from .sample import BenchmarkError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SIZES = (500, 5000, 20000)
COMPARED = 5000  # the size at which others are compared with


def measure(commands: Commands, part: str, found: dict[str, str], cache: Path) -> Iterator[Figure]:
    """All figures of a part, as they come."""
    if part in ("", "files"):
        yield from manifests.measure(commands, found)
    if part in ("", "cluster"):
        with Cluster(commands.folder) as cluster:
            measured = {0: [commands.play("audit of 0", "audit") for _round in range(reading.ROUNDS)]}
            for size in SIZES:
                print(f"bench: creating objects for {size:,} Deployments", flush=True)
                cluster.grow(size)
                measured[size] = reading.audits(commands, size)
                if size == COMPARED:
                    commands.split(f"phases of an audit of {size}")
                    yield from reading.against_others(commands, cluster, found, cache / "kind-node/bin/kubectl")
                    yield from patching.measure(commands, cluster)
            yield from reading.growth(commands, measured)


def conditions(found: dict[str, str]) -> dict[str, Any]:
    """When, with what, and on what it was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    own = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    return {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}",
        "versions": {
            "graceful.termination": own,
            "Python": platform.python_version(),
            **{name: version(name) for name in ("ansible-core", "kubernetes", "PyYAML")},
            **{name: Path(program).parent.name for name, program in sorted(found.items())},
        },
    }


def write(figures: list[Figure], commands: Commands, facts: dict[str, Any]) -> None:
    """Keep the samples, and write the page about them."""
    kept = [
        {"name": one.name, "ratio": round(one.ratio, 2), "target": one.target, "verdict": one.verdict, "how": one.how}
        for one in figures
    ]
    samples = [sample.as_dict() for sample in commands.samples]
    results = facts | {"figures": kept, "phases": commands.phases, "samples": samples}
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((HERE / "performance.md.j2").read_text(encoding="utf-8"))
    (ROOT / "docs/performance.md").write_text(template.render(results), encoding="utf-8")


def main() -> int:
    """Return 0 where everything was measured, whatever the figures say."""
    os.chdir(ROOT)
    part = os.environ.get("ONLY", "")
    if part not in ("", "files", "cluster"):
        print(f'bench: ONLY="{part}": it is files or cluster', file=sys.stderr)
        return 2
    cache = cache_folder()
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    folder = ROOT / "build/bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    commands, figures = Commands(folder), []
    found = peers.find(cache)
    try:
        with docker_engine() if part != "files" else nullcontext():
            for figure in measure(commands, part, found, cache):
                figures.append(figure)
                print(figure.line(), flush=True)
    except (BenchmarkError, subprocess.CalledProcessError, RuntimeError) as error:
        print(f"bench: stopped: {error}", file=sys.stderr)
        return 1
    if not part:
        write(figures, commands, conditions(found))
    print()
    for figure in figures:
        print(figure.line())
    short = sum(figure.verdict == "short" for figure in figures)
    print(f"{len(figures)} figures, {short} short of their targets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
