# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preStop hooks as they are met in the wild, and what each of them really does."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Truth(NamedTuple):
    """For how many seconds a hook keeps SIGTERM back; None where nobody can know.

    `idle`: it does nothing else, or fails, so that a pause may take its place.
    """

    seconds: int | None
    idle: bool


def _exec(*words: str) -> dict[str, Any]:
    return {"exec": {"command": list(words)}}


def _shell(script: str, shell: str = "sh") -> dict[str, Any]:
    return _exec(shell, "-c", script)


_KNOWN: list[tuple[dict[str, Any], Truth]] = [
    # Nothing but a pause.
    (_exec("sleep", "5"), Truth(5, True)),
    (_exec("/bin/sleep", "20s"), Truth(20, True)),
    (_shell("sleep 15", "/bin/sh"), Truth(15, True)),
    (_shell("sleep 3 && sleep 4"), Truth(7, True)),
    (_shell("echo stopping; sleep 10", "/bin/bash"), Truth(10, True)),
    (_shell("exec sleep 25"), Truth(25, True)),
    (_shell("N=8; sleep $N"), Truth(8, True)),
    # Nothing at all: it returns at once, or fails.
    (_exec("true"), Truth(0, True)),
    (_exec("/bin/true"), Truth(0, True)),
    (_exec("sleep 20"), Truth(0, True)),
    (_exec("sh", "sleep", "20"), Truth(0, True)),
    (_exec("sh", "-c", "sleep", "20"), Truth(0, True)),
    (_exec("sleep", "20", "&&", "nginx", "-s", "quit"), Truth(0, True)),
    (_shell("echo bye"), Truth(0, True)),
    ({"tcpSocket": {"port": 8080}}, Truth(0, True)),
    # Something, at once or after a pause.
    (_exec("touch", "/tmp/down"), Truth(0, False)),
    (_shell("rm -f /tmp/ready"), Truth(0, False)),
    (_shell("rm -f /tmp/ready; sleep 12"), Truth(12, False)),
    (_shell("sleep 10; touch /tmp/done"), Truth(10, False)),
    (_shell("sleep 20 >/dev/null 2>&1 &"), Truth(0, False)),
    (_shell("sleep 11 & wait"), Truth(11, False)),
    (_shell("echo draining > /tmp/state; sleep 10"), Truth(10, False)),
    # Nobody knows for how long, or it stops the server.
    (_shell("sleep 20 &"), Truth(None, False)),
    (_exec("setsid", "sleep", "20"), Truth(None, False)),
    (_exec("sleep", "infinity"), Truth(None, False)),
    (_exec("tail", "-f", "/dev/null"), Truth(None, False)),
    (_shell("while pgrep -x app; do sleep 1; done"), Truth(None, False)),
    (_shell("until curl -fs localhost:8080/drained; do sleep 2; done"), Truth(None, False)),
    (_exec("/drain.sh"), Truth(None, False)),
    (_exec("/usr/local/bin/drain", "--wait", "30s"), Truth(None, False)),
    (_exec("timeout", "20", "/drain.sh"), Truth(None, False)),
    (_shell("sleep 10; /drain.sh"), Truth(None, False)),
    (_shell("nginx -s quit; sleep 10"), Truth(None, False)),
    (_shell("sleep 5; kill -QUIT 1; sleep 20"), Truth(None, False)),
    (_exec("kill", "-s", "TERM", "1"), Truth(None, False)),
    (_exec("nginx", "-s", "stop"), Truth(None, False)),
    (_exec("pg_ctl", "stop", "-m", "fast"), Truth(None, False)),
    (_exec("pm2", "stop", "all"), Truth(None, False)),
    (_exec("supervisorctl", "stop", "all"), Truth(None, False)),
    (_exec("curl", "-fsS", "-X", "POST", "http://localhost:15000/drain_listeners?graceful"), Truth(None, False)),
    (_exec("wget", "-qO-", "http://localhost:15020/quitquitquit"), Truth(None, False)),
    (_shell("nc -z localhost 15020 && sleep 5 || sleep 10"), Truth(None, False)),
    ({"httpGet": {"path": "/drain", "port": 8080}}, Truth(None, False)),
    ({"httpGet": {"path": "/quit", "port": "http"}}, Truth(None, False)),
    ({"httpGet": {"path": "/quit", "port": "nowhere"}}, Truth(None, False)),
]
_TRUTHS = {json.dumps(handler, sort_keys=True): truth for handler, truth in _KNOWN}
HOOKS = tuple(handler for handler, _truth in _KNOWN)
NO_HOOK = Truth(0, True)


def truth_of(handler: dict[str, Any] | None) -> Truth:
    """What a handler of these, a sleep action or no handler really does."""
    if not handler:
        return NO_HOOK
    if "sleep" in handler:
        return Truth(int(handler["sleep"]["seconds"]), True)
    return _TRUTHS[json.dumps(handler, sort_keys=True)]
