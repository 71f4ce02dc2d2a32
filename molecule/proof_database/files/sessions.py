# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches the sessions that pods hold in PostgreSQL, and when each of the pods is told to stop.

A session carries the name of its pod as application_name. Both are looked at twice a second.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
INTERVAL = 0.5  # seconds
SESSIONS = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE %s"


@dataclass(slots=True)
class Pod:
    """Times are seconds of the epoch, 0 while it has not come to that. `told` has a resolution of one second."""

    told: float = 0
    last_session: float = 0
    sessions_after: int = 0  # the most that were seen after it was told to stop


def _terminating(name: str) -> dict[str, float]:
    """The pods of a Deployment, each with the time at which it was told to stop, or 0."""
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    namespace, token = ((ACCOUNT / part).read_text() for part in ("namespace", "token"))
    request = urllib.request.Request(
        f"{server}/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{name}",
        headers={"Authorization": f"Bearer {token}"},
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:
        pods = [pod["metadata"] for pod in json.load(answer)["items"]]
    return {pod["name"]: _told(pod) for pod in pods}


def _told(metadata: dict[str, Any]) -> float:
    """deletionTimestamp is when the grace period is over."""
    if "deletionTimestamp" not in metadata:
        return 0
    over = datetime.fromisoformat(metadata["deletionTimestamp"]).timestamp()
    return over - metadata["deletionGracePeriodSeconds"]


class Watch(threading.Thread):
    """Looks until `stop` is set, and once more."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._name, self._stop_event = name, stop
        self._pods: dict[str, Pod] = {}
        self._most = self._left = 0
        self._connection = psycopg2.connect(dbname="postgres")
        self._connection.autocommit = True

    def run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop_event.wait(INTERVAL)
            try:
                self._look()
            except OSError as error:  # the API server is busy: the next look tells
                print(f"look: {error}", file=sys.stderr, flush=True)

    def _look(self) -> None:
        listed, now = _terminating(self._name), time.time()
        with self._connection.cursor() as cursor:
            cursor.execute(SESSIONS, (f"{self._name}-%",))
            sessions = Counter(row[0] for row in cursor)
        self._most = max(self._most, sessions.total())
        self._left = sum(count for owner, count in sessions.items() if owner not in listed)
        for name, told in listed.items():
            pod = self._pods.setdefault(name, Pod())
            pod.told = pod.told or told
        for name, pod in self._pods.items():
            if sessions[name]:
                pod.last_session = now
            if pod.told:
                pod.sessions_after = max(pod.sessions_after, sessions[name])

    def report(self) -> dict[str, object]:
        """What was seen; `pods` are those that were told to stop, `left_sessions` are those of gone pods at the end."""
        pods = {
            name: {
                "sessions_after": pod.sessions_after,
                "held_seconds": round(max(0, pod.last_session - pod.told), 1),
            }
            for name, pod in self._pods.items()
            if pod.told
        }
        return {"most_sessions": self._most, "left_sessions": self._left, "pods": pods}
