# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that drain on another signal than the one they get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import STOP_SIGNAL
from ansible_collections.graceful.termination.plugins.module_utils.rules.stop_signal import stop_signal_values
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    TEMPLATES,
    Result,
    case_of,
    container,
    hooked,
    run,
    service,
    workload,
)

RULE = "stop-signal-mismatch"
UWSGI = ["uwsgi", "--http", ":8080", "--master", "--module", "app:application"]
LINUX = {"os": {"name": "linux"}}


def signal(name: str = "SIGQUIT", **fields: Any) -> dict[str, Any]:
    """A container with this stopSignal."""
    return container(lifecycle={"stopSignal": name, "preStop": {"sleep": {"seconds": 10}}}, **fields)


def judged(one: dict[str, Any], **options: Any) -> Result:
    """The audit of a served workload with this container."""
    return run(workload(one), service(), **options)


def undecided(result: Result) -> list[str]:
    """Why it could not be judged."""
    return [entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == RULE]


# --- lifecycle.stopSignal


@pytest.mark.parametrize(
    ("pod", "version", "severity", "said"),
    [
        (LINUX, "1.34", "warning", "feature gate"),
        (LINUX, "1.37", "warning", "feature gate"),
        (None, "1.34", "error", "spec.os.name"),
        ({"os": {}}, "1.34", "error", "spec.os.name"),
        (LINUX, "1.32", "error", "does not know"),
    ],
)
def test_the_field_of_a_manifest(pod: dict[str, Any] | None, version: str, severity: str, said: str) -> None:
    obj = workload(signal(), pod=pod, drain=15, grace=30)
    finding = run(obj, service(), file="web.yaml", version=version).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == (severity, "manual", "stop-signal")
    assert said in finding["message"]
    spec = yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]
    # What runs is not known, so neither is whether it drains while the hook waits: 10 + 15 + drain 15 + margin 10.
    assert spec["terminationGracePeriodSeconds"] == 50
    assert spec["containers"][0]["lifecycle"] == {
        "stopSignal": None,
        "preStop": {"sleep": None, "exec": {"command": ["sh", "-c", "sleep 10; kill -QUIT 1; sleep 15"]}},
    }


def test_a_live_object_that_kept_the_field_is_silent() -> None:
    assert not judged(signal()).of(RULE)


def test_a_signal_that_is_none_is_not_copied_into_a_command() -> None:
    finding = judged(signal("SIGQUIT 1; rm -rf /"), file="web.yaml").one(RULE)
    assert "rm -rf" not in finding["snippet"]


def test_a_field_of_a_wrong_type_makes_the_workload_unreadable() -> None:
    (skipped,) = judged(signal(3), file="web.yaml").report["skipped"]  # type: ignore[arg-type]
    assert "stopSignal" in skipped["reason"]


# --- uWSGI


def test_uwsgi_reloads_on_sigterm() -> None:
    finding = judged(container(command=UWSGI)).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("info", "manual", "uwsgi-sigterm")
    (env,) = yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == {"name": "UWSGI_HOOK_MASTER_START", "value": "unix_signal:15 gracefully_kill_them_all"}


@pytest.mark.parametrize(
    "one",
    [
        container(command=[*UWSGI, "--die-on-term"]),
        container(command=[*UWSGI, "--ini", "app.ini"]),
        container(command=["uwsgi", "--master", "app.ini"]),
        container(command=["uwsgi", "--master", "app.ini:production"]),
        container(command=[*UWSGI, "--yaml=app.yaml"]),
        container(command=[*UWSGI, "--hook-master-start", "unix_signal:15 gracefully_kill_them_all"]),
        container(command=["sh", "-c", "exec uwsgi --master $OPTIONS"]),
        container(command=["sh", "-c", 'exec uwsgi --master "$OPTIONS"']),
        container(command=UWSGI, env=[{"name": "UWSGI_DIE_ON_TERM", "value": "1"}]),
        container(command=UWSGI, env=[{"name": "UWSGI_INI", "value": "/app.ini"}]),
        container(command=UWSGI, envFrom=[{"configMapRef": {"name": "a"}}]),
        container(command=["uwsgi", "--http", ":8080"]),
        container(args=UWSGI[1:], image="registry.example/uwsgi:1"),
        container(command=["./uwsgi.sh"]),
        hooked({"exec": {"command": ["sh", "-c", "sleep 10; kill -QUIT 1"]}}, command=UWSGI),
    ],
)
def test_where_something_may_say_otherwise_it_is_silent(one: dict[str, Any]) -> None:
    assert not judged(one).of(RULE)


def test_a_job_serves_nothing() -> None:
    assert not run(workload(container(command=UWSGI), kind="CronJob")).of(RULE)


# --- servers whose signal the image declares


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["nginx", "-g", "daemon off;"], "nginx drains on SIGQUIT"),
        (["sh", "-c", "envsubst < a > b; exec nginx -g 'daemon off;'"], "nginx drains on SIGQUIT"),
        (["php-fpm8.2", "-F"], "php-fpm drains on SIGQUIT"),
        (["httpd", "-DFOREGROUND"], "Apache httpd drains on SIGWINCH"),
        (["haproxy", "-f", "a.cfg"], "HAProxy drains on SIGUSR1"),
        (["postgres"], "PostgreSQL drains on SIGINT"),
    ],
)
def test_the_signal_of_an_image_is_not_evaluated(command: list[str], said: str) -> None:
    result = judged(container(command=command))
    assert not result.of(RULE)
    (reason,) = undecided(result)
    assert reason.startswith(said)


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("nginx:1.27", ["nginx", "-g", "daemon off;"]),
        ("docker.io/library/nginx@sha256:0123", ["nginx"]),
        ("mirror.example/library/nginx:1", ["nginx"]),
        ("nginxinc/nginx-unprivileged:1", ["nginx"]),
        ("php:8-fpm-alpine", ["php-fpm"]),
        ("httpd:2.4", ["httpd-foreground"]),
        ("haproxy", ["haproxy"]),
        ("postgres:17", ["postgres"]),
    ],
)
def test_official_images_declare_it(image: str, command: list[str]) -> None:
    result = judged(container(image=image, command=command))
    assert not result.of(RULE)
    assert not undecided(result)


def test_the_httpd_of_busybox_is_not_apache() -> None:
    assert not undecided(judged(container(image="docker.io/library/busybox:1.35", command=["httpd", "-f"])))
    assert undecided(judged(container(image="registry.example/web:1", command=["httpd", "-DFOREGROUND"])))


@pytest.mark.parametrize(
    "one",
    [
        container(command=["dumb-init", "--rewrite", "15:3", "nginx"]),
        container(image="registry.example/nginx:1"),
        container(command=["./server"]),
        container(command=["sh", "-c", "nginx; ./server"]),
        hooked({"exec": {"command": ["sh", "-c", "sleep 5; nginx -s quit; sleep 20"]}}, command=["nginx"]),
        signal(command=["nginx"]),
    ],
)
def test_where_the_signal_does_not_decide_it_is_silent(one: dict[str, Any]) -> None:
    result = judged(one)
    assert not result.of(RULE)
    assert not undecided(result)


# --- the remedy itself

COMMANDS = {
    "nginx": ["nginx", "-g", "daemon off;"],
    "php-fpm": ["php-fpm8.2", "-F"],
    "httpd": ["httpd", "-DFOREGROUND"],
    "httpd-foreground": ["httpd-foreground"],
    "apache2": ["apache2", "-DFOREGROUND"],
    "haproxy": ["haproxy", "-W", "-f", "/etc/haproxy.cfg"],
    "postgres": ["postgres"],
    "gitlab-runner": ["gitlab-runner", "run"],
}


# What drains on another signal than SIGTERM.
SERVERS = [
    (program, server.image_signal)
    for server in CATALOGUE
    if server.image_signal not in ("", "TERM")
    for program in server.programs
]


def remedied(obj: dict[str, Any], **policy: Any) -> dict[str, Any]:
    """The workload after a person has applied the snippet of the lookup."""
    case = replace(case_of(obj), policy=Policy.from_options(policy))
    (one,) = case.workload.containers
    values = {"container": one.name, "seconds": 10, "replaces": [one.pre_stop.kind] if one.pre_stop else []}
    values |= stop_signal_values(case, one)
    return merge(obj, Snippets(TEMPLATES).patch(STOP_SIGNAL, obj["kind"], values))


def test_each_server_is_tried() -> None:
    assert set(COMMANDS) == {program for program, _signal in SERVERS}


@pytest.mark.parametrize("drain", [0, 5, 45, None])
@pytest.mark.parametrize(("program", "signal"), SERVERS)
@pytest.mark.parametrize("lifecycle", [None, {"preStop": {"sleep": {"seconds": 10}}}, {"stopSignal": "SIGQUIT"}])
def test_an_audit_has_nothing_against_it(program: str, signal: str, lifecycle: Any, drain: int | None) -> None:
    obj = workload(container(command=COMMANDS[program], lifecycle=lifecycle), drain=drain)
    before, after = run(obj, service()), run(remedied(obj), service())
    assert set(after.rules) <= set(before.rules)
    assert "error" not in after.rules.values()
    assert not undecided(after) or lifecycle == {"stopSignal": "SIGQUIT"}
    assert after.workload["budget"]["required"] <= after.workload["budget"]["grace"]
    assert not after.audit.changes


@pytest.mark.parametrize(("program", "signal"), SERVERS)
def test_its_wait_is_the_drain_and_counts_once(program: str, signal: str) -> None:
    after = run(remedied(workload(container(command=COMMANDS[program], lifecycle=None), drain=45)), service())
    budget = after.workload["budget"]
    (one,) = after.objects[0]["spec"]["template"]["spec"]["containers"]
    assert one["lifecycle"]["preStop"]["exec"]["command"][2] == f"sleep 10; kill -{signal} 1; sleep 45"
    assert (budget["prestop"], budget["drain"], budget["required"], budget["grace"]) == (10, 45, 65, 65)
    assert budget["known"]
    assert budget["sources"]["prestop"] == f"preStop exec: 10 s before SIG{signal}, on which the server drains"


def test_without_a_margin_there_is_still_no_error() -> None:
    obj = remedied(workload(container(command=["nginx"], lifecycle=None), drain=45), margin_seconds=0)
    assert obj["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 55
    after = run(obj, service(), policy={"margin_seconds": 0})
    assert not {"prestop-exceeds-grace", "prestop-starves-drain", "grace-period-insufficient"} & set(after.rules)


def test_applying_it_twice_changes_nothing() -> None:
    once = remedied(workload(container(command=["nginx"], lifecycle=None), drain=45))
    assert remedied(once) == once


@pytest.mark.parametrize("one", [container(lifecycle=None), container(command=["sh", "-c", "nginx"], lifecycle=None)])
def test_where_the_server_is_not_seen_to_drain_the_wait_counts_beside_the_drain(one: dict[str, Any]) -> None:
    after = run(remedied(workload(one, drain=45)), service())
    budget = after.workload["budget"]
    assert (budget["prestop"], budget["required"], budget["grace"]) == (55, 110, 110)
    assert "error" not in after.rules.values()


# --- SIGTERM after a hook that drains


def quits(wait: int, signal: str = "QUIT", **fields: Any) -> dict[str, Any]:
    """A container whose hook pauses for 10 s, sends a signal and waits."""
    return hooked({"exec": {"command": ["sh", "-c", f"sleep 10; kill -{signal} 1; sleep {wait}"]}}, **fields)


def test_a_wait_shorter_than_the_drain_is_a_warning() -> None:
    obj = workload(quits(20, command=COMMANDS["nginx"]), drain=45, grace=90)
    finding = run(obj, service()).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "stop-signal")
    assert finding["numbers"] == {"waits_seconds": 20, "drain_seconds": 45}
    assert "waits 20 s, but its requests take 45 s" in finding["message"]
    assert "sleep 10; kill -QUIT 1; sleep 45" in finding["snippet"]
    assert not run(remedied(obj), service()).of(RULE)


@pytest.mark.parametrize(
    "obj",
    [
        workload(quits(45, command=["nginx"]), drain=45, grace=90),
        workload(quits(20, command=["nginx"]), drain=None, grace=90),
        workload(quits(20, command=["nginx"], image="nginx:1.27"), drain=45, grace=90),
        workload(quits(20, "INT", command=["postgres"]), drain=45, grace=90),
        workload(quits(20, command=["./server"]), drain=45, grace=90),
        workload(quits(20, command=["nginx"]), drain=45, grace=90, pod={"shareProcessNamespace": True}),
    ],
    ids=["long enough", "unknown drain", "official image", "goes on at SIGTERM", "unknown server", "not PID 1"],
)
def test_where_nothing_is_cut_or_that_is_not_known_it_is_silent(obj: dict[str, Any]) -> None:
    assert not run(obj, service()).of(RULE)


# --- what the snippet says of values that are not known


@pytest.mark.parametrize(
    ("one", "drain", "signal", "said"),
    [
        (container(command=["nginx"]), 45, "QUIT", []),
        (container(command=["haproxy"]), None, "USR1", ["the last sleep is a default"]),
        (container(image="httpd:2.4"), 45, "WINCH", []),
        (container(image="php:8"), 45, "QUIT", ["SIGQUIT is a default"]),
        (container(), None, "QUIT", ["SIGQUIT is a default", "the last sleep is a default"]),
        (signal("SIGUSR2"), 45, "USR2", []),
    ],
)
def test_a_default_is_said(one: dict[str, Any], drain: int | None, signal: str, said: list[str]) -> None:
    case = case_of(workload(one, drain=drain))
    values = {"container": "app", "seconds": 10, "replaces": []} | stop_signal_values(case, case.workload.containers[0])
    text = Snippets(TEMPLATES).render(STOP_SIGNAL, "Deployment", values)
    assert f"kill -{signal} 1" in text
    assert [line for line in text.splitlines() if "is a default" in line] == [
        line for line in text.splitlines() if any(part in line for part in said)
    ]
    assert text.count("is a default") == len(said)
