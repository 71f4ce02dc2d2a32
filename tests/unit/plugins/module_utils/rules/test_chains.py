# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that work through each other: what is found of them, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    autoscaler,
    config_map,
    container,
    cron_job,
    hooked,
    run,
    service,
    sidecar,
    workload,
)

UNEVEN, LEAVES, NEVER = "prestop-uneven", "proxy-leaves-first", "proxy-job-never-completes"
HTTP = [{"name": "http", "containerPort": 8080}]
PAUSE = {"sleep": {"seconds": 15}}


def proxy(**fields: Any) -> dict[str, Any]:
    """nginx, which the Service reaches and which pauses for 15 s."""
    return hooked(PAUSE, "nginx", **({"image": "nginx:1.27", "ports": HTTP} | fields))


def behind(pre_stop: dict[str, Any] | None = None, name: str = "app", **fields: Any) -> dict[str, Any]:
    """A container beside it that no Service reaches."""
    usual = {"ports": [{"containerPort": 9000}], "readinessProbe": None}
    return hooked(pre_stop, name, **(usual | fields))


def served(*containers: dict[str, Any], **options: Any) -> Result:
    return run(workload(*containers, drain=None, grace=60), service(), **options)


# prestop-uneven


# What may stand behind it


@pytest.mark.parametrize(
    "beside",
    [
        behind(ports=None),
        behind(ports=None, command=["python", "app.py"]),
        behind({"sleep": {"seconds": 5}}, ports=None),
    ],
)
def test_one_container_beside_a_proxy_may_be_its_application(beside: dict[str, Any]) -> None:
    """No port, no address, no known server: an info for its owner, who knows."""
    finding = served(proxy(), beside).one(UNEVEN)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("info", "manual", "app")
    assert "if nginx forwards requests to it" in finding["message"]
    assert finding["numbers"]["wanted_seconds"] == 15


@pytest.mark.parametrize(
    "others",
    [
        [behind(ports=None), behind(ports=None, name="other")],  # which of the two, nothing tells
        [behind({"sleep": {"seconds": 15}}, ports=None)],
        [behind({"exec": {"command": ["/drain.sh"]}}, ports=None)],
        [behind(ports=None, command=["crond", "-f"])],
        [behind(ports=None, command=["celery", "worker"])],
        [behind(ports=None, name="exporter")],
        [behind(ports=[{"name": "metrics", "containerPort": 9100}])],
    ],
)
def test_what_is_not_likely_behind_the_proxy(others: list[dict[str, Any]]) -> None:
    assert not served(proxy(), *others).of(UNEVEN)


def sharing(name: str, front: str, other: str, volume: dict[str, Any] | None = None) -> Result:
    mounts = [[{"name": name, "mountPath": path}] for path in (front, other)]
    pod = {"volumes": [{"name": name, **(volume or {"emptyDir": {}})}]}
    containers = [proxy(volumeMounts=mounts[0]), behind(ports=None, volumeMounts=mounts[1])]
    return run(workload(*containers, drain=None, grace=60, pod=pod), service())


@pytest.mark.parametrize(
    ("name", "front", "other"),
    [
        ("socket", "/srv/a", "/srv/b"),
        ("php-socket", "/srv/a", "/srv/b"),
        ("shared", "/var/run/php", "/var/run/php"),
        ("shared", "/run", "/run"),
        ("shared", "/srv/sockets", "/srv/a"),
    ],
)
def test_a_shared_folder_for_a_socket_says_that_one_stands_behind(name: str, front: str, other: str) -> None:
    finding = sharing(name, front, other).one(UNEVEN)
    assert (finding["severity"], finding["remedy"]) == ("warning", "auto")


@pytest.mark.parametrize(
    ("name", "front", "volume"),
    [
        ("static", "/srv/static", None),
        ("runtime", "/srv/runtime", None),
        ("data", "/srv/www", None),
        ("socket", "/srv/a", {"configMap": {"name": "socket"}}),
    ],
)
def test_any_other_shared_folder_does_not(name: str, front: str, volume: dict[str, Any] | None) -> None:
    assert sharing(name, front, front, volume).one(UNEVEN)["severity"] == "info"


@pytest.mark.parametrize(
    "application",
    [
        behind(),
        behind(ports=None, command=["gunicorn", "app:wsgi"]),
        behind(ports=None, command=["python", "-m", "uvicorn", "app:app"]),
        behind(ports=None, command=["bundle", "exec", "puma"]),
        behind(ports=None, command=["sh", "-c", "migrate && exec gunicorn app"]),
        behind(ports=None, image="php:8.3-fpm-alpine"),
        behind(ports=None, image="registry.example/cms-fpm:8"),
        behind(ports=None, image="registry.example/php-fpm"),
        behind({"sleep": {"seconds": 14}}),
        behind({"exec": {"command": ["sleep", "5"]}}),
        behind({"tcpSocket": {"port": 9000}}),
    ],
    ids=lambda one: str(one.get("command") or one["image"]) + str(one.get("lifecycle", "")),
)
def test_an_application_that_stops_before_its_proxy(application: dict[str, Any]) -> None:
    finding = served(proxy(), application).one(UNEVEN)
    assert (finding["severity"], finding["container"], finding["remedy"]) == ("warning", "app", "auto")
    assert finding["numbers"]["wanted_seconds"] == 15
    assert "nginx" in finding["message"]


@pytest.mark.parametrize(
    "front",
    [
        *(
            "openresty/openresty:1.25",
            "envoyproxy/envoy:v1.31",
            "haproxy:3.0-alpine",
            "traefik:v3",
            "caddy:2",
            "httpd:2.4",
        ),
        *("quay.io/oauth2-proxy/oauth2-proxy:v7", "kong:3.7", "varnish:7", "docker.io/bitnami/nginx:1.27-debian-12-r0"),
        *("registry.example/shop-nginx:3", "nginxinc/nginx-unprivileged:1.27@sha256:00"),
    ],
)
def test_proxies_are_known_by_their_image(front: str) -> None:
    assert served(proxy(image=front), behind()).of(UNEVEN)


@pytest.mark.parametrize(
    "command",
    [["nginx", "-g", "daemon off;"], ["/usr/sbin/haproxy", "-f", "x"], ["sh", "-c", "envsubst < a > b && exec nginx"]],
)
def test_proxies_are_known_by_their_program(command: list[str]) -> None:
    assert served(proxy(image="registry.example/front:1", command=command), behind()).of(UNEVEN)


@pytest.mark.parametrize(
    "fields",
    [
        {"args": ["--upstream=http://127.0.0.1:9000/"]},
        {"args": ["--upstream", "http://localhost:9000"]},
        {"env": [{"name": "BACKEND", "value": "[::1]:9000"}]},
        {"env": [{"name": "BACKEND", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "backend"}}}]},
    ],
)
def test_any_container_that_names_the_port_of_another_one_stands_in_front_of_it(fields: dict[str, Any]) -> None:
    front = proxy(image="registry.example/front:1", **fields)
    result = run(workload(front, behind(), drain=None), service(), config_map(backend="http://127.0.0.1:9000"))
    assert result.one(UNEVEN)["container"] == "app"


def test_a_known_proxy_names_a_port_that_only_one_can_have() -> None:
    front = proxy(image="oauth2-proxy:v7", args=["--upstream=http://127.0.0.1:3000"])
    assert served(front, behind(ports=None)).of(UNEVEN)


def test_what_an_application_behind_a_proxy_asks_stands_behind_both() -> None:
    cache = behind(name="cache", image="redis:7", ports=[{"containerPort": 6379}])
    asks = behind(PAUSE, env=[{"name": "CACHE", "value": "redis://localhost:6379/0"}])
    assert [one["container"] for one in served(proxy(), asks, cache).of(UNEVEN)] == ["cache"]


@pytest.mark.parametrize(
    "beside",
    [
        behind(PAUSE),
        behind({"sleep": {"seconds": 30}}),
        behind({"exec": {"command": ["/drain-and-wait"]}}),
        behind({"httpGet": {"port": 9000}}),
        behind(args=["--shutdown-delay=20s"]),
        behind(name="nginx-exporter", image="nginx/nginx-prometheus-exporter:1.3", ports=[{"containerPort": 9113}]),
        behind(name="fpm-exporter", image="hipages/php-fpm_exporter:2"),
        behind(name="logs", image="fluent/fluent-bit:3", ports=[{"containerPort": 2020}]),
        behind(name="otel", image="otel/opentelemetry-collector-contrib:0.110.0", ports=[{"containerPort": 4317}]),
        behind(name="reloader", image="jimmidyson/configmap-reload:v0.9", ports=[{"containerPort": 9533}]),
        behind(name="git", image="registry.k8s.io/git-sync/git-sync:v4", ports=[{"containerPort": 1234}]),
        behind(name="guard", image="quay.io/brancz/kube-rbac-proxy:v0.18", ports=[{"containerPort": 8443}]),
        behind(name="istio-proxy", image="istio/proxyv2:1.23", ports=[{"containerPort": 15090}]),
        behind(name="vault-agent", image="hashicorp/vault:1.17", ports=[{"containerPort": 8200}]),
        behind(name="statsd", image="datadog/agent:7", ports=[{"containerPort": 8125}]),
        behind(name="cache", image="redis:7", ports=[{"containerPort": 6379}]),
        behind(name="cron", image="registry.example/cms-fpm:8", ports=None, command=["crond", "-f"]),
        behind(name="queue", image="php:8-fpm", ports=None, args=["php", "artisan", "queue:work"]),
        behind(name="worker", ports=None, command=["celery", "worker"]),
        behind(name="hold", image="registry.k8s.io/pause:3.10"),
        behind(ports=[{"name": "metrics", "containerPort": 9100}]),
        behind(name="second", image="nginx:1.27", ports=[{"containerPort": 8081}]),
    ],
    ids=lambda one: f"{one['name']} {one['image']} {one.get('lifecycle', '')}",
)
def test_what_stands_beside_a_proxy_and_is_not_behind_it_or_does_not_go_first(beside: dict[str, Any]) -> None:
    assert not served(proxy(), beside).of(UNEVEN)


def test_one_that_is_no_proxy_and_names_nobody_has_nothing_behind_it() -> None:
    assert not served(proxy(image="registry.example/front:1"), behind()).of(UNEVEN)


@pytest.mark.parametrize(
    "value",
    [
        "http://localhost:8080",
        "http://other.example:9000",
        "my-localhost:9000",
        "127.0.0.1:90001",
        "10.0.0.1:9000",
        "9000",
    ],
)
def test_other_addresses_lead_to_nothing_in_the_pod(value: str) -> None:
    front = proxy(image="registry.example/front:1", env=[{"name": "BACKEND", "value": value}])
    assert not served(front, behind()).of(UNEVEN)


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "STATSD_HOST"])
def test_a_collector_that_an_application_names_is_no_application(variable: str) -> None:
    collector = behind(
        name="otel-collector", image="otel/opentelemetry-collector:0.110.0", ports=[{"containerPort": 4317}]
    )
    front = proxy(image="registry.example/front:1", env=[{"name": variable, "value": "http://localhost:4317"}])
    assert not served(front, collector).of(UNEVEN)


def test_an_address_of_the_proxy_turns_nothing_around() -> None:
    application = behind(PAUSE, env=[{"name": "APP_URL", "value": "http://localhost:8080"}])
    assert not served(hooked({"sleep": {"seconds": 15}}, "nginx", image="nginx", ports=HTTP), application).of(UNEVEN)
    assert served(proxy(), behind(env=[{"name": "APP_URL", "value": "http://localhost:8080"}])).one(UNEVEN)


def test_two_that_services_reach_each_have_requests_of_their_own() -> None:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "api", "port": 81, "targetPort": 9000}]
    assert not run(workload(proxy(), behind(), drain=None), service(ports=ports)).of(UNEVEN)


def test_native_sidecars_stop_after_all() -> None:
    pod = {"initContainers": [sidecar("app", ports=[{"containerPort": 9000}])]}
    assert not run(workload(proxy(), drain=None, pod=pod), service()).of(UNEVEN)


def test_where_nobody_sends_requests_nothing_is_lost() -> None:
    assert not run(workload(proxy(), behind(), drain=None)).of(UNEVEN)


def test_on_a_cluster_without_the_sleep_action_nobody_pauses() -> None:
    assert not served(proxy(), behind(), version="1.28").of(UNEVEN)


def test_one_pod_that_is_gone_before_the_next_one_is_an_info() -> None:
    result = run(workload(proxy(), behind(), drain=None, kind="StatefulSet", replicas=1), service())
    assert result.one(UNEVEN)["severity"] == "info"


def test_scaled_to_zero_is_an_info() -> None:
    assert run(workload(proxy(), behind(), drain=None), service(), autoscaler(0)).one(UNEVEN)["severity"] == "info"


def test_a_hook_that_stops_what_is_behind_is_found_there() -> None:
    stops = {"exec": {"command": ["sh", "-c", "sleep 1; kill -QUIT 1"]}}
    result = served(proxy(), behind(stops, image="registry.example/cms-fpm:8"))
    assert not result.of(UNEVEN)
    finding = result.one("prestop-stops-server-early")
    assert finding["container"] == "app" and "nginx still forwards requests" in finding["message"]


def test_a_hook_of_somebody_is_for_a_person_with_the_seconds_of_the_proxy() -> None:
    own = {"exec": {"command": ["sh", "-c", "sleep 6; kill -QUIT 1"]}}
    finding = served(proxy(), behind(own, image="registry.example/cms-fpm:8")).one(UNEVEN)
    assert (finding["remedy"], finding["numbers"]["prestop_seconds"]) == ("manual", 6)
    assert "seconds: 15" in finding["snippet"]


# proxy-leaves-first

SQL = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.0"


def database(pre_stop: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    usual = {"image": SQL, "args": ["--port=5432", "p:r:d"], "ports": None, "readinessProbe": None}
    return hooked(pre_stop, "database", **(usual | fields))


@pytest.mark.parametrize(
    "image",
    [
        SQL,
        *("gcr.io/cloudsql-docker/gce-proxy:1.33.2", "gcr.io/alloydb-connectors/alloydb-auth-proxy:1.10.0"),
        *(
            "edoburu/pgbouncer:1.22.1",
            "bitnami/pgbouncer:1.21.0-debian-11-r8",
            "proxysql/proxysql:2.6",
            "dweomer/stunnel",
        ),
        "container-registry.oracle.com/mysql/community-router/mysql-router:8.4",
    ],
)
def test_a_proxy_that_exits_while_its_application_goes_on(image: str) -> None:
    finding = run(workload(container(), database(image=image)), service()).one(LEAVES)
    assert (finding["severity"], finding["container"], finding["remedy"]) == ("error", "database", "manual")
    assert finding["numbers"] == {"proxy_seconds": 0, "needed_seconds": 20}
    assert "restartPolicy: Always" in finding["snippet"] and "seconds: 20" in finding["snippet"]


def test_beside_a_worker_as_well() -> None:
    worker = hooked(None, "worker", ports=None, readinessProbe=None)
    assert run(workload(worker, database(), drain=45)).one(LEAVES)["numbers"]["needed_seconds"] == 45


@pytest.mark.parametrize(
    "proxied",
    [
        database(args=["--max-sigterm-delay=30s", "p:r:d"]),
        database(args=["--max-sigterm-delay", "1m", "p:r:d"]),
        database(env=[{"name": "CSQL_PROXY_MAX_SIGTERM_DELAY", "value": "20s"}]),
        database(image="gcr.io/cloudsql-docker/gce-proxy:1.33.2", args=["-term_timeout=30s"]),
        database({"sleep": {"seconds": 20}}),
        database({"sleep": {"seconds": 10}}, args=["--max-sigterm-delay=10s"]),
        database({"exec": {"command": ["/wait-for-app"]}}),
        database(image="edoburu/pgbouncer:1.23.1", args=None),
        database(image="ghostunnel/ghostunnel:v1.8", args=["client"]),
        database(image="ghostunnel/ghostunnel:v1.8", args=["server"]),
        database(command=["sh", "-c", "cloud-sql-proxy p:r:d & wait-for-app; kill $!"]),
        database(image="registry.example/cloud-sql-proxy-operator:1", args=None),
        database(image="prometheuscommunity/pgbouncer-exporter:v0.9", args=None),
    ],
    ids=lambda one: f"{one['image']} {one.get('args')} {one.get('lifecycle', '')}",
)
def test_a_proxy_that_stays_or_is_none(proxied: dict[str, Any]) -> None:
    assert not run(workload(container(), proxied), service()).of(LEAVES)


def test_a_native_sidecar_stays() -> None:
    pod = {"initContainers": [sidecar("database", image=SQL, args=["p:r:d"])]}
    assert not run(workload(pod=pod), service()).of(LEAVES)


def test_a_pooler_by_itself_is_a_server() -> None:
    pooler = container("pooler", image="edoburu/pgbouncer:1.22.1")
    exporter = container("exporter", image="prometheuscommunity/pgbouncer-exporter:v0.9", ports=None)
    assert not run(workload(pooler, exporter), service()).of(LEAVES)
    assert not run(workload(pooler, exporter)).of(LEAVES)


def test_a_pooler_in_front_of_its_own_database_is_no_client() -> None:
    store = hooked(PAUSE, "db", image="postgres:16", ports=[{"containerPort": 5432}])
    pooler = hooked(None, "pooler", image="edoburu/pgbouncer:1.22.1", ports=[{"containerPort": 6432}])
    assert not run(workload(store, pooler, kind="StatefulSet"), service(ports=[{"port": 5432}])).of(LEAVES)


@pytest.mark.parametrize(
    ("application", "proxied"),
    [(hooked(None), database()), (container(), database(image="edoburu/pgbouncer:latest", args=None))],
)
def test_what_is_not_known_is_not_evaluated(application: dict[str, Any], proxied: dict[str, Any]) -> None:
    result = run(workload(application, proxied, drain=None), service())
    assert not result.of(LEAVES)
    assert LEAVES in {entry["rule"] for entry in result.report["not_evaluated"]}


def test_before_native_sidecars_the_reason_says_so() -> None:
    finding = run(workload(container(), database()), service(), version="1.28").one(LEAVES)
    assert "no native sidecars" in finding["reason"]


# proxy-job-never-completes

WORK = {"name": "work", "image": "registry.example/work:1", "command": ["python", "work.py"]}


def job_of(work: dict[str, Any], *others: dict[str, Any], **fields: Any) -> Result:
    return run(cron_job(work, *others, **fields))


def test_a_job_whose_proxy_nobody_ends() -> None:
    finding = job_of(WORK, database()).one(NEVER)
    assert (finding["severity"], finding["container"], finding["remedy"]) == ("error", "database", "manual")
    assert "jobTemplate" in finding["snippet"] and "Forbid" not in finding["message"]


def test_where_no_later_run_may_start_it_says_so() -> None:
    assert "no later run starts" in job_of(WORK, database(), concurrencyPolicy="Forbid").one(NEVER)["message"]


def test_a_program_of_the_image_may_end_it() -> None:
    hidden = {"name": "work", "image": "registry.example/work:1"}
    assert job_of(hidden, database()).one(NEVER)["severity"] == "warning"
    assert job_of(WORK, database(args=["--quitquitquit", "p:r:d"])).one(NEVER)["severity"] == "warning"


@pytest.mark.parametrize(
    "script",
    [
        "python work.py; curl -X POST localhost:9091/quitquitquit",
        "python work.py; pkill cloud-sql-proxy",
        "python work.py; kill -TERM $(pidof cloud_sql_proxy)",
        "trap 'wget --post-data= -qO- http://127.0.0.1:9091/quitquitquit' EXIT; python work.py",
    ],
)
def test_a_job_that_ends_it(script: str) -> None:
    assert not job_of(WORK | {"command": ["sh", "-c", script]}, database()).of(NEVER)


@pytest.mark.parametrize(
    "proxied",
    [
        database(command=["sh", "-c", "cloud-sql-proxy p:r:d & while [ ! -f /tmp/done ]; do sleep 1; done"]),
        database(command=["timeout", "3600", "cloud-sql-proxy", "p:r:d"]),
        database(image="registry.example/other:1", args=None),
    ],
)
def test_a_script_around_the_proxy_may_end_it(proxied: dict[str, Any]) -> None:
    assert not job_of(WORK, proxied).of(NEVER)


def test_a_native_sidecar_ends_with_the_job_and_what_runs_for_ever_need_not_end() -> None:
    native = sidecar("database", image=SQL, args=["p:r:d"])
    assert not job_of(WORK, pod={"initContainers": [native]}).of(NEVER)
    assert not run(workload(container(), database()), service()).of(NEVER)
