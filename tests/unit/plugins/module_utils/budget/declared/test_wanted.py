# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ConfigMaps a cluster is asked for: one request each, so only those that can matter."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.wanted import wanted_config_maps
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    mounting,
    sidecar,
    workload,
)

SPRING = "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE"


def wanted(pod: dict[str, Any] | None = None, name: str = "app", **fields: Any) -> set[tuple[str, str]]:
    """What is wanted for one container."""
    return wanted_config_maps(read_workload(workload(container(name, **fields), pod=pod)))


def wanted_volume(path: str = "/etc/app", volume: dict[str, Any] | None = None, **fields: Any) -> set[tuple[str, str]]:
    """What is wanted of a container that mounts the ConfigMap settings."""
    mounted, pod = mounting("settings", path, **(volume or {}))
    return wanted(pod, **mounted | fields)


def reference(name: str, variable: str = SPRING) -> dict[str, Any]:
    """An environment variable from a ConfigMap."""
    return {"name": variable, "valueFrom": {"configMapKeyRef": {"name": name, "key": "x"}}}


SETTINGS = {("shop", "settings")}


@pytest.mark.parametrize(
    "found",
    [
        wanted(env=[reference("settings")]),
        wanted(env=[reference("settings", "REMAP_SIGTERM")]),
        wanted(env=[reference("settings", "SPRING_PROFILES_ACTIVE")]),
        wanted(envFrom=[{"configMapRef": {"name": "settings"}}]),
        wanted(envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "SPRING_"}]),
        wanted_volume(volume={"items": [{"key": "x", "path": "application-prod.yaml"}]}),
        wanted_volume(volume={"items": [{"key": "x", "path": "gunicorn.conf.py"}]}),
        wanted_volume(volume={"items": [{"key": "x", "path": "nginx.conf"}]}),
        wanted_volume(volume={"items": [{"key": "x", "path": "sidekiq.yml"}]}),
        wanted_volume("/workspace/config"),
        # Its arguments name a file, whatever that is called.
        wanted_volume(command=["/coredns", "-conf", "/etc/app/dns"], volume={"items": [{"key": "x", "path": "dns"}]}),
        wanted_volume(command=["nginx", "-c", "/etc/app/web.cnf"]),
        wanted_volume("/etc/coredns", image="coredns/coredns:1.12", args=["-conf", "/etc/coredns/Corefile"]),
        wanted_volume(command=["java", "-jar", "/app.jar"]),
        wanted_volume(command=["sh", "-c", "exec gunicorn app"]),
        wanted_volume(env=[{"name": "JAVA_OPTS", "value": "-Xmx1g"}]),
        wanted_volume(image="cr.fluentbit.io/fluent/fluent-bit:4.1"),
        wanted_volume(image="fluent/fluentd:v1.18"),
        wanted_volume(image="otel/opentelemetry-collector-contrib:0.160.0"),
        wanted(args=["/nginx-ingress-controller", "--configmap=$(POD_NAMESPACE)/settings"]),
    ],
)
def test_what_can_hold_a_timeout_or_a_buffer_is_wanted(found: set[tuple[str, str]]) -> None:
    assert found == SETTINGS


@pytest.mark.parametrize(
    "found",
    [
        wanted(env=[reference("settings", "DATABASE_HOST")]),
        wanted(env=[{"name": SPRING, "valueFrom": {"secretKeyRef": {"name": "settings", "key": "x"}}}]),
        wanted(envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "DB_"}]),
        wanted(envFrom=[{"secretRef": {"name": "settings"}}]),
        wanted_volume(),
        wanted_volume(volume={"items": [{"key": "x", "path": "default.conf"}]}),
        wanted_volume(command=["/coredns", "-conf", "/etc/app/dns"], volume={"items": [{"key": "x", "path": "zone"}]}),
        wanted_volume("/config", volume={"items": [{"key": "x", "path": "settings.ini"}]}),
        wanted_volume(image="timberio/vector:0.49.0"),
        wanted(args=["--tcp-services-configmap=$(POD_NAMESPACE)/settings"]),
    ],
)
def test_nothing_else_is(found: set[tuple[str, str]]) -> None:
    assert found == set()


def test_another_namespace_is_wanted_only_where_it_is_named() -> None:
    assert wanted(args=["--configmap", "ingress/settings"]) == {("ingress", "settings")}
    assert wanted(args=["--configmap=$(CONFIG_NAMESPACE)/settings"]) == set()


def test_a_projected_volume_and_a_sidecar_count_too() -> None:
    source = {
        "name": "config",
        "projected": {"sources": [{"configMap": {"name": "settings"}}, {"secret": {"name": "x"}}]},
    }
    shipper = sidecar("shipper", image="fluent/fluent-bit:4.1", volumeMounts=[{"name": "config", "mountPath": "/etc"}])
    obj = workload(pod={"volumes": [source], "initContainers": [shipper]})
    assert wanted_config_maps(read_workload(obj)) == SETTINGS


@pytest.mark.parametrize(
    ("fields", "pod"),
    [
        ({"env": ["x"]}, {}),
        ({"envFrom": [{"configMapRef": "settings"}]}, {}),
        ({"envFrom": [{"prefix": 1}]}, {}),
        ({"volumeMounts": [{"name": 1}]}, {}),
        ({}, {"volumes": ["config"]}),
        (
            {"volumeMounts": [{"name": "c", "mountPath": "/c"}]},
            {"volumes": [{"name": "c", "configMap": {"name": "x", "items": [1]}}]},
        ),
        (
            {"volumeMounts": [{"name": "c", "mountPath": "/c"}]},
            {"volumes": [{"name": "c", "projected": {"sources": 1}}]},
        ),
    ],
)
def test_wrong_types_are_unreadable(fields: dict[str, Any], pod: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        wanted(pod, **fields)
