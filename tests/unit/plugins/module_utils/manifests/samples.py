# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random workloads, and random patches for them: those that this product writes, and any other."""

from __future__ import annotations

from random import Random
from typing import Any

STRINGS = [
    "app", "shop", "10s", "25%", "100m", "yes", "null", "1", "1.5", "0777", "2024-01-01", "12:30", "a: b",
    "# no", "x #y", "", " lead", "trail ", "it's", 'say "hi"', "tab\there", "ümläut", "🦀 crab", "𝕏𝕏𝕏",
    "{{ x }}", "*star", "&and", "!bang", "%p", "@at", "`tick`", "- dash", "? ask", "[list]", "{map}",
    "line\nbreak", "script one\nscript two\n", "text\n\n\n", "a" * 200, "two words",
    "sh -c 'sleep 5; exec app'", "back\\slash", "\x85next", "=", "<<", "~", ".", "/bin/sleep", "---", "on",
    "1_000", "0x1F",
]  # fmt: skip
KEYS = ["a", "b", "c", "d", "on", "1", "x y", "a.b/c", "ünï", "name", "k-8", "~", "<<", "#h", "'q'", "true"]


def scalar(random: Random) -> Any:
    return random.choice([random.choice(STRINGS), random.choice(STRINGS), random.randint(-5, 3600), True, False, 1.5])


def value(random: Random, depth: int = 3, null: bool = True) -> Any:
    kind = random.random()
    if depth and kind < 0.25:
        return {random.choice(KEYS): value(random, depth - 1) for _index in range(random.randint(0, 3))}
    if depth and kind < 0.4:
        return [value(random, depth - 1) for _index in range(random.randint(0, 3))]
    return None if null and kind > 0.95 else scalar(random)


def labels(random: Random) -> dict[str, Any]:
    return {
        random.choice([*KEYS, "app.kubernetes.io/name", "team"]): random.choice(STRINGS)
        for _index in range(random.randint(1, 3))
    }


def probe(random: Random) -> dict[str, Any]:
    handlers: list[dict[str, Any]] = [{"httpGet": {"path": "/ready", "port": "http"}}, {"tcpSocket": {"port": 80}}]
    handler = random.choice(handlers)
    return {**handler, "periodSeconds": random.randint(1, 30)}


def pre_stop(random: Random) -> dict[str, Any]:
    return random.choice([
        {"exec": {"command": ["sleep", "5"]}},
        {"exec": {"command": ["sh", "-c", "sleep 5; echo 'bye: # x'\nexec y\n"]}},
        {"tcpSocket": {"port": 8080}},
        {"httpGet": {"path": "/quit", "port": 8080}},
        {"sleep": {"seconds": random.randint(0, 60)}},
    ])  # fmt: skip


def some(random: Random, **fields: Any) -> dict[str, Any]:
    """A random choice of fields in a random order."""
    items = [(key, item) for key, item in fields.items() if random.random() < 0.5]
    random.shuffle(items)
    return dict(items)


def container(random: Random, name: str) -> dict[str, Any]:
    result = some(
        random,
        image="registry.example/shop:1",
        lifecycle=random.choice(
            [{}, None, {"preStop": {}}, some(random, postStart=pre_stop(random), preStop=pre_stop(random))]
        ),
        readinessProbe=probe(random),
        env=[{"name": f"E{i}", "value": random.choice(STRINGS)} for i in range(random.randint(0, 3))],
        ports=[{"containerPort": 80 + i} for i in range(random.randint(0, 2))],
        command=[random.choice(STRINGS) for _index in range(random.randint(0, 3))],
        volumeMounts=[{"mountPath": "/data", "name": "data"}],
        extra=value(random),
    )
    items = [*result.items(), ("name", name)]
    items.insert(random.choice([0, 0, 0, len(items)]), items.pop())
    return dict(items)


def workload(random: Random) -> dict[str, Any]:
    names = ["app", "sidecar", "🦀"][: random.randint(1, 3)]
    spec = some(
        random,
        terminationGracePeriodSeconds=random.choice([0, 30, "30"]),
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": "c"}}][
            : random.randint(0, 2)
        ],
        initContainers=[container(random, "init")],
        tolerations=[{"key": "a", "operator": "Exists"}],
    )
    template = {**some(random, metadata=some(random, labels=labels(random), annotations=labels(random)))}
    template["spec"] = {**spec, "containers": [container(random, name) for name in names]}
    strategy = random.choice(
        [{}, None, {"type": "RollingUpdate"}, {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}]
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", **some(random, labels=labels(random), annotations=labels(random))},
        "spec": {
            **some(random, replicas=3, strategy=strategy, minReadySeconds=5, extra=value(random)),
            "template": template,
        },
        **some(random, status={}),
    }


def product_patch(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """What this product writes."""
    pod: dict[str, Any] = some(random, terminationGracePeriodSeconds=random.choice([30, 45, 120]))
    containers = []
    for item in data["spec"]["template"]["spec"]["containers"]:
        old = ((item.get("lifecycle") or {}).get("preStop")) or {}
        handler = {**{key: None for key in old if key != "sleep"}, "sleep": {"seconds": random.choice([5, 10])}}
        patch = some(random, lifecycle={"preStop": handler}, readinessProbe=probe(random))
        if patch:
            containers.append({"name": item["name"], **patch})
    if containers:
        pod["containers"] = containers
    template = some(random, metadata={"annotations": {"graceful.termination/x": random.choice(STRINGS)}})
    if pod:
        template["spec"] = pod
    spec = some(
        random,
        strategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        updateStrategy={"type": "RollingUpdate"},
        minReadySeconds=10,
        template=template,
    )
    return {"spec": spec}


def any_patch(random: Random, data: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Anything a strategic merge patch of our kind can say about this object."""
    patch: dict[str, Any] = {}
    for key, old in data.items():
        if key in ("containers", "initContainers") or (key in ("env", "volumes") and isinstance(old, list) and old):
            chosen = [item for item in old if isinstance(item, dict) and random.random() < 0.5]
            items = [{**any_patch(random, item, depth + 1), "name": item["name"]} for item in chosen]
            if key in ("env", "volumes") and random.random() < 0.3:
                items.append({"name": "new", "value": random.choice(STRINGS)})
            patch[key] = items
        elif key in ("env", "volumes", "ports", "volumeMounts", "name", "labels"):
            continue
        elif isinstance(old, dict) and random.random() < 0.7:
            patch[key] = any_patch(random, old, depth + 1)
        elif depth > 1 and random.random() < 0.2:
            patch[key] = None if random.random() < 0.4 else value(random, null=False)
    if depth and random.random() < 0.2:
        key = random.choice(KEYS[:-7])
        if key != "name":
            patch[key] = value(random, null=False)
    return patch


def patch_for(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    return product_patch(random, data) if random.random() < 0.5 else any_patch(random, data)
