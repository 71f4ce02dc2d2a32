# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kind cluster is made from: kind's configuration and the API server's audit policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from testbed import images

# Who changes what is logged, but for the cluster's own parts.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", \
"system:anonymous"]
  - level: None
    userGroups: ["system:nodes", "system:bootstrappers", "system:serviceaccounts:kube-system", \
"system:serviceaccounts:local-path-storage"]
  - level: Metadata
"""
_CLUSTER = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
  - |
    kind: ClusterConfiguration
    apiVersion: kubeadm.k8s.io/v1beta4
    apiServer:
      extraArgs:
        - {name: audit-policy-file, value: /etc/kubernetes/audit/policy.yaml}
        - {name: audit-log-path, value: /var/log/kubernetes/audit.log}
      extraVolumes:
        - {name: audit-policy, hostPath: /etc/kubernetes/audit, mountPath: /etc/kubernetes/audit, readOnly: true, \
pathType: Directory}
        - {name: audit-log, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes, readOnly: false, \
pathType: Directory}
  - |
    kind: KubeletConfiguration
    apiVersion: kubelet.config.k8s.io/v1beta1
    failCgroupV1: false
"""
# The built image brings its network's configuration, has no CoreDNS, and kube-proxy's only back end there is nftables.
_BUILT = """\
    cgroupDriver: cgroupfs
  - |
    kind: InitConfiguration
    apiVersion: kubeadm.k8s.io/v1beta4
    skipPhases: [preflight, addon/coredns]
networking: {disableDefaultCNI: true, kubeProxyMode: nftables}
"""


def kind_config(image: str, image_id: str, state: Path, node_ports: Sequence[int]) -> str:
    """The configuration for `kind create cluster`.

    `image_id` is a comment in it: a cluster of another build of the image has other settings. `state` is the folder of
    the cluster, with the audit policy in policy/ and the audit log in audit/. 127.0.0.1 has the NodePorts.
    """
    nodes = f"""\
nodes:
  - role: control-plane
    image: "{image}"
    extraMounts:
      - {{hostPath: "{state}/policy", containerPath: /etc/kubernetes/audit, readOnly: true}}
      - {{hostPath: "{state}/audit", containerPath: /var/log/kubernetes}}
"""
    if node_ports:
        nodes += "    extraPortMappings:\n"
    for port in node_ports:
        nodes += f"      - {{containerPort: {port}, hostPort: {port}, listenAddress: 127.0.0.1}}\n"
    return f"# image {image_id}\n" + _CLUSTER + (_BUILT if image == images.BUILT_NODE else "") + nodes
