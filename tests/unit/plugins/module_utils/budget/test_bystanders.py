# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answers a Service whose port no container declares, and who certainly does not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    case_of,
    container,
    run,
    service,
    workload,
)

SILENT = ("prestop-missing", "no-readiness-probe")


def bare(name: str, image: str = "registry.example/it:1", **fields: Any) -> dict[str, Any]:
    """A container that declares no port, hook or probe."""
    plain = {"image": image, "ports": None, "lifecycle": None, "readinessProbe": None}
    return container(name, **(plain | fields))


def to(*ports: int, name: str = "web", port_name: str = "a") -> dict[str, Any]:
    """A Service for these port numbers."""
    return service(name, ports=[{"name": f"{port_name}{port}", "port": port, "targetPort": port} for port in ports])


def answering(*beside: dict[str, Any], around: dict[str, Any] | None = None, **given: Any) -> list[str]:
    """Who answers for the workload web of a container app and these."""
    obj = workload(bare("app"), *beside, **given)
    return [one.name for one in case_of(obj, around or to(8080)).profile.drain_containers]


BYSTANDERS = [
    bare("sql", "gcr.example/cloudsql-docker/gce-proxy:1", command=["/cloud_sql_proxy", "-instances=a:b:c=tcp:5432"]),
    bare("sql", "gcr.example/cloud-sql-connectors/cloud-sql-proxy:2.11", args=["--port=5432", "a:b:c"]),
    bare("sql", "gcr.example/cloud-sql-connectors/cloud-sql-proxy:2.11", ports=[{"containerPort": 5432}]),
    bare("alloy", "gcr.example/alloydb-connectors/alloydb-auth-proxy:1.10"),
    bare("pool", "edoburu/pgbouncer:1.20.1"),
    bare("jobs", command=["bundle", "exec", "sidekiq", "-q", "mail"]),
    bare("jobs", command=["sh", "-c", "cd /srv && exec bundle exec sidekiq"]),
    bare("jobs", command=["celery", "-A", "shop", "worker"]),
    bare("logs", "fluent/fluent-bit:3.1"),
    bare("logs", "grafana/promtail:3.0.0"),
    bare("metrics", "nginx/nginx-prometheus-exporter:1.3"),
    bare("metrics", "quay.example/prometheus/statsd-exporter:v0.26"),
    bare("pull", "registry.example/git-sync/git-sync:v4.2.3"),
    bare("dashboards", "kiwigrid/k8s-sidecar:1.27"),
]


@pytest.mark.parametrize("beside", BYSTANDERS, ids=lambda one: f"{one['image']} {one.get('command', '')}")
def test_the_application_answers_and_what_helps_it_does_not(beside: dict[str, Any]) -> None:
    assert answering(beside) == ["app"]
    found = run(workload(bare("app"), beside), to(8080)).report["findings"]
    assert {entry["container"] for entry in found if entry["rule"] in SILENT} == {"app"}
    assert {entry["rule"] for entry in found if entry["container"] == "app"} >= set(SILENT)


@pytest.mark.parametrize("beside", BYSTANDERS, ids=lambda one: f"{one['image']} {one.get('command', '')}")
def test_its_time_stays_in_the_budget(beside: dict[str, Any]) -> None:
    slow = beside | {"lifecycle": {"preStop": {"sleep": {"seconds": 50}}}}
    case = case_of(workload(bare("app"), slow, drain=20), to(8080))
    assert set(case.profile.drains) == {"app", beside["name"]}
    assert (case.budget.container, case.budget.prestop.seconds, case.budget.drain.seconds) == (beside["name"], 50, 20)


@pytest.mark.parametrize("beside", BYSTANDERS, ids=lambda one: f"{one['image']} {one.get('command', '')}")
def test_the_fix_of_the_application_pauses_it_as_well(beside: dict[str, Any]) -> None:
    # Until the application has stopped, it may ask its database and write its logs.
    after = run(workload(bare("app"), beside), to(8080)).applied().objects[0]
    for one in after["spec"]["template"]["spec"]["containers"]:
        assert one["lifecycle"]["preStop"]["sleep"]["seconds"] == 10


@pytest.mark.parametrize(
    ("beside", "ports"),
    [
        # It listens there as well, by its settings or by what is usual.
        (bare("pool", "edoburu/pgbouncer:1.20.1"), (8080, 6432)),
        (bare("pool", "edoburu/pgbouncer:1.20.1", env=[{"name": "LISTEN_PORT", "value": "7000"}]), (8080, 7000)),
        (bare("sql", command=["/cloud_sql_proxy", "-instances=a:b:c=tcp:0.0.0.0:7000"]), (7000,)),
        (bare("logs", "fluent/fluentd:v1.16"), (8080, 24224)),
        (bare("logs", "timberio/vector:0.40", args=["--listen", "7000"]), (8080, 7000)),
        # What it does besides is not known.
        (bare("jobs", command=["sh", "-c", "bundle exec sidekiq & exec ./serve"]), (8080,)),
        (bare("jobs", command=["sh", "-c", "bundle exec sidekiq & bundle exec puma"]), (8080,)),
        (bare("jobs", command=["bundle", "exec", "puma", "--tag", "sidekiq"]), (8080,)),
        (bare("jobs", command=["./start", "order-worker"]), (8080,)),
        (bare("sql", command=["sh", "-c", "cloud_sql_proxy & ./serve"]), (8080,)),
        # It may stand in front of the application.
        (bare("tls", "registry.example/stunnel:5"), (8080,)),
        (bare("tls", "ghostunnel/ghostunnel:v1.7", args=["server", "--listen", "0.0.0.0:8080"]), (8080,)),
        (bare("login", "quay.example/oauth2-proxy/oauth2-proxy:v7.6.0"), (8080,)),
        (bare("second"), (8080,)),
        # Named like a helper, and not known to be one.
        (bare("agent", "registry.example/agent:1"), (8080,)),
        (bare("sync", "registry.example/sync:1"), (8080,)),
    ],
)
def test_in_doubt_it_may_answer(beside: dict[str, Any], ports: tuple[int, ...]) -> None:
    assert answering(beside, around=to(*ports)) == ["app", beside["name"]]


def test_a_named_port_for_metrics_says_nothing_of_the_others() -> None:
    both = to(8080)
    both["spec"]["ports"].append({"name": "metrics", "port": 9, "targetPort": "metrics"})
    pool = bare("pool", "edoburu/pgbouncer:1.20.1", args=["--metrics", "/etc/pgbouncer/pgbouncer.ini"])
    assert answering(pool, around=both) == ["app"]


def test_a_log_agent_whose_settings_are_not_known_may_answer() -> None:
    volume = {"name": "conf", "configMap": {"name": "elsewhere"}}
    agent = bare("logs", "timberio/vector:0.40", volumeMounts=[{"name": "conf", "mountPath": "/etc/vector"}])
    assert answering(agent, pod={"volumes": [volume]}) == ["app", "logs"]


@pytest.mark.parametrize(
    ("name", "around"),
    [
        ("pgbouncer", to(8080, name="pgbouncer")),
        ("web", to(8080, port_name="sql-")),
        ("web-pgbouncer", to(8080)),
    ],
)
def test_what_the_pods_are_there_for_answers(name: str, around: dict[str, Any]) -> None:
    around["spec"]["selector"] = {"app": name}
    proxy = bare("pgbouncer", "edoburu/pgbouncer:1.20.1")
    assert answering(proxy, around=around, name=name) == ["app", "pgbouncer"]


@pytest.mark.parametrize(
    "others",
    [
        [bare("pool", "edoburu/pgbouncer:1.20.1")],
        [bare("pool", "edoburu/pgbouncer:1.20.1"), bare("metrics", "registry.example/pgbouncer-exporter:1")],
        [bare("logs", "fluent/fluent-bit:3.1"), bare("reload", "registry.example/reloader:1")],
    ],
)
def test_where_nothing_else_is_left_all_may_answer(others: list[dict[str, Any]]) -> None:
    names = [one["name"] for one in others]
    assert [one.name for one in case_of(workload(*others), to(8080)).profile.drain_containers] == names


def test_a_port_that_it_declares_and_a_service_names_is_its_own() -> None:
    proxy = bare("pool", "edoburu/pgbouncer:1.20.1", ports=[{"containerPort": 6432}])
    assert answering(proxy, around=to(6432)) == ["pool"]


def test_where_no_port_of_a_service_is_known_a_declared_one_speaks_for_it() -> None:
    closed, opened = (bare("pool", "edoburu/pgbouncer:1.20.1", ports=p) for p in (None, [{"containerPort": 6432}]))
    headless = service(clusterIP="None", ports=None)
    served = container("app", readinessProbe=None)
    for beside, expected in ((closed, ["app"]), (opened, ["app", "pool"])):
        obj = workload(served, beside)
        assert [one.name for one in case_of(obj, headless).profile.drain_containers] == expected
        doubtful = case_of(obj, unknown="no Service is in the input")
        assert [one.name for one in doubtful.profile.drain_containers] == expected


def test_a_worker_beside_a_worker_has_jobs_of_its_own() -> None:
    obj = workload(bare("app"), bare("jobs", command=["sidekiq"]), annotations={PROFILE: "worker"})
    assert [one.name for one in case_of(obj, to(8080)).profile.drain_containers] == ["app", "jobs"]


# --- a Service, or two, for a port that a container declares and one that none does


def test_what_declares_no_port_may_answer_the_port_that_none_declares() -> None:
    front = container("front", ports=[{"containerPort": 80}], lifecycle=None)
    sync = bare("sync", image="registry.k8s.io/git-sync/git-sync:v4.2.1")
    case = case_of(workload(front, bare("app"), sync), to(80, 8080))
    assert [one.name for one in case.profile.drain_containers] == ["front", "app"]
    found = run(workload(front, bare("app"), sync), to(80, 8080)).of("prestop-missing")
    assert [finding["container"] for finding in found] == ["app", "front"]


def test_what_declares_another_port_does_not() -> None:
    front, other = container("front", ports=[{"containerPort": 80}]), bare("other", ports=[{"containerPort": 9000}])
    assert [one.name for one in case_of(workload(front, other), to(80, 8080)).profile.drain_containers] == ["front"]


def test_where_all_ports_are_declared_nothing_else_answers() -> None:
    front = container("front", ports=[{"containerPort": 80}])
    assert [one.name for one in case_of(workload(front, bare("app")), to(80)).profile.drain_containers] == ["front"]
    metrics = to(80, name="web")
    metrics["spec"]["ports"].append({"name": "metrics", "port": 9113, "targetPort": 9113})
    assert [one.name for one in case_of(workload(front, bare("app")), metrics).profile.drain_containers] == ["front"]


def test_the_pause_of_what_declares_its_own_port_is_none_for_the_application_beside_it() -> None:
    envoy = container("envoy", ports=[{"containerPort": 9901}])
    (finding,) = run(workload(envoy, bare("web")), to(8080)).of("prestop-missing")
    assert finding["container"] == "web"


def test_what_only_waits_answers_nothing() -> None:
    assert answering(bare("debug", image="busybox", command=["sleep", "infinity"])) == ["app"]
