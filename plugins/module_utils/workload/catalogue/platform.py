# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a cluster itself: ingress, DNS, dashboards, and what stands in front of a database."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNIT_REQUIRED,
    UNLIMITED,
    FileKey,
    Flag,
    Server,
    Variable,
)

_GRAFANA = ("grafana/grafana", "grafana/grafana-oss", "grafana/grafana-enterprise")

SERVERS = (
    Server(
        name="ingress-nginx",
        own_delay=(Flag("--shutdown-grace-period"),),
        at_end="its nginx workers close the connections; the controller ends 10 s later",
        refuses_new="after its own delay",
        advice="worker-shutdown-timeout: {seconds}s in its ConfigMap",
        note="240 s by default; its preStop hook /wait-shutdown is the drain",
        source=("ingress-nginx 1.15, internal/ingress/controller/nginx.go",),
    ),
    Server(
        name="CoreDNS",
        programs=("coredns",),
        images=("coredns/coredns", "rancher/mirrored-coredns-coredns"),
        entrypoints=("coredns/coredns", "rancher/mirrored-coredns-coredns"),
        drains_on=("TERM",),
        default=5,
        own_delay=(FileKey("lameduck", r"Corefile", r"^[^#\n]*\blameduck[ \t]+([^\s}#]+)"),),
        at_end="closes its listeners",
        refuses_new="after its own delay",
        note="its own delay is `lameduck` of the plugin health; the 5 s are fixed",
        source=("coredns 1.15, core/dnsserver/server.go",),
    ),
    Server(
        name="Grafana",
        programs=("grafana-server",),
        images=_GRAFANA,
        entrypoints=_GRAFANA,
        drains_on=("TERM", "INT"),
        default=30,
        default_since=tuple((image, "8.0") for image in _GRAFANA),
        at_end="ends",
        refuses_new="at once",
        source=("grafana, pkg/cmd/grafana-server/commands/cli.go",),
    ),
    Server(
        name="Argo CD server",
        programs=("argocd-server",),
        drains_on=("TERM", "INT"),
        default=20,
        default_since=(("argoproj/argocd", "2.14"),),
        at_end="ends",
        refuses_new="at once",
        source=("argo-cd 3.6, server/server.go",),
    ),
    Server(
        name="Argo CD repo server",
        programs=("argocd-repo-server",),
        drains_on=("TERM", "INT"),
        default=UNLIMITED,
        default_since=(("argoproj/argocd", "2.13"),),
        refuses_new="at once",
        source=("argo-cd 3.6, cmd/argocd-repo-server/commands/argocd_repo_server.go",),
    ),
    Server(
        name="cert-manager webhook",
        images=("jetstack/cert-manager-webhook",),
        drains_on=("TERM", "INT"),
        default=5,
        at_end="ends",
        refuses_new="at once",
        source=("cert-manager 1.21, pkg/webhook/server/server.go",),
    ),
    Server(
        name="Prometheus",
        programs=("prometheus",),
        images=("prom/prometheus", "prometheus/prometheus"),
        entrypoints=("prom/prometheus", "prometheus/prometheus"),
        drains_on=(),
        unknown_because="queries in flight are not waited for; remote write has up to 1 min to flush",
        advice="--storage.remote.flush-deadline={seconds}s",
        source=("prometheus 3.16, web/web.go",),
    ),
    Server(
        name="Cloud SQL Auth Proxy",
        programs=("cloud-sql-proxy", "cloud_sql_proxy"),
        images=("cloud-sql-connectors/cloud-sql-proxy", "cloudsql-docker/gce-proxy"),
        entrypoints=("cloud-sql-connectors/cloud-sql-proxy",),
        drains_on=("TERM", "INT"),
        timeout=(
            Flag("--max-sigterm-delay", UNIT_REQUIRED, anywhere=True),
            Variable("CSQL_PROXY_MAX_SIGTERM_DELAY", UNIT_REQUIRED),
            Flag("-term_timeout", UNIT_REQUIRED, anywhere=True),
        ),
        default=0,
        own_delay=(
            Flag("--min-sigterm-delay", UNIT_REQUIRED, anywhere=True),
            Variable("CSQL_PROXY_MIN_SIGTERM_DELAY", UNIT_REQUIRED),
        ),
        at_end="closes the connections to the database",
        refuses_new="accepts them until then",
        advice="--max-sigterm-delay={seconds}s",
        source=("cloud-sql-proxy 2.25, internal/proxy/proxy.go",),
    ),
    Server(
        name="PgBouncer",
        programs=("pgbouncer",),
        images=("edoburu/pgbouncer",),
        drains_on=("INT",),
        unknown_because="on SIGTERM it waits for its clients from 1.23 on, and ends at once before",
        refuses_new="at once",
        advice="the stop signal SIGINT, and pool_mode = transaction",
        source=("pgbouncer, src/main.c and NEWS.md",),
    ),
)
