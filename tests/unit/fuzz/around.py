# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around a random workload: who sends it requests, what bounds its pods, what it mounts and reads."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.tests.unit.fuzz.dice import Dice
from ansible_collections.graceful.termination.tests.unit.fuzz.volumes import SHELVES
from ansible_collections.graceful.termination.tests.unit.fuzz.workloads import NAMESPACE

_NLB = {"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip"}


def _object(api: str, kind: str, name: str, spec: dict[str, Any] | None, **metadata: Any) -> dict[str, Any]:
    obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE} | metadata}
    return obj if spec is None else obj | {"spec": spec}


def surroundings(dice: Dice, kind: str, name: str = "web") -> list[dict[str, Any]]:
    """Other objects of the same namespace; without a choice made for them, one Service."""
    found = []
    if not dice.chance(8):
        found.append(_service(dice, name))
        if dice.chance(15):
            found.append(_ingress(dice, name))
        if dice.chance(10):
            found += _routes(dice, name)
    if dice.chance(15):
        found.append(_budget(dice, name))
    if dice.chance(12) and kind in ("Deployment", "StatefulSet", "Rollout"):
        found.append(_autoscaler(dice, kind, name))
    for shelf in SHELVES.values():
        if shelf.modes and dice.chance(94):
            claim = {"accessModes": list(shelf.modes), "resources": {"requests": {"storage": "1Gi"}}}
            found.append(
                _object("v1", "PersistentVolumeClaim", shelf.volume["persistentVolumeClaim"]["claimName"], claim)
            )
    if dice.chance(25):
        found.append(_settings(dice))
    if dice.chance(8):
        found.append(_namespace(dice))
    found += [_node(label) for label in dice.one((), (), (), ("a",), ("a", "b"), ("a", "b", "c"), tuple("abcdef"))]
    if dice.chance(8):
        quota = {"hard": {"pods": dice.one("3", "20"), "requests.cpu": "4"}}
        found.append(_object("v1", "ResourceQuota", "quota", quota))
    return found


def _service(dice: Dice, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": {"app": name},
        "ports": [{"port": 80, "targetPort": dice.one(8080, 8080, "http")}],
    }
    how = dice.one(*("plain",) * 5, *("balancer", "nlb") * 2, "node", "headless", "metrics")
    annotations = {}
    if how in ("balancer", "nlb"):
        spec["type"] = "LoadBalancer"
        annotations = _NLB if how == "nlb" else {}
        spec |= dice.fields(externalTrafficPolicy=(40, ["Local", "Cluster"]))
    elif how == "headless":
        spec["clusterIP"] = "None"
    elif how == "node":
        spec["type"] = "NodePort"
    elif how == "metrics":
        spec["ports"] = [{"name": "metrics", "port": 9102, "targetPort": 9102}]
    return _object("v1", "Service", name, spec, **({"annotations": annotations} if annotations else {}))


def _ingress(dice: Dice, name: str) -> dict[str, Any]:
    backend = {"service": {"name": name, "port": {"number": 80}}}
    spec = {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    spec |= dice.fields(ingressClassName=(70, ["nginx", "alb", "azure-application-gateway"]))
    annotations = dice.one(
        {"alb.ingress.kubernetes.io/target-type": "ip"},
        {"nginx.ingress.kubernetes.io/proxy-read-timeout": "120"},
        {"kubernetes.io/ingress.class": "alb"},
    )
    return _object("networking.k8s.io/v1", "Ingress", name, spec, annotations=annotations)


def _routes(dice: Dice, name: str) -> list[dict[str, Any]]:
    api = "gateway.networking.k8s.io/v1"
    rule = {"backendRefs": [{"name": name, "port": 80}]} | dice.fields(timeouts=(30, {"request": "90s"}))
    gateway = {"gatewayClassName": dice.one("istio", "gke-l7-global-external-managed", "eg"), "listeners": []}
    return [
        _object(api, dice.one("HTTPRoute", "GRPCRoute"), name, {"parentRefs": [{"name": "public"}], "rules": [rule]}),
        _object(api, "Gateway", "public", gateway),
    ]


def _budget(dice: Dice, name: str) -> dict[str, Any]:
    bounds: tuple[tuple[str, Any], ...]
    bounds = ("maxUnavailable", 1), ("minAvailable", 1), ("minAvailable", "100%"), ("maxUnavailable", 0)
    spec = {"selector": {"matchLabels": {"app": name}}} | dict([dice.one(*bounds)])
    return _object(dice.one("policy/v1", "policy/v1", "policy/v1beta1"), "PodDisruptionBudget", name, spec)


def _autoscaler(dice: Dice, kind: str, name: str) -> dict[str, Any]:
    target = {"kind": kind, "name": name}
    if dice.chance(25):
        trigger = {"type": dice.one("rabbitmq", "cpu"), "metadata": {"queueName": "orders"}}
        spec: dict[str, Any] = {"scaleTargetRef": target, "triggers": [trigger]} | dice.fields(
            minReplicaCount=(60, [1, 2])
        )
        return _object("keda.sh/v1alpha1", "ScaledObject", name, spec)
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", **target}, "maxReplicas": 10}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", name, spec | dice.fields(minReplicas=(80, [2, 1, 4])))


def _settings(dice: Dice) -> dict[str, Any]:
    data = dice.one(
        {"gunicorn.conf.py": "bind = ':8080'\ngraceful_timeout = 75\n"},
        {"application.yml": "spring:\n  lifecycle:\n    timeout-per-shutdown-phase: 50s\n"},
        {"SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE": "70s", "GUNICORN_CMD_ARGS": "--graceful-timeout 90"},
        {"nginx.conf": "worker_shutdown_timeout 40s;\nevents {}\n"},
    )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": NAMESPACE},
        "data": data,
    }


def _namespace(dice: Dice) -> dict[str, Any]:
    labels = dice.one(
        {"istio-injection": "enabled"}, {"team": "shop"}, {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
    )
    annotations = dice.one({}, {"linkerd.io/inject": "enabled"}, {"graceful.termination/managed": "false"})
    metadata = {"name": NAMESPACE, "labels": labels} | ({"annotations": annotations} if annotations else {})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _node(label: str) -> dict[str, Any]:
    status = {"nodeInfo": {"kubeletVersion": "v1.34.4"}}
    metadata = {"name": label, "labels": {"kubernetes.io/hostname": label}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}
