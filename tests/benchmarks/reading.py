# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures on a cluster that is only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .cluster import Cluster
from .commands import Commands, lists
from .figures import Figure, spread
from .sample import Sample

ROUNDS = 3
_KUBE_SCORE_KINDS = "deployments,statefulsets,daemonsets,cronjobs,services,poddisruptionbudgets,hpa"


def audits(commands: Commands, size: int) -> list[Sample]:
    """Several audits of the cluster in its present size."""
    what = f"audit of {size}"
    samples = [commands.play(what, "audit") for _round in range(ROUNDS)]
    found = commands.report(what)["summary"]["workloads"]
    if found != size:
        raise AssertionError(f"{found} of {size} workloads were judged")
    return samples


def against_others(commands: Commands, cluster: Cluster, peers: dict[str, str], kubectl: Path) -> Iterator[Figure]:
    """An audit against bare lists and against other tools, in turns."""
    paths = lists(cluster.server)
    taken, bare = [], []
    for _round in range(ROUNDS):
        taken.append(commands.play(f"audit of {cluster.size}", "audit"))
        bare.append(commands.bare("bare lists", "list", *paths))
    seconds, peak = median(sample.seconds for sample in taken), median(sample.peak_mb for sample in taken)
    yield Figure(
        "audit-to-bare-lists", (seconds - 2) / median(bare), "<= 2", "(a whole run - 2 s) / LIST of the same kinds"
    )
    yield Figure("audit-memory", peak / 200, "<= 1", "MB of the largest process of a run / 200 MB")
    module = commands.take(
        "k8s_info of Deployments",
        ["ansible", "localhost", "-m", "kubernetes.core.k8s_info", "-a", "api_version=apps/v1 kind=Deployment"],
    )
    yield Figure("k8s-info-to-audit", module.seconds / seconds, ">= 8", "kubernetes.core.k8s_info / a whole run")
    if "kube-score" in peers:
        with_kubectl = commands.take(
            "kubectl get for kube-score", [str(kubectl), "get", _KUBE_SCORE_KINDS, "-A", "-o", "yaml"]
        )
        with commands.output("kubectl get for kube-score").open("rb") as objects:
            score = commands.take(
                "kube-score", [peers["kube-score"], "score", "-o", "json", "-"], stdin=objects, allowed=(0, 1)
            )
        both = with_kubectl.seconds + score.seconds
        yield Figure("kube-score-to-audit", both / seconds, ">= 8", "kubectl and kube-score / a whole run")
    if "popeye" in peers:
        # popeye ends with 1 where the score is low.
        command = [peers["popeye"], "-A", "-s", "deploy,po,svc,pdb", "-o", "json", "--force-exit-zero"]
        popeye = commands.take("popeye", command, environment={"POPEYE_REPORT_DIR": str(commands.folder)})
        yield Figure("popeye-to-audit", popeye.seconds / seconds, ">= 10", "popeye / a whole run")
        yield Figure("popeye-memory-to-audit", popeye.peak_mb / peak, ">= 10", "largest processes")


def growth(commands: Commands, measured: dict[int, list[Sample]]) -> Iterator[Figure]:
    """Time and memory of one more workload, at each size; `measured` has the audits of an empty cluster under 0."""

    def medians(name: str) -> dict[int, float]:
        values = {size: median(getattr(sample, name) for sample in samples) for size, samples in measured.items()}
        return {size: (value - values[0]) / size for size, value in values.items() if size}

    sizes = sorted(size for size in measured if size)
    words = ", ".join(f"{size:,}" for size in sizes)
    for name, attribute in (("time", "seconds"), ("memory", "peak_mb")):
        each = medians(attribute)
        yield Figure(
            f"{name}-per-workload",
            spread(list(each.values())),
            "<= 1.3",
            f"largest / smallest of {words} workloads, each less an empty cluster's: "
            + ", ".join(f"{each[size] * 1000:.2f}" for size in sizes)
            + (" ms" if name == "time" else " kB"),
        )
    outputs = [commands.output(f"audit of {size}").stat().st_size for size in sizes]
    yield Figure(
        "output-growth", spread([float(size) for size in outputs]), "<= 1.3", "bytes that Ansible prints with -v"
    )
