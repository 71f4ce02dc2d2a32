# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a remediation: a thousand Deployments patched, without the rate limit and without waiting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from .cluster import Cluster
from .commands import Commands
from .figures import Figure

SPACES = 20
LOOPED = 20  # objects of the loop with kubernetes.core.k8s: it takes more than a second for each
ROUNDS = 3
_HOOK = {"preStop": {"sleep": {"seconds": 10}}}


def measure(commands: Commands, cluster: Cluster) -> Iterator[Figure]:
    """Patch the same Deployments barely, in a loop, and by a remediation."""
    faulty = [item for item in cluster.deployments(SPACES) if not _has_hook(item)]
    fix, undo = commands.folder / "fix.jsonl", commands.folder / "undo.jsonl"
    _write(fix, faulty, 40, _HOOK)
    _write(undo, faulty, 30, None)
    numbers = [int(item["metadata"]["name"].rpartition("-")[2]) for item in faulty]
    selection: dict[str, Any] = {"namespaces": ["bench-00*", "bench-01*"]}
    remediation = selection | {"wait": False, "writes_per_second": 0}
    bare, audits, remediations, seconds = [], [], [], []
    for _round in range(ROUNDS):
        bare.append(commands.bare("bare patches", "patch", str(fix)))
        commands.bare("undone", "patch", str(undo))
        cluster.settle(numbers)
        audits.append(commands.play("audit of some", "audit", **selection).seconds)
        remediations.append(commands.play("remediation", "remediate", **remediation).seconds)
        changed = sum(action["status"] == "changed" for action in commands.report("remediation")["actions"])
        if changed != len(faulty):
            raise AssertionError(f"{changed} of {len(faulty)} Deployments were changed")
        cluster.settle(numbers)
        seconds.append(commands.play("second remediation", "remediate", **remediation).seconds)
        if commands.report("second remediation")["actions"]:
            raise AssertionError("the second run had something to do")
        commands.bare("undone", "patch", str(undo))
        cluster.settle(numbers)
    patching = median(remediations) - median(audits)
    rate = "rate of (a run - an audit) / rate of PATCHes alone"
    yield Figure("patches-to-bare-patches", median(bare) / patching, ">= 0.6", rate)
    each = (_loop(commands, faulty[:LOOPED]) - _loop(commands, [])) / LOOPED
    yield Figure(
        "k8s-loop-to-patches",
        each / (median(remediations) / len(faulty)),
        ">= 30",
        f"an object of a loop over {LOOPED} with kubernetes.core.k8s / one of a whole run over {len(faulty):,}",
    )
    commands.bare("undone", "patch", str(undo))
    cluster.settle(numbers)
    yield Figure("second-run-to-audit", median(seconds) / median(audits), "<= 1", "a run with nothing to do / an audit")


def _write(path: Path, deployments: list[dict[str, Any]], grace: int, hook: dict[str, Any] | None) -> None:
    container = {"name": "service", "lifecycle": hook}
    spec = {"template": {"spec": {"terminationGracePeriodSeconds": grace, "containers": [container]}}}
    lines = [json.dumps([_path(item), {"spec": spec}]) for item in deployments]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _path(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    return f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}"


def _has_hook(item: dict[str, Any]) -> bool:
    return bool(item["spec"]["template"]["spec"]["containers"][0].get("lifecycle"))


def _loop(commands: Commands, deployments: list[dict[str, Any]]) -> float:
    """Seconds of a playbook that patches some Deployments one by one."""
    container = {"name": "service", "lifecycle": _HOOK}
    template = {"spec": {"terminationGracePeriodSeconds": 40, "containers": [container]}}
    module = {
        "api_version": "apps/v1",
        "kind": "Deployment",
        "namespace": "{{ item[0] }}",
        "name": "{{ item[1] }}",
        "state": "patched",
        "definition": {"spec": {"template": template}},
    }
    items = [[item["metadata"]["namespace"], item["metadata"]["name"]] for item in deployments]
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"kubernetes.core.k8s": module, "loop": items}],
    }
    path = commands.folder / "loop.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    return commands.take(f"loop over {len(items)}", ["ansible-playbook", str(path)]).seconds
