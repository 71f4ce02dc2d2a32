# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts that start a second database or broker on the data of the first one."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import RECREATE, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule

_SURGE = {
    "DaemonSet": "spec.updateStrategy.rollingUpdate.maxSurge",
    "Deployment": "spec.strategy.rollingUpdate.maxSurge",
    "Rollout": "spec.strategy.canary.maxSurge",
}


def _surges(case: Case) -> Iterator[Hit]:
    found = case.shared_data
    if found is None:
        return
    yield Hit(
        f"a rolling update starts a second {found.store} before the first one has stopped, on the same data "
        f"({found.mount.path:.200} on {found.claim}): two servers on one data directory corrupt it, or the new one "
        "waits for a lock and the rollout hangs",
        _SURGE[case.workload.kind],
        Remedy(
            RECREATE,
            "with Recreate nothing serves during a rollout: its owner must accept that. A StatefulSet starts no "
            "second pod either. ReadWriteOncePod alone makes a surge hang, and the access modes of a claim cannot be "
            "changed",
        ),
        found.container,
        numbers={"replicas": case.replicas},
        evidence=None if case.workload.replicas in (1, None) else "context",
    )


RULES = (
    Rule(
        id="surge-data-conflict",
        title="Rolling update starts a second server on one data directory",
        severity="error",
        evidence="static",
        why="A store expects to be alone on its data directory. A lock file that names a PID does not help, since the "
        "first process of every container is PID 1, nor does one on a network file system: then both servers write.",
        exceptions=(
            "Recreate, or maxSurge 0: the old pod stops first",
            "clients, exporters and backups in the image of a store",
            "volumes that are deleted with the pod (emptyDir), read-only mounts, and a folder for each pod "
            "(subPathExpr)",
            "hostPath of logs, sockets, time zones or certificates",
            "two or more replicas: their owner shares the volume, or surge-volume-deadlock applies",
            "ReadWriteOncePod: no second pod starts, which is surge-volume-deadlock",
            "StatefulSets: they never surge, and each pod has its own claims",
        ),
        check=_surges,
        seed="nine steps: 6, 7",
        remedies=(RECREATE,),
        needs=("HorizontalPodAutoscaler",),
    ),
)
