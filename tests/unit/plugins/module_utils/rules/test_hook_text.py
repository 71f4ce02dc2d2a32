# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the text of an exec hook does."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.rules import hook_text
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

SHELL = "prestop-shell-missing"
EARLY = "prestop-stops-server-early"
EFFECTS = "prestop-side-effects"
IDS = {rule.id for rule in hook_text.RULES}


def words(*command: str, **fields: Any) -> dict[str, Any]:
    """A container whose preStop runs this command."""
    return hooked({"exec": {"command": list(command)}}, **fields)


def script(text: str, **fields: Any) -> dict[str, Any]:
    """A container whose preStop runs this script."""
    return words("/bin/sh", "-c", text, **fields)


def judged(*containers: dict[str, Any], **fields: Any) -> Result:
    """The audit of a served workload."""
    return run(workload(*containers, **fields), service())


# --- the founding article's own examples


@pytest.mark.parametrize(
    "text",
    [
        "echo 'shutting down'; sleep 10",
        "echo bye >> /proc/1/fd/1; sleep 10",
        'curl -X PUT "http://nacos:8848/nacos/v1/ns/instance?serviceName=a&enabled=false"; sleep 30',
        "curl -s -X PUT http://eureka:8761/eureka/apps/a/b/status; sleep 30",
        "curl -X PUT http://127.0.0.1:8500/v1/agent/service/deregister/a && sleep 30",
        "consul leave",
    ],
)
def test_what_the_article_does_right_is_silent(text: str) -> None:
    assert not IDS & set(judged(script(text)).rules)


def test_the_article_s_nginx_without_a_pause() -> None:
    assert judged(script("nginx -s quit")).rules[EARLY] == "warning"


# --- prestop-shell-missing


@pytest.mark.parametrize(
    "image",
    [
        "gcr.io/distroless/static-debian12:nonroot",
        "registry.example/mirror/distroless/java17-debian12@sha256:0123",
        "registry.example/app:1.2-distroless",
        "registry.example/app:1.2-scratch",
        "registry.example:5000/static-debian12",
        "cgr.dev/chainguard/python:latest",
    ],
)
@pytest.mark.parametrize("command", [["sleep", "10"], ["/bin/sh", "-c", "sleep 10"], ["/bin/sleep", "10"]])
def test_an_image_without_a_shell_is_a_warning(image: str, command: list[str]) -> None:
    finding = judged(words(*command, image=image)).one(SHELL)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "prestop-sleep")
    assert yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] == {
        "exec": None,
        "sleep": {"seconds": 10},
    }


@pytest.mark.parametrize(
    "image",
    [
        "gcr.io/distroless/base-debian12:debug",
        "gcr.io/distroless/base-debian12:debug-nonroot",
        "cgr.dev/chainguard/python:latest-dev",
        "cgr.dev/chainguard/wolfi-base",
        "cgr.dev/chainguard/bash:latest",
        "registry.example/static-assets:1",
        "registry.example/static:1",
        "registry.example/nginx-static",
        "llk/scratch-gui:1",
        "registry.example/app:1",
    ],
)
def test_an_image_that_may_have_a_shell_is_silent(image: str) -> None:
    assert not judged(words("sh", "-c", "sleep 10", image=image)).of(SHELL)


@pytest.mark.parametrize(
    "command",
    [["/busybox/sh", "-c", "sleep 10"], ["/tools/sleep", "10"], ["/app", "drain"], ["pilot-agent", "request"]],
)
def test_a_program_that_the_pod_may_have_is_silent(command: list[str]) -> None:
    assert not judged(words(*command, image="gcr.io/distroless/static")).of(SHELL)


def test_the_sleep_action_needs_no_shell() -> None:
    assert not judged(container(image="gcr.io/distroless/static")).of(SHELL)


def test_a_native_sidecar_needs_no_pause_at_all() -> None:
    proxy = sidecar(image="gcr.io/distroless/static", lifecycle={"preStop": {"exec": {"command": ["sleep", "5"]}}})
    assert judged(pod={"initContainers": [proxy]}).one(SHELL)["template"] == "prestop-remove"


# --- prestop-stops-server-early


@pytest.mark.parametrize(
    "text",
    [
        "nginx -s quit",
        "/usr/sbin/nginx -s stop",
        "nginx -s quit; while pgrep nginx; do sleep 1; done",
        "if [ -f /run/nginx.pid ]; then nginx -s quit; fi",
        "echo bye; kill -QUIT 1; sleep 30",
        "kill 1",
        "kill -s TERM 1",
        "kill -n 15 1",
        "kill -- 1",
        "kill -TERM -1",
        "kill -TERM $(cat /run/server.pid)",
        "kill -15 `pidof server`",
        "apachectl -k graceful-stop",
        "exec supervisorctl stop all",
        "pkill -f gunicorn",
        "killall -s TERM server",
        "/usr/local/tomcat/bin/catalina.sh stop",
        "curl -X POST http://localhost:8080/actuator/shutdown",
        "sleep 2 && nginx -s quit",
        "timeout 20 nginx -s quit",
        "kong quit",
    ],
)
def test_a_server_that_is_stopped_at_once_is_a_warning(text: str) -> None:
    assert judged(script(text)).one(EARLY)["severity"] == "warning"


def test_what_makes_others_reload_stops_haproxy() -> None:
    text = "sleep 2; kill -USR1 1; sleep 30"
    assert judged(script(text, command=["haproxy", "-f", "a.cfg"])).one(EARLY)["numbers"]["prestop_seconds"] == 2
    assert not judged(script(text, command=["./server"])).of(EARLY)
    assert not judged(script(text.replace("2", "10", 1), command=["haproxy", "-f", "a.cfg"])).of(EARLY)


def test_a_command_without_a_shell_is_read_as_well() -> None:
    assert judged(words("/usr/sbin/nginx", "-s", "quit")).of(EARLY)


def test_the_numbers_and_the_snippet_keep_the_drain_its_time() -> None:
    finding = judged(script("sleep 2; nginx -s quit"), grace=60).one(EARLY)
    assert finding["numbers"] == {"prestop_seconds": 2, "wanted_seconds": 10}
    assert finding["template"] == "prestop-delay-first"
    pod = yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 68
    assert pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][2].startswith("sleep 10; ")
    assert "quit" not in str(finding), "the hook may hold a secret, so it stays out of the report"


@pytest.mark.parametrize(
    "text",
    [
        "sleep 5; nginx -s quit",
        "sleep 3; sleep 2; kill -QUIT 1",
        "sleep $DELAY; nginx -s quit",
        "/wait-for-traffic-to-leave; kill 1",
        "while nc -z localhost 9; do sleep 1; done; kill 1",
        "until [ -f /tmp/gone ]; do sleep 1; done; nginx -s quit",
    ],
)
def test_a_pause_before_is_silent(text: str) -> None:
    assert not judged(script(text)).of(EARLY)


@pytest.mark.parametrize(
    "text",
    [
        "nginx -s reload",
        "kong quit --wait=15",
        "kill -HUP 1",
        "kill -0 1",
        "kill -USR1 $(cat /run/nginx.pid)",
        "kill $CHILD",
        "kill -9 4242",
        "pkill -HUP nginx",
        "apachectl graceful",
        "supervisorctl status",
        "echo nginx -s quit",
        "sleep 9 # nginx -s quit",
        "curl http://example.org/shutdown",
        "curl http://localhost:10254/wait-shutdown",
        "",
    ],
)
def test_what_stops_no_server_is_silent(text: str) -> None:
    assert not judged(script(text)).of(EARLY)


@pytest.mark.parametrize("kind", ["CronJob", "Deployment"])
def test_workloads_that_take_no_requests_may_stop_at_once(kind: str) -> None:
    assert not run(workload(script("kill 1"), kind=kind)).of(EARLY)


def test_the_hook_of_another_container_stops_no_server() -> None:
    assert not judged(container(), script("kill 1", name="shipper", ports=None)).of(EARLY)


# --- prestop-side-effects


@pytest.mark.parametrize(
    "text",
    [
        "curl -X POST http://localhost:8080/actuator/datasource/close",
        "/app/close-db.sh; sleep 10",
        "sleep 10; python manage.py closePool",
        "node shutdown_db.js",
        "./disconnect_database",
        "umount /data",
        "killall pgbouncer",
    ],
)
def test_closing_what_is_in_use_is_a_warning(text: str) -> None:
    finding = judged(script(text)).one(EFFECTS)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "SIGTERM handler" in finding["message"]


@pytest.mark.parametrize(
    "text", ["mv /data/log /archive/", "curl -X POST http://chat.example/hook", "curl -d a http://b.c/"]
)
def test_what_has_to_bear_repetition_is_an_info(text: str) -> None:
    finding = judged(script(f"{text}; sleep 10")).one(EFFECTS)
    assert finding["severity"] == "info"
    assert "must be idempotent" in finding["message"]


@pytest.mark.parametrize(
    "text",
    [
        "echo closing the pool; echo close-db; sleep 10",
        "echo stopped >> /var/log/app.log; sleep 10",
        "curl -X POST http://localhost:8080/drain; sleep 10",
        "curl -X DELETE http://lb.example/targets/1; sleep 10",
        "curl http://disclose.example/databases; sleep 10",
        "rm -rf /tmp/ready; sleep 10",
        "/app/enclose-db; sleep 10",
        "sleep 10 # close-db",
    ],
)
def test_harmless_text_is_silent(text: str) -> None:
    assert not judged(script(text)).of(EFFECTS)


def test_a_pooler_that_stops_itself_is_silent() -> None:
    assert not judged(script("killall -INT pgbouncer", image="registry.example/pgbouncer:1")).of(EFFECTS)


LEAVES = 'curl -X PUT "http://eureka:8761/eureka/apps/a/b/status?value=OUT_OF_SERVICE"'


@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_leaving_a_registry_without_waiting_is_a_warning(version: str) -> None:
    finding = run(workload(script(LEAVES)), service(), version=version).one(EFFECTS)
    assert (finding["severity"], finding["template"]) == ("warning", "registry-deregister")
    assert "sleep 10" in finding["snippet"]


def test_leaving_a_registry_without_waiting_is_an_info_where_no_other_pod_could_answer() -> None:
    only = workload(script(LEAVES), replicas=1, strategy={"type": "Recreate"})
    assert run(only, service()).one(EFFECTS)["severity"] == "info"


def test_a_server_that_delays_its_own_shutdown_may_leave_the_registry_at_once() -> None:
    waits = script(LEAVES, command=["/server", "--shutdown-delay=20s"])
    assert not run(workload(waits), service()).of(EFFECTS)


def test_a_worker_has_no_clients_in_a_registry() -> None:
    assert not run(workload(script("curl -X PUT http://eureka:8761/eureka/apps/a/b"))).of(EFFECTS)


def test_on_an_old_node_the_pause_is_an_exec() -> None:
    finding = run(workload(script("umount /data")), service(), node("a", "v1.29.1")).one(EFFECTS)
    assert finding["template"] == "prestop-exec-sleep"


# --- hostile text


@pytest.mark.parametrize(
    "part",
    [
        "close",
        "connection-",
        "db.close ",
        "kill ",
        "$(cat ",
        "a=",
        "curl http://",
        "-",
        "env ",
        "!",
        "while ",
        "X",
        "static-",
    ],
)
def test_no_text_takes_long(part: str) -> None:
    started = time.process_time()
    judged(script(part * 8_000, image=part * 2_000))
    judged(words(*[part.strip() or "-"] * 8_000))
    assert time.process_time() - started < 5
