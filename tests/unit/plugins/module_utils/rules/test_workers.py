# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on queue workers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    autoscaler,
    container,
    context_object,
    disruption_budget,
    lease,
    run,
    service,
    workload,
)

RULE = "worker-grace-too-short"


def worker(
    *words: str, grace: int | None = 30, kind: str = "Deployment", name: str = "app", **fields: Any
) -> dict[str, Any]:
    """A workload without requests that runs these words."""
    quiet = {"ports": None, "readinessProbe": None, "lifecycle": None, "command": list(words)}
    return workload(container(name, **(quiet | fields)), kind=kind, grace=grace, drain=None)


@pytest.mark.parametrize(
    ("words", "runner"),
    [
        (("celery", "-A", "shop", "worker", "-l", "info"), "celery"),
        (("python", "-m", "celery", "--app", "shop", "worker"), "celery"),
        (("/usr/local/bin/celery", "worker"), "celery"),
        (("sh", "-c", "migrate && exec celery -A shop worker"), "celery"),
        (("bundle", "exec", "sidekiq", "-C", "config.yml"), "sidekiq"),
        (("bundle", "exec", "sidekiqswarm"), "sidekiqswarm"),
        (("php", "/app/artisan", "horizon"), "horizon"),
        (("dramatiq-gevent", "app"), "dramatiq-gevent"),
        (("rq", "worker", "high"), "rq"),
        (("python", "manage.py", "rqworker"), "rqworker"),
    ],
)
def test_a_known_runner_with_the_default_grace_period_is_a_warning(words: tuple[str, ...], runner: str) -> None:
    finding = run(worker(*words)).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("warning", "manual", "app")
    assert finding["message"].startswith(f"{runner} looks like a queue worker")
    assert "terminationGracePeriodSeconds: CHANGE-ME" in finding["snippet"], "no time is invented"
    assert "set annotation graceful.termination/drain-seconds" in finding["reason"]


@pytest.mark.parametrize(
    "words",
    [
        ("java", "-jar", "kafka-consumer.jar"),
        ("node", "dist/worker.js"),
        ("/app/worker",),
        ("python", "-m", "shop.consumer"),
        ("npm", "run", "worker"),
        ("/app/docker/start-sidekiq.sh",),
        ("sh", "-c", "sh /app/scripts/run_celery.sh"),
        ("bash", "bin/celery_sms.sh"),
        ("/entrypoints/RQ.sh",),
        ("/app/resque.sh",),
    ],
)
def test_a_word_alone_is_an_info(words: tuple[str, ...]) -> None:
    finding = run(worker(*words)).one(RULE)
    assert finding["severity"] == "info"
    assert " ".join(words[:2]) not in finding["message"], "arguments stay out of the report"


def test_arguments_of_an_image_count() -> None:
    obj = worker()
    obj["spec"]["template"]["spec"]["containers"][0] |= {"command": [], "args": ["worker"]}
    assert run(obj).of(RULE)


@pytest.mark.parametrize("grace", [None, 3, 10, 30])
def test_up_to_the_default_is_short(grace: int | None) -> None:
    assert run(worker("sidekiq", grace=grace)).of(RULE)


@pytest.mark.parametrize("grace", [0, 2, 31, 300])
def test_more_is_a_choice_and_nothing_is_another_rule(grace: int) -> None:
    assert not run(worker("sidekiq", grace=grace)).of(RULE)


def test_with_a_declared_drain_the_budget_is_known() -> None:
    obj = worker("sidekiq")
    obj["metadata"]["annotations"]["graceful.termination/drain-seconds"] = "20"
    assert not run(obj).of(RULE)


@pytest.mark.parametrize(
    "words",
    [
        ("celery", "-A", "shop", "beat"),
        ("celery", "-A", "worker", "beat"),  # what the application is called
        ("celery", "flower"),
        ("rq", "info"),
        ("gunicorn", "--workers", "4", "--worker-class", "gevent", "app"),
        ("uvicorn", "-k", "uvicorn.workers.UvicornWorker"),
        ("nginx", "-g", "worker_processes=4;"),
        ("kafka-exporter",),
        ("/opt/kafka/bin/kafka-server-start.sh",),
        ("/app/scripts/run_celery_beat.sh",),
        ("/app/celery-flower.sh",),
        ("/app/sidekiq-web.sh",),
        ("/app/barqueue.sh",),  # no word of it is rq
        ("/opt/celery/start.sh",),  # a folder names no script
        ("/app/start.sh", "sidekiq.yml"),
        ("server",),
        (),
    ],
)
def test_what_is_no_queue_worker(words: tuple[str, ...]) -> None:
    assert not run(worker(*words)).of(RULE)


def test_what_a_service_routes_to_is_judged_by_its_requests() -> None:
    obj = worker("celery", "worker", ports=[{"containerPort": 8080}])
    assert not run(obj, service()).of(RULE)


@pytest.mark.parametrize("flag", ["--leader-elect", "--leader-elect=true"])
def test_a_controller_is_no_queue_worker(flag: str) -> None:
    assert not run(worker("/worker", flag)).of(RULE)


def test_a_controller_by_its_lease() -> None:
    assert not run(worker("/worker"), lease("web-7d9f8c6b5d-x2x4z_1e0f")).of(RULE)


@pytest.mark.parametrize("kind", ["DaemonSet", "CronJob", "Job"])
def test_agents_and_jobs_are_not_scaled(kind: str) -> None:
    assert not run(worker("celery", "worker", kind=kind)).of(RULE)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet", "Rollout"])
def test_every_kind_that_is_scaled_is_judged(kind: str) -> None:
    assert run(worker("celery", "worker", kind=kind)).of(RULE)


@pytest.mark.parametrize("name", ["CELERY_TASK_ACKS_LATE", "CELERY_ACKS_LATE", "APP_ACKS_LATE"])
def test_late_acknowledgement_loses_no_job(name: str) -> None:
    assert not run(worker("celery", "worker", env=[{"name": name, "value": "True"}])).of(RULE)
    assert run(worker("celery", "worker", env=[{"name": name, "value": "False"}])).of(RULE)


def test_an_injected_proxy_is_no_worker() -> None:
    assert not run(worker("worker", name="istio-proxy")).of(RULE)


def test_where_it_may_serve_it_is_not_evaluated() -> None:
    def reasons(obj: dict[str, Any]) -> list[str]:
        entries = run(obj, unknown="no Service is in the input").report["not_evaluated"]
        return [entry["reason"] for entry in entries if entry["rule"] == RULE]

    assert reasons(worker("node", "dist/worker.js")) == ["no Service is in the input"]
    ported = worker("celery", "worker", ports=[{"containerPort": 8000}])
    assert reasons(ported) == ["no Service is in the input"], "what it listens for is not known"
    assert not reasons(worker("server"))
    assert not reasons(worker("node", "dist/worker.js", grace=300))


def test_a_known_runner_without_a_port_needs_no_service_to_be_known() -> None:
    assert run(worker("celery", "worker"), unknown="no Service is in the input").one(RULE)["severity"] == "warning"


# What only looks at a worker, and what KEDA says


@pytest.mark.parametrize(
    ("port", "name"),
    [
        (8793, "worker-logs"),
        (8080, "health"),
        (5555, "flower"),
        (9090, "metrics"),
        (8081, "http-status"),
        (80, "admin"),
    ],
)
def test_a_service_that_only_looks_at_a_worker_makes_it_no_server(port: int, name: str) -> None:
    obj = worker("exec", "airflow", "celery", "worker", name="web", ports=[{"containerPort": port, "name": name}])
    result = run(obj, service(ports=[{"port": port, "targetPort": port, "name": name}]))
    assert result.workload["profile"] == "worker"
    assert result.one(RULE)["severity"] == "warning"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("celery", "-A", "shop", "worker"), "http"),
        (("gunicorn", "shop:app"), "health"),
        (("node", "dist/worker.js"), "logs"),
    ],
)
def test_what_serves_or_is_not_known_to_be_a_worker_stays_serving(words: tuple[str, ...], name: str) -> None:
    obj = worker(*words, ports=[{"containerPort": 8080, "name": name}])
    result = run(obj, service(ports=[{"port": 80, "targetPort": 8080, "name": name}]))
    assert result.workload["profile"] == "serving"
    assert not result.of(RULE)


def test_a_controller_behind_the_service_of_its_metrics() -> None:
    obj = worker("argocd-application-controller", ports=[{"containerPort": 8082, "name": "https-controller"}])
    routed = service(ports=[{"port": 8082, "targetPort": 8082, "name": "https-controller"}])
    assert run(obj, routed).workload["profile"] == "controller"


def scaled(*triggers: str, least: int | None = None, **target: Any) -> dict[str, Any]:
    """KEDA's ScaledObject of the workload web, or of another target."""
    spec: dict[str, Any] = {"scaleTargetRef": {"name": "web"} | target, "triggers": [{"type": one} for one in triggers]}
    return context_object("ScaledObject", "web", spec | ({} if least is None else {"minReplicaCount": least}))


@pytest.mark.parametrize(
    "trigger", ["azure-servicebus", "rabbitmq", "kafka", "aws-sqs-queue", "redis-streams", "gcp-pubsub"]
)
def test_what_keda_scales_by_messages_is_a_worker_whatever_it_is_called(trigger: str) -> None:
    result = run(worker("dotnet", "OrderProcessor.dll"), scaled("cpu", trigger))
    finding = result.one(RULE)
    assert finding["severity"] == "warning"
    assert finding["message"].startswith(f"what KEDA scales by {trigger} looks like a queue worker")
    assert (result.workload["profile"], result.workload["traits"]) == ("worker", ["autoscaled"])


@pytest.mark.parametrize("trigger", ["cpu", "memory", "cron", "prometheus", "metrics-api", "postgresql"])
def test_triggers_that_count_no_messages(trigger: str) -> None:
    assert not run(worker("dotnet", "Api.dll"), scaled(trigger, least=1)).of(RULE)


@pytest.mark.parametrize("target", [{"name": "other"}, {"kind": "StatefulSet"}])
def test_the_scaled_object_of_another(target: dict[str, Any]) -> None:
    assert not run(worker("dotnet", "OrderProcessor.dll"), scaled("rabbitmq", **target)).of(RULE)


def test_a_stateful_set_that_keda_scales() -> None:
    obj = worker("/app/run", kind="StatefulSet")
    assert run(obj, scaled("rabbitmq", kind="StatefulSet")).one(RULE)


def test_several_containers_are_not_all_taken_for_the_worker() -> None:
    obj = worker("dotnet", "OrderProcessor.dll")
    obj["spec"]["template"]["spec"]["containers"].append(container("other", ports=None, command=["/app/other"]))
    assert not run(obj, scaled("rabbitmq")).of(RULE)


@pytest.mark.parametrize(
    ("labels", "metric", "found"),
    [
        ({"scaledobject.keda.sh/name": "web"}, "s0-rabbitmq-orders", True),
        ({"scaledobject.keda.sh/name": "web"}, "s1-azure-servicebus-orders", True),
        ({"scaledobject.keda.sh/name": "web"}, "s0-prometheus", False),
        ({"scaledobject.keda.sh/name": "web"}, "s0-redis", False),
        ({}, "s0-rabbitmq-orders", False),
    ],
)
def test_on_a_cluster_the_autoscaler_that_keda_made_tells(labels: dict[str, str], metric: str, found: bool) -> None:
    made = autoscaler(1)
    made["metadata"]["labels"] = labels
    made["spec"]["metrics"] = [{"type": "External", "external": {"metric": {"name": metric}}}]
    assert bool(run(worker("dotnet", "OrderProcessor.dll"), made).of(RULE)) == found


def test_the_minimum_of_a_scaled_object_is_an_autoscalers() -> None:
    """Three replicas at least: two may go, and none of them serves alone."""
    budget = disruption_budget(minAvailable=2)
    obj = workload(container(), replicas=None)
    assert {rule for rule in run(obj, service(), budget).rules if rule.startswith(("pdb-b", "single"))}
    kept = run(obj, service(), budget, scaled("cpu", least=3))
    assert not kept.of("pdb-blocks-eviction")
    assert not kept.of("single-replica")
    assert "autoscaled" in kept.workload["traits"]
