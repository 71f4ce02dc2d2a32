# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments that a change would let surge, if it did not see what lets no second pod start beside the first.

Chance brings a strategy that loses capacity and such a bond together too seldom: a product that ignores host ports or
disks would pass.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.tests.unit.fuzz.dice import Dice
from ansible_collections.graceful.termination.tests.unit.fuzz.volumes import SHELVES

_BONDS = (
    "hostPort",
    "rwo",
    "sidecar",
    "disk",
    "hostPort",
    "rwo",
    "hostNetwork",
    "iscsi",
    "rwop",
    "rwo",
    "made",
    "hostPort",
)


def bind(dice: Dice, deployment: dict[str, Any]) -> None:
    """Let it stop pods before new ones are ready, and bind its pods to a port or a disk of their node.

    `made` is the opposite: each pod has a disk of its own, so one more finds a place.
    """
    spec = deployment["spec"]
    pod = spec["template"]["spec"]
    first = pod["containers"][0]
    spec["replicas"] = dice.one(3, 2)  # with more it would be an info, which is left as it is
    rolling = {"maxSurge": dice.one(0, 0, 1), "maxUnavailable": dice.one(1, 1, "50%")}
    spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    # What else would keep one more pod away would hide this.
    pod.pop("affinity", None)
    bond = dice.one(*_BONDS)
    if bond == "hostPort":
        first["ports"] = [{"containerPort": 8080, "hostPort": 8080}]
    elif bond == "hostNetwork":
        pod["hostNetwork"] = True
        first["ports"] = [{"containerPort": 8080}]
    elif bond == "sidecar":
        ports = [{"containerPort": 7171, "hostPort": 7171}]
        sidecar = {"name": "entry", "image": "registry.example/entry:1", "restartPolicy": "Always", "ports": ports}
        pod.setdefault("initContainers", []).append(sidecar)
    else:
        _mount(dice, pod, first, bond)


def _mount(dice: Dice, pod: dict[str, Any], container: dict[str, Any], shelf: str) -> None:
    if all(volume["name"] != shelf for volume in pod.get("volumes") or ()):
        pod.setdefault("volumes", []).append({"name": shelf, **SHELVES[shelf].volume})
    if all(mount["name"] != shelf for mount in container.get("volumeMounts") or ()):
        mount = {"name": shelf, "mountPath": f"/mnt/{shelf}"} | dice.fields(readOnly=(40, True))
        container.setdefault("volumeMounts", []).append(mount)
