# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on the server's own shutdown timeout: shorter than the need, or none."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    Result,
    container,
    ingress,
    run,
    service,
    workload,
)

SHORT, AT_ONCE = "server-timeout-too-short", "server-ends-at-once"
PAUSE = {"preStop": {"sleep": {"seconds": 5}}}


def audited(drain: int | None = None, grace: int = 300, **fields: Any) -> Result:
    """A served workload whose container has these fields; it pauses for 5 s unless they say otherwise."""
    return run(workload(container(**{"lifecycle": PAUSE} | fields), drain=drain, grace=grace), service())


def command(*words: str, **options: Any) -> Result:
    return audited(command=list(words), **options)


# server-timeout-too-short


def test_a_need_above_a_declared_timeout_is_an_error_with_both_lines() -> None:
    finding = command("gunicorn", "--graceful-timeout", "30", drain=120).one(SHORT)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "manual", "server-timeout")
    assert finding["numbers"] == {"need_seconds": 120, "allowance_seconds": 30}
    assert "120 s (annotation graceful.termination/drain-seconds)" in finding["message"]
    assert "30 s after its stop signal (argument --graceful-timeout)" in finding["message"]
    assert "# set --graceful-timeout 120\n" in finding["snippet"]


def test_its_remedy_holds_pause_need_and_margin_and_never_lowers_the_grace_period() -> None:
    words = ("gunicorn", "--graceful-timeout", "30")
    assert "terminationGracePeriodSeconds: 135" in command(*words, drain=120, grace=60).one(SHORT)["snippet"]
    assert "terminationGracePeriodSeconds: 300" in command(*words, drain=120, grace=300).one(SHORT)["snippet"]


def test_a_default_that_is_certain_is_an_error_too() -> None:
    finding = audited(image="traefik:v3", drain=60).one(SHORT)
    assert (finding["severity"], finding["numbers"]["allowance_seconds"]) == ("error", 10)
    assert "default of Traefik" in finding["message"]


def test_a_default_that_a_file_may_raise_is_a_warning_and_lowers_no_sum() -> None:
    result = command("gunicorn", "app", drain=120, grace=60)
    assert result.one(SHORT)["severity"] == "warning"
    assert "unless gunicorn.conf.py of the image says otherwise" in result.one(SHORT)["message"]
    assert result.workload["budget"]["drain"] == 120
    assert result.one("grace-period-insufficient")["severity"] == "error"


def test_what_requeues_is_a_warning_and_says_so() -> None:
    finding = command("bundle", "exec", "sidekiq", "-t", "25", drain=300).one(SHORT)
    assert finding["severity"] == "warning"
    assert "puts the rest back into its queue" in finding["message"]
    assert "set -t 300" in finding["snippet"]


def test_a_server_without_such_a_setting_gets_a_pause_instead() -> None:
    snippet = audited(image="grafana/grafana:11", drain=60).one(SHORT)["snippet"]
    assert "Grafana has no setting for this" in snippet and "60 s" in snippet


def test_a_route_that_allows_longer_requests_is_a_warning() -> None:
    obj = ingress(annotations={"nginx.ingress.kubernetes.io/proxy-read-timeout": "600"}, ingressClassName="nginx")
    spec = container(command=["gunicorn", "--graceful-timeout=30"])
    finding = run(workload(spec, drain=None, grace=300), service(), obj).one(SHORT)
    assert (finding["severity"], finding["evidence"]) == ("warning", "context")
    assert "a request may take 600 s" in finding["message"]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(command("gunicorn", "--graceful-timeout", "120", drain=120), id="as long as the need"),
        pytest.param(command("gunicorn", "--graceful-timeout", "30"), id="a need that is not known"),
        pytest.param(command("uvicorn", "app", drain=120), id="without limit"),
        pytest.param(command("app", drain=120), id="a server of which nothing is known"),
        pytest.param(command("sh", "-c", "gunicorn app", drain=120), id="a default behind a shell"),
        pytest.param(command("gunicorn", "--graceful-timeout", "$(T)", drain=120), id="a timeout that cannot be read"),
        pytest.param(command("unicorn", drain=120), id="none at all: server-ends-at-once"),
    ],
)
def test_a_timeout_that_is_long_enough_or_not_known_is_not_found(result: Result) -> None:
    assert not result.of(SHORT)


def test_a_route_alone_says_nothing_of_a_default_that_a_file_may_raise() -> None:
    obj = ingress(annotations={"nginx.ingress.kubernetes.io/proxy-read-timeout": "600"}, ingressClassName="nginx")
    assert not run(workload(container(command=["gunicorn"]), drain=None, grace=300), service(), obj).of(SHORT)


# server-ends-at-once


def test_a_server_that_ends_at_once_is_a_warning_and_an_error_where_a_need_is_declared() -> None:
    finding = audited(image="envoyproxy/envoy:v1").one(AT_ONCE)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "SIGTERM ends Envoy at once" in finding["message"]
    declared = audited(image="envoyproxy/envoy:v1", drain=20).one(AT_ONCE)
    assert declared["severity"] == "error"
    assert "which takes up to 20 s (annotation graceful.termination/drain-seconds)" in declared["message"]


def test_it_never_fits() -> None:
    result = audited(image="envoyproxy/envoy:v1")
    assert result.workload["budget"]["known"] is False
    assert result.report["summary"]["drain_unknown"] == 1


def test_a_longer_pause_is_time_for_requests_and_makes_an_unknown_need_an_info() -> None:
    long = {"preStop": {"sleep": {"seconds": 30}}}
    finding = audited(image="envoyproxy/envoy:v1", lifecycle=long).one(AT_ONCE)
    assert (finding["severity"], finding["numbers"]["covered_seconds"]) == ("info", 25)
    assert "enough for requests of up to 25 s" in finding["message"]
    assert audited(image="envoyproxy/envoy:v1", lifecycle=long, drain=26).one(AT_ONCE)["severity"] == "error"
    assert not audited(image="envoyproxy/envoy:v1", lifecycle=long, drain=25).of(AT_ONCE)


def test_what_an_image_may_change_is_an_info() -> None:
    for result in (command("unicorn", drain=20), audited(image="php:8-fpm"), audited(image="php:8-fpm", drain=20)):
        assert result.one(AT_ONCE)["severity"] == "info"


def test_springs_immediate_is_no_drain() -> None:
    finding = audited(env=[{"name": "SERVER_SHUTDOWN", "value": "immediate"}]).one(AT_ONCE)
    assert "Spring Boot does not drain: server.shutdown is immediate" in finding["message"]


HOOK = {"preStop": {"exec": {"command": ["nginx", "-s", "quit"]}}}
CALL = {"preStop": {"httpGet": {"path": "/shutdown", "port": 8090}}}
LOOP = {"preStop": {"exec": {"command": ["sh", "-c", "until drained; do sleep 1; done"]}}}


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(audited(image="nginx"), id="a signal on which it drains"),
        pytest.param(audited(image="bitnami/nginx:1", lifecycle=HOOK), id="a hook that stops it"),
        pytest.param(audited(image="envoyproxy/envoy:v1", lifecycle=CALL), id="a call to its companion"),
        pytest.param(audited(image="envoyproxy/envoy:v1", lifecycle=LOOP), id="a hook whose time is not known"),
        pytest.param(command("sh", "-c", "unicorn -p 80"), id="a shell in front"),
        pytest.param(command("npm", "start"), id="npm in front"),
        pytest.param(command("nginx"), id="an image whose signal is not known"),
        pytest.param(command("envoy", drain=0), id="nothing is in flight"),
    ],
)
def test_what_drains_or_is_not_known_is_not_found(result: Result) -> None:
    assert not result.of(AT_ONCE)


@pytest.mark.parametrize("profile", ["worker", "batch"])
def test_only_what_takes_requests_is_judged(profile: str) -> None:
    spec = container(image="envoyproxy/envoy:v1")
    assert not run(workload(spec, annotations={PROFILE: profile}), service()).of(AT_ONCE)


def test_a_shutdown_manager_drains_it() -> None:
    spec = container(image="envoyproxy/envoy:v1")
    manager = container("shutdown-manager", ports=None, readinessProbe=None)
    assert not run(workload(spec, manager), service()).of(AT_ONCE)
