# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that is done harm to, one of its own, and the Deployments in it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from own_cluster import OwnCluster
from testbed.common import cache_folder
from testbed.images import AGNHOST

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "faults"
ACCOUNT = "graceful-termination-remediate"  # what the role's RBAC files call it
_NAME = "graceful-faults"


def command(*arguments: str, text: str | None = None) -> str:
    """Run one. Raises CalledProcessError."""
    return subprocess.run(arguments, input=text, check=True, capture_output=True, encoding="utf-8").stdout


def kubectl(*arguments: str, text: str | None = None) -> str:
    """Run it in the namespace. Raises CalledProcessError."""
    return command("kubectl", "-n", NAMESPACE, *arguments, text=text)


class Cluster(OwnCluster):
    """The one that is done harm to, with an audit log and the rights of the role."""

    def __init__(self, folder: Path):
        self._audit_log = folder / "audit.log"
        super().__init__(_NAME, folder / "kubeconfig", "--audit-log", str(self._audit_log))
        os.environ["PATH"] = f"{cache_folder() / 'kind-node/bin'}:{os.environ['PATH']}"
        self.version = json.loads(command("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
        command("kubectl", "create", "namespace", NAMESPACE)
        rights = (ROOT / "roles/remediate/files/rbac-namespace.yaml").read_text(encoding="utf-8")
        command("kubectl", "apply", "-f", "-", text=rights.replace("NAMESPACE", NAMESPACE))

    def reset(self, amount: int, *, pods: bool) -> None:
        """So many Deployments as they are in the beginning; with `pods`, rolled out."""
        kubectl("delete", "deployments,services", "--all")
        if pods:
            kubectl("wait", "--for=delete", "pod", "--all", "--timeout=120s")
        items = [item for number in range(amount) for item in _workload(f"web-{number:03}")]
        kubectl("create", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        if pods:
            kubectl("wait", "--for=condition=Available", "deployment", "--all", "--timeout=180s")
            time.sleep(3)  # the last of them has to be seen as complete, too

    def deployments(self) -> dict[str, Any]:
        """By their name in reports."""
        found = json.loads(kubectl("get", "deployments", "-o", "json"))
        return {f"{NAMESPACE}/Deployment/{item['metadata']['name']}": item for item in found["items"]}

    def requests(self, *, dry: bool = False) -> list[dict[str, Any]]:
        """The PATCH requests of the remediation that the API server has logged; with `dry`, trials too."""
        lines = self._audit_log.read_text(encoding="utf-8", errors="replace").splitlines()
        entries = [json.loads(line) for line in lines if '"verb":"patch"' in line and line.endswith("}")]
        return [
            entry
            for entry in entries
            # A request without valid credentials has no other stage than that its answer began.
            if entry["stage"] in ("ResponseComplete", "ResponseStarted")
            and "fieldManager=graceful-termination" in entry["requestURI"]
            and (dry or "dryRun" not in entry["requestURI"])
        ]

    def kill_server(self) -> float:
        """SIGKILL for the API server; after how many seconds it answers again."""
        begin = time.monotonic()
        self.node("pkill", "-9", "-x", "kube-apiserver")
        self.wait_for_server()
        return round(time.monotonic() - begin, 1)

    def wait_for_server(self) -> None:
        """Return when it answers."""
        asked = ["kubectl", "get", "--raw", "/readyz"]
        while subprocess.run(asked, check=False, capture_output=True).returncode:
            time.sleep(0.3)

    @contextmanager
    def without_controllers(self) -> Iterator[None]:
        """Deployments are objects without pods meanwhile."""
        self.stop("kube-controller-manager")
        try:
            yield
        finally:
            self.start("kube-controller-manager")


def _workload(name: str) -> Iterator[dict[str, Any]]:
    """A Deployment that needs a change of its strategy and one of its template, and its Service."""
    labels = {"app": name}
    container = {
        "name": "web",
        "image": AGNHOST,
        "imagePullPolicy": "IfNotPresent",
        "args": ["netexec", "--http-port=8080"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": 8080}, "periodSeconds": 1},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
