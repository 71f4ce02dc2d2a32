# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that drain on another signal than the one they get."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
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
    assert spec["terminationGracePeriodSeconds"] == 40
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
        (["httpd", "-DFOREGROUND"], "httpd drains on SIGWINCH"),
        (["haproxy", "-f", "a.cfg"], "haproxy drains on SIGUSR1"),
        (["postgres"], "postgres drains on SIGINT"),
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
