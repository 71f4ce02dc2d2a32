# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other tools check of how a pod stops, for people who know their ids."""

from __future__ import annotations

from dataclasses import dataclass

# Of kube-score 1.20.0, kube-linter 0.8.3, Polaris 10.2.2, Popeye 0.22.1 and Kubescape 4.0.12.


@dataclass(frozen=True, slots=True)
class Other:
    """Checks of one tool that ask the same, the rules of ours that do, and what ours do differently.

    Without `rules`, the note says why there is none.
    """

    tool: str
    ids: tuple[str, ...]
    rules: tuple[str, ...]
    note: str


_ONLY_SERVING = "only where requests are taken, for each container that takes them, and never for a Job"
_TAKEN = "where requests are taken"
_STATE = "from the configuration, not from the state of the moment"
_NO_LIVENESS = "no rule: a pod without one is never killed for being slow"
_DOMAIN = "no rule: it says nothing of how a pod stops"

OTHERS = (
    Other("kube-score", ("pod-probes",), ("no-readiness-probe",), "one container with a probe does not excuse another"),
    Other(
        "kube-score",
        ("pod-probes-identical",),
        ("pod-probes-identical",),
        "the same endpoint is fine where liveness acts later than readiness",
    ),
    Other(
        "kube-score",
        ("deployment-strategy",),
        ("recreate-strategy-serving",),
        "not where a second pod could not mount its volume or bind its port",
    ),
    Other("kube-score", ("deployment-replicas",), ("single-replica",), "an autoscaler's minimum counts"),
    Other(
        "kube-score",
        ("deployment-has-poddisruptionbudget", "statefulset-has-poddisruptionbudget"),
        ("pdb-missing",),
        "from two replicas on, replicas that are not declared being one",
    ),
    Other("kube-score", ("poddisruptionbudget-has-policy",), ("pdb-blocks-eviction",), "whether it ever lets a pod go"),
    Other(
        "kube-score",
        ("horizontalpodautoscaler-replicas",),
        ("single-replica",),
        _TAKEN,
    ),
    Other("kube-linter", ("no-readiness-probe",), ("no-readiness-probe",), _ONLY_SERVING),
    Other("kube-linter", ("no-liveness-probe",), (), _NO_LIVENESS),
    Other("kube-linter", ("liveness-port", "readiness-port", "startup-port"), (), _DOMAIN),
    Other(
        "kube-linter",
        ("no-rolling-update-strategy",),
        ("recreate-strategy-serving",),
        "a strategy that is not set is RollingUpdate",
    ),
    Other(
        "kube-linter",
        ("pdb-max-unavailable", "pdb-min-available"),
        ("pdb-blocks-eviction",),
        "resolved against the replicas as the controller does, and matched with the labels of the pods",
    ),
    Other(
        "kube-linter",
        ("pdb-unhealthy-pod-eviction-policy",),
        ("pdb-unhealthy-pod-eviction-policy",),
        "an info at first",
    ),
    Other(
        "kube-linter",
        ("minimum-three-replicas", "hpa-minimum-three-replicas"),
        ("single-replica",),
        "two are enough to stop one",
    ),
    Other("Polaris", ("readinessProbeMissing",), ("no-readiness-probe",), _ONLY_SERVING),
    Other("Polaris", ("livenessProbeMissing",), (), _NO_LIVENESS),
    Other("Polaris", ("deploymentMissingReplicas", "hpaMinAvailability"), ("single-replica",), _TAKEN),
    Other("Polaris", ("hpaMaxAvailability",), (), _DOMAIN),
    Other(
        "Polaris",
        ("missingPodDisruptionBudget",),
        ("pdb-missing",),
        "the whole selector has to match, not one label; StatefulSets, too; not at one replica",
    ),
    Other(
        "Polaris",
        ("pdbDisruptionsIsZero", "pdbMinAvailableGreaterThanHPAMinReplicas"),
        ("pdb-blocks-eviction",),
        "replicas and the autoscaler's minimum count",
    ),
    Other("Popeye", ("102", "104"), ("no-readiness-probe",), "once a workload, not once a pod"),
    Other("Popeye", ("103",), (), _NO_LIVENESS),
    Other("Popeye", ("105",), (), _DOMAIN),
    Other("Popeye", ("206",), ("pdb-missing",), "in the same namespace, matchExpressions included"),
    Other("Popeye", ("209",), ("pdb-overlap",), "what it leads to: evictions that always fail"),
    Other("Popeye", ("900",), (), "no rule: it is about a budget without pods"),
    Other("Popeye", ("901",), ("pdb-blocks-eviction",), _STATE),
    Other("Popeye", ("500", "501"), (), "no rule: it is about the state of the moment"),
    Other("Popeye", ("1109",), ("single-replica",), _STATE),
    Other("Kubescape", ("C-0018",), ("no-readiness-probe",), _ONLY_SERVING),
    Other("Kubescape", ("C-0056",), (), _NO_LIVENESS),
    Other("Kubescape", ("C-0305",), ("recreate-strategy-serving",), "not where a second pod could not run beside it"),
)
