# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes and the claims behind them, and what each of them really means for two pods at a time."""

from __future__ import annotations

from typing import Any, NamedTuple


class Shelf(NamedTuple):
    """A volume. `modes` are those of its claim, None for other volumes and for a claim that is not in the input.

    `lasting`: what a pod writes there, the next one finds and writes to as well. `one_node`: pods of several nodes
    cannot have it at a time, or nobody knows whether they can; `one_pod`: no two pods can.
    """

    volume: dict[str, Any]
    modes: tuple[str, ...] | None = None
    lasting: bool = False
    one_node: bool = False
    one_pod: bool = False

    @property
    def shared(self) -> bool:
        """Whether pods of several nodes can write there at a time, which several replicas then do already."""
        return self.lasting and not self.one_node and not self.one_pod


def _claim(name: str, *modes: str) -> Shelf:
    return Shelf(
        {"persistentVolumeClaim": {"claimName": name}},
        modes or None,
        lasting=modes != ("ReadOnlyMany",),
        one_node=not {"ReadWriteMany", "ReadOnlyMany"} & set(modes) and "ReadWriteOncePod" not in modes,
        one_pod="ReadWriteOncePod" in modes,
    )


SHELVES = {
    "rwo": _claim("rwo", "ReadWriteOnce"),
    "rwx": _claim("rwx", "ReadWriteMany"),
    "rwop": _claim("rwop", "ReadWriteOncePod"),
    "rox": _claim("rox", "ReadOnlyMany"),
    "elsewhere": _claim("elsewhere"),
    "folder": Shelf({"hostPath": {"path": "/srv/app", "type": "DirectoryOrCreate"}}, lasting=True),
    "nfs": Shelf({"nfs": {"server": "10.0.0.9", "path": "/export/app"}}, lasting=True),
    "disk": Shelf({"awsElasticBlockStore": {"volumeID": "vol-1"}}, lasting=True, one_node=True),
    "iscsi": Shelf(
        {"iscsi": {"targetPortal": "10.0.0.9:3260", "iqn": "iqn.2001-04.com.example:x", "lun": 0}},
        lasting=True,
        one_node=True,
    ),
    "scratch": Shelf({"emptyDir": {}}),
    "memory": Shelf({"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}),
    "settings": Shelf({"configMap": {"name": "settings"}}),
    "zone": Shelf({"hostPath": {"path": "/etc/localtime"}}),
    "logs": Shelf({"hostPath": {"path": "/var/log/app"}}),
    "socket": Shelf({"hostPath": {"path": "/run/containerd/containerd.sock", "type": "Socket"}}),
    "secrets": Shelf({"csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True}}),
    "made": Shelf(
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
                }
            }
        }
    ),
}
_POD_FIELDS = ("metadata.name", "metadata.uid", "status.podIP")


def writes(pod: dict[str, Any], container: dict[str, Any]) -> set[str]:
    """The volumes whose content outlives the pod and that a container writes to, where the next pod does, too."""
    present = {volume["name"] for volume in pod.get("volumes") or ()}
    own = {
        entry["name"]
        for entry in container.get("env") or ()
        if ((entry.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath") in _POD_FIELDS
    }
    return {
        mount["name"]
        for mount in container.get("volumeMounts") or ()
        if mount["name"] in present
        and SHELVES[mount["name"]].lasting
        and not mount.get("readOnly")
        and not any(f"$({name})" in mount.get("subPathExpr", "") for name in own)
    }
