# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is in an object, it is judged or becomes unreadable with a reason: nothing raises.

MUTATIONS in the environment sets how many mutations are tried, SEED where the row of random numbers begins.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS, CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.report.document import to_json
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    MANAGED,
    PROFILE,
    autoscaler,
    claim,
    claims_volume,
    config_map,
    container,
    context_object,
    cron_job,
    disruption_budget,
    gateway,
    hooked,
    http_route,
    ingress,
    lease,
    node,
    run,
    service,
    sidecar,
    target_group,
    virtual_service,
    workload,
)

EXAMPLES = Path(__file__).resolve().parents[5] / "examples"
MUTATIONS = int(os.environ.get("MUTATIONS", "3000"))
SEED = int(os.environ.get("SEED", "1"))
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 30, 299, 2**31 - 1, 2**31, -(2**31), 10**18, 10**30, 0.5, -0.0, 1e308),
    *(float("nan"), float("inf")),
    *(
        "",
        " ",
        "0",
        "-5",
        "25%",
        "-1%",
        "999999999%",
        "%",
        "100.5%",
        "None",
        "null",
        "\0",
        "é\u2028\U0001f4a5",
        "a" * 300,
    ),
    *("{{ x }}", "*", "true", "Recreate", "Always", "sleep", "windows", "\n", "a: b", "'", '"', "app", "sh", "-c"),
    *([], {}, [None], [[]], [{}], {"": ""}, {"a": None}, {"1": 2}, [1, "a", {}], {"name": "x"}, {"seconds": 5}),
    *(["sh", "-c", "sleep 5; while :"], ["sleep"], {"sleep": {}}, {"exec": {"command": ["sh", "-c"]}}),
    *({"tcpSocket": None}, {"tcpSocket": {}}, {"httpGet": {"port": []}}, {"exec": {}, "sleep": {}}),
    *([{"name": "a", "image": "b"}, {"name": "a"}], [{"name": "a", "image": "b", "restartPolicy": "Always"}]),
]
KEYS = ("terminationGracePeriodSeconds", "lifecycle", "initContainers", "preStop", "strategy", "replicas", "volumes")
SPOT_TERMS = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["spot"]}]}]}
# What the examples have nothing of.
MORE: list[dict[str, Any]] = [
    workload(
        hooked(
            {"exec": {"command": ["sh", "-c", "sleep 5"]}}, command=["sh", "-c", "a; b"], livenessProbe={"exec": {}}
        ),
        pod=claims_volume("data") | {"initContainers": [sidecar()], "hostNetwork": False, "nodeSelector": {"a": "b"}},
        annotations={PROFILE: "serving", MANAGED: "true"},
        strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
    ),
    workload(
        container(
            "db",
            image="postgres",
            args=["worker"],
            volumeMounts=[{"name": "data"}],
            livenessProbe={"initialDelaySeconds": 60, "exec": {"command": ["a"]}},
            readinessProbe={"exec": {"command": ["a"]}},
        ),
        kind="StatefulSet",
        drain=None,
        volumeClaimTemplates=[{"metadata": {"name": "data"}}],
        pod={"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": SPOT_TERMS}}},
    ),
    workload(kind="DaemonSet", updateStrategy={"rollingUpdate": {"maxSurge": 0}}),
    workload(kind="Rollout", grace=900),
    cron_job(job={"podFailurePolicy": {"rules": [{"onPodConditions": [{"type": "a"}]}]}}, concurrencyPolicy="Replace"),
    *(lease("web-1_a", ownerReferences=[{"kind": "Pod"}]), node("b", "v1.35.0", labels={"a": "b"})),
    *(service(type="LoadBalancer"), autoscaler(2), claim("data", "ReadWriteMany"), node("a"), disruption_budget()),
]


# What is read from ConfigMaps, and alerts.
FLUENTD_CONF = "<match **>\n <buffer>\n @type file\n path /buffers\n </buffer>\n</match>\n"
FLUENT_BIT_CONF = "[SERVICE]\n    Grace 9\n    storage.path /b\n[INPUT]\n    Name tail\n    DB /db\n"
CONFIGURED: list[dict[str, Any]] = [
    workload(
        container(
            envFrom=[{"configMapRef": {"name": "files"}, "prefix": "SPRING_"}],
            env=[{"name": "SPRING_PROFILES_ACTIVE", "valueFrom": {"configMapKeyRef": {"name": "files", "key": "a"}}}],
            volumeMounts=[{"name": "config", "mountPath": "/config", "subPath": "fluent.conf"}],
        ),
        container("fluentd", volumeMounts=[{"name": "config", "mountPath": "/etc/fluent"}]),
        container("fluent-bit", volumeMounts=[{"name": "parts", "mountPath": "/etc/fluent-bit"}]),
        container("nginx", image="ingress-nginx/controller", args=["--configmap=$(POD_NAMESPACE)/files"]),
        drain=None,
        pod={
            "volumes": [
                {"name": "config", "configMap": {"name": "files", "items": [{"key": "a", "path": "application.yml"}]}},
                {"name": "parts", "projected": {"sources": [{"configMap": {"name": "files"}}]}},
            ]
        },
    ),
    config_map("files", **{"a": "x", "fluent.conf": FLUENTD_CONF, "fluent-bit.conf": FLUENT_BIT_CONF}),
    config_map("more", **{"fluent-bit.yaml": "service: {grace: 5}", "worker-shutdown-timeout": "9"}),
    context_object("PrometheusRule", "a", {"groups": [{"rules": [{"alert": "a", "expr": "b"}, {"record": "c"}]}]}),
]
# What brings requests to the workload of MORE, in all its forms.
NGINX = "nginx.ingress.kubernetes.io/"
ROUTED: list[dict[str, Any]] = [
    *(workload(drain=None), service(type="LoadBalancer", externalTrafficPolicy="Local"), gateway("gke-l7-gxlb")),
    ingress(annotations={f"{NGINX}proxy-read-timeout": "600", f"{NGINX}proxy-body-size": "1g"}),
    ingress(name="alb", annotations={"alb.ingress.kubernetes.io/target-type": "ip"}),
    *(
        http_route(timeouts={"request": "5m"}),
        http_route(kind="GRPCRoute"),
        target_group(),
        virtual_service(timeout="1m"),
    ),
]


def read_examples() -> list[list[dict[str, Any]]]:
    """The objects of each file of examples/, and those of MORE, CONFIGURED and ROUTED."""
    files = [MORE, CONFIGURED, ROUTED]
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        documents = [document.data for document in load_documents(path.read_text(encoding="utf-8"))]
        files.append([item for data in documents if data for item in data.get("items", [data])])
    return files


def places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Every (parent, key or index) of an object."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in list(items):
        yield part, key
        yield from places(value)


def mutate(obj: dict[str, Any], chance: random.Random) -> None:
    """Change one thing."""
    spots = list(places(obj))
    if not spots:
        return
    parent, key = chance.choice(spots)
    match chance.randrange(6):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        case 2 if isinstance(parent, dict):
            parent[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
        case 3:
            _other, other_key = place = chance.choice(spots)
            parent[key] = copy.deepcopy(place[0][other_key]) if _has(*place) else None
        case _:
            parent[key] = copy.deepcopy(chance.choice(ODD))


def _has(parent: Any, key: Any) -> bool:
    return key in parent if isinstance(parent, dict) else key < len(parent)


def is_object(obj: dict[str, Any]) -> bool:
    """What a source hands on: an object of a kind that it looks for."""
    kinds = (*API_VERSIONS, *CONTEXT_KINDS)
    return isinstance(obj.get("apiVersion"), str) and isinstance(obj.get("kind"), str) and obj["kind"] in kinds


def test_no_object_is_too_odd() -> None:
    files, chance = read_examples(), random.Random(SEED)
    judged = unreadable = 0
    for number in range(MUTATIONS):
        objects = copy.deepcopy(chance.choice(files))
        for _change in range(chance.randint(1, 3)):
            mutate(chance.choice(objects), chance)
        objects = [obj for obj in objects if is_object(obj)]
        result = run(*objects, rests=number % 5 == 0)
        summary = result.report["summary"]
        assert summary["workloads"] <= sum(obj["kind"] in API_VERSIONS for obj in objects) <= summary["found"]
        assert all(entry["reason"] for entry in result.report["skipped"])
        to_json(result.report).encode()
        result.applied()
        judged += summary["workloads"]
        unreadable += summary["unreadable"]
    # Else the mutations would be too tame, or too wild, to say anything.
    assert judged > MUTATIONS // 4
    assert unreadable > MUTATIONS // 10
