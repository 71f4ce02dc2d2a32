# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases and brokers. What they do with their data when they stop takes as long as there is data."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server

SERVERS = (
    Server(
        name="PostgreSQL",
        programs=("postgres",),
        images=("library/postgres",),
        drains_on=(),
        image_signal="INT",
        cut_by_term=False,
        unknown_because="SIGINT rolls open transactions back, SIGTERM waits until every client has left; then it "
        "writes a checkpoint",
        refuses_new="at once",
        source=("postgresql.org, Shutting Down the Server; tried with 15",),
    ),
    Server(
        name="MySQL and MariaDB",
        programs=("mysqld", "mariadbd"),
        images=("library/mysql", "library/mariadb"),
        drains_on=(),
        unknown_because="it ends every connection and flushes its buffers, without a limit",
        refuses_new="at once",
        source=("dev.mysql.com, The Server Shutdown Process",),
    ),
    Server(
        name="Redis and Valkey",
        programs=("redis-server", "valkey-server"),
        images=("library/redis", "valkey/valkey"),
        drains_on=(),
        unknown_because="it saves its data without a limit; from Redis 7.0 on, it waits up to 10 s for its replicas "
        "before that",
        refuses_new="writes wait",
        advice="shutdown-timeout {seconds}",
        source=("redis, src/server.c",),
    ),
    Server(
        name="MongoDB",
        programs=("mongod", "mongos"),
        images=("library/mongo", "mongodb/mongodb-community-server"),
        drains_on=(),
        unknown_because="from 5.0 it goes on for 15 s with what is running, then it writes a checkpoint",
        refuses_new="at once",
        advice="--setParameter shutdownTimeoutMillisForSignaledShutdown={seconds}000",
        source=("mongodb.com, db.shutdownServer()",),
    ),
    Server(
        name="RabbitMQ",
        programs=("rabbitmq-server",),
        images=("library/rabbitmq",),
        drains_on=(),
        requeues=True,
        unknown_because="it closes every connection and syncs its queues, without a limit",
        refuses_new="at once",
        source=("rabbitmq-server 3.10, sbin/rabbitmq-server",),
    ),
    Server(
        name="Elasticsearch and OpenSearch",
        programs=("elasticsearch", "opensearch"),
        images=("library/elasticsearch", "elasticsearch/elasticsearch", "opensearchproject/opensearch"),
        drains_on=(),
        unknown_because="how long it waits for requests depends on its version",
        refuses_new="at once",
        source=("elasticsearch, node/ShutdownPrepareService.java",),
    ),
    Server(
        name="NATS",
        programs=("nats-server",),
        images=("library/nats",),
        drains_on=("USR2",),
        unknown_because="SIGTERM ends it at once, unless a hook has begun its lame duck mode",
        refuses_new="at once",
        advice='lame_duck_duration: "{seconds}s"',
        source=("nats-server 2.15, server/signal.go",),
    ),
    Server(
        name="MinIO",
        programs=("minio",),
        images=("minio/minio",),
        entrypoints=("minio/minio",),
        drains_on=(),
        unknown_because="it ends without waiting for requests, and clients try again",
        refuses_new="at once",
        source=("minio 2026-02, cmd/signals.go",),
    ),
    Server(
        name="Memcached",
        programs=("memcached",),
        images=("library/memcached",),
        drains_on=(),
        unknown_because="it ends at once, and its cache is gone",
        source=("memcached, memcached.c",),
    ),
)
