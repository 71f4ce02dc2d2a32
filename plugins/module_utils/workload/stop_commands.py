# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers' own stop commands, and the calls that stop them: one row each; add a row for another server.

A row says which words make it stop the server, whether what is in flight is finished, and how long the command
waits. None: it waits for the end, however long that takes. Sources are the manuals of the programs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import NONE, Span


@dataclass(frozen=True, slots=True)
class StopCommand:
    """`words` matches the argument that stops; empty: the program does nothing else.

    `drains`: requests in flight are finished. `waits`: seconds until the command returns at most, 0 for at once, None
    for as long as the server takes. `limit`: options whose value sets that instead. `pauses`: options whose value
    passes before anything is stopped. `returns`: options with which it does not wait. `behind`: the time may follow the
    word. `own`: only where the container runs a program of this name; elsewhere it is another server's.
    """

    program: str
    words: str = ""
    drains: bool = False
    waits: int | None = 0
    limit: tuple[str, ...] = ()
    pauses: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    behind: bool = False
    own: str = ""


STOP_COMMANDS = (
    # Web servers and proxies
    StopCommand("nginx|openresty|tengine|angie", "quit", drains=True),
    StopCommand("nginx|openresty|tengine|angie", "stop"),
    StopCommand("kong", "quit", drains=True, waits=10, limit=("-t", "--timeout"), pauses=("-w", "--wait")),
    StopCommand("kong", "stop", waits=10),
    StopCommand("apachectl|apache2ctl|httpd|apache2", "graceful-stop", drains=True),
    StopCommand("apachectl|apache2ctl|httpd|apache2", "stop", waits=None),
    StopCommand("squid", "shutdown", drains=True),
    StopCommand("squid", "kill|interrupt"),
    StopCommand("varnishadm", "stop"),
    StopCommand("caddy", "stop", drains=True, waits=None),
    StopCommand("passenger", "stop", waits=None),
    StopCommand("pumactl", "stop", drains=True),
    StopCommand("pumactl", "halt"),
    StopCommand("thin", "stop", waits=30, limit=("-t", "--timeout")),
    StopCommand("uwsgi", "--stop", waits=0),
    # Application servers
    StopCommand(r"catalina\.sh", "stop", waits=5, behind=True),
    StopCommand(r"shutdown\.sh|stopServer\.sh|stopWebLogic\.sh|stopManagedWebLogic\.sh", waits=None),
    StopCommand(r"jboss-cli(?:\.sh)?", ".*shutdown.*", waits=None),
    StopCommand("asadmin", "stop-(?:domain|instance|cluster)", waits=None),
    StopCommand(r"server|jetty\.sh|karaf|wildfly\.sh", "stop", waits=None),
    # Supervisors and init systems
    StopCommand("supervisorctl", "stop|shutdown", waits=None),
    StopCommand("supervisorctl", "signal"),
    StopCommand("pm2|pm2-runtime", "stop|delete|kill", waits=None),
    StopCommand("forever", "stop|stopall", waits=None),
    StopCommand("circusctl", "stop|quit", waits=None),
    StopCommand("service|systemctl|rc-service|invoke-rc.d|initctl|monit|god", "stop", waits=None),
    StopCommand("s6-svc", r"-[a-zA-Z]*[dtkqix][a-zA-Z]*", waits=0),
    StopCommand("s6-svscanctl", r"-[a-zA-Z]*[tqia][a-zA-Z]*"),
    StopCommand("s6-rc", "-d", waits=None),
    StopCommand("sv", "stop|down|exit|shutdown|force-stop|term|kill", waits=7, limit=("-w",)),
    # Databases, caches and brokers
    StopCommand("pg_ctl", "stop", waits=60, limit=("-t", "--timeout"), returns=("-W", "--no-wait")),
    StopCommand("pgpool", "stop", waits=None),
    StopCommand("mysqladmin|mariadb-admin", "shutdown", waits=None),
    StopCommand("redis-cli|valkey-cli|keydb-cli", "(?i:shutdown)", waits=None),
    StopCommand("mongod", "--shutdown", waits=None),
    StopCommand("mongo|mongosh", r".*shutdownServer.*", waits=None),
    StopCommand("rabbitmqctl", "stop|stop_app|shutdown", waits=None),
    StopCommand("rabbitmq-upgrade", "drain", drains=True, waits=None),
    StopCommand("nodetool", "drain|disablebinary|stopdaemon|decommission", drains=True, waits=None),
    StopCommand(r"kafka-server-stop(?:\.sh)?|zookeeper-server-stop(?:\.sh)?", drains=True),
    StopCommand(r"zkServer\.sh", "stop", waits=None),
    StopCommand("cockroach", "quit|drain", drains=True, waits=None),
    StopCommand("solr", "stop", waits=180),
    StopCommand("neo4j|activemq|artemis|emqx|ejabberdctl|clickhouse", "stop", waits=None),
    StopCommand("nats-server", "ldm|ldm=.*", drains=True),
    StopCommand("nats-server", "quit|stop|(?:quit|stop)=.*"),
    StopCommand("consul", "leave", drains=True, waits=None, own="consul"),
    # Mail, names and voice
    StopCommand("postfix", "stop", waits=None),
    StopCommand("doveadm|dovecot", "stop", waits=None),
    StopCommand("rndc|unbound-control|pdns_control", "stop|halt|quit"),
    StopCommand("asterisk", r"core (?:stop|restart) gracefully", drains=True),
    StopCommand("asterisk", r"core stop (?:now|when convenient)"),
    StopCommand("fs_cli", r"(?:fsctl )?shutdown.*"),
)


@dataclass(frozen=True, slots=True)
class StopCall:
    """An HTTP call to the own pod that stops its server: the end of its path, without a query."""

    path: str
    drains: bool = False


STOP_CALLS = (
    StopCall("/shutdown"),  # Spring's actuator, Loki's and Mimir's ingesters and many others
    StopCall("/quitquitquit"),  # Envoy, and servers of Google's tradition
    StopCall("/drain_listeners", drains=True),  # Envoy
    StopCall("/-/quit", drains=True),  # Prometheus
    StopCall("/abortabortabort"),
)
_SECONDS = re.compile(r"(\d{1,6})s?")


def stop_command(program: str, operands: Sequence[str]) -> StopCommand | None:
    """The row of a command that stops a server; None for any other. `program` is a base name."""
    for row in STOP_COMMANDS:
        if re.fullmatch(row.program, program) and (
            not row.words or any(re.fullmatch(row.words, word[:500]) for word in operands)
        ):
            return row
    return None


def stop_call(path: str) -> StopCall | None:
    """The row of a call to the own pod; None for any other."""
    bare = path.partition("?")[0].rstrip("/")
    return next((row for row in STOP_CALLS if bare.endswith(row.path)), None)


def pause_before(row: StopCommand, operands: Sequence[str]) -> int:
    """The seconds that the command itself waits before it stops anything."""
    return _value(row.pauses, operands) or 0


def time_to_stop(program: str, operands: Sequence[str]) -> Span | None:
    """How long a command that stops a server takes; None for any other."""
    row = stop_command(program, operands)
    if row is None:
        return None
    before = pause_before(row, operands)
    if any(word in row.returns for word in operands):
        return NONE
    limit = _value(row.limit, operands)
    if limit is None and row.behind:
        limit = next((int(match[1]) for word in operands if (match := _SECONDS.fullmatch(word))), None)
    waits = row.waits if limit is None else limit
    return Span(before, math.inf if waits is None else before + waits)


def _value(options: Sequence[str], operands: Sequence[str]) -> int | None:
    """The seconds of `-t 20`, `-t20`, `--timeout 20` or `--timeout=20`."""
    for index, word in enumerate(operands):
        for option in options:
            rest = word.removeprefix(option) if word.startswith(option) else None
            if rest is None:
                continue
            text = rest.lstrip("=") or (operands[index + 1] if index + 1 < len(operands) else "")
            if match := _SECONDS.fullmatch(text):
                return int(match[1])
    return None
