# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known databases and brokers, as data: how their images are named, where they keep their data, how long a stop takes.

To add one, copy an entry of STORES. Images and the label app.kubernetes.io/name are compared by whole path segments,
without what publishers append (`postgresql-15-c9s`, `redis:7-alpine`), so that an exporter, a proxy or a console that
is named after a store is not taken for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.image_names import image_names, plain_names
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    commands_of,
    script_of,
)

_LONG, _USUAL = 120, 60  # seconds


@dataclass(frozen=True, slots=True)
class Store:
    """`names` are path segments of images, `a/b` two in a row; `data` the folders in which it keeps its data, all that
    publishers use. `stop` is how many seconds a stop usually gets; None where no rule of thumb is known.
    """

    names: tuple[str, ...]
    data: tuple[str, ...]
    stop: int | None = None


STORES = (
    Store(
        (
            *("postgres", "postgresql", "postgis", "timescaledb", "timescaledb-ha", "timescaledb-postgis", "pgvector"),
            *("pgvecto-rs", "spilo", "enterprisedb", "postgres-operator/postgres", "crunchy-postgres", "tensorchord"),
        ),
        (
            *("/var/lib/postgresql", "/bitnami/postgresql", "/var/lib/pgsql", "/home/postgres/pgdata", "/pgdata"),
            "/opt/bitnami/postgresql/data",
        ),
        _LONG,
    ),
    Store(
        ("mysql", "mysql-server", "mysql/community-server", "mariadb", "percona", "percona-server", "mariadb-server"),
        ("/var/lib/mysql", "/bitnami/mysql", "/bitnami/mariadb", "/var/lib/mariadb"),
        _LONG,
    ),
    Store(("percona-xtradb-cluster", "mariadb-galera"), ("/var/lib/mysql", "/bitnami/mariadb"), _LONG),
    Store(
        ("mongo", "mongodb", "mongodb-community-server", "mongodb-enterprise-server", "percona-server-mongodb"),
        ("/data/db", "/data/configdb", "/bitnami/mongodb", "/var/lib/mongodb", "/var/lib/mongo"),
        _LONG,
    ),
    Store(
        ("elasticsearch", "elasticsearch-oss", "opensearch", "elasticsearch-wolfi"),
        (
            "/usr/share/elasticsearch/data",
            "/usr/share/opensearch/data",
            "/bitnami/elasticsearch",
            "/bitnami/opensearch",
        ),
        _LONG,
    ),
    Store(
        ("kafka", "cp-kafka", "cp-server", "kafka-native", "kafka-local", "redpanda"),
        ("/bitnami/kafka", "/var/lib/kafka", "/kafka", "/tmp/kraft-combined-logs", "/var/lib/redpanda"),
        _LONG,
    ),
    Store(("rabbitmq", "rabbitmq-server"), ("/var/lib/rabbitmq", "/bitnami/rabbitmq"), _LONG),
    Store(
        (
            *("redis", "redis-stack-server", "redis-stack", "valkey", "keydb", "redis-cluster", "valkey-cluster"),
            *("dragonfly", "redict", "kvrocks"),
        ),
        ("/data", "/bitnami/redis/data", "/bitnami/redis", "/bitnami/valkey", "/redis-master-data", "/var/lib/redis"),
        _USUAL,
    ),
    Store(("etcd",), ("/var/lib/etcd", "/bitnami/etcd", "/etcd-data", "/var/run/etcd"), _USUAL),
    Store(
        ("zookeeper", "cp-zookeeper"),
        ("/data", "/datalog", "/bitnami/zookeeper", "/var/lib/zookeeper", "/var/lib/zookeeper/data"),
        _USUAL,
    ),
    Store(("cassandra", "dse-server", "cass-management-api"), ("/var/lib/cassandra", "/bitnami/cassandra"), _USUAL),
    Store(("scylla",), ("/var/lib/scylla",), _USUAL),
    Store(("clickhouse", "clickhouse-server"), ("/var/lib/clickhouse", "/bitnami/clickhouse"), _USUAL),
    Store(("nats", "nats-streaming"), ("/data", "/bitnami/nats", "/nats-data"), _USUAL),
    Store(("pulsar", "pulsar-all"), ("/pulsar/data",), _USUAL),
    Store(
        ("activemq", "activemq-classic", "activemq-artemis", "artemis", "activemq-artemis-broker"),
        ("/var/lib/artemis-instance", "/opt/apache-activemq/data", "/opt/activemq/data", "/var/lib/activemq"),
        _USUAL,
    ),
    Store(("influxdb", "influxdb3-core"), ("/var/lib/influxdb", "/var/lib/influxdb2", "/bitnami/influxdb"), _USUAL),
    Store(("neo4j",), ("/data", "/bitnami/neo4j"), _USUAL),
    Store(("couchdb",), ("/opt/couchdb/data", "/bitnami/couchdb"), _USUAL),
    Store(("couchbase", "couchbase/server"), ("/opt/couchbase/var",), _USUAL),
    Store(("cockroach", "cockroachdb"), ("/cockroach/cockroach-data", "/cockroach-data"), _USUAL),
    Store(("consul",), ("/consul/data", "/bitnami/consul"), _USUAL),
    Store(("solr",), ("/var/solr", "/bitnami/solr"), _USUAL),
    Store(("memgraph", "memgraph-mage", "memgraph-platform"), ("/var/lib/memgraph",), _USUAL),
    Store(("arangodb", "arangodb-server"), ("/var/lib/arangodb3", "/bitnami/arangodb"), _USUAL),
    Store(("mssql/server", "azure-sql-edge"), ("/var/opt/mssql",)),
    Store(
        ("oracle-free", "oracle-xe", "database/free", "database/express", "database/enterprise"),
        ("/opt/oracle/oradata",),
    ),
    Store(("db2", "db2_community/db2"), ("/database",)),
    Store(("firebird", "firebirdsql"), ("/firebird/data", "/var/lib/firebird")),
    Store(("rethinkdb",), ("/data",)),
    Store(("surrealdb",), ("/data", "/mydata")),
    Store(("questdb",), ("/var/lib/questdb", "/root/.questdb")),
    Store(("ravendb",), ("/opt/RavenDB/Server/RavenData", "/var/lib/ravendb/data")),
    Store(("yugabyte",), ("/mnt/disk0", "/root/var/data")),
    Store(("tikv", "pingcap/pd"), ("/var/lib/tikv", "/var/lib/pd")),
    Store(("aerospike-server", "aerospike-server-enterprise"), ("/opt/aerospike/data",)),
    Store(("tarantool",), ("/var/lib/tarantool",)),
    Store(("dgraph/dgraph", "dgraph/standalone"), ("/dgraph",)),
    Store(("qdrant",), ("/qdrant/storage",)),
    Store(("weaviate",), ("/var/lib/weaviate",)),
    Store(("milvus",), ("/var/lib/milvus",)),
    Store(("chroma", "chromadb/chroma"), ("/chroma/chroma", "/data")),
    Store(("meilisearch",), ("/meili_data",)),
    Store(("typesense",), ("/data", "/typesense-data")),
    Store(("emqx", "emqx-enterprise"), ("/opt/emqx/data",)),
    Store(("eclipse-mosquitto", "mosquitto"), ("/mosquitto/data",)),
    Store(("prometheus",), ("/prometheus", "/bitnami/prometheus", "/opt/bitnami/prometheus/data")),
    Store(
        ("victoria-metrics", "vmstorage", "victoria-logs"),
        ("/victoria-metrics-data", "/storage", "/vlogs", "/vmstorage-data"),
    ),
    Store(("minio",), ("/data", "/export", "/bitnami/minio/data")),
    Store(("vault", "openbao"), ("/vault/data", "/vault/file", "/openbao/data")),
    Store(("immudb",), ("/var/lib/immudb",)),
)
_BY_NAME = {name: store for store in STORES for name in store.names}
# Programs that do something with a store, but are none.
_CLIENTS = frozenset(
    (
        *("psql", "pg_dump", "pg_dumpall", "pg_basebackup", "pg_restore", "pg_isready", "pgbackrest"),
        *("wal-g", "barman", "pg_receivewal", "pgbench", "mysql", "mysqldump", "mysqladmin"),
        *("mysqlbinlog", "mydumper", "xtrabackup", "mariadb", "mariadb-dump", "mariadb-admin"),
        *("mariabackup", "mariadb-backup", "mongo", "mongosh", "mongodump", "mongorestore"),
        *("mongoexport", "redis-cli", "redis-benchmark", "valkey-cli", "keydb-cli", "etcdctl"),
        *("etcdutl", "cqlsh", "nodetool", "clickhouse-client", "clickhouse-backup", "rabbitmqadmin"),
        *("influx", "cypher-shell", "kafka-topics.sh", "kafka-console-consumer.sh"),
        *("kafka-console-producer.sh", "kafka-topics", "zkCli.sh", "redis_exporter"),
        *("postgres_exporter", "mysqld_exporter", "mongodb_exporter", "sqlcmd", "promtool"),
        *("vmagent", "redis-sentinel", "pgbouncer", "mongos", "restic", "crond", "supercronic"),
        *("go-cron", "sleep", "tail"),
    )
)
# In a script with both, the client only waits for the server, or prepares it.
_SERVERS = frozenset(
    (
        *("postgres", "mysqld", "mysqld_safe", "mariadbd", "mongod", "redis-server", "valkey-server"),
        *("etcd", "influxd", "docker-entrypoint.sh", "entrypoint.sh", "run.sh", "elasticsearch"),
        *("rabbitmq-server", "clickhouse-server"),
    )
)


def store_of(container: Container, label: str = "") -> tuple[str, Store] | None:
    """(its name, the known store) that the container runs as a server, by its image; else by the label, if given.

    `label` is the pod's app.kubernetes.io/name, where it can only mean this container. None for a client, a backup or
    an exporter, even in the image of a store.
    """
    named = _first(image_names(image_name(container))) or _first(plain_names(label))
    return None if named is None or _runs_client(container) else named


def _first(names: Iterable[str]) -> tuple[str, Store] | None:
    return next(((name, _BY_NAME[name]) for name in names if name in _BY_NAME), None)


def _runs_client(container: Container) -> bool:
    """Whether it starts a client, a backup or the like; an entrypoint of the image runs what its arguments name."""
    words = container.command or container.args
    if not words or words[0].startswith("-"):
        return False
    script = script_of(container.words if container.command else container.args)
    if script is None:
        if container.command and basename(words[0]).endswith("entrypoint.sh"):
            words = (*container.command[1:], *container.args) or words
        return basename(words[0]) in _CLIENTS
    programs = {basename(word) for command in commands_of(script) for word in command.split()}
    return bool(programs & _CLIENTS) and not programs & _SERVERS
