# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server a container runs, whether the stop signal reaches it, and which signal that is."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    RunningServer,
    running_server,
)

APP = "registry.example/shop/app:3"
CLOUD_SQL = "Cloud SQL Auth Proxy"
DIGEST = "@sha256:" + "0" * 64


def running(
    command: list[str] | None = None, args: list[str] | None = None, image: str = APP, signal: str | None = None
) -> RunningServer | None:
    spec: dict[str, object] = {"name": "app", "image": image}
    if command is not None:
        spec["command"] = command
    if args is not None:
        spec["args"] = args
    if signal:
        spec["lifecycle"] = {"stopSignal": signal}
    return running_server(read_container(spec, "containers[0]"))


def shell(script: str) -> RunningServer | None:
    return running(["sh", "-c", script])


def name_of(found: RunningServer | None) -> str | None:
    return found.server.name if found else None


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["gunicorn", "app:main"], "gunicorn"),
        (["/venv/bin/gunicorn", "-k", "gevent"], "gunicorn"),
        (["python", "-m", "gunicorn", "app"], "gunicorn"),
        (["python3.12", "-u", "-m", "uvicorn", "app"], "uvicorn"),
        (["tini", "--", "gunicorn", "app"], "gunicorn"),
        (["/usr/bin/dumb-init", "--", "uvicorn", "app"], "uvicorn"),
        (["opentelemetry-instrument", "gunicorn", "app"], "gunicorn"),
        (["newrelic-admin", "run-program", "gunicorn", "app"], "gunicorn"),
        (["env", "A=1", "gunicorn", "app"], "gunicorn"),
        (["gosu", "app", "granian", "app:main"], "Granian"),
        (["bundle", "exec", "sidekiq", "-C", "config/sidekiq.yml"], "Sidekiq"),
        (["bundle", "exec", "rake", "environment", "resque:work"], "Resque"),
        (["bin/rails", "solid_queue:start"], "Solid Queue"),
        (["php", "artisan", "queue:work", "--tries=3"], "Laravel queue worker"),
        (["php", "-d", "memory_limit=1G", "/app/artisan", "horizon"], "Laravel Horizon"),
        (["php-fpm8.3", "-F"], "php-fpm"),
        (["celery", "-A", "shop", "worker"], "Celery worker"),
        (["airflow", "celery", "worker"], "Airflow Celery worker"),
        (["node", "server.js"], "Node.js"),
        (["/usr/sbin/nginx", "-g", "daemon off;"], "nginx"),
        (["dex", "serve", "/etc/dex/config.yaml"], "Dex"),
        (["/bin/thanos", "store"], "Thanos"),
        (["sh", "-c", "cd /app && exec gunicorn app"], "gunicorn"),
    ],
)
def test_a_command_tells_the_server_and_its_pid_1(command: list[str], name: str) -> None:
    found = running(command)
    assert name_of(found) == name
    assert found is not None and found.is_first


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "nginx"),
        ("nginx:1.27-alpine", "nginx"),
        (f"docker.io/library/nginx:1.27{DIGEST}", "nginx"),
        ("index.docker.io/nginx", "nginx"),
        ("mirror.example:5000/hub/library/nginx:1", "nginx"),
        ("localhost/nginxinc/nginx-unprivileged", "nginx"),
        ("bitnami/nginx:1.27", "nginx (Bitnami)"),
        ("php:8.3-fpm-alpine", "php-fpm"),
        ("docker.io/library/php:8-apache", "Apache httpd"),
        ("quay.io/prometheus/prometheus:v3", "Prometheus"),
        ("registry.k8s.io/coredns/coredns:v1.12.0", "CoreDNS"),
        ("envoyproxy/envoy:v1.33", "Envoy"),
    ],
)
def test_an_image_tells_it_where_there_is_no_command(image: str, name: str) -> None:
    found = running(image=image)
    assert name_of(found) == name
    assert found is not None and found.is_first and found.official
    assert name_of(running(args=["--verbose"], image=image)) == name


@pytest.mark.parametrize(
    ("image", "args", "name"),
    [
        ("gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.8.0", ["shop:europe:orders", "--port=5432"], CLOUD_SQL),
        ("mirror.example/cache/cloud-sql-connectors/cloud-sql-proxy:2", ["shop:europe:orders"], CLOUD_SQL),
        ("minio/minio:RELEASE.2025-01-01", ["server", "/export"], "MinIO"),
        ("quay.io/minio/minio", ["gateway", "nas", "/mnt"], "MinIO"),
        ("quay.io/keycloak/keycloak:26.0", ["start", "--optimized"], "Keycloak"),
        ("grafana/grafana:11.0.0", ["cfg:default.server.http_port=4000"], "Grafana"),
        ("prom/prometheus:v3.0.0", ["agent"], "Prometheus"),
        ("coredns/coredns:1.12.0", ["nginx"], "CoreDNS"),
        ("vllm/vllm-openai:v0.18.0", ["/models/chat", "--port=80"], "vLLM"),
        ("quay.io/thanos/thanos:v0.37.0", ["query", "--grpc-grace-period=9s"], "Thanos"),
        ("grafana/loki:3.4.0", ["config.expand-env"], "Loki"),
    ],
)
def test_arguments_do_not_replace_a_program_that_is_the_entry_point(image: str, args: list[str], name: str) -> None:
    found = running(args=args, image=image)
    assert name_of(found) == name
    assert found is not None and found.is_first and found.official and found.words == tuple(args)
    assert running(["/bin/other"], args, image=image) is None, "a command does"


@pytest.mark.parametrize(
    "image",
    [
        *("nginx", "nginxinc/nginx-unprivileged", "openresty/openresty", "httpd", "php:8-fpm", "php:8-apache"),
        *("haproxy", "traefik", "caddy", "varnish", "redis", "valkey/valkey", "postgres", "mysql", "mariadb", "mongo"),
        *("rabbitmq", "nats", "memcached", "tomcat", "jetty", "kong", "logstash", "fluent/fluentd", "elasticsearch"),
        *(
            "registry",
            "dexidp/dex",
            "envoyproxy/envoy",
            "jenkins/inbound-agent",
            "edoburu/pgbouncer",
            "cloudsql-docker/gce-proxy",
        ),
    ],
)
def test_a_script_as_the_entry_point_runs_another_program(image: str) -> None:
    assert name_of(running(image=image))
    assert running(args=["backup.sh", "--all"], image=image) is None
    assert running(args=["sleep", "infinity"], image=image) is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(running(), id="an application's image"),
        pytest.param(running(image="registry.example/nginx:1"), id="a name without the path of Docker Hub"),
        pytest.param(running(image="shop/nginx"), id="somebody's own image of that name"),
        pytest.param(running(image="nginx/nginx-ingress:5"), id="another product"),
        pytest.param(running(image="php:8.3-cli"), id="php without a server"),
        pytest.param(running(image=f"php{DIGEST}"), id="php without a tag"),
        pytest.param(running(image="registry.example/php-fpm:8"), id="a word in a name"),
        pytest.param(running(["npm", "start"]), id="npm"),
        pytest.param(running(["/entrypoint.sh"], ["gunicorn", "app"]), id="a start script"),
        pytest.param(running(["python", "app.py"]), id="a program of its own"),
        pytest.param(running(["python", "-c", "import gunicorn"]), id="code"),
        pytest.param(running(["celery", "-A", "shop", "beat"]), id="Celery, but no worker"),
        pytest.param(running(["airflow", "scheduler"]), id="Airflow, but no worker"),
        pytest.param(running(["bundle", "install"]), id="bundle without exec"),
        pytest.param(running(["vllm", "bench", "latency"]), id="vLLM, but no server"),
        pytest.param(running(["dex", "version"]), id="Dex, but no server"),
        pytest.param(running(["registry", "serve", "/etc/registry.yml"]), id="whosever registry"),
        pytest.param(running(["bundle", "exec", "rake", "db:migrate"]), id="another task"),
        pytest.param(running(["php", "artisan", "schedule:work"]), id="another command of Laravel"),
        pytest.param(running(["/usr/local/bin/horizon"]), id="a program that is called horizon"),
        pytest.param(running(["celery-exporter"]), id="a name that begins alike"),
        pytest.param(running(["sleep", "infinity"], image="nginx"), id="another program in the image"),
        pytest.param(running(args=["bash"], image="nginx"), id="arguments that replace the program"),
        pytest.param(running([""]), id="an empty word"),
        pytest.param(running(["env"]), id="nothing behind a starter"),
        pytest.param(running(["exec"] * 5000), id="starters without end"),
        pytest.param(running(["sh", "-c", ""]), id="an empty script"),
        pytest.param(running(image="nginx\n:latest/../" + "x/" * 1000), id="a hostile name"),
    ],
)
def test_nothing_else_is_taken_for_a_server(found: RunningServer | None) -> None:
    assert found is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(shell("gunicorn app"), id="a shell in front"),
        pytest.param(shell("migrate; gunicorn app"), id="a shell with two commands"),
        pytest.param(shell("exec gunicorn app | tee log"), id="a pipe"),
        pytest.param(running(["timeout", "600", "gunicorn", "app"]), id="a parent that stays"),
        pytest.param(running(["sudo", "-u", "app", "gunicorn"]), id="sudo"),
        pytest.param(running(args=["gunicorn", "app"]), id="behind an entrypoint that is not known"),
        pytest.param(running(["dumb-init", "--rewrite", "15:3", "gunicorn", "app"]), id="an init that rewrites"),
    ],
)
def test_a_server_behind_something_is_not_certain_to_get_the_signal(found: RunningServer | None) -> None:
    assert found is None or not found.is_first


@pytest.mark.parametrize(
    ("command", "image", "declared", "signal", "certain"),
    [
        (None, "nginx", None, "QUIT", True),
        (None, "nginx", "SIGTERM", "TERM", True),
        (["nginx"], "nginx", None, "QUIT", True),
        (["nginx"], APP, None, None, False),  # the image may be built on the official one
        (["gunicorn"], APP, None, "TERM", False),
        (["gunicorn"], APP, "SIGQUIT", "QUIT", True),
        (["php", "artisan", "horizon"], APP, None, None, False),  # php:fpm declares SIGQUIT, php:cli none
        (["php", "artisan", "queue:work"], "php:8-fpm", None, None, False),
        (None, "bitnami/nginx", None, "TERM", True),
    ],
)
def test_the_signal_is_the_declared_one_or_that_of_the_image(
    command: list[str] | None, image: str, declared: str | None, signal: str | None, certain: bool
) -> None:
    spec: dict[str, object] = {"name": "app", "image": image, "command": command or []}
    if declared:
        spec["lifecycle"] = {"stopSignal": declared}
    container = read_container(spec, "containers[0]")
    found = running_server(container)
    assert found is not None
    assert (found.signal_of(container), found.signal_is_certain(container)) == (signal, certain)
