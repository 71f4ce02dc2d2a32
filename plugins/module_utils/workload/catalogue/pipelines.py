# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships logs and metrics, moves data from one system to another, or runs jobs of a CI system."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNLIMITED,
    Flag,
    Server,
    Variable,
)

SERVERS = (
    Server(
        name="Vector",
        programs=("vector",),
        images=("timberio/vector",),
        drains_on=("TERM", "INT"),
        ends_on=("QUIT",),
        timeout=(
            Flag("--graceful-shutdown-limit-secs", anywhere=True),
            Variable("VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS"),
        ),
        default=60,
        at_end="kills its components",
        refuses_new="sources stop first",
        advice="--graceful-shutdown-limit-secs {seconds}",
        source=("vector 0.58, src/cli.rs and src/topology/running.rs",),
    ),
    Server(
        name="Fluent Bit",
        programs=("fluent-bit",),
        drains_on=("TERM", "INT", "QUIT"),
        default=5,
        file_in_image="fluent-bit.conf",
        at_end="drops what is in memory",
        refuses_new="inputs pause",
        advice="Grace {seconds}",
        source=("fluent-bit 5.1.1, src/flb_engine.c",),
    ),
    Server(
        name="Fluentd",
        programs=("fluentd", "td-agent"),
        images=("fluent/fluentd", "fluent/fluentd-kubernetes-daemonset"),
        drains_on=("TERM", "INT"),
        default=UNLIMITED,
        refuses_new="inputs stop first",
        note="buffers in memory are lost with SIGKILL, those in files stay",
        source=("fluentd 1.19, lib/fluent/root_agent.rb",),
    ),
    Server(
        name="Logstash",
        programs=("logstash",),
        images=("library/logstash", "logstash/logstash"),
        drains_on=("TERM", "INT"),
        default=UNLIMITED,
        refuses_new="inputs stop first",
        source=("elastic.co, Logstash reference, Shutting down",),
    ),
    Server(
        name="OpenTelemetry Collector",
        programs=("otelcol", "otelcol-contrib", "otelcol-k8s"),
        images=(
            "otel/opentelemetry-collector",
            "otel/opentelemetry-collector-contrib",
            "otel/opentelemetry-collector-k8s",
        ),
        drains_on=("TERM", "INT"),
        default=UNLIMITED,
        refuses_new="receivers stop first",
        source=("go.opentelemetry.io/collector/otelcol 0.165, collector.go",),
    ),
    Server(
        name="Kafka Connect",
        programs=("connect-distributed.sh", "connect-distributed", "connect-standalone.sh"),
        drains_on=("TERM", "INT"),
        timeout=(Variable("CONNECT_TASK_SHUTDOWN_GRACEFUL_TIMEOUT_MS", "ms"),),
        unknown_because="its tasks get 5 s, then connectors and herder up to 15 s, unless its properties say otherwise",
        requeues=True,
        at_end="records without a committed offset are read again",
        advice="CONNECT_TASK_SHUTDOWN_GRACEFUL_TIMEOUT_MS={seconds}000",
        source=("connect-runtime 3.9, WorkerConfig and DistributedHerder",),
    ),
    Server(
        name="GitLab runner",
        programs=("gitlab-runner",),
        images=("gitlab/gitlab-runner",),
        drains_on=("QUIT",),
        image_signal="QUIT",
        default=UNLIMITED,
        refuses_new="takes no further job",
        at_end="on SIGTERM it aborts its jobs",
        source=("gitlab-runner 19.4, commands/multi.go",),
    ),
    Server(
        name="GitHub Actions runner",
        images=("actions/actions-runner",),
        drains_on=(),
        unknown_because="SIGTERM cancels the running job",
        source=("actions/runner 2.336, src/Misc/layoutroot/run.sh",),
    ),
    Server(
        name="Jenkins agent",
        programs=("jenkins-agent",),
        images=("jenkins/inbound-agent",),
        drains_on=(),
        unknown_because="it ends at once, and the running build loses its agent",
        source=("jenkinsci/docker-agent, jenkins-agent",),
    ),
    Server(
        name="Hasura GraphQL Engine",
        programs=("graphql-engine",),
        images=("hasura/graphql-engine",),
        drains_on=("TERM", "INT"),
        timeout=(Flag("--graceful-shutdown-timeout"), Variable("HASURA_GRAPHQL_GRACEFUL_SHUTDOWN_TIMEOUT")),
        default=60,
        requeues=True,
        at_end="unfinished events are marked as pending",
        advice="HASURA_GRAPHQL_GRACEFUL_SHUTDOWN_TIMEOUT={seconds}",
        source=("hasura/graphql-engine, server options",),
    ),
)
