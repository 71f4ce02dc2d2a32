# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of tests/servers/servers.yml: what each case puts into the cluster, and what an audit of it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from testbed.images import AGNHOST, SERVERS

from ansible_collections.graceful.termination.tools.calibration.cluster import PORT
from ansible_collections.graceful.termination.tools.calibration.predict import audit_manifests
from ansible_collections.graceful.termination.tools.calibration.variants import NAMESPACE, Refused, Variant

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "servers"
GRACE = 60  # longer than any allowance here, so that the server decides and not the kubelet
BACKEND, _BACKEND_ADDRESS = "backend", "10.96.0.83"  # the built node has no DNS
_SLEEPS = "/shell?cmd=sleep%20{seconds}"
# The findings that speak of the server's own stop.
_RULES = ("server-ends-at-once", "server-timeout-too-short")
LOST, FINISHED, UNKNOWN = "lost", "finished", "not known"


@dataclass(frozen=True)
class Case:
    """One way to run a server, and one time that its requests take. `server` is its name in the catalogue."""

    server: str
    what: str
    seconds: int
    version: tuple[str, ...]
    container: str
    variant: Variant

    @property
    def name(self) -> str:
        """Such as gunicorn-default-20."""
        return f"{self.variant.name}-{self.seconds}"


def read_cases(folder: Path = FOLDER) -> dict[str, Case]:
    """All cases by name, in the order of the file. Raises Refused where two have the same name."""
    entries = yaml.safe_load((folder / "servers.yml").read_text(encoding="utf-8"))
    cases = [_case(entry, way, seconds) for entry in entries for way in entry["cases"] for seconds in way["seconds"]]
    found = {case.name: case for case in cases}
    if len(found) != len(cases):
        raise Refused(f"{folder}/servers.yml: two cases have the same name")
    return found


def _case(entry: dict[str, Any], way: dict[str, Any], seconds: int) -> Case:
    files = dict(entry["files"])
    for mark, text in way.get("set", {}).items():
        files = {name: content.replace(mark, text) for name, content in files.items()}
    containers = [_container(container, first=not n) for n, container in enumerate(way["containers"])]
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("server"), "data": files},
        _service(way["name"], {"type": "NodePort"}, {"port": 80, "targetPort": "http", "nodePort": PORT}),
        _deployment(way["name"], containers, {"graceful.termination/drain-seconds": str(seconds)}),
    ]
    if entry.get("backend"):
        netexec = {"name": "netexec", "image": AGNHOST, "args": ["netexec", "--http-port=8080"]}
        objects += [
            _service(BACKEND, {"clusterIP": _BACKEND_ADDRESS}, {"port": 80, "targetPort": 8080}),
            _deployment(BACKEND, [netexec], {}),
        ]
    path = entry.get("path", _SLEEPS).format(seconds=seconds)
    variant = Variant(way["name"], way["what"], tuple(objects), {"path": path})
    return Case(entry["server"], way["what"], seconds, tuple(entry["version"]), str(containers[-1]["name"]), variant)


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE}


def _service(name: str, more: dict[str, Any], port: dict[str, Any]) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [port], **more}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name), "spec": spec}


def _container(given: dict[str, Any], *, first: bool) -> dict[str, Any]:
    """`first`: it is the one that requests reach."""
    # A request for the processor, so that a busy machine does not make a server slow to stop.
    made = {"image": SERVERS, "imagePullPolicy": "IfNotPresent", "resources": {"requests": {"cpu": "300m"}}, **given}
    made["volumeMounts"] = [{"name": "server", "mountPath": "/srv"}]
    if first:
        made["ports"] = [{"name": "http", "containerPort": 8080}]
        made["readinessProbe"] = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}
    return made


def _deployment(name: str, containers: list[dict[str, Any]], annotations: dict[str, str]) -> dict[str, Any]:
    pod = {
        "terminationGracePeriodSeconds": GRACE,
        "containers": containers,
        "volumes": [{"name": "server", "configMap": {"name": "server"}}],
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name) | {"annotations": annotations},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def said_of(case: Case) -> dict[str, Any]:
    """What an audit of the manifests says of the server's stop: allowance, bound, how, findings and `request`.

    `request`: what becomes of one that takes all of its time: lost, finished or not known. The allowance is that of the
    container in a finding, where there is one, else that of the budget.
    """
    own = [obj for obj in case.variant.objects if obj["metadata"]["name"] != BACKEND]
    report = audit_manifests(Variant(case.variant.name, case.what, tuple(own), case.variant.drill))
    allowance = report["workloads"][0]["budget"]["allowance"] or {"seconds": None, "bound": "unknown", "how": "default"}
    found = [entry for entry in report["findings"] if entry["rule"] in _RULES]
    if found:
        seconds = min(entry["numbers"]["allowance_seconds"] for entry in found)
        allowance = {"how": allowance["how"], "bound": "exact", "seconds": seconds}
    return {
        "allowance": allowance["seconds"],
        "bound": allowance["bound"],
        "how": allowance["how"],
        "findings": sorted({f"{entry['rule']} ({entry['severity']})" for entry in found}),
        "request": _becomes(case.seconds, allowance),
    }


def _becomes(seconds: int, allowance: dict[str, Any]) -> str:
    if allowance["bound"] == "unknown":
        return UNKNOWN
    if allowance["bound"] == "unlimited" or seconds <= allowance["seconds"]:
        return FINISHED
    return LOST
