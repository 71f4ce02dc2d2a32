# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on databases and brokers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    claims_volume,
    container,
    run,
    workload,
)

RULE = "stateful-grace-too-short"
MOUNTS = [{"name": "data", "mountPath": "/data"}]
TEMPLATES = [{"metadata": {"name": "data"}, "spec": {}}]


def store(
    image: str = "postgres:16", *, grace: int = 30, kind: str = "StatefulSet", label: str = "", **fields: Any
) -> dict[str, Any]:
    """A store with a volume of its own."""
    claims: dict[str, Any] = {"volumeClaimTemplates": TEMPLATES} if kind == "StatefulSet" else {}
    pod = None if kind == "StatefulSet" else claims_volume("data")
    one = container(**({"image": image, "volumeMounts": MOUNTS, "lifecycle": None} | fields))
    obj = workload(one, kind=kind, grace=grace, drain=None, pod=pod, **claims)
    if label:
        obj["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = label
    return obj


@pytest.mark.parametrize(
    ("image", "usual"),
    [
        ("postgres:16", 120),
        ("docker.io/bitnami/postgresql:16.4.0-debian-12-r0", 120),
        ("registry.example:5000/db/mysql@sha256:0123", 120),
        ("mariadb", 120),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.15.0", 120),
        ("confluentinc/cp-kafka:7.7.0", 120),
        ("rabbitmq:3-management", 120),
        ("mongo:7", 120),
        ("redis:7-alpine", 60),
        ("quay.io/coreos/etcd:v3.5.0", 60),
        ("cassandra:5", 60),
        ("clickhouse/clickhouse-server:24", 60),
    ],
)
def test_a_store_with_a_short_grace_period_is_a_warning(image: str, usual: int) -> None:
    finding = run(store(image)).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("warning", "manual", "app")
    assert finding["numbers"] == {"grace_seconds": 30, "usual_seconds": usual}
    assert f"terminationGracePeriodSeconds: {usual}" in finding["snippet"]


@pytest.mark.parametrize(("image", "least"), [("postgres", 120), ("redis", 60)])
def test_what_is_usual_is_enough(image: str, least: int) -> None:
    assert run(store(image, grace=least - 1)).of(RULE)
    assert not run(store(image, grace=least)).of(RULE)


def test_a_deployment_with_a_claim_is_a_store_too() -> None:
    assert run(store(kind="Deployment")).of(RULE)


def test_a_label_tells_what_an_image_does_not() -> None:
    assert run(store("registry.example/base:1", label="postgresql")).of(RULE)


def test_a_label_of_a_deployment_or_of_several_containers_tells_less() -> None:
    assert not run(store("registry.example/base:1", kind="Deployment", label="postgresql")).of(RULE)
    obj = store("registry.example/base:1", label="postgresql")
    obj["spec"]["template"]["spec"]["containers"].append(container("backup", volumeMounts=MOUNTS))
    assert not run(obj).of(RULE)


def test_an_operator_knows_better() -> None:
    obj = store()
    obj["metadata"]["ownerReferences"] = [{"kind": "PostgresCluster", "name": "db", "controller": True}]
    assert not run(obj).of(RULE)


def test_without_a_volume_it_keeps_nothing() -> None:
    obj = store()
    del obj["spec"]["volumeClaimTemplates"]
    assert not run(obj).of(RULE)


def test_a_volume_of_another_container_is_not_its_own() -> None:
    assert not run(store(volumeMounts=None)).of(RULE)
    assert not run(store(volumeMounts=[{"name": "config", "mountPath": "/etc"}])).of(RULE)


@pytest.mark.parametrize(
    "image",
    [
        "prometheuscommunity/postgres-exporter:v0.15",
        "bitnami/redis-exporter",
        "mongo-express",
        "provectuslabs/kafka-ui",
        "bitnami/postgresql-repmgr-tools",
        "pgbouncer/pgbouncer",
        "phpmyadmin",
        "registry.example/postgres/client:1",
        "registry.example/app:postgres",
        "",
    ],
)
def test_what_is_only_called_after_a_store(image: str) -> None:
    assert not run(store(image)).of(RULE)


def test_with_a_declared_drain_the_budget_is_known() -> None:
    obj = store()
    obj["metadata"]["annotations"]["graceful.termination/drain-seconds"] = "5"
    assert not run(obj).of(RULE)


def test_no_grace_period_at_all_is_another_rule() -> None:
    rules = run(store(grace=0)).rules
    assert "grace-period-zero" in rules
    assert RULE not in rules


@pytest.mark.parametrize("kind", ["DaemonSet", "Job"])
def test_other_kinds_keep_no_data(kind: str) -> None:
    assert not run(store(kind=kind)).of(RULE)


@pytest.mark.parametrize(
    ("field", "value"), [("volumeMounts", {"name": "data"}), ("volumeMounts", ["data"]), ("image", 5)]
)
def test_wrong_types_are_unreadable(field: str, value: Any) -> None:
    assert run(store(**{field: value})).report["summary"]["unreadable"] == 1


@pytest.mark.parametrize("templates", [["data"], [{"metadata": "data"}], {"a": 1}])
def test_odd_claim_templates_are_unreadable(templates: Any) -> None:
    obj = store()
    obj["spec"]["volumeClaimTemplates"] = templates
    assert run(obj).report["summary"]["unreadable"] == 1
