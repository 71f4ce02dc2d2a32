# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a server while requests of a known length are under way, with the product's own trace, and says what became
of them."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from testbed import engine

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.tools.calibration.cluster import Cluster, refusing
from ansible_collections.graceful.termination.tools.calibration.playbooks import Playbooks
from ansible_collections.graceful.termination.tools.calibration.servers import (
    FINISHED,
    FOLDER,
    LOST,
    UNKNOWN,
    Case,
    said_of,
)
from ansible_collections.graceful.termination.tools.calibration.variants import Refused, read_json, write_json

RESULTS = FOLDER / "results.json"
EVERY = 1.0  # seconds between two requests
CLOSE = 2.5  # seconds around an allowance in which a request may end either way, and a stop may differ
LATE = 10  # seconds after which an answer that has not come counts as lost
_WAIT = 300  # seconds for a trace


@dataclass(frozen=True)
class Request:
    """`began` and `ended` as time.time() has them; `error` is empty where the answer was complete."""

    began: float
    ended: float
    error: str


class Load:
    """One request a second to a URL, each of which takes so many seconds, until it is ended."""

    def __init__(self, url: str, seconds: int):
        self._url, self._seconds = urlsplit(url), seconds
        self._ended = threading.Event()
        self._requests: list[Request] = []
        self._threads: list[threading.Thread] = []
        self._clock = threading.Thread(target=self._send, daemon=True)
        self._clock.start()

    def end(self) -> list[Request]:
        """Send no more, wait for those that are under way, and return all."""
        self._ended.set()
        self._clock.join()
        for thread in self._threads:
            thread.join()
        return sorted(self._requests, key=lambda one: one.began)

    def _send(self) -> None:
        while not self._ended.wait(EVERY):
            thread = threading.Thread(target=self._request, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _request(self) -> None:
        began, error = time.time(), ""
        connection = http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=self._seconds + LATE)
        try:
            connection.request("GET", f"{self._url.path}?{self._url.query}")
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.OK:
                error = f"status {answer.status}"
        except (OSError, http.client.HTTPException) as raised:
            error = type(raised).__name__
        finally:
            connection.close()
        self._requests.append(Request(began, time.time(), error))


def measure(case: Case, cluster: Cluster, playbooks: Playbooks) -> dict[str, Any]:
    """What results.json keeps of a case. Raises Refused where its stop could not be followed."""
    with refusing():
        cluster.put(case.variant)
        url, _forwarded = cluster.url(case.variant.drill["path"])
    load = Load(url, case.seconds)
    try:
        time.sleep(case.seconds + EVERY)  # then as many are under way as there can be
        trace = playbooks.trace(case.variant, {"termination_wait_timeout": _WAIT})
    finally:
        requests = load.end()
    if trace["status"] != "complete":
        raise Refused(f"{case.name}: the trace is {trace['status']}: {trace['reason']}")
    return result(case, trace, requests) | {
        "said": said_of(case),
        "digest": case.variant.digest,
        "program": version_of(case),
        "kubernetes": cluster.version,
        "version": VERSION,
    }


def result(case: Case, trace: dict[str, Any], requests: list[Request]) -> dict[str, Any]:
    """What was seen: the requests under way at the signal, the seconds that each had left, and how the container ended.

    Raises Refused where none was under way, or one was lost before the stop.
    """
    step = next(step for step in trace["steps"] if step["name"] == "SIGTERM")  # or whatever its image declares
    asked = datetime.fromisoformat(trace["generated_at"]).timestamp()
    stop = asked + step["seconds"]  # derived: it may have been a bit earlier
    before = [one for one in requests if one.ended < asked]
    if any(one.error for one in before):
        raise Refused(f"{case.name}: requests were lost before the stop: {sorted({one.error for one in before})}")
    under_way = [one for one in requests if one.began < asked <= one.ended]
    if not under_way:
        raise Refused(f"{case.name}: no request was under way at the stop")
    container = next(one for one in trace["containers"] if one["name"] == case.container)
    return {
        "at": trace["generated_at"],
        "requests": [
            {"left": round(one.began + case.seconds - stop, 1), "ended": round(one.ended - stop, 1), "error": one.error}
            for one in under_way
        ],
        "seconds": container["drain_seconds"],
        "exit_code": container["exit_code"],
    }


def disagreements(case: Case, measured: dict[str, Any]) -> list[str]:
    """What was seen otherwise than the audit says; nothing where it says that it does not know."""
    said, allowance = measured["said"], measured["said"]["allowance"]
    if said["request"] == UNKNOWN:
        return []
    found = []
    for one in measured["requests"]:
        seen = LOST if one["error"] else FINISHED
        expected = said["request"] if allowance is None else (FINISHED if one["left"] <= allowance else LOST)
        near = allowance is not None and abs(one["left"] - allowance) < CLOSE
        if seen != expected and not (near or one["left"] < CLOSE):
            found.append(f"a request with {one['left']:g} s left was {seen}, not {expected}")
    if allowance is not None and measured["seconds"] > allowance + CLOSE:
        found.append(f"it ended after {measured['seconds']:g} s, not within {allowance} s")
    return found


def stop_all(todo: list[Case], kubeconfig: Path) -> list[str]:
    """Stop one after the other and keep each result as it comes. Returns the names of those that failed."""
    cluster, playbooks, failed = Cluster(kubeconfig), Playbooks(kubeconfig), []
    engine.choose()
    try:
        for number, case in enumerate(todo, 1):
            print(f"[{number:2}/{len(todo)}] {case.name:22}", end=" ", flush=True)
            try:
                measured = measure(case, cluster, playbooks)
            except (Refused, OSError, subprocess.CalledProcessError) as error:
                failed.append(case.name)
                print(f"NOT MEASURED: {error}", flush=True)
                continue
            write_json(RESULTS, read_json(RESULTS) | {case.name: measured})
            lost = sum(bool(one["error"]) for one in measured["requests"])
            wrong = disagreements(case, measured)
            failed += [case.name] * bool(wrong)
            print(
                f"{lost} of {len(measured['requests'])} lost, ended after {measured['seconds']:g} s:",
                "; ".join(wrong) or f"as said ({measured['said']['request']})",
                flush=True,
            )
    finally:
        cluster.close()
    return failed


def version_of(case: Case) -> str:
    """What the program says of its version: the first line with a number."""
    containers = case.variant.deployment["spec"]["template"]["spec"]["containers"]
    command = ["docker", "run", "--rm", containers[-1]["image"], *case.version]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    return next((line.strip() for line in text.splitlines() if any(map(str.isdigit, line))), "")
