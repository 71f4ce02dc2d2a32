# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random workloads, most of which lose something when their pods stop, and of these most so that it can be fixed."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.tests.unit.fuzz.dice import Dice
from ansible_collections.graceful.termination.tests.unit.fuzz.hooks import HOOKS
from ansible_collections.graceful.termination.tests.unit.fuzz.volumes import SHELVES

NAMESPACE = "shop"
OWN = "graceful.termination/"
API = {"CronJob": "batch/v1", "Job": "batch/v1", "Pod": "v1", "Rollout": "argoproj.io/v1alpha1"}
# What is not served any more: counted, and never edited.
OLD_API = {"Deployment": "extensions/v1beta1", "StatefulSet": "apps/v1beta1", "CronJob": "batch/v1beta1"}
# Stores by their image, and the folder in which each keeps its data.
STORES = {
    "postgres:16": "/var/lib/postgresql/data",
    "docker.io/bitnami/postgresql:15.4.0-debian-11-r0": "/bitnami/postgresql",
    "redis:7-alpine": "/data",
    "mysql:8.4": "/var/lib/mysql",
    "quay.io/minio/minio:latest": "/data",
    "prom/prometheus:v3.1.0": "/prometheus",
}
_SERVERS: tuple[dict[str, Any], ...] = (
    *({"image": "registry.example/app:1"},) * 5,
    {"image": "registry.example/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    {"image": "nginx:1.27"},
    {"image": "registry.example/app:1", "args": ["gunicorn", "-b", ":8080", "--graceful-timeout", "60", "app:app"]},
    {"image": "registry.example/app:1", "command": ["gunicorn", "-c", "/etc/app/gunicorn.conf.py", "app:app"]},
    {
        "image": "registry.example/spring:1",
        "env": [{"name": "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE", "value": "45s"}],
    },
    {"image": "registry.example/app:1", "command": ["puma", "-C", "config/puma.rb"]},
    {"image": "registry.example/app:1", "command": ["sh", "-c", "migrate && serve"]},
    {"image": "registry.example/app:1", "command": ["npm", "start"]},
    {"image": "registry.example/app:1", "args": ["celery", "-A", "shop", "worker"]},
    {"image": "haproxy:3.0"},
    {"image": "envoyproxy/envoy:v1.33.0"},
    {"image": "k8s.gcr.io/pause:3.9"},
)
_EDGES = ("nginx:1.27", "quay.io/oauth2-proxy/oauth2-proxy:v7.6.0", "envoyproxy/envoy:v1.33.0", "haproxy:3.0")
_BEHIND = ("php:8.3-fpm", "registry.example/app:1", "bitnami/php-fpm:8.3")
_COMPANIONS: tuple[dict[str, Any], ...] = (
    {"name": "exporter", "image": "prom/statsd-exporter:v0.28.0", "ports": [{"containerPort": 9102}]},
    {"name": "sql", "image": "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14", "args": ["--port=5432", "p:r:i"]},
    {"name": "pool", "image": "bitnami/pgbouncer:1.23.1", "ports": [{"containerPort": 6432}]},
    {"name": "shipper", "image": "fluent/fluent-bit:3.2"},
    {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.0"},
    {"name": "linkerd-proxy", "image": "cr.l5d.io/linkerd/proxy:edge-24.11.8"},
    {"name": "other", "image": "registry.example/other:1", "ports": [{"containerPort": 9090, "name": "admin"}]},
)
_READY = {"httpGet": {"path": "/ready", "port": 8080}}
_ALIVE = {"httpGet": {"path": "/alive", "port": 8080}, "periodSeconds": 10}
_KNOBS = (None, 0, 1, 2, "0%", "25%", "50%", "100%", "1%")
_LONG = "a text that is long enough that whoever writes it by hand has to break it over several lines of the file"


def main_workload(dice: Dice, kind: str, name: str = "web") -> dict[str, Any]:
    """A workload of a kind. Without a choice made for it, it serves, has no hook and nothing else that is odd."""
    labels = {"app": name, **dice.fields(tier=(20, "front"), version=(10, "v1"))}
    pod = _pod(dice, kind)
    metadata: dict[str, Any] = {"labels": labels} | dice.fields(
        annotations=(15, [{"prometheus.io/scrape": "true"}, {"sidecar.istio.io/inject": "true"}, {"note": _LONG}])
    )
    template = {"metadata": metadata, "spec": pod}
    obj: dict[str, Any] = {
        "apiVersion": API.get(kind, "apps/v1"),
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE}
        | dice.fields(labels=(30, {"app.kubernetes.io/part-of": "shop"})),
    }
    annotations = _annotations(dice)
    if annotations:
        obj["metadata"]["annotations"] = annotations
    if kind == "Pod":
        return obj | {"spec": pod}
    if kind == "CronJob":
        job = {"template": template} | dice.fields(backoffLimit=(30, [0, 4]))
        extra = dice.fields(concurrencyPolicy=(40, ["Allow", "Forbid", "Replace"]))
        return obj | {"spec": {"schedule": "*/5 * * * *"} | extra | {"jobTemplate": {"spec": job}}}
    if kind == "Job":
        return obj | {"spec": {"template": template}}
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind != "DaemonSet":
        spec |= dice.fields(replicas=(90, [3, 2, 3, 2, 1, 5, 1, 4, 10, 0]))
    spec |= dice.fields(minReadySeconds=(15, [5, 10, 0]), revisionHistoryLimit=(10, 3))
    spec |= _strategy(dice, kind)
    if kind == "StatefulSet":
        spec["serviceName"] = name
        spec |= dice.fields(podManagementPolicy=(20, "Parallel"))
    # Where in the map the template stands is its owner's habit.
    return obj | {"spec": spec if dice.chance(50) else dict(reversed(spec.items()))}


def _annotations(dice: Dice) -> dict[str, str]:
    found = {}
    if dice.chance(25):
        found[f"{OWN}drain-seconds"] = dice.one("10", "30", "0", "45", "120", "280", "600", "soon")
    if dice.chance(8):
        found[f"{OWN}profile"] = dice.one("serving", "worker", "batch", "controller")
    if dice.chance(4):
        found[f"{OWN}managed"] = dice.one("false", "true")
    if dice.chance(6):
        rule = dice.one("prestop-missing", "rollout-loses-capacity", "single-replica", "surge-data-conflict")
        found[f"ignore.{OWN}{rule}"] = dice.one("known; until=2099-01-31", "known; until=2020-01-31")
    if dice.chance(8):
        found["description"] = dice.one("two\nlines\n", _LONG, "it's: #1", "ümläut 🦀")
    return found


def _strategy(dice: Dice, kind: str) -> dict[str, Any]:
    if kind == "Deployment":
        deadline = dice.fields(progressDeadlineSeconds=(8, [600, 11, 10, 5, 30]))
        if not dice.chance(60):
            return deadline
        if dice.chance(20):
            return deadline | {"strategy": {"type": "Recreate"}}
        if dice.chance(8):
            return deadline | {"strategy": dice.one({}, None, {"type": "RollingUpdate"}, {"rollingUpdate": None})}
        surge, missing = dice.one(*_KNOBS), dice.one(1, *_KNOBS)
        if dice.chance(25):
            surge, missing = 0, 1
        knobs = {key: value for key, value in (("maxSurge", surge), ("maxUnavailable", missing)) if value is not None}
        return deadline | {"strategy": dice.fields(type=(80, "RollingUpdate")) | {"rollingUpdate": knobs}}
    if kind == "Rollout":
        return {"strategy": {"canary": dice.fields(maxSurge=(50, [0, 1, "25%"]))}}
    if not dice.chance(30):
        return {}
    if kind == "DaemonSet":
        rolling = dice.one({"maxUnavailable": 1}, {"maxUnavailable": 0, "maxSurge": 1}, {"maxUnavailable": "10%"})
    else:
        rolling = dice.one({"partition": 0}, {"partition": 2}, {"maxUnavailable": 1})
    return {"updateStrategy": dice.one({"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": rolling})}


# --- Pods -------------------------------------------------------------------------------------------------------------


def _pod(dice: Dice, kind: str) -> dict[str, Any]:
    pod: dict[str, Any] = {}
    if dice.chance(55):
        pod["terminationGracePeriodSeconds"] = dice.one(30, 60, 10, 45, 61, 90, 120, 300, 0, 1, 2, 3, 600)
    if kind in ("CronJob", "Job"):
        pod["restartPolicy"] = dice.one("Never", "OnFailure")
    if dice.chance(4):
        pod["nodeSelector"] = dice.one({"kubernetes.io/os": "linux"}, {"kubernetes.io/hostname": "a"})
    if dice.chance(12):
        pod["affinity"] = {"podAntiAffinity": _apart(dice)}
    if dice.chance(4):
        pod["hostNetwork"] = True
    pod |= dice.fields(
        shareProcessNamespace=(4, True),
        serviceAccountName=(15, "shop"),
        priorityClassName=(5, "high"),
        dnsPolicy=(5, "Default"),
    )
    shelves = dice.some(tuple(SHELVES), 4)
    pod["containers"] = _containers(dice, shelves)
    sidecars = [] if not dice.chance(25) else [_sidecar(dice, shelves)]
    if sidecars or dice.chance(10):
        first = (
            [{"name": "first", "image": "registry.example/migrate:1", "command": ["migrate"]}]
            if dice.chance(40)
            else []
        )
        pod["initContainers"] = [*first, *sidecars]
    if shelves:
        volumes = [{"name": name, **SHELVES[name].volume} for name in shelves]
        pod = {"volumes": volumes} | pod if dice.chance(30) else pod | {"volumes": volumes}
    return pod


def _apart(dice: Dice) -> dict[str, Any]:
    term = {
        "labelSelector": {"matchLabels": {"app": dice.one("web", "web", "other")}},
        "topologyKey": dice.one("kubernetes.io/hostname", "kubernetes.io/hostname", "topology.kubernetes.io/zone"),
    }
    if dice.chance(70):
        return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}


def _containers(dice: Dice, shelves: list[str]) -> list[dict[str, Any]]:
    shape = dice.one("one", "one", "one", "one", "chain", "chain", "store", "pair")
    if shape == "store":
        image, folder = dice.one(*STORES.items())
        lasting = dice.one("rwo", "rwx", "rwop", "folder", "nfs", "disk", "elsewhere", "scratch")
        if lasting not in shelves:
            shelves.append(lasting)
        own = {"name": "db", "image": image, "volumeMounts": [{"name": lasting, "mountPath": folder}]}
        containers = [_container(dice, own, [])]
    elif shape == "chain":
        edge = _container(dice, {"name": "edge", "image": dice.one(*_EDGES)}, [])
        behind = _container(dice, {"name": "behind", "image": dice.one(*_BEHIND)}, shelves, port=9000, probes=False)
        containers = [edge, behind]
    else:
        containers = [_container(dice, {"name": "app"} | dice.one(*_SERVERS), shelves)]
        if shape == "pair":
            containers.append(_container(dice, {"name": "second", "image": "registry.example/b:1"}, shelves, port=8081))
    for companion in dice.some(_COMPANIONS, 4):
        one = dict(companion)
        if dice.chance(40):
            one["lifecycle"] = {"preStop": _handler(dice)}
        containers.append(one)
    if len(containers) > 1 and dice.chance(20):
        containers.reverse()
    return containers


def _container(
    dice: Dice, own: dict[str, Any], shelves: list[str], *, port: int = 8080, probes: bool = True
) -> dict[str, Any]:
    ports: dict[str, Any] = {"containerPort": port} | dice.fields(name=(50, "http" if port == 8080 else f"p{port}"))
    if port == 8080 and dice.chance(7):
        ports["hostPort"] = 8080
    found = own | ({"ports": [ports]} if dice.chance(92) else {})
    if probes and dice.chance(80):
        found["readinessProbe"] = _READY | dice.fields(periodSeconds=(30, [5, 1]), failureThreshold=(20, 3))
    for probe in ("livenessProbe", "startupProbe"):
        if dice.chance(25):
            found[probe] = _ALIVE | dice.fields(
                initialDelaySeconds=(30, [5, 60]),
                terminationGracePeriodSeconds=(25, [10, 60]),
                failureThreshold=(20, [1, 6]),
            )
    if dice.chance(30):
        found["lifecycle"] = _lifecycle(dice)
    mounts = [_mount(dice, name) for name in shelves if dice.chance(75)]
    if mounts:
        found["volumeMounts"] = [*found.get("volumeMounts", []), *mounts]
        if any("subPathExpr" in mount for mount in mounts):
            field = dice.one("metadata.name", "metadata.namespace", "status.podIP", "spec.nodeName")
            entry = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": field}}}
            found["env"] = [*found.get("env", []), entry]
    if dice.chance(15):
        found["resources"] = {"requests": {"cpu": dice.one("100m", "1"), "memory": "64Mi"}}
    if dice.chance(8):
        found["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    return found


def _mount(dice: Dice, name: str) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": name, "mountPath": f"/mnt/{name}"}
    return mount | dice.one({}, {}, {}, {"readOnly": True}, {"subPath": "part"}, {"subPathExpr": "$(POD)"})


def _lifecycle(dice: Dice) -> Any:
    if dice.chance(6):
        return dice.one(None, {}, {"preStop": None}, {"preStop": {}})
    found = {"postStart": _handler(dice)} if dice.chance(12) else {}
    if not found or dice.chance(80):
        found["preStop"] = _handler(dice)
    return found


def _handler(dice: Dice) -> dict[str, Any]:
    if dice.chance(50):
        return {"sleep": {"seconds": dice.one(10, 5, 0, 1, 15, 20, 25, 30, 40, 60, 120)}}
    return dice.one(*HOOKS)


def _sidecar(dice: Dice, shelves: list[str]) -> dict[str, Any]:
    own = dice.one(
        {"name": "helper", "image": "registry.example/helper:1"},
        {"name": "shipper-native", "image": "fluent/fluent-bit:3.2"},
        {"name": "dapr", "image": "daprio/daprd:1.14"},
    )
    found: dict[str, Any] = {**own, "restartPolicy": "Always"}
    if dice.chance(30):
        found["ports"] = [{"containerPort": 7070} | dice.fields(hostPort=(40, 7070))]
    if dice.chance(40):
        found["lifecycle"] = {"preStop": _handler(dice)}
    if dice.chance(30):
        found["livenessProbe"] = dict(_ALIVE)
    if shelves and dice.chance(30):
        found["volumeMounts"] = [_mount(dice, shelves[0])]
    return found
