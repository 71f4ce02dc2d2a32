# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not run twice: a second server on one data directory is an error, and no fix or advice makes one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    claim,
    claims_volume,
    container,
    run,
    service,
    workload,
)

RULE = "surge-data-conflict"
ADVICE = (RULE, "rollout-loses-capacity", "single-replica", "recreate-strategy-serving", "prestop-missing")
IN_PLACE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
SURGING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
POSTGRES = "/var/lib/postgresql/data"


def store(
    image: str = "postgres:16",
    path: str = POSTGRES,
    volume: dict[str, Any] | None = None,
    *,
    strategy: dict[str, Any] | None = None,
    replicas: int | None = 1,
    kind: str = "Deployment",
    label: str = "",
    mount: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """One pod without a preStop hook that writes to a volume; a claim of its own unless another volume is given."""
    mounts = [{"name": "data", "mountPath": path} | (mount or {})]
    one = container(**({"image": image, "volumeMounts": mounts, "lifecycle": None} | fields))
    pod = {"volumes": [{"name": "data"} | volume]} if volume else claims_volume("db")
    obj = workload(one, kind=kind, grace=120, pod=pod, replicas=replicas, strategy=strategy)
    if label:
        obj["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = label
    return obj


def audited(obj: dict[str, Any], *modes: str) -> Result:
    """The audit of a served workload, its claim db with these access modes where there are any."""
    return run(obj, service(), *([claim("db", *modes)] if modes else []))


@pytest.mark.parametrize("strategy", [None, SURGING, {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}])
@pytest.mark.parametrize("modes", [("ReadWriteOnce",), ("ReadWriteMany",), ("ReadWriteOnce", "ReadWriteMany"), ()])
def test_a_second_server_on_one_data_directory_is_an_error(
    strategy: dict[str, Any] | None, modes: tuple[str, ...]
) -> None:
    result = audited(store(strategy=strategy), *modes)
    finding = result.one(RULE)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("error", "manual", "app")
    assert (
        f"a second postgres before the first one has stopped, on the same data ({POSTGRES} on claim db)"
        in (finding["message"])
    )
    assert "type: Recreate" in finding["snippet"]
    assert not result.of("surge-volume-deadlock"), "one finding a workload"
    assert not result.audit.changes


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("postgres:17", {"env": [{"name": "PGDATA", "value": "/own/pgdata"}]}),
        ("bitnami/postgresql:16", {"env": [{"name": "POSTGRESQL_DATA_DIR", "value": "/own/data"}]}),
        ("postgres:17", {"args": ["-D", "/own/pgdata"]}),
        ("postgres:17", {"command": ["sh", "-c", "exec postgres -D/own/pgdata -p 5433"]}),
        ("mysql:8", {"args": ["--datadir=/own"]}),
        ("mysql:8", {"args": ["--datadir", "/own/mysql"]}),
        ("mongo:7", {"command": ["mongod", "--dbpath", "/own"]}),
        ("redis:7", {"args": ["redis-server", "--dir", "/own"]}),
        ("nats:2", {"args": ["-js", "-sd=/own"]}),
        ("quay.io/coreos/etcd:v3.5", {"env": [{"name": "ETCD_DATA_DIR", "value": "/own/etcd"}]}),
        ("prom/prometheus:v3", {"args": ["--config.file=/etc/p.yaml", "--storage.tsdb.path=/own"]}),
        ("victoriametrics/victoria-metrics:v1", {"args": ["--storageDataPath=/own"]}),
        ("bitnami/kafka:3", {"env": [{"name": "KAFKA_CFG_LOG_DIRS", "value": "/tmp/a,/own/b"}]}),
        ("elasticsearch:8", {"env": [{"name": "path.data", "value": "/own/es"}]}),
        ("rabbitmq:4", {"env": [{"name": "RABBITMQ_MNESIA_BASE", "value": "/own/mnesia"}]}),
    ],
)
def test_data_where_the_store_is_told_to_keep_it(image: str, told: dict[str, Any]) -> None:
    result = audited(store(image, "/own", **told), "ReadWriteOnce")
    assert "(/own on claim db)" in result.one(RULE)["message"]
    assert not result.of("surge-volume-deadlock")
    assert not result.audit.changes


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("postgres:17", {}),
        ("postgres:17", {"env": [{"name": "PGDATA", "value": "/elsewhere"}]}),
        ("postgres:17", {"env": [{"name": "BACKUP_DATA_DIR", "value": "/own"}]}),
        ("postgres:17", {"env": [{"name": "DATA_SOURCE_NAME", "value": "/own"}]}),
        ("postgres:17", {"env": [{"name": "PGDATA", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}]}),
        ("postgres:17", {"env": [{"name": "PGDATA", "value": "/"}]}),
        ("mysql:8", {"args": ["--init-file=/own/init.sql"]}),
        ("prom/prometheus:v3", {"args": ["--config.file=/own/prometheus.yaml"]}),
        ("registry.example/app:1", {"env": [{"name": "DATA_DIR", "value": "/own"}]}),
    ],
)
def test_a_volume_that_is_not_known_to_hold_the_data(image: str, told: dict[str, Any]) -> None:
    assert not audited(store(image, "/own", **told), "ReadWriteOnce").of(RULE)


@pytest.mark.parametrize(
    "volume",
    [
        {"hostPath": {"path": "/srv/db"}},
        {"hostPath": {"path": "/var/lib/db", "type": "DirectoryOrCreate"}},
        {"nfs": {"server": "nas.example", "path": "/db"}},
        {"csi": {"driver": "nfs.csi.k8s.io"}},
        {"iscsi": {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.example:db", "lun": 0}},
        {"awsElasticBlockStore": {"volumeID": "vol-1"}},
        {"gcePersistentDisk": {"pdName": "db"}},
        {"azureDisk": {"diskName": "db", "diskURI": "x"}},
        {"azureFile": {"secretName": "s", "shareName": "db"}},
        {"cephfs": {"monitors": ["10.0.0.1"]}},
        {"rbd": {"monitors": ["10.0.0.1"], "image": "db"}},
        {"glusterfs": {"endpoints": "g", "path": "db"}},
        {"vsphereVolume": {"volumePath": "[ds] db"}},
    ],
    ids=lambda volume: next(iter(volume)),
)
def test_every_volume_that_outlives_the_pod(volume: dict[str, Any]) -> None:
    assert run(store(volume=volume), service()).one(RULE)["severity"] == "error"
    in_place = run(store(volume=volume, strategy=IN_PLACE), service())
    assert [rule for rule in ADVICE if in_place.of(rule)] == []
    assert not in_place.audit.changes


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("docker.io/bitnami/postgresql:16.4.0-debian-12-r0", "/bitnami/postgresql"),
        ("bitnamilegacy/postgresql:16", "/bitnami/postgresql"),
        ("registry.redhat.io/rhel9/postgresql-15:latest", "/var/lib/pgsql/data"),
        ("quay.io/sclorg/postgresql-15-c9s", "/var/lib/pgsql/data"),
        ("postgis/postgis:16-3.4", POSTGRES),
        ("timescale/timescaledb-ha:pg16", "/home/postgres/pgdata/data"),
        ("pgvector/pgvector:pg16", POSTGRES),
        ("postgres:18", "/var/lib/postgresql"),
        ("mysql:8", "/var/lib/mysql"),
        ("container-registry.oracle.com/mysql/community-server:8.4", "/var/lib/mysql"),
        ("quay.io/fedora/mysql-80", "/var/lib/mysql/data"),
        ("mariadb@sha256:0123", "/var/lib/mysql"),
        ("mongo:7", "/data/db"),
        ("redis:7-alpine", "/data"),
        ("valkey/valkey:8", "/data"),
        ("registry.example:5000/mirror/redis/redis-stack-server:7", "/data"),
        ("quay.io/coreos/etcd:v3.5.0", "/var/lib/etcd"),
        ("mcr.microsoft.com/mssql/server:2022-latest", "/var/opt/mssql"),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.15.0", "/usr/share/elasticsearch/data"),
        ("rabbitmq:3-management", "/var/lib/rabbitmq"),
        ("influxdb:2.7", "/var/lib/influxdb2"),
        ("qdrant/qdrant", "/qdrant/storage"),
        ("getmeili/meilisearch:v1.9", "/meili_data"),
        ("prom/prometheus:v2.53.0", "/prometheus"),
        ("quay.io/minio/minio:latest", "/data"),
    ],
)
def test_stores_of_many_publishers(image: str, path: str) -> None:
    assert audited(store(image, path), "ReadWriteOnce").one(RULE)["severity"] == "error"


def test_a_label_names_the_store_of_an_image_that_does_not() -> None:
    assert audited(store("registry.example/team/db:1", label="postgresql")).one(RULE)
    assert not audited(store("registry.example/team/db:1")).of(RULE)
    assert not audited(store("registry.example/team/db:1", "/config", label="postgresql")).of(RULE)


@pytest.mark.parametrize(
    ("image", "path", "fields"),
    [
        ("prometheuscommunity/postgres-exporter", POSTGRES, {}),
        ("bitnami/postgres-exporter:0.15", POSTGRES, {}),
        ("dpage/pgadmin4", "/var/lib/pgadmin", {}),
        ("bitnami/pgbouncer", "/bitnami/postgresql", {}),
        ("rediscommander/redis-commander", "/data", {}),
        ("mongo-express", "/data/db", {}),
        ("postgres:16", "/backup", {}),
        (
            "postgres:16",
            POSTGRES,
            {"command": ["sh", "-c", "while true; do pg_dump -h db > /dump; sleep 1d; done"]},
        ),
        ("postgres:16", POSTGRES, {"args": ["psql", "-h", "db"]}),
        ("postgres:16", POSTGRES, {"command": ["/usr/bin/pg_basebackup"]}),
        ("redis:7", "/data", {"command": ["redis-sentinel", "/etc/sentinel.conf"]}),
        ("mysql:8", "/var/lib/mysql", {"command": ["sleep", "infinity"]}),
        ("etcd:v3", "/var/lib/etcd", {"command": ["/usr/local/bin/etcdctl", "watch", "x"]}),
        ("registry.example/app:1", "/data", {}),
    ],
)
def test_what_is_no_server_of_a_store(image: str, path: str, fields: dict[str, Any]) -> None:
    assert not audited(store(image, path, **fields), "ReadWriteOnce").of(RULE)


@pytest.mark.parametrize(
    "fields",
    [
        {"args": ["-c", "max_connections=200"]},
        {"args": ["postgres", "-c", "shared_buffers=1GB"]},
        {"command": ["docker-entrypoint.sh"], "args": ["postgres"]},
        {"command": ["sh", "-c", "until pg_isready -h other; do sleep 1; done; exec docker-entrypoint.sh postgres"]},
    ],
)
def test_a_server_with_arguments_of_its_own(fields: dict[str, Any]) -> None:
    assert audited(store(**fields), "ReadWriteOnce").one(RULE)


@pytest.mark.parametrize(
    ("volume", "mount", "path"),
    [
        ({"emptyDir": {}}, {}, POSTGRES),
        ({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}, {}, POSTGRES),
        ({"configMap": {"name": "c"}}, {}, POSTGRES),
        ({"secret": {"secretName": "s"}}, {}, POSTGRES),
        ({"nfs": {"server": "nas", "path": "/db", "readOnly": True}}, {}, POSTGRES),
        ({"hostPath": {"path": "/srv/db"}}, {"readOnly": True}, POSTGRES),
        ({"hostPath": {"path": "/var/log/postgres"}}, {}, "/var/log/postgresql"),
        ({"hostPath": {"path": "/srv/db/logs"}}, {}, f"{POSTGRES}/logs"),
        ({"hostPath": {"path": "/etc/localtime"}}, {}, "/etc/localtime"),
        ({"hostPath": {"path": "/etc/ssl/certs"}}, {}, POSTGRES),
        ({"hostPath": {"path": "/var/run/docker.sock", "type": "Socket"}}, {}, "/var/run/docker.sock"),
        ({"csi": {"driver": "secrets-store.csi.k8s.io"}}, {}, POSTGRES),
        ({"persistentVolumeClaim": {"claimName": "db", "readOnly": True}}, {}, POSTGRES),
    ],
)
def test_no_data_that_two_pods_share(volume: dict[str, Any], mount: dict[str, Any], path: str) -> None:
    assert not run(store(path=path, volume=volume, mount=mount), service()).of(RULE)
    # And so nothing keeps the delay from being set.
    kept = run(store(path=path, volume=volume, mount=mount, strategy={"type": "Recreate"}), service())
    assert kept.of("prestop-missing")


@pytest.mark.parametrize(
    ("field", "shared"), [("metadata.name", False), ("metadata.uid", False), ("spec.nodeName", True)]
)
def test_a_folder_for_each_pod(field: str, shared: bool) -> None:
    obj = store(
        mount={"subPathExpr": "pg/$(WHO)"}, env=[{"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": field}}}]
    )
    assert bool(audited(obj, "ReadWriteMany").of(RULE)) == shared


def test_a_read_only_claim() -> None:
    assert not audited(store(), "ReadOnlyMany").of(RULE)


@pytest.mark.parametrize("modes", [("ReadWriteMany",), ("ReadWriteOnce", "ReadWriteMany")])
def test_the_owner_of_several_replicas_shares_the_volume(modes: tuple[str, ...]) -> None:
    several = audited(store("registry.example/shop:1", "/uploads", replicas=2), *modes)
    assert not several.of(RULE)
    assert several.one("prestop-missing")["remedy"] == "auto"
    assert not audited(store(replicas=2), *modes).of(RULE)
    taken = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    uploads = store("registry.example/shop:1", "/uploads", replicas=2, strategy=taken)
    assert audited(uploads, *modes).one("rollout-loses-capacity")["remedy"] == "auto"


def test_a_claim_for_one_pod_hangs_instead() -> None:
    result = audited(store(), "ReadWriteOncePod")
    assert not result.of(RULE)
    assert result.one("surge-volume-deadlock")["severity"] == "error"
    assert not result.audit.changes, "the next pod waits for as long as the old one takes"


def test_a_stateful_set_starts_no_second_pod() -> None:
    result = audited(store(kind="StatefulSet"), "ReadWriteMany")
    assert not result.of(RULE)
    assert result.of("prestop-missing")


@pytest.mark.parametrize("rolling", [{"maxSurge": 1, "maxUnavailable": 0}, {"maxSurge": "50%", "maxUnavailable": 0}])
def test_a_daemon_set_that_surges(rolling: dict[str, Any]) -> None:
    obj = store(kind="DaemonSet", volume={"hostPath": {"path": "/srv/db"}}, replicas=None)
    assert not run(obj).of(RULE)
    obj["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert run(obj).one(RULE)["severity"] == "error"
    obj["spec"]["updateStrategy"]["type"] = "OnDelete"
    assert not run(obj).of(RULE)


def test_nothing_runs_at_zero_replicas() -> None:
    assert not audited(store(replicas=0), "ReadWriteOnce").of(RULE)


@pytest.mark.parametrize("strategy", [IN_PLACE, {"type": "Recreate"}, {"rollingUpdate": {"maxSurge": "0%"}}])
@pytest.mark.parametrize(
    ("image", "path"), [("postgres:16", POSTGRES), ("registry.example/wiki:1", "/var/wiki"), ("gitea/gitea", "/data")]
)
@pytest.mark.parametrize("modes", [("ReadWriteOnce",), ("ReadWriteMany",), ()])
def test_what_its_owner_keeps_to_one_at_a_time_stays_so(
    strategy: dict[str, Any], image: str, path: str, modes: tuple[str, ...]
) -> None:
    result = audited(store(image, path, strategy=strategy), *modes)
    assert [rule for rule in ADVICE if result.of(rule)] == []
    assert not result.audit.changes
    assert "maxSurge" not in str(result.report["findings"])


@pytest.mark.parametrize("hook", [{"tcpSocket": {"port": 8080}}, {"exec": {"command": ["true"]}}])
def test_a_hook_is_not_made_longer_either(hook: dict[str, Any]) -> None:
    """A deleted or evicted pod is replaced at once: a longer stop is a longer overlap."""
    obj = store(strategy={"type": "Recreate"}, lifecycle={"preStop": hook})
    result = audited(obj, "ReadWriteOnce")
    assert not any("lifecycle" in str(change.patch) for change in result.audit.changes)


def test_a_web_server_with_one_replica_and_no_volume_is_helped_as_before() -> None:
    in_place = run(workload(container(lifecycle=None), replicas=1, strategy=IN_PLACE), service())
    assert in_place.one("rollout-loses-capacity")["remedy"] == "auto"
    assert in_place.one("single-replica")


def test_uploads_on_one_claim_by_default_still_get_their_delay() -> None:
    """Its owner has not kept it to one pod: the rollout hangs on the claim, and a delay does no harm."""
    result = audited(store("registry.example/docs:1", "/uploads"), "ReadWriteOnce")
    assert result.of("surge-volume-deadlock")
    assert result.one("prestop-missing")["remedy"] == "auto"
