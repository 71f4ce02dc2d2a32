# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that outlive a pod, and whose data its next pod finds."""

from __future__ import annotations

import posixpath
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import Mount
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# Block devices, and what several pods can mount at a time. Claims are both, by their access modes.
_DISKS = (
    *("awsElasticBlockStore", "azureDisk", "cinder", "fc", "flexVolume", "gcePersistentDisk"),
    *("iscsi", "photonPersistentDisk", "portworxVolume", "rbd", "scaleIO", "storageos"),
    *("vsphereVolume",),
)
_READ_BY_MANY = ("fc", "gcePersistentDisk", "iscsi", "rbd")  # what is only read can be on several nodes
_SHARES = (*("azureFile", "cephfs", "csi", "glusterfs", "hostPath", "nfs", "quobyte"),)
# Inline CSI drivers whose volumes hold secrets, certificates or images, recreated for each pod.
_EPHEMERAL_DRIVERS = (
    *("secrets-store.csi.k8s.io", "csi.cert-manager.io", "csi.spiffe.io", "image.csi.k8s.io"),
    *("csi.vault.hashicorp.com", "sharedresource.csi.openshift.io"),
)
# Folders of a node that hold no data of a pod.
_OF_THE_NODE = (
    *("/boot", "/dev", "/etc", "/lib", "/lib64", "/opt/cni", "/proc", "/run", "/sys", "/usr"),
    *("/var/log", "/var/run", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker"),
    *("/var/lib/kubelet",),
)
_NO_DATA = frozenset(["certs", "localtime", "log", "logs", "pki", "ssl", "zoneinfo"])


def outlives_pod(mount: Mount) -> bool:
    """Whether what the container writes there outlives the pod: data, not logs or certificates."""
    if mount.read_only or posixpath.basename(mount.path) in _NO_DATA or f"{mount.path}/".startswith("/var/log/"):
        return False
    kind, source = source_of(mount)
    if not kind or source.get("readOnly") is True or source.get("driver") in _EPHEMERAL_DRIVERS:
        return False
    return not (kind == "hostPath" and _is_of_the_node(source))


def source_of(mount: Mount) -> tuple[str, dict[str, Any]]:
    """(the kind of a lasting volume, such as nfs; its fields); an empty kind for any other volume."""
    for kind in ("persistentVolumeClaim", *_DISKS, *_SHARES):
        source = mount.volume.get(kind)
        if isinstance(source, dict):
            return kind, source
    return "", {}


def disks_of(workload: Workload) -> tuple[str, ...]:
    """The disks in its pods that one node can have at a time, by the names of their volumes; claims are not among them.

    Raises Unreadable.
    """
    path = f"{workload.pod_path}.volumes"
    return tuple(
        get(volume, "name", str, path, "")
        for volume in get_maps(workload.pod, "volumes", workload.pod_path)
        for kind in _DISKS
        if isinstance(volume.get(kind), dict) and not (volume[kind].get("readOnly") is True and kind in _READ_BY_MANY)
    )


def is_share(kind: str) -> bool:
    """Whether several pods can mount such a volume for writing at a time, on several nodes."""
    return kind in _SHARES


def _is_of_the_node(source: dict[str, Any]) -> bool:
    path = posixpath.normpath(get(source, "path", str, "hostPath", "") or "/")
    if get(source, "type", str, "hostPath", "") in ("Socket", "CharDevice", "BlockDevice") or path == "/":
        return True
    if path.endswith(".sock") or posixpath.basename(path) in _NO_DATA:
        return True
    return any(f"{path}/".startswith(f"{folder}/") for folder in _OF_THE_NODE)
