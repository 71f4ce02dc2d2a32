# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spot nodes, which a cloud reclaims at short notice: the labels that it gives them, and how long a pod then has.

To add a cloud, add what its documentation says its own labels are; a label that users choose is none. A taint says no
more: clouds that set one set the label as well, and a toleration allows such nodes, but asks for none.
"""

from __future__ import annotations

from collections.abc import Mapping

SpotLabel = tuple[str, str]

GKE_SPOT = frozenset({("cloud.google.com/gke-spot", "true"), ("cloud.google.com/gke-provisioning", "spot")})
# (label, value): the seconds between the notice and the end; None where no documentation has a number.
SPOT_SECONDS: dict[SpotLabel, int | None] = {
    # Amazon EKS: managed node groups, eksctl's own node groups, Karpenter.
    ("eks.amazonaws.com/capacityType", "SPOT"): 120,
    ("node-lifecycle", "spot"): 120,
    ("karpenter.sh/capacity-type", "spot"): 120,
    # Google GKE: of 30 s the kubelet gives all but system pods 15.
    **dict.fromkeys(GKE_SPOT, 15),
    ("cloud.google.com/gke-preemptible", "true"): 15,
    ("cloud.google.com/gke-provisioning", "preemptible"): 15,
    # Azure AKS: the notice comes 30 s before the end.
    ("kubernetes.azure.com/scalesetpriority", "spot"): 30,
    # Alibaba Cloud ACK: the notice comes 5 minutes before the end.
    ("node.alibabacloud.com/spot-strategy", "SpotAsPriceGo"): 300,
    ("node.alibabacloud.com/spot-strategy", "SpotWithPriceLimit"): 300,
    # Oracle OKE drains the node before the instance ends.
    ("oci.oraclecloud.com/oke-is-preemptible", "true"): None,
}
# Other nodes do not have these labels at all, so that asking for the label is enough.
_SPOT_ONLY = frozenset(
    {
        "cloud.google.com/gke-spot",
        "cloud.google.com/gke-preemptible",
        "oci.oraclecloud.com/oke-is-preemptible",
    }
)


def spot_label(labels: Mapping[str, str]) -> SpotLabel | None:
    """The label that tells a spot node; of several the one with the least time. None for other nodes."""
    found = [label for label in SPOT_SECONDS if labels.get(label[0]) == label[1]]
    return min(found, key=shortest, default=None)


def shortest(label: SpotLabel) -> tuple[float, SpotLabel]:
    """Sorts labels by their time; where that is not known, it counts as without end."""
    seconds = SPOT_SECONDS[label]
    return (float("inf") if seconds is None else seconds), label


def asked_by(key: object, operator: object, values: object) -> SpotLabel | None:
    """The label that an expression of a node affinity asks for, if none but spot nodes meet it."""
    if operator == "Exists" and isinstance(key, str) and key in _SPOT_ONLY:
        return next(label for label in SPOT_SECONDS if label[0] == key)
    if operator != "In" or not isinstance(values, list) or not values:
        return None
    found = [(str(key), str(value)) for value in values]
    # Any of the values will do, so each must be one of spot nodes; the one that waits longest is certain.
    return max(found, key=shortest) if all(label in SPOT_SECONDS for label in found) else None
