# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that have neither a shell nor sleep, by their names: data, one line each.

A line is the end of an image's path, whole segments; `*` stands for any one segment, or for the rest of one. Built on
distroless or scratch, as their projects say. Variants whose tag names a system (alpine, debian, …) have a shell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import SHELLS, script_of

_USUAL_FOLDERS = ("", "/bin", "/usr/bin", "/usr/local/bin")
# Words in a path or a tag that say so themselves.
_SAYS_SO = re.compile(r"distroless|(?:^|/)static(?:-debian\d|:nonroot)|[-:]scratch$|(?:^|/)chainguard/")
_HAS_SHELL = re.compile(r"[-:.](?:debug|dev|shell|busybox)(?![a-z])|^(?:bash|busybox|git|[a-z]{1,20}-base)(?::|$)")
_SYSTEM_TAG = re.compile(r"alpine|debian|bookworm|bullseye|buster|trixie|ubuntu|jammy|noble|ubi\d|slim|windows|ltsc")
_PATHS = (
    # Kubernetes and its storage
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "coredns/coredns",
    "coredns",
    "pause",
    "csi-node-driver-registrar",
    "csi-provisioner",
    "csi-attacher",
    "csi-resizer",
    "csi-snapshotter",
    "csi-external-health-monitor-controller",
    "sig-storage/livenessprobe",
    "sig-storage/snapshot-controller",
    "sig-storage/snapshot-validation-webhook",
    "metrics-server/metrics-server",
    "kube-state-metrics/kube-state-metrics",
    "external-dns/external-dns",
    "autoscaling/cluster-autoscaler",
    "autoscaling/vpa-*",
    "descheduler/descheduler",
    "ingress-nginx/kube-webhook-certgen",
    "kas-network-proxy/*",
    "cluster-api/*",
    "kueue/kueue",
    "jobset/jobset",
    "lws/lws",
    # Controllers and proxies of others
    "jetstack/cert-manager-*",
    "brancz/kube-rbac-proxy",
    "karpenter/controller",
    "kyverno/kyverno",
    "kyverno/*-controller",
    "gardener-project/*/*",
    "gardener-project/*/*/*",
    "envoyproxy/gateway",
    "cilium/operator-*",
    "openpolicyagent/opa",
    "cloud-sql-connectors/cloud-sql-proxy",
    "cloudsql-docker/gce-proxy",
    "llm-d/llm-d-*",
    "bootes",
    # Telemetry
    "otel/opentelemetry-collector*",
    "opentelemetry-collector-releases/opentelemetry-collector*",
    "fluent/fluent-bit",
    # Small servers
    "hashicorp/http-echo",
    "traefik/whoami",
)
_PATTERNS = tuple(re.compile(r"(?:^|/)" + re.escape(path).replace(r"\*", "[^/]*") + "$") for path in _PATHS)


def lacks_shell(image: str) -> bool:
    """Whether an image of this name has no shell. False where that is not known."""
    image = image.lower().partition("@")[0][:500]
    folder, slash, last = image.rpartition("/")
    name, _colon, tag = last.partition(":")
    if _HAS_SHELL.search(last):
        return False
    if _SAYS_SO.search(image):
        return True
    path = f"{folder}{slash}{name}"
    return not _SYSTEM_TAG.search(tag) and any(pattern.search(path) for pattern in _PATTERNS)


def calls_shell(words: Sequence[str]) -> bool:
    """Whether a hook starts a shell or sleep from where an image has them; elsewhere a volume may hold one."""
    folder, _slash, program = words[0].rpartition("/") if words else ("", "", "")
    if folder not in _USUAL_FOLDERS:
        return False
    return program in (*SHELLS, "sleep", "busybox") or script_of(words) is not None
