# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the benchmark cluster: a number of Deployments, and around each what a real cluster has around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PER_NAMESPACE = 100
PODS = 3  # of each Deployment
OLD_REPLICA_SETS = 2
_IMAGE = "registry.example.com/shop/service"


def namespace(number: int) -> str:
    """The namespace of the Deployment with this number."""
    return f"bench-{number // PER_NAMESPACE:03}"


def namespaces(first: int, last: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path to POST to, object) of the namespaces for the Deployments first to last-1, each with its ServiceAccount.

    The controller that would make the ServiceAccount does not run.
    """
    for number in range(first, last, PER_NAMESPACE):
        name = namespace(number)
        yield "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        yield f"/api/v1/namespaces/{name}/serviceaccounts", account


def workloads(first: int, last: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path to POST to, object) of Deployments; every second one lacks what is to be found, a preStop hook first."""
    for number in range(first, last):
        yield f"/apis/apps/v1/namespaces/{namespace(number)}/deployments", deployment(number)


def around(first: int, last: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path to POST to, object) of old ReplicaSets and pods; of nine Services and five budgets for ten Deployments."""
    for number in range(first, last):
        space, name = namespace(number), f"service-{number:05}"
        template = _template(number)
        for revision in range(OLD_REPLICA_SETS):
            metadata = _metadata(name, number) | {"name": f"{name}-{revision:010x}"}
            spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
            replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
            yield f"/apis/apps/v1/namespaces/{space}/replicasets", replica_set
        for pod in range(PODS):
            metadata = template["metadata"] | {"name": f"{name}-{pod:05}"}
            yield (
                f"/api/v1/namespaces/{space}/pods",
                {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]},
            )
        if number % 10 != 9:
            spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
            service = {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name, number), "spec": spec}
            yield f"/api/v1/namespaces/{space}/services", service
        if number % 2:
            spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}}
            budget = {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": name},
                "spec": spec,
            }
            yield f"/apis/policy/v1/namespaces/{space}/poddisruptionbudgets", budget


def deployment(number: int) -> dict[str, Any]:
    """One Deployment of about 4 kB, as it is sent to a server."""
    name = f"service-{number:05}"
    spec = {
        "replicas": PODS,
        "revisionHistoryLimit": OLD_REPLICA_SETS,
        "minReadySeconds": 10 * (number % 2),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "selector": {"matchLabels": {"app": name}},
        "template": _template(number),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(name, number), "spec": spec}


def status(generation: int) -> dict[str, Any]:
    """The status of a Deployment that is at rest: no controller writes it here."""
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), PODS)
    return {"status": {"observedGeneration": generation, "conditions": conditions, **counts}}


def _metadata(name: str, number: int) -> dict[str, Any]:
    labels = {
        "app": name,
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": f"system-{number % 37}",
        "app.kubernetes.io/version": f"4.{number % 20}.{number % 7}",
    }
    annotations = {
        "example.com/owner": f"team-{number % 23}",
        "example.com/runbook": f"https://runbooks.example.com/services/{name}",
        "graceful.termination/drain-seconds": "20",
    }
    return {"name": name, "labels": labels, "annotations": annotations}


def _template(number: int) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 2}
    container: dict[str, Any] = {
        "name": "service",
        "image": f"{_IMAGE}:4.{number % 20}.{number % 7}",
        "args": [f"--listen=:{8080}", "--log-format=json", f"--shard={number % 16}"],
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "env": [
            {"name": f"SETTING_{index}", "value": f"value-{number}-{index} of some ordinary length"}
            for index in range(12)
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": probe,
        "livenessProbe": probe | {"httpGet": {"path": "/alive", "port": "http"}, "failureThreshold": 6},
        "startupProbe": probe | {"failureThreshold": 30},
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/service"}, {"name": "scratch", "mountPath": "/tmp"}],
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True},
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [
            {"name": "settings", "configMap": {"name": f"settings-{number:05}", "optional": True}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }
    if number % 2:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": 10}}}
        spec["terminationGracePeriodSeconds"] = 60
    return {"metadata": {"labels": {"app": f"service-{number:05}"}}, "spec": spec}
