# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks of sidecars, and those that talk to a mesh's proxy."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    container,
    hooked,
    node,
    run,
    service,
    sidecar,
    workload,
)

WAIT = "mesh-prestop-self-wait"
QUIT = "mesh-quit-in-server"
MISUSE = "sidecar-prestop-misuse"
IDS = {WAIT, QUIT, MISUSE}
DRAINS = ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"]


def hook(*command: str) -> dict[str, Any]:
    """A lifecycle with this preStop."""
    return {"preStop": {"exec": {"command": list(command)}}}


def script(text: str, name: str = "app", **fields: Any) -> dict[str, Any]:
    """A container whose preStop runs this script."""
    return hooked({"exec": {"command": ["/bin/sh", "-c", text]}}, name, **fields)


def judged(*containers: dict[str, Any], injected: tuple[dict[str, Any], ...] = (), **fields: Any) -> Result:
    """The audit of a served workload."""
    return run(workload(*containers, **fields), service(), injected=injected)


def proxy(text: str, **fields: Any) -> dict[str, Any]:
    """An ordinary proxy with such a hook."""
    return script(text, "istio-proxy", ports=None, readinessProbe=None, **fields)


# --- mesh-prestop-self-wait


def test_the_article_s_loop_is_an_error() -> None:
    finding = judged(script("sleep 20; while nc -z localhost 15020; do sleep 1; done"), grace=60).one(WAIT)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "manual", "prestop-sleep")
    assert finding["numbers"] == {"grace_seconds": 60}
    assert "60 s" in finding["message"]


@pytest.mark.parametrize(
    "text",
    [
        "while curl -fsS http://localhost:15021/healthz/ready; do sleep 1; done",
        "until ! nc -z 127.0.0.1 15020; do sleep 1; done",
        "while wget -q -O /dev/null http://127.0.0.1:4191/ready; do sleep 1; done",
        "while curl -s localhost:15000/server_info > /dev/null; do sleep 1; done",
    ],
)
def test_every_way_to_wait_for_the_proxy_s_end(text: str) -> None:
    assert judged(script(text)).of(WAIT)


def test_the_proxy_s_own_hook_waits_for_itself() -> None:
    finding = judged(container(), proxy("while nc -z localhost 15020; do sleep 1; done")).one(WAIT)
    assert (finding["container"], finding["template"]) == ("istio-proxy", "prestop-remove")
    assert "waits for the proxy itself" in finding["message"]


@pytest.mark.parametrize(("fields", "group"), [({}, "containers"), ({"restartPolicy": "Always"}, "initContainers")])
def test_an_injected_proxy_is_not_its_owner_s_to_change(fields: dict[str, Any], group: str) -> None:
    finding = judged(injected=(proxy("while nc -z localhost 15020; do sleep 1; done", **fields),)).one(WAIT)
    assert finding["path"] == f"spec.template.spec.{group}[istio-proxy].lifecycle.preStop.exec"
    assert "is injected with the proxy" in finding["reason"]
    assert group in finding["snippet"]


def test_a_loop_of_a_native_sidecar_is_one_finding() -> None:
    native = sidecar("istio-proxy", lifecycle=hook("sh", "-c", "while nc -z localhost 15020; do sleep 1; done"))
    assert IDS & set(judged(pod={"initContainers": [native]}).rules) == {WAIT}


@pytest.mark.parametrize(
    "text",
    [
        "sleep 20; while nc -z localhost 8080; do sleep 1; done",
        "until curl -fsS http://localhost:15021/healthz/ready; do sleep 1; done",
        "while ! nc -z localhost 15020; do sleep 1; done",
        "while curl -s localhost:15000/stats | grep -q 'downstream_cx_active: [1-9]'; do sleep 1; done",
        "for i in 1 2 3; do nc -z localhost 15020 || break; sleep 1; done",
        "curl -fsS localhost:15021/healthz/ready; sleep 10",
        "while nc -z mesh.example 15020; do sleep 1; done",
        "echo while nc -z localhost 15020; sleep 10",
        "sleep 10 # while nc -z localhost 15020; do sleep 1; done",
        "while true; do sleep 1; done",
    ],
)
def test_what_does_not_wait_for_the_proxy_s_end_is_silent(text: str) -> None:
    assert not judged(script(text)).of(WAIT)


# --- mesh-quit-in-server


@pytest.mark.parametrize(
    "text",
    [
        "curl -fsI -X POST http://localhost:15020/quitquitquit",
        "sleep 10; curl -XPOST 127.0.0.1:15000/quitquitquit",
        "wget --post-data= -qO- http://localhost:4191/shutdown",
        "pilot-agent request POST quitquitquit",
    ],
)
def test_ending_the_proxy_of_a_server_is_an_error(text: str) -> None:
    finding = judged(script(text)).one(QUIT)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "manual", "prestop-sleep")


def test_a_command_without_a_shell_ends_it_as_well() -> None:
    direct = container(lifecycle=hook("curl", "-X", "POST", "http://localhost:15020/quitquitquit"))
    assert judged(direct).one(QUIT)["severity"] == "error"


def test_on_an_old_node_the_pause_is_an_exec() -> None:
    obj = workload(script("pilot-agent request POST quitquitquit"))
    assert run(obj, service(), node("a", "v1.29.0")).one(QUIT)["template"] == "prestop-exec-sleep"


def test_where_services_are_not_known_it_weighs_less() -> None:
    obj = workload(script("pilot-agent request POST quitquitquit"))
    assert run(obj, unknown="no Services in the input").rules[QUIT] == "warning"


@pytest.mark.parametrize(
    "text",
    [
        "curl -X POST localhost:9091/quitquitquit",
        "curl localhost:15020/quitquitquit",
        "curl -X POST http://localhost:15020/drain; sleep 10",
        "pilot-agent request POST drain",
        "while [ $(ss -Htn | wc -l) -gt 0 ]; do sleep 1; done; curl -X POST localhost:15020/quitquitquit",
        "curl -X POST http://other:4191/shutdown",
        "echo curl -X POST localhost:15020/quitquitquit",
        "curl -X POST localhost:8080/shutdown",
    ],
)
def test_other_calls_are_silent(text: str) -> None:
    assert not judged(script(text)).of(QUIT)


@pytest.mark.parametrize("kind", ["CronJob", "Deployment"])
def test_batch_and_workers_may_end_their_proxy(kind: str) -> None:
    assert not run(workload(script("curl -X POST localhost:15020/quitquitquit"), kind=kind)).of(QUIT)


def test_ending_the_proxy_is_no_stop_of_the_server() -> None:
    assert not judged(script("curl -X POST localhost:4191/shutdown")).of("prestop-stops-server-early")


# --- sidecar-prestop-misuse


def native(*command: str, **fields: Any) -> dict[str, Any]:
    """A native sidecar with such a hook."""
    return sidecar(lifecycle=hook(*command), **fields)


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "sleep 5 && kill -SIGTERM $(pidof vault)"],
        ["curl", "-X", "POST", "http://localhost:15020/quitquitquit"],
        ["nginx", "-s", "quit"],
        ["sh", "-c", "while [ -f /busy ]; do sleep 1; done; kill 1"],
    ],
)
def test_a_hook_that_ends_the_sidecar_is_a_warning(command: list[str]) -> None:
    finding = judged(pod={"initContainers": [native(*command)]}).one(MISUSE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "prestop-remove")
    patch = yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]["initContainers"]
    assert patch == [{"name": "proxy", "lifecycle": {"preStop": None}}]


@pytest.mark.parametrize(
    "lifecycle",
    [
        {"preStop": {"sleep": {"seconds": 5}}},
        hook("sleep", "5"),
        hook("sh", "-c", "while nc -z localhost 8080; do sleep 1; done"),
    ],
)
def test_a_hook_that_only_waits_is_an_info(lifecycle: dict[str, Any]) -> None:
    assert judged(pod={"initContainers": [sidecar(lifecycle=lifecycle)]}).one(MISUSE)["severity"] == "info"


def test_a_log_shipper_may_wait_for_the_last_lines_but_not_end_early() -> None:
    def shipper(*command: str) -> list[dict[str, Any]]:
        return [sidecar("logs", image="otel/opentelemetry-collector-k8s:0.160.0", lifecycle=hook(*command))]

    assert not judged(pod={"initContainers": shipper("sleep", "5")}).of(MISUSE)
    assert judged(pod={"initContainers": shipper("kill", "1")}).one(MISUSE)["severity"] == "warning"


def test_an_injected_native_sidecar_is_judged_by_its_live_pod() -> None:
    finding = judged(injected=(native("sleep", "5"),)).one(MISUSE)
    assert finding["path"] == "spec.template.spec.initContainers[proxy].lifecycle.preStop"
    assert "is injected with the sidecar" in finding["reason"]


@pytest.mark.parametrize(
    "lifecycle",
    [
        hook(*DRAINS),
        hook("curl", "-X", "POST", "http://localhost:15000/drain_listeners?graceful"),
        hook("/app/flush"),
        {"preStop": {"httpGet": {"port": 8080}}},
        {"preStop": {"sleep": {"seconds": 0}}},
        None,
    ],
)
@pytest.mark.parametrize("live", [True, False])
def test_a_drain_or_a_program_not_known_is_silent(lifecycle: dict[str, Any] | None, *, live: bool) -> None:
    one = sidecar("istio-proxy", lifecycle=lifecycle)
    result = judged(injected=(one,)) if live else judged(pod={"initContainers": [one]})
    assert not IDS & set(result.rules)


def test_ordinary_containers_are_not_native_sidecars() -> None:
    ordinary = {"name": "proxy", "image": "a", "lifecycle": hook("sleep", "5")}
    assert not judged(container(), ordinary).of(MISUSE)
    assert not judged(injected=(ordinary,)).of(MISUSE)
