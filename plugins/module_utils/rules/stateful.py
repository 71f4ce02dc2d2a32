# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases and brokers: what they flush, hand over or check when they stop takes longer than a web server's drain."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import GRACE_PERIOD, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_LONG, _USUAL = 120, 60  # seconds
# By the last part of an image's name, or the label app.kubernetes.io/name of a StatefulSet. Whole names only: what
# exports, proxies or shows one is called after it, too.
_STOPS = dict.fromkeys(
    (
        *("postgres", "postgresql", "postgis", "timescaledb", "mysql", "mysql-server", "mariadb", "percona"),
        *("percona-server", "elasticsearch", "opensearch", "kafka", "cp-kafka", "rabbitmq", "mongo", "mongodb"),
        *("mongodb-community-server", "percona-server-mongodb"),
    ),
    _LONG,
) | dict.fromkeys(
    (
        *("redis", "redis-stack-server", "valkey", "keydb", "etcd", "zookeeper", "cp-zookeeper", "cassandra", "scylla"),
        *("clickhouse", "clickhouse-server", "nats", "pulsar", "activemq", "activemq-artemis", "influxdb", "neo4j"),
        *("couchdb", "couchbase", "cockroach", "cockroachdb", "consul", "solr", "memgraph", "arangodb"),
    ),
    _USUAL,
)


def _stores(case: Case) -> Iterator[tuple[Container, str]]:
    """The containers that keep data of a known database or broker on a claim, with its name."""
    workload = case.workload
    # With a declared drain, grace-period-insufficient does the sum.
    if workload.kind not in ("StatefulSet", "Deployment") or "owned" in case.profile.traits or case.budget.drain_known:
        return
    volumes = _claimed_volumes(workload)
    for container in workload.containers:
        name = _store(workload, container)
        mounts = get_maps(container.spec, "volumeMounts", container.path)
        if name is not None and any(mount.get("name") in volumes for mount in mounts):
            yield container, name


def usual_stop(case: Case) -> int:
    """The seconds that the workload's database or broker is usually given to stop; 0 where it runs none."""
    return max((_STOPS[name] for _container, name in _stores(case)), default=0)


def _too_short(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if workload.grace <= 2:
        return  # grace-period-zero
    for container, name in _stores(case):
        if workload.grace >= _STOPS[name]:
            continue
        yield Hit(
            f"{name} keeps its data on a volume and is killed {workload.grace} s after it is told to stop: what it has "
            "not flushed or handed over by then takes a recovery at the next start",
            f"{workload.pod_path}.terminationGracePeriodSeconds",
            Remedy(
                GRACE_PERIOD,
                f"{_STOPS[name]} s are a rule of thumb; how long its stop takes depends on its data, which only its "
                "owner knows",
                {"grace_seconds": _STOPS[name]},
            ),
            container,
            numbers={"grace_seconds": workload.grace, "usual_seconds": _STOPS[name]},
        )


def _store(workload: Workload, container: Container) -> str | None:
    """The database or broker that the container runs, by its image; else by the label of a StatefulSet."""
    image = container.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if image in _STOPS:
        return image
    label = workload.template_labels.get("app.kubernetes.io/name", "")
    # Of several containers the label does not say which one it means.
    alone = workload.kind == "StatefulSet" and len(workload.containers) == 1
    return label if alone and label in _STOPS else None


def _claimed_volumes(workload: Workload) -> set[object]:
    """The names of the pod's volumes that outlive it."""
    path = f"{workload.pod_path}.volumes"
    claimed = {
        str(volume.get("name"))
        for volume in get_maps(workload.pod, "volumes", workload.pod_path)
        if volume.get("persistentVolumeClaim")
    }
    templates = get_maps(workload.spec, "volumeClaimTemplates", "spec")
    return claimed | {str(get_map(template, "metadata", path).get("name")) for template in templates}


RULES = (
    Rule(
        id="stateful-grace-too-short",
        title="Database or broker with a short grace period",
        severity="warning",
        evidence="static",
        why="A store that is killed in its shutdown recovers at the next start from its log, which takes longer than "
        "the stop would have, and a broker has handed nothing over.",
        traps=(
            "managed by an operator (an ownerReference): it knows better",
            "no claim is mounted where the store runs: it keeps nothing",
            "exporters, proxies and consoles called after a store",
            "a declared drain: then the budget is known",
            "a grace period of 60 s, or 120 s for PostgreSQL, MySQL, Elasticsearch, Kafka, RabbitMQ, MongoDB",
        ),
        check=_too_short,
        seed="nine steps: 6; fault 3",
        remedies=(GRACE_PERIOD,),
        by_hand=True,
    ),
)
