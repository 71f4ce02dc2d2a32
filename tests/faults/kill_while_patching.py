# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill a remediation of 200 Deployments again and again at random moments, and look at what is left behind.

    GRACEFUL_CLUSTER=faults tools/test-cluster up --no-node-ports
    PYTHONPATH=.collections python tests/faults/kill_while_patching.py --cluster faults --kills 50
    GRACEFUL_CLUSTER=faults tools/test-cluster down

PATH needs kubectl, docker and an ansible-playbook that finds the collection. The Deployments are objects without pods:
the controller manager is stopped for as long as this runs, and nothing is waited for. Each kill is SIGKILL for every
process of the playbook. A workload gets two patches; half-applied is one that has a part of a patch. The last two runs
are not killed: one is to finish the work, and one is to find nothing to do.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.strategic_merge import difference, merge

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
WORK = ROOT / "build" / "faults"
NAMESPACE, WORKLOADS, RATE = "faults", 200, 40  # RATE in requests a second
LONGEST = 2.5  # seconds from the first patch to the kill
FEW = 20  # with no more than so many left to patch, all are made anew
MARK = "GRACEFUL_FAULTS_RUN"
STATES = ("none", "first", "both", "half")  # of a workload: which of its two patches it has


def command(*arguments: str, text: str | None = None) -> str:
    """Run one. Raises CalledProcessError."""
    return subprocess.run(arguments, input=text, check=True, capture_output=True, encoding="utf-8").stdout


class Cluster:
    """The cluster `name` of tools/test-cluster, without its controllers while the context lasts."""

    def __init__(self, name: str):
        cache = command("bash", "-c", 'source "$0"/tools/common.sh; echo "$cache"', str(ROOT))
        self.folder = Path(cache.strip(), "clusters", name)
        self.node = f"{name}-control-plane"
        os.environ["KUBECONFIG"] = os.environ["K8S_AUTH_KUBECONFIG"] = str(self.folder / "kubeconfig")

    def __enter__(self) -> Cluster:
        command("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")  # what an earlier series has left
        self._node("mv", "/etc/kubernetes/manifests/kube-controller-manager.yaml", "/etc/kubernetes/")
        running = ["docker", "exec", self.node, "pgrep", "-f", "kube-controller-manager"]
        while subprocess.run(running, check=False, capture_output=True).returncode == 0:
            time.sleep(1)
        return self

    def __exit__(self, *_error: object) -> None:
        self._node("mv", "/etc/kubernetes/kube-controller-manager.yaml", "/etc/kubernetes/manifests/")
        command("kubectl", "delete", "namespace", NAMESPACE, "--wait=false")

    def _node(self, *arguments: str) -> None:
        command("docker", "exec", self.node, *arguments)

    def create(self) -> None:
        """All Deployments as they were in the beginning."""
        if command("kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found"):
            # Nobody is there to collect what they own: that is nothing.
            command("kubectl", "delete", "deployments", "--all", "-n", NAMESPACE)
        else:
            command("kubectl", "create", "namespace", NAMESPACE)
            # Without one no pod would be let in, and nobody is there to make it.
            command("kubectl", "create", "serviceaccount", "default", "-n", NAMESPACE)
            # Its selector is app=all, a label that all pods have.
            command("kubectl", "create", "service", "clusterip", "all", "-n", NAMESPACE, "--tcp=80:8080")
        items = [deployment(number) for number in range(WORKLOADS)]
        command("kubectl", "create", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def deployments(self) -> dict[str, dict[str, Any]]:
        """By their name in reports."""
        found = json.loads(command("kubectl", "get", "deployments", "-n", NAMESPACE, "-o", "json"))
        return {f"{NAMESPACE}/Deployment/{item['metadata']['name']}": item for item in found["items"]}

    def patches(self) -> int:
        """How many PATCH requests of the remediation the API server has logged."""
        lines = (self.folder / "audit" / "audit.log").read_text(encoding="utf-8").splitlines()
        return sum('"verb":"patch"' in line and "fieldManager=graceful-termination" in line for line in lines)


def deployment(number: int) -> dict[str, Any]:
    """One that needs both patches."""
    name = f"web-{number:03}"
    labels = {"app": "all", "name": name}
    container = {"name": "web", "image": "registry.invalid/web:1", "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"name": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


class Playbook:
    """One run of the playbook remediate; `end` is the last lines of its output."""

    def __init__(self, **more: Any):
        variables = {
            "termination_namespaces": [NAMESPACE],
            "termination_wait": False,
            "termination_writes_per_second": RATE,
            "termination_report_dir": str(WORK / "report"),
        }
        check = ["--check"] if more else []
        extra = json.dumps(variables | more)
        self._mark = uuid.uuid4().hex
        self._log = WORK / "playbook.log"
        self._log.unlink(missing_ok=True)
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["ansible-playbook", "graceful.termination.remediate", "-e", extra, *check],
                stdout=log,
                stderr=log,
                env=os.environ | {MARK: self._mark},
            )

    def finish(self) -> dict[str, Any]:
        """Let it come to its end; what its recap says."""
        status = self.process.wait()
        text = self._log.read_text(encoding="utf-8")
        changed = re.search(r"ok=\d+\s+changed=(\d+)", text)
        return {"status": status, "changed": int(changed[1]) if changed else None, "end": text[-300:] if status else ""}

    def kill(self) -> int:
        """SIGKILL for all its processes, also those in sessions of their own; how many there were."""
        killed: set[int] = set()
        while found := self._processes():
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            killed.update(found)
            self.process.poll()
        return len(killed)

    def _processes(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"{MARK}={self._mark}".encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found


def state(before: dict[str, Any], now: dict[str, Any], entry: dict[str, Any]) -> str:
    """Which of its planned patches a workload has, one of STATES."""
    has = []
    for part in (entry["strategy"], entry["template"]):
        wanted = set(difference(before, merge(before, part)))
        missing = set(difference(now, merge(now, part)))
        has.append("all" if not missing else "none" if missing == wanted else "part")
    return {("none", "none"): "none", ("all", "none"): "first", ("all", "all"): "both"}.get((has[0], has[1]), "half")


def journal() -> list[dict[str, Any]]:
    """The lines of the journal. Raises ValueError where one of them is broken."""
    path = WORK / "report" / "journal.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def series(cluster: Cluster, kills: int, seconds: float, seed: int) -> dict[str, Any]:
    """Kill, look, and go on, until there were so many kills or the time is over; then let it finish."""
    chance, end = random.Random(seed), time.monotonic() + seconds
    samples: list[dict[str, Any]] = []
    shutil.rmtree(WORK / "report", ignore_errors=True)
    cluster.create()
    before = cluster.deployments()
    Playbook(termination_plan=str(WORK / "plan.json")).finish()
    planned = json.loads((WORK / "plan.json").read_text(encoding="utf-8"))["objects"]
    plan = {entry["object"]: entry for entry in planned}
    if len(plan) != WORKLOADS:
        raise RuntimeError(f"{len(plan)} of {WORKLOADS} workloads are planned: see {WORK / 'plan.json'}")
    left = len(plan)
    while len(samples) < kills and time.monotonic() < end:
        if left <= FEW:
            cluster.create()
            shutil.rmtree(WORK / "report", ignore_errors=True)
        lines = len(journal())
        playbook = Playbook()
        while len(journal()) == lines and playbook.process.poll() is None:
            time.sleep(0.01)
        moment = chance.uniform(0, LONGEST)
        time.sleep(moment)
        ended = playbook.process.poll() is not None
        processes = playbook.kill()
        if ended:
            left = 0
            continue  # too late: it was done
        now = cluster.deployments()
        states = {name: state(before[name], now[name], entry) for name, entry in plan.items()}
        noted = {line["object"] for line in journal() if "patch" in line}
        left = sum(found != "both" for found in states.values())
        counts = Counter(states.values())
        samples.append(
            {
                "seconds_after_the_first_patch": round(moment, 3),
                "processes": processes,
                "workloads": {name: counts[name] for name in STATES},
                "patched_without_a_line_in_the_journal": sum(
                    found != "none" and name not in noted for name, found in states.items()
                ),
            }
        )
        print(len(samples), json.dumps(samples[-1]), flush=True)
    last = Playbook().finish()
    now = cluster.deployments()
    counts = Counter(state(before[name], now[name], entry) for name, entry in plan.items())
    sent = cluster.patches()
    again = Playbook().finish()
    return {
        "planned": len(plan),
        "patches_of_each": sorted({bool(entry["strategy"]) + bool(entry["template"]) for entry in plan.values()}),
        "kills": samples,
        "half_applied": sum(sample["workloads"]["half"] for sample in samples),
        "next_run": last | {"workloads": {name: counts[name] for name in STATES}},
        "run_after_that": again | {"patches_sent": cluster.patches() - sent},
    }


def main() -> int:
    """Return 0 if nothing was half-applied, and the run after the last kill converged."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cluster", required=True)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--seconds", type=float, default=3600, help="no kill after that")
    options.add_argument("--seed", type=int, default=int(time.time()))
    given = options.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    began = datetime.now(UTC)
    conditions = {
        "date": began.isoformat(timespec="seconds"),
        "collection": VERSION,
        "ansible": command("ansible-playbook", "--version").splitlines()[0],
        "workloads": WORKLOADS,
        "writes_per_second": RATE,
        "seed": given.seed,
    }
    with Cluster(given.cluster) as cluster:
        conditions["kubernetes"] = json.loads(command("kubectl", "version", "-o", "json"))["serverVersion"][
            "gitVersion"
        ]
        result = conditions | series(cluster, given.kills, given.seconds, given.seed)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"kill-while-patching-{began:%Y-%m-%dT%H%M}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    converged = result["next_run"]["workloads"]["both"] == result["planned"] == WORKLOADS
    still = not result["run_after_that"]["changed"] and not result["run_after_that"]["patches_sent"]
    print(f"{len(result['kills'])} kills, {result['half_applied']} half-applied")
    print(f"converged: {converged}; nothing left to do: {still}")
    print(path.relative_to(ROOT))
    return 0 if not result["half_applied"] and converged and still else 1


if __name__ == "__main__":
    sys.exit(main())
