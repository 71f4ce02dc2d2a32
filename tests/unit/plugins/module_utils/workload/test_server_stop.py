# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a hook that stop the server of their own container."""

from __future__ import annotations

import re

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import Stop, stops_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import Span
from ansible_collections.graceful.termination.plugins.module_utils.workload.stop_commands import (
    STOP_COMMANDS,
    time_to_stop,
)


def hooked(script: str, image: str = "registry.example/app:1", command: list[str] | None = None) -> Container:
    """A container whose preStop runs this script."""
    hook = {"preStop": {"exec": {"command": ["sh", "-c", script]}}}
    return read_container({"name": "app", "image": image, "command": command, "lifecycle": hook}, "containers[0]")


def first(script: str, image: str = "registry.example/app:1") -> Stop:
    """The first command that stops something."""
    return stops_of(hooked(script, image))[0]


@pytest.mark.parametrize(
    "script",
    [
        "kill 1",
        "kill -15 1",
        "kill -SIGTERM 1",
        "kill -s QUIT 1",
        "kill -n 15 1",
        "kill --signal INT 1",
        "kill -sTERM 1",
        "kill -- 1",
        "kill -TERM -1",
        "/bin/kill -TERM 1",
        "kill -15 $(pidof java)",
        "kill -TERM `pgrep -f app.jar`",
        "kill -QUIT $(cat /run/server.pid)",
        "kill $(</run/server.pid)",
        "kill $(lsof -t -i:8080)",
        "kill -TERM $(ps aux | grep java | awk '{print $2}')",
        "PID=$(pidof java); kill -TERM $PID",
        "pgrep java | xargs kill -TERM",
        "pkill java",
        "pkill -TERM -f app.jar",
        "pkill --signal QUIT java",
        "killall -s TERM java",
        "killall -w java",
        "fuser -k 8080/tcp",
        "timeout 10 kill 1",
        "exec env A=b kill 1",
        "if [ -f /run/a.pid ]; then kill $(cat /run/a.pid); fi",
        "pm2 stop all",
        "pm2 kill",
        "service nginx stop",
        "/etc/init.d/nginx stop",
        "systemctl stop app",
        "s6-svc -d /run/service/app",
        "s6-svc -wD -T 5000 -d /run/service/app",
        "s6-svscanctl -t /run/service",
        "sv stop app",
        "supervisorctl -c /etc/s.conf stop all",
        "supervisorctl signal QUIT app",
        "/opt/jboss/bin/jboss-cli.sh --connect command=:shutdown",
        "jboss-cli.sh -c 'shutdown --timeout=30'",
        "curl -X POST http://localhost:9901/quitquitquit",
        "curl -X POST 'http://127.0.0.1:9901/drain_listeners?graceful'",
        "wget -qO- --post-data= http://localhost:8080/actuator/shutdown",
        "curl -X POST http://localhost:9090/-/quit",
        "apachectl -k graceful-stop",
        "pumactl -P /run/puma.pid stop",
        "squid -k shutdown",
        "redis-cli shutdown nosave",
        "pg_ctl stop -m fast -D /data",
        "mysqladmin -uroot shutdown",
        "rabbitmqctl stop",
        "nodetool drain",
        "nats-server --signal ldm=/run/nats.pid",
        "kafka-server-stop.sh",
    ],
)
def test_what_stops_the_server(script: str) -> None:
    assert first(script).starts == Span(0, 0)


@pytest.mark.parametrize(
    "script",
    [
        "kill -0 1",
        "kill -HUP 1",
        "kill -1 1",
        "kill -USR1 1",
        "kill -USR2 $(cat /run/puma.pid)",
        "kill -TSTP 1",
        "kill -l",
        "kill $CHILD",
        "kill -TERM 4242",
        "pkill -HUP nginx",
        "pkill -0 nginx",
        "killall -0 nginx",
        "killall -s HUP nginx",
        "fuser 8080/tcp",
        "pm2 list",
        "pm2 reload all",
        "service nginx status",
        "service nginx reload",
        "systemctl reload nginx",
        "s6-svc -h /run/service/app",
        "supervisorctl status",
        "nginx -s reload",
        "nginx -t",
        "apachectl graceful",
        "haproxy -c -f a.cfg",
        "redis-cli ping",
        "pg_ctl status",
        "rabbitmqctl status",
        "curl http://localhost:8080/health",
        "curl http://example.org/shutdown",
        "curl -X POST http://localhost:15020/quitquitquit",  # the mesh's proxy
        "curl -X POST http://localhost:4191/shutdown",
        "curl http://localhost:10254/wait-shutdown",
        "consul leave",  # an agent elsewhere: a registry
        "echo kill 1",
        "sleep 9 # kill 1",
        "false && kill 1",
        "cat <<END\nkill 1\nEND",
        "stop() { kill 1; }",
    ],
)
def test_what_stops_no_server(script: str) -> None:
    assert not stops_of(hooked(script))


def test_a_signal_that_makes_others_reload_stops_haproxy() -> None:
    assert first("kill -USR1 $(pidof haproxy)").drains
    assert first("killall -USR1 haproxy").drains
    assert first("kill -USR1 1", "haproxy:3.0").drains
    assert not stops_of(hooked("kill -USR1 1", "registry.example/sidekiq:1"))


def test_consul_leaves_where_it_runs() -> None:
    assert first("consul leave", "hashicorp/consul:1.18").drains


@pytest.mark.parametrize(
    ("script", "image", "drains"),
    [
        ("nginx -s quit", "nginx:1", True),
        ("nginx -s stop", "nginx:1", False),
        ("kill -QUIT 1", "nginx:1", True),
        ("kill -TERM 1", "nginx:1", False),
        ("kill -WINCH 1", "httpd:2", True),
        ("kill -QUIT $(pidof php-fpm)", "registry.example/app:1", True),
        ("kill -TERM 1", "registry.example/app:1", None),
        ("kill -9 1", "registry.example/app:1", False),
        ("apachectl graceful-stop", "httpd:2", True),
        ("apachectl stop", "httpd:2", False),
    ],
)
def test_whether_requests_in_flight_are_finished(script: str, image: str, drains: bool | None) -> None:
    assert first(script, image).drains is drains


@pytest.mark.parametrize(
    ("script", "starts"),
    [
        ("sleep 5; kill 1", Span(5, 5)),
        ("for i in 1 2 3; do sleep 2; done; kill 1", Span(6, 6)),
        ("if [ -f /tmp/slow ]; then sleep 9; fi; kill 1", Span(0, 9)),
        ("sleep 5 & wait; kill 1", Span(5, 5)),
        ("sleep 5 & kill 1", Span(0, 0)),
        ("kong quit --wait=15", Span(15, 15)),
        ("sleep 5; kong quit -w 10", Span(15, 15)),
    ],
)
def test_when_the_server_learns_of_it(script: str, starts: Span) -> None:
    assert first(script).starts == starts


@pytest.mark.parametrize(
    ("command", "least", "most"),
    [
        ("nginx -s quit", 0, 0),
        ("catalina.sh stop", 0, 5),
        ("catalina.sh stop 20 -force", 0, 20),
        ("pg_ctl stop -m fast", 0, 60),
        ("pg_ctl stop -m fast -t 20", 0, 20),
        ("pg_ctl stop -W -m fast", 0, 0),
        ("kong quit --wait=15 --timeout=30", 15, 45),
        ("sv -w 30 stop app", 0, 30),
        ("supervisorctl stop all", 0, float("inf")),
        ("redis-cli SHUTDOWN", 0, float("inf")),
        ("solr stop -all", 0, 180),
    ],
)
def test_how_long_a_stop_command_takes(command: str, least: float, most: float) -> None:
    program, *operands = command.split()
    assert time_to_stop(program, operands) == Span(least, most)


@pytest.mark.parametrize("row", STOP_COMMANDS, ids=lambda row: f"{row.program} {row.words}")
def test_a_row_is_well_formed(row: object) -> None:
    assert re.compile(row.program)  # type: ignore[attr-defined]
    assert re.compile(row.words)  # type: ignore[attr-defined]
