# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The allowance: every way of setting a server's timeout, what wins, its defaults, and what makes it unknown."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.allowance import Allowance, allowance_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import settings_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    container,
    workload,
)

APP = "registry.example/shop/app:3"
UNREADABLE = "cannot be read here"


def allowance(
    command: list[str] | None = None,
    args: list[str] | None = None,
    image: str = APP,
    *,
    file: tuple[str, str] | None = None,
    secret: str | None = None,
    signal: str | None = None,
    hook: list[str] | None = None,
    fields: dict[str, Any] | None = None,
    **env: str,
) -> Allowance | None:
    """The allowance of a container with this command and environment.

    `file`: name and text of a file from a ConfigMap; `secret`: a variable from a Secret; `hook`: its preStop command.
    """
    variables: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in env.items()]
    if secret:
        variables.append({"name": secret, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})
    lifecycle: dict[str, Any] = {}
    if signal:
        lifecycle["stopSignal"] = signal
    if hook:
        lifecycle["preStop"] = {"exec": {"command": hook}}
    extra = dict(fields or {})
    if lifecycle:
        extra["lifecycle"] = lifecycle
    pod: dict[str, Any] = {}
    context = Context()
    if file:
        extra["volumeMounts"] = [{"name": "conf", "mountPath": f"/etc/app/{file[0]}", "subPath": file[0]}]
        pod = {"volumes": [{"name": "conf", "configMap": {"name": "settings"}}]}
        context.add(config_map("settings", **{file[0]: file[1]}))
    spec = container(command=command, args=args, image=image, env=variables, **extra)
    read = read_workload(workload(spec, pod=pod))
    return allowance_of(settings_of(read, read.containers[0], context))


def seconds(found: Allowance | None) -> tuple[int | None, str] | None:
    return None if found is None else (found.seconds, found.how)


JAVA = ["java", "-jar", "/app.jar"]
PHASE = "spring.lifecycle.timeout-per-shutdown-phase"
GRACEFUL = "--graceful-timeout"
TRAEFIK = "--entryPoints.web.transport.lifeCycle.graceTimeOut"
AKKA = "pekko.coordinated-shutdown.phases.service-requests-done.timeout"
MICRONAUT = "micronaut.lifecycle.graceful-shutdown"
# A row for each way of setting the timeout of a server to 45 seconds.
WAYS = [
    # A file of another name, which the arguments name.
    allowance(["nginx", "-c", "/etc/app/web.cnf"], image="nginx", file=("web.cnf", "worker_shutdown_timeout 45s;")),
    allowance(["haproxy", "-f", "/etc/app/lb.conf"], image="haproxy", file=("lb.conf", "hard-stop-after 45s\n")),
    allowance(["caddy", "run", "--config", "/etc/app/site"], image="caddy", file=("site", "{\n grace_period 45s\n}")),
    allowance(["php-fpm", "-y", "/etc/app/p.ini"], image="php:8-fpm", file=("p.ini", "process_control_timeout = 45\n")),
    allowance(["unicorn", "-c", "/etc/app/u.conf"], file=("u.conf", "timeout 45\n"), signal="SIGQUIT"),
    allowance(["sidekiq", "-C", "/etc/app/jobs.yaml"], file=("jobs.yaml", ":timeout: 45\n")),
    allowance(["puma", "-C", "/etc/app/p.ru"], file=("p.ru", "workers 2\nworker_shutdown_timeout 45\n")),
    allowance(["apache2", "-f", "/etc/app/a.cf"], image="httpd", file=("a.cf", "GracefulShutdownTimeout 45\n")),
    allowance(JAVA, file=("application.yml", "spring: {lifecycle: {timeout-per-shutdown-phase: 45S}}\n")),
    allowance(["gunicorn", "--graceful-timeout", "45", "app"]),
    allowance(["gunicorn", "app"], GUNICORN_CMD_ARGS="--graceful-timeout=45"),
    allowance(["gunicorn", "app"], file=("gunicorn.conf.py", "graceful_timeout = 45\n")),
    allowance(["uvicorn", "app", "--timeout-graceful-shutdown", "45"]),
    allowance(["uvicorn", "app"], UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN="45"),
    allowance(["granian", "--workers-kill-timeout", "45s"]),
    allowance(["granian"], GRANIAN_WORKERS_KILL_TIMEOUT="45"),
    allowance(["dramatiq", "--worker-shutdown-timeout", "45000", "app"]),
    allowance(["celery", "-A", "a", "worker", "worker.soft_shutdown_timeout=45"], REMAP_SIGTERM="SIGQUIT"),
    allowance(["bundle", "exec", "sidekiq", "-t", "45"]),
    allowance(["bundle", "exec", "sidekiq", "-t45"]),
    allowance(["sidekiq", "--timeout=45"]),
    allowance(["sidekiq"], file=("sidekiq.yml", ":concurrency: 5\n:timeout: 45\n")),
    allowance(["shoryuken", "-t", "45"]),
    allowance(["shoryuken"], file=("shoryuken.yml", "timeout: 45\n")),
    allowance(["good_job", "start", "--shutdown-timeout=45"]),
    allowance(["good_job", "start"], GOOD_JOB_SHUTDOWN_TIMEOUT="45"),
    allowance(["unicorn"], file=("unicorn.rb", "timeout 45\n"), signal="SIGQUIT"),
    allowance(["puma"], file=("puma.rb", "workers 2\nworker_shutdown_timeout 45\n")),
    allowance(["puma"], file=("puma.rb", "workers 2\nworker_shutdown_timeout 90\nforce_shutdown_after 45\n")),
    allowance(["puma", "-w", "2"], file=("puma.rb", "worker_shutdown_timeout 45\nforce_shutdown_after 60\n")),
    allowance(image="nginx:1.27", file=("nginx.conf", "worker_shutdown_timeout 45s;\nevents {}\n")),
    allowance(["nginx", "-g", "daemon off; worker_shutdown_timeout 45s;"], image="nginx:1.27"),
    allowance(image="kong:3.9", KONG_NGINX_MAIN_WORKER_SHUTDOWN_TIMEOUT="45"),
    allowance(image="httpd:2.4", file=("httpd.conf", "GracefulShutdownTimeout 45\n")),
    allowance(image="haproxy:3.1", file=("haproxy.cfg", "global\n  hard-stop-after 45s\n")),
    allowance(image="haproxy:3.1", file=("haproxy.cfg", "global\n  hard-stop-after 45000\n")),
    allowance(image="caddy:2", file=("Caddyfile", "{\n  grace_period 45s\n}\n")),
    allowance(image="traefik:v3", args=["--entryPoints.web.transport.lifeCycle.graceTimeOut=45s"]),
    allowance(image="traefik:v3", TRAEFIK_ENTRYPOINTS_WEB_TRANSPORT_LIFECYCLE_GRACETIMEOUT="45"),
    allowance(image="traefik:v3", file=("traefik.yml", "entryPoints:\n  web:\n    graceTimeOut: 45\n")),
    allowance(image="traefik:v3", args=["--configFile=/etc/app/a.yaml"], file=("a.yaml", "  graceTimeOut: 45s\n")),
    allowance(image="traefik:v3", file=("a.toml", '[entryPoints.web.transport.lifeCycle]\n  graceTimeOut = "45s"\n')),
    allowance(image="traefik:v3", file=("a.yml", "lifeCycle: {requestAcceptGraceTimeout: 9s, graceTimeOut: 45s}\n")),
    allowance(image="php:8-fpm", file=("zz-docker.conf", "[global]\nprocess_control_timeout = 45\n")),
    allowance([*JAVA, f"--{PHASE}=45s"]),
    allowance(JAVA, SPRING_APPLICATION_JSON='{"spring": {"lifecycle.timeoutPerShutdownPhase": "45s"}}'),
    allowance(["java", f"-D{PHASE}=45000", "-jar", "/app.jar"]),
    allowance(JAVA, JAVA_TOOL_OPTIONS=f"-D{PHASE}=45s"),
    allowance(JAVA, SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE="45s"),
    allowance(JAVA, SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE="45000"),
    allowance(JAVA, file=("application.yml", f"{PHASE}: 45s\n")),
    allowance(JAVA, JDK_JAVA_OPTIONS=f"-D{PHASE}=45s"),
    allowance(["java", "-Dquarkus.shutdown.timeout=45", "-jar", "/app.jar"]),
    allowance(JAVA, JDK_JAVA_OPTIONS="-Dquarkus.shutdown.timeout=45"),
    allowance(JAVA, JAVA_OPTS_APPEND="-Dquarkus.shutdown.timeout=PT45S"),
    allowance(JAVA, QUARKUS_SHUTDOWN_TIMEOUT="45s"),
    allowance(
        JAVA,
        MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_GRACE_PERIOD="45s",
        MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_ENABLED="true",
    ),
    allowance([*JAVA, f"--{MICRONAUT}.grace-period=45s", f"--{MICRONAUT}.enabled=true"]),
    allowance(["java", f"-D{MICRONAUT}.grace-period=45s", f"-D{MICRONAUT}.enabled=true", "-jar", "/app.jar"]),
    allowance(["java", "-Ddw.server.shutdownGracePeriod=45s", "-jar", "/app.jar"]),
    allowance(JAVA, JDK_JAVA_OPTIONS="-Ddw.server.shutdownGracePeriod=45s"),
    allowance([*JAVA, "-P:ktor.deployment.shutdownTimeout=45000"]),
    allowance(["java", f"-D{AKKA}=45s", "-jar", "/app.jar"]),
    allowance(["java", f"-D{AKKA.replace('pekko', 'akka')}=45s", "-jar", "/app.jar"]),
    allowance(JAVA, JDK_JAVA_OPTIONS=f"-D{AKKA}=45s"),
    allowance(JAVA, JAVA_OPTS="-Dorg.wildfly.sigterm.suspend.timeout=45"),
    allowance(JAVA, JDK_JAVA_OPTIONS="-Dorg.wildfly.sigterm.suspend.timeout=45"),
    allowance(["vllm", "serve", "/models/chat", "--shutdown-timeout", "45"]),
    allowance(image="vllm/vllm-openai:v0.18.0", args=["/models/chat", "--shutdown-timeout=45"]),
    allowance(image="registry:3", REGISTRY_HTTP_DRAINTIMEOUT="45s"),
    allowance(image="registry:2", file=("config.yml", "version: 0.1\nhttp:\n  addr: :5000\n  draintimeout: 45s\n")),
    allowance(["kc.sh", "start", "--shutdown-timeout=45s"]),
    allowance(["kc.sh", "start"], KC_SHUTDOWN_TIMEOUT="45"),
    allowance(["dotnet", "a.dll", "--shutdownTimeoutSeconds=45"]),
    allowance(["dotnet", "a.dll"], DOTNET_SHUTDOWNTIMEOUTSECONDS="45"),
    allowance(["dotnet", "a.dll"], ASPNETCORE_shutdownTimeoutSeconds="45"),
    allowance(["vector", "--graceful-shutdown-limit-secs", "45"]),
    allowance(["vector"], VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS="45"),
    allowance(["connect-distributed"], CONNECT_TASK_SHUTDOWN_GRACEFUL_TIMEOUT_MS="45000"),
    allowance(["graphql-engine", "serve"], HASURA_GRAPHQL_GRACEFUL_SHUTDOWN_TIMEOUT="45"),
    allowance(["graphql-engine", "serve", "--graceful-shutdown-timeout=45"]),
    allowance(["cloud-sql-proxy", "--max-sigterm-delay=45s", "p:r:i"]),
    allowance(["cloud_sql_proxy", "-instances=p:r:i", "-term_timeout=45s"]),
    allowance(["cloud-sql-proxy", "p:r:i"], CSQL_PROXY_MAX_SIGTERM_DELAY="45s"),
]


@pytest.mark.parametrize("found", WAYS)
def test_each_way_of_setting_a_timeout_is_read(found: Allowance | None) -> None:
    assert seconds(found) == (45, "declared")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (allowance(["gunicorn", "--graceful-timeout", "5"], GUNICORN_CMD_ARGS="--graceful-timeout 9"), 5),
        (allowance(["gunicorn", "--graceful-timeout=9", "--graceful-timeout=5"]), 5),
        (allowance(["uvicorn", "--timeout-graceful-shutdown=5"], UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN="9"), 5),
        (allowance(["sidekiq", "-t", "5"], file=("sidekiq.yml", "timeout: 9\n")), 5),
        (allowance([*JAVA, f"--{PHASE}=5s"], SPRING_APPLICATION_JSON=f'{{"{PHASE}": "9s"}}'), 5),
        (allowance(["java", f"-D{PHASE}=9s", "-jar", "a.jar"], SPRING_APPLICATION_JSON=f'{{"{PHASE}": "5s"}}'), 5),
        (allowance(JAVA, JAVA_TOOL_OPTIONS=f"-D{PHASE}=5s", SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE="9s"), 5),
        (
            allowance(
                JAVA,
                SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE="5s",
                SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE="9s",
            ),
            5,
        ),
        (allowance(JAVA, JAVA_TOOL_OPTIONS="-Dquarkus.shutdown.timeout=5", QUARKUS_SHUTDOWN_TIMEOUT="9"), 5),
        (allowance(["vector", "--graceful-shutdown-limit-secs=5"], VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS="9"), 5),
        (allowance(["dotnet", "a.dll", "--shutdownTimeoutSeconds", "5"], DOTNET_SHUTDOWNTIMEOUTSECONDS="9"), 5),
        (allowance(["sh", "-c", f"gunicorn {GRACEFUL}=90 a & exec gunicorn {GRACEFUL}=5 b"]), 90),
        (allowance(["sh", "-c", f"gunicorn {GRACEFUL}=90 a & exec sidekiq -t 5"]), 90),
        (allowance(["sh", "-c", f"gunicorn {GRACEFUL}=5 a & exec sidekiq -t 90"]), 90),
        (
            allowance(
                image="traefik:v3",
                args=[
                    "--entryPoints.web.transport.lifeCycle.graceTimeOut=30",
                    "--entryPoints.admin.transport.lifeCycle.graceTimeOut=20",
                ],
            ),
            30,
        ),
    ],
)
def test_one_setting_wins_over_another(found: Allowance | None, expected: int) -> None:
    assert seconds(found) == (expected, "declared")


@pytest.mark.parametrize(
    ("found", "expected", "certain"),
    [
        (allowance(["gunicorn", "app"]), 30, False),
        (allowance(["sidekiq"]), 25, False),
        (allowance(["shoryuken"]), 8, False),
        (allowance(["unicorn"], signal="SIGQUIT"), 60, False),
        (allowance(["dramatiq", "app"]), 600, True),
        (allowance(["vector"]), 60, True),
        (allowance(image="timberio/vector:0.40"), 60, True),
        (allowance(image="traefik:v3", args=["--providers.docker"]), 10, True),
        # The others have 10 s.
        (allowance(image="traefik:v3", args=["--entryPoints.a.transport.lifeCycle.graceTimeOut=3"]), 10, True),
        (allowance(image="traefik:v3", args=["--configFile=/c/static.yml"]), 10, False),
        (allowance(image="traefik:v3", args=["--configfile", "/c/static.yml"]), 10, False),
        (allowance(image="traefik:v3", TRAEFIK_CONFIGFILE="/c/static.yml"), 10, False),
        (allowance(image="grafana/grafana:11"), 30, True),
        (allowance(image="mirror.example/hub/grafana/grafana-oss:8.0.0-ubuntu"), 30, True),
        (allowance(image="grafana/grafana:9.5.1", args=["cfg:default.server.http_port=80"]), 30, True),
        # Which version it is, only the tag of an image of its own tells.
        (allowance(["./bin/grafana-server"], image="registry.example/dashboards/grafana:latest"), 30, False),
        (allowance(["grafana-server"], image="registry.example/dashboards/grafana:11.2.0"), 30, False),
        (allowance(image="grafana/grafana"), 30, False),
        (allowance(image="grafana/grafana:main"), 30, False),
        (allowance(image="grafana/grafana@sha256:" + "8" * 64), 30, False),
        (allowance(["argocd-server"], image="quay.io/argoproj/argocd:v2.14.0"), 20, True),
        (allowance(["argocd-server"], image="quay.io/argoproj/argocd:latest"), 20, False),
        (allowance(["argocd-server"], image="registry.example/argo:v3.0.0"), 20, False),
        (allowance(["rails", "solid_queue:start"]), 5, False),
        (allowance(["php", "artisan", "horizon"], signal="SIGTERM"), 60, False),
        (allowance(["vector"], fields={"envFrom": [{"secretRef": {"name": "s"}}]}), 60, False),
        (allowance(["vector"], fields={"envFrom": [{"configMapRef": {"name": "not-read"}}]}), 60, False),
        (allowance(image="php:8-fpm"), 0, False),
        (allowance(["php-fpm"], image="php:8-fpm"), 0, False),
        (allowance(["cloud-sql-proxy", "p:r:i"]), 0, True),
        (allowance(["vllm", "serve", "/models/chat"]), 0, True),
        (allowance(image="vllm/vllm-openai:v0.9.2", args=["--model=/models/chat"]), 0, True),
        (allowance(["vllm", "serve", "--config", "/etc/vllm.yaml"]), 0, False),
        (allowance(image="registry:2"), 0, False),
        (allowance(image="docker.io/library/registry:3", file=("config.yml", "http:\n  addr: :5000\n")), 0, False),
        (allowance(["sh", "-c", "exec vector --quiet"]), 60, True),
        # Arguments that are not known may set another one.
        (allowance(["sh", "-c", "exec vector $OPTIONS"]), 60, False),
        (allowance(["sh", "-c", 'exec vector "$@"']), 60, False),
        (allowance(["sh", "-c", "exec vector $(cat /options)"]), 60, False),
        (allowance(["vector", "$(OPTION)"]), 60, False),
    ],
)
def test_a_default_counts_and_says_whether_a_file_may_change_it(
    found: Allowance | None, expected: int, certain: bool
) -> None:
    assert found is not None
    assert (found.seconds, found.how, found.certain) == (expected, "default", certain)
    assert "default" in found.source


@pytest.mark.parametrize(
    ("found", "since"),
    [
        (allowance(image="grafana/grafana:7.5.17"), "8.0"),
        (allowance(["grafana-server"], image="docker.io/grafana/grafana-enterprise:6.7.4"), "8.0"),
        (allowance(["argocd-server"], image="quay.io/argoproj/argocd:v2.13.9"), "2.14"),
        (allowance(["argocd-repo-server"], image="quay.io/argoproj/argocd:v2.12.0"), "2.13"),
    ],
)
def test_before_a_default_was_introduced_nothing_is_known(found: Allowance | None, since: str) -> None:
    assert found is not None
    assert (found.seconds, found.how, found.bound) == (None, "default", "unknown")
    assert f"from {since} on" in found.source


def test_no_limit_is_as_uncertain_where_it_holds_since_a_version() -> None:
    known = allowance(["argocd-repo-server"], image="quay.io/argoproj/argocd:v3.1.0")
    other = allowance(["argocd-repo-server"], image="registry.example/argo:1")
    assert known is not None and known.bound == "unlimited"
    assert other is not None and other.bound == "unknown" and "older than 2.13" in other.source


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (allowance(args=["/nginx-ingress-controller"], image="k8s.example/ingress-nginx/controller:v1.12.0"), 240),
        (allowance(image="ingress-nginx/controller", args=["--shutdown-grace-period=5"]), 245),
        (allowance(["puma"], file=("puma.rb", "workers 2\n")), 30),
        (allowance(image="fluent/fluent-bit:4.0", file=("fluent-bit.conf", "[SERVICE]\n    Flush 1\n")), 5),
    ],
)
def test_what_a_file_that_was_read_leaves_to_the_default_is_no_setting(found: Allowance | None, expected: int) -> None:
    assert seconds(found) == (expected, "default")
    assert found is not None and "default" in found.source


def test_a_default_counts_only_where_the_signal_arrives_though_a_file_was_read() -> None:
    assert allowance(["sh", "-c", "puma"], file=("puma.rb", "workers 2\n")) is None
    written = allowance(["sh", "-c", "puma"], file=("puma.rb", "workers 2\nworker_shutdown_timeout 45\n"))
    assert seconds(written) == (45, "declared")


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(allowance(["uvicorn", "app"]), id="uvicorn"),
        pytest.param(allowance(["celery", "-A", "shop", "worker"]), id="Celery"),
        pytest.param(allowance(["rq", "worker"]), id="RQ"),
        pytest.param(allowance(image="nginx"), id="nginx"),
        pytest.param(allowance(image="nginx:1.19.5"), id="the first image with the signal"),
        pytest.param(allowance(image="nginx:1.19"), id="a tag that moves to it"),
        pytest.param(allowance(image="nginx:stable-alpine"), id="a tag without a number"),
        pytest.param(allowance(image="mirror.example/library/nginx:1.27@sha256:" + "0" * 64), id="a mirror"),
        pytest.param(allowance(image="nginx", file=("nginx.conf", "worker_shutdown_timeout 0;")), id="0 is no limit"),
        pytest.param(allowance(image="httpd", file=("httpd.conf", "GracefulShutdownTimeout 0\n")), id="httpd, 0"),
        pytest.param(allowance(image="caddy", file=("Caddyfile", "{\ngrace_period 0\n}")), id="Caddy, 0"),
        pytest.param(allowance(image="haproxy"), id="HAProxy"),
        pytest.param(allowance(["vector", "--no-graceful-shutdown-limit"]), id="Vector by its flag"),
        pytest.param(allowance(["vector"], VECTOR_NO_GRACEFUL_SHUTDOWN_LIMIT="true"), id="Vector by its variable"),
    ],
)
def test_a_server_that_waits_without_limit_says_so(found: Allowance | None) -> None:
    assert found is not None
    assert (found.seconds, found.bound) == (None, "unlimited")
    assert "without limit" in found.source and "drain-seconds" in found.source


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(allowance(["gunicorn", "--graceful-timeout", "$(DRAIN)"]), id="a reference that leads nowhere"),
        pytest.param(allowance(["sidekiq", "-t", "$(T)"], secret="T"), id="a reference to a Secret"),
        pytest.param(allowance(["sh", "-c", "exec gunicorn --graceful-timeout `cat /t` app"]), id="a substitution"),
        pytest.param(allowance(["sh", "-c", "exec sidekiq -t $((A * 2))"]), id="arithmetic"),
        pytest.param(allowance(["gunicorn"], secret="GUNICORN_CMD_ARGS"), id="options from a Secret"),
        pytest.param(allowance(["vector"], secret="VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS"), id="a Secret"),
        pytest.param(allowance(JAVA, secret="SPRING_APPLICATION_JSON"), id="JSON from a Secret"),
        pytest.param(
            allowance(image="traefik:v3", secret="TRAEFIK_ENTRYPOINTS_WEB_TRANSPORT_LIFECYCLE_GRACETIMEOUT"),
            id="a part of whose name is free",
        ),
        pytest.param(allowance(image="caddy", file=("Caddyfile", "{\n grace_period {$GRACE}\n}")), id="a placeholder"),
        pytest.param(allowance(["dramatiq", "--worker-shutdown-timeout", "172800000", "app"]), id="two days"),
        pytest.param(allowance(["uvicorn", "--timeout-graceful-shutdown", "1e9", "app"]), id="another notation"),
        pytest.param(allowance(image="traefik:v3", args=[f"{TRAEFIK}=1d"]), id="another unit"),
        pytest.param(allowance(image="traefik:v3", args=[f"{TRAEFIK}=1M"]), id="no unit of Go"),
        pytest.param(allowance(image="nginx", file=("nginx.conf", "worker_shutdown_timeout 1M;")), id="nginx, months"),
        pytest.param(allowance(image="nginx", file=("nginx.conf", "worker_shutdown_timeout 1w;")), id="nginx, weeks"),
        pytest.param(
            allowance(image="nginx", file=("nginx.conf", 'worker_shutdown_timeout "1m 5s";')), id="nginx, two"
        ),
        pytest.param(allowance(image="haproxy", file=("haproxy.cfg", "hard-stop-after 1M\n")), id="HAProxy, 1M"),
        pytest.param(allowance(image="caddy", file=("Caddyfile", "{\n grace_period 1M\n}")), id="Caddy, 1M"),
        pytest.param(allowance(["sidekiq"], file=("sidekiq.yml", "timeout: <%= ENV['T'] %>")), id="ERB"),
        pytest.param(allowance(["sidekiq"], file=("sidekiq.yml", ":redis:\n  timeout: 1\n")), id="of a connection"),
        pytest.param(
            allowance(["sidekiq"], file=("sidekiq.yml", "production:\n  :timeout: 60\n")), id="of one environment"
        ),
        pytest.param(
            allowance(["shoryuken"], file=("shoryuken.yml", "groups:\n  a:\n    timeout: 2\n")), id="of a group"
        ),
        pytest.param(
            allowance(["unicorn"], file=("unicorn.rb", "timeout 5\ntimeout 9"), signal="SIGQUIT"),
            id="set twice in code",
        ),
        pytest.param(allowance(["puma"], file=("puma.rb", "workers ENV['W']\nworker_shutdown_timeout 60")), id="Ruby"),
        pytest.param(
            allowance(
                image="php:8-fpm", file=("www.conf", "[global]\nprocess_control_timeout = ${T}\n"), signal="SIGQUIT"
            ),
            id="a variable of php",
        ),
    ],
)
def test_what_cannot_be_read_is_unknown_and_no_default(found: Allowance | None) -> None:
    assert found is not None
    assert (found.seconds, found.bound) == (None, "unknown")
    assert UNREADABLE in found.source


@pytest.mark.parametrize(
    "found",
    [
        allowance(["hypercorn", "--graceful-timeout", "7", "app"]),
        allowance(["puma"]),
        allowance(["puma"], file=("puma.rb", "force_shutdown_after 60\n")),  # workers get 30 s
        allowance(["node", "server.js"]),
        allowance(["uwsgi", "--http", ":80"]),
        allowance(["php", "artisan", "queue:work"]),
        allowance(image="dunglas/frankenphp"),
        allowance(image="postgres:17"),
        allowance(image="jetty:12", args=["--module=graceful"]),
        allowance(["celery", "-A", "a", "worker"], REMAP_SIGTERM="SIGQUIT"),
    ],
)
def test_what_depends_on_what_cannot_be_seen_is_unknown_and_says_on_what(found: Allowance | None) -> None:
    assert found is not None
    assert (found.seconds, found.bound) == (None, "unknown")
    assert found.source.startswith("unknown: ") and UNREADABLE not in found.source


@pytest.mark.parametrize(
    ("found", "certain"),
    [
        pytest.param(allowance(image="nginx", signal="SIGTERM"), True, id="nginx by SIGTERM"),
        pytest.param(allowance(image="nginx:1.17.6"), False, id="an image that declared no signal yet"),
        pytest.param(allowance(image="docker.io/library/nginx:1.19.4-alpine"), False, id="the last one of them"),
        pytest.param(allowance(image="nginx:1.14"), False, id="two numbers"),
        pytest.param(allowance(image="httpd:2.4.38"), False, id="httpd before its signal"),
        pytest.param(allowance(image="haproxy:1.7"), False, id="HAProxy before its signal"),
        pytest.param(allowance(image="bitnami/nginx:1.27"), True, id="an image without a stop signal"),
        pytest.param(allowance(image="bitnami/php-fpm:8.3"), True, id="php-fpm by SIGTERM"),
        pytest.param(allowance(["unicorn"]), False, id="its image may declare SIGQUIT"),
        pytest.param(allowance(["unicorn"], signal="SIGTERM"), True, id="Unicorn by SIGTERM"),
        pytest.param(allowance(["gunicorn"], signal="SIGQUIT"), True, id="gunicorn by SIGQUIT"),
        pytest.param(allowance(image="envoyproxy/envoy:v1"), True, id="Envoy"),
        pytest.param(allowance(["envoy", "-c", "/e.yaml"]), True, id="Envoy in another image"),
        pytest.param(allowance(["varnishd", "-F"]), True, id="Varnish"),
        pytest.param(allowance(JAVA, SERVER_SHUTDOWN="immediate"), True, id="Spring by a variable"),
        pytest.param(allowance([*JAVA, "--server.shutdown=immediate"], SERVER_SHUTDOWN="graceful"), True, id="by arg"),
        pytest.param(
            allowance(JAVA, SPRING_APPLICATION_JSON='{"server":{"shutdown":"immediate"}}'), True, id="by JSON"
        ),
        pytest.param(
            allowance(JAVA, file=("application.yml", f"server: {{shutdown: immediate}}\n{PHASE}: 45s\n")),
            True,
            id="by a file, whatever its timeout",
        ),
    ],
)
def test_a_server_that_ends_at_once_has_an_allowance_of_0(found: Allowance | None, certain: bool) -> None:
    assert found is not None
    assert (found.seconds, found.certain) == (0, certain)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(allowance(["sh", "-c", "gunicorn app"]), id="a shell in front"),
        pytest.param(allowance(["npm", "start"]), id="npm"),
        pytest.param(allowance(args=["gunicorn", "app"]), id="an entrypoint that is not known"),
        pytest.param(allowance(["gunicorn"], signal="SIGWINCH"), id="a signal that does neither"),
        pytest.param(allowance(["nginx"]), id="nginx in an image whose signal is not known"),
        pytest.param(allowance(image="nginx", hook=["nginx", "-s", "quit"]), id="a hook that starts the drain"),
        pytest.param(allowance(["unicorn"], hook=["kill", "-QUIT", "1"]), id="a hook that sends a signal"),
        pytest.param(allowance(["timeout", "600", "vector"]), id="a parent that stays"),
        pytest.param(allowance(["dotnet", "a.dll"], DOTNET_SHUTDOWNTIMEOUTSECONDS="30s"), id="digits only"),
        pytest.param(
            allowance(JAVA, MICRONAUT_LIFECYCLE_GRACEFUL_SHUTDOWN_GRACE_PERIOD="45s"), id="Micronaut, not switched on"
        ),
        pytest.param(allowance(["java", "-Ddw.server.shutdownGracePeriod=45"]), id="Dropwizard without a unit"),
        pytest.param(allowance([*JAVA, "--server.shutdown=graceful"], SERVER_SHUTDOWN="immediate"), id="graceful wins"),
        pytest.param(
            allowance(JAVA, SERVER_SHUTDOWN="graceful", file=("application.yml", "server.shutdown: immediate\n")),
            id="a variable beats the file",
        ),
        pytest.param(
            allowance(JAVA, file=("application-dev.yml", "server.shutdown: immediate\n")), id="a profile not active"
        ),
        pytest.param(allowance(JAVA, SPRING_APPLICATION_JSON="{" * 10_000), id="no JSON"),
        pytest.param(allowance(JAVA, SPRING_APPLICATION_JSON="[1]"), id="JSON, but no map"),
        pytest.param(allowance(["sh", "-c", "wait-for -t 5 db; exec app"]), id="a short flag of another program"),
    ],
)
def test_nothing_is_said_where_nothing_is_certain(found: Allowance | None) -> None:
    assert found is None


def test_a_short_flag_is_read_from_the_server_alone() -> None:
    found = allowance(["sh", "-c", "wait-for -t 5 db; exec bundle exec sidekiq -t 45"])
    assert seconds(found) == (45, "declared")


def test_the_report_has_seconds_how_source_and_bound() -> None:
    found = allowance(["vector"])
    assert found is not None
    assert found.as_report() == {"seconds": 60, "how": "default", "source": "default of Vector", "bound": "exact"}
