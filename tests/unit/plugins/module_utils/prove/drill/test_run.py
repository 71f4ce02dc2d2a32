# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole drills on a local server: what the document says, and what remains when one is ended in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill import load, run
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pods
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.run import (
    Times,
    run_drill,
    upload_seconds,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.summary import render
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import CLASSES
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import hooked, sleeping, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill import process
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import (
    OF_WEB,
    PODS,
    Watched,
    api_of,
    listed,
    options,
    pod,
    web,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.servers import (
    ANSWER,
    MISSING,
    RESET,
    Asked,
    Server,
    serving,
)

QUICK = Times(noise=0.4, lead=0.1, settle=0.1)
KEYS = {
    *("schema", "version", "status", "reason", "started_at", "ended_at", "cluster", "workload", "url", "mode"),
    *("max_lost", "changed", "noise", "rounds", "rate", "requests", "lost", "lost_total", "bound", "streams", "when"),
    *("losses", "losses_left_out", "classes", "pods", "checks", "hints"),
}


def short_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the parts of a drill whose length is no option shorter."""
    monkeypatch.setattr(run, "upload_seconds", lambda _workload: 0.8)
    monkeypatch.setattr(run, "TRIAL_SECONDS", 0.1)
    monkeypatch.setattr(load, "REST", 0.1)


@pytest.fixture(autouse=True)
def _short_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    short_uploads(monkeypatch)


class Stops:
    """A driver that replaces one pod in each round, after `happens` and while the server is asked 25 times."""

    def __init__(self, pods: Pods, server: Server, happens: Callable[[], None]) -> None:
        self.pods = pods
        self.server = server
        self.happens = happens
        self.rounds = 0
        self.changed = False

    def stop_pods(self, _mode: str) -> None:
        """One round."""
        self.rounds += 1
        self.changed = True
        name = f"p{self.rounds}"
        self.pods._take("ADDED", pod(f"p{self.rounds + 1}"))
        self.pods._take("MODIFIED", pod(name, deleted=True))
        self.happens()
        enough = len(self.server.decisions("fresh")) + 25
        end = time.monotonic() + 10
        while len(self.server.decisions("fresh")) < enough:
            assert time.monotonic() < end, "the load has stopped"
            time.sleep(0.01)
        self.pods._take("DELETED", pod(name, deleted=True, code=0))


def drilled(
    server: Server, happens: Callable[[], None] = lambda: None, told: list[str] | None = None, **given: Any
) -> dict[str, Any]:
    declared = Watched()
    declared.expect("GET", PODS, listed(pod("p1")), query=OF_WEB)
    return run_drill(
        api_of(declared),
        web(),
        options(url=server.url, **given),
        times=QUICK,
        driver=lambda pods: Stops(pods, server, happens),  # type: ignore[arg-type,return-value]
        report=lambda line: None if told is None else told.append(line),
    )


def test_each_turn_is_told_while_it_is_under_way_and_the_result_kept(tmp_path: Path) -> None:
    told: list[str] = []
    with serving() as server:
        document = drilled(server, lambda: told.append("now"), told, rounds=2, report_dir=str(tmp_path))
    # A machine that is busy has several runs of noise, each at a lower rate.
    turns = [turn for turn, _lines in groupby(told, key=lambda line: line.partition(":")[0])]
    assert turns == ["noise", "round 1 of 2", "now", "round 1 of 2", "round 2 of 2", "now", "round 2 of 2"]
    assert told[0].startswith("noise: 0 of ")
    assert "lost so far: 0 of " in told[-1]
    assert document["status"] == "passed"
    kept = json.loads((tmp_path / "drills" / "shop-Deployment-web.json").read_text())
    assert kept == document
    assert kept["workload"]["deployed"]


@pytest.mark.parametrize("amount", [0, 1, 17])
def test_what_the_server_drops_while_pods_stop_is_what_the_document_says(amount: int, tmp_path: Path) -> None:
    dropped: list[Asked] = []
    armed: list[bool] = []

    def decide(asked: Asked) -> str:
        if armed and asked.stream == "fresh" and len(dropped) < amount:
            dropped.append(asked)
            return RESET
        return ANSWER

    with serving(decide) as server:
        document = drilled(server, lambda: armed.append(True), rate=100, rounds=2, report_dir=str(tmp_path))
    assert len(dropped) == amount
    assert document["lost"] == ({"reset": amount} if amount else {})
    assert document["status"] == ("failed" if amount else "passed")
    assert document["when"] == ({"while a pod stopped": amount} if amount else {})
    assert all(run["lost"] == {} for run in document["noise"])
    # A machine that is busy has several runs of noise, each at a lower rate.
    fresh, noise = document["streams"]["fresh"]["requests"], sum(run["requests"] for run in document["noise"])
    # The server's log has the noise, the trial upload and what was given up at the end, too.
    kept = document["streams"]["keep-alive"]["requests"]
    assert fresh + kept + noise == len(server.decisions("fresh")) + len(server.decisions("keep-alive"))
    assert document["bound"]["text"].startswith(f"{amount} of {document['requests']:,}")
    assert json.loads((tmp_path / "drill.json").read_text()) == document
    assert sorted(found.name for found in tmp_path.iterdir()) == ["drill.json", "drills"]
    assert set(document) == KEYS
    assert [entry["number"] for entry in document["rounds"]] == [1, 2]
    assert [entry["round"] for entry in document["pods"]] == [1, 2]
    assert document["checks"][0]["result"] == ("failed" if amount else "passed")


def test_losses_up_to_the_allowed_number_pass() -> None:
    dropped: list[int] = []

    def decide(asked: Asked) -> str:
        lose = bool(dropped) and asked.stream == "fresh" and len(dropped) < 4
        if lose:
            dropped.append(1)
        return RESET if lose else ANSWER

    with serving(decide) as server:
        document = drilled(server, lambda: dropped.append(1), max_lost=3)
    assert (document["status"], document["lost_total"]) == ("passed", 3)


def test_a_client_that_loses_without_a_stop_never_passes() -> None:
    with serving(lambda asked: RESET if asked.stream == "fresh" and asked.number == 4 else ANSWER) as server:
        document = drilled(server, max_lost=100)
    assert (document["status"], document["lost_total"]) == ("noisy", 0)
    assert "cannot be attributed" in document["reason"]


def test_a_rate_that_the_client_cannot_hold_is_lowered_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "THREAD_LIMIT", 8)
    with serving(delay=0.2) as server:
        document = drilled(server, rate=60)
    assert document["rate"]["asked"] < 60
    assert len(document["noise"]) > 1
    assert any("the rate was lowered to" in hint for hint in document["hints"])


def test_an_url_without_any_success_stops_nothing() -> None:
    with serving(lambda asked: MISSING) as server:
        document = drilled(server)
    assert document["status"] == "error"
    assert "nothing was stopped" in document["reason"] and "status-other, 404" in document["reason"]
    assert (document["rounds"], document["changed"]) == ([], False)


def test_an_url_that_takes_no_upload_is_drilled_without_and_says_so() -> None:
    with serving(lambda asked: MISSING if asked.stream == "upload" else ANSWER) as server:
        document = drilled(server)
    assert document["status"] == "passed"
    assert document["streams"]["upload"]["requests"] == 0
    assert document["checks"][1]["result"] == "not observed"
    assert "the URL does not accept uploads" in document["streams"]["upload"]["reason"]


def test_what_goes_wrong_on_the_way_keeps_the_counts() -> None:
    def fails() -> None:
        raise SourceError("shop/Deployment/web: not complete after 60 s: 1 of 3 pods updated")

    with serving() as server:
        document = drilled(server, fails)
    assert (document["status"], document["ended_at"] is not None) == ("error", True)
    assert "1 of 3 pods updated" in document["reason"]
    assert document["noise"][0]["requests"] > 0
    assert document["rounds"][0]["seconds"] is None


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    with serving() as server, pytest.raises(OSError):
        drilled(server, report_dir=str(tmp_path / "missing"))
    assert server.log == []


@pytest.mark.parametrize(
    ("obj", "seconds"),
    [
        (workload(hooked(None), grace=30), 10),
        (workload(sleeping(10), grace=40), 20),
        (workload(sleeping(10), grace=20), 15),
        (workload(hooked(None), grace=0), 1),
    ],
)
def test_an_upload_outlives_the_hook_and_can_end_within_the_grace_period(obj: dict[str, Any], seconds: int) -> None:
    assert upload_seconds(read_workload(obj)) == seconds


def test_the_terminal_shows_what_counts_and_nothing_that_a_terminal_would_act_on() -> None:
    with serving() as server:
        document = drilled(server)
    document["hints"] = ["\x1b[2J"]
    text = render(document, width=90)
    assert "shop/Deployment/web on test, restart, 1 round" in text
    assert document["bound"]["text"] in text
    assert text.count("not observed") >= 1 and "PASSED" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 90
    assert "\x1b[32mpassed" in render(document, color=True)


def started(folder: Path) -> subprocess.Popen[str]:
    """A drill in another process, in the middle of its first round."""
    child = subprocess.Popen(
        [sys.executable, process.__file__, str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 20
    while True:
        assert time.monotonic() < end and child.poll() is None
        file = folder / "drill.json"
        if file.exists() and (document := json.loads(file.read_text()))["rounds"] and document["requests"]:
            return child
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_says_so_and_keeps_its_counts(number: Signals, tmp_path: Path) -> None:
    child = started(tmp_path)
    child.send_signal(number)
    output, _error = child.communicate(timeout=20)
    document = json.loads((tmp_path / "drill.json").read_text())
    assert document["status"] == output.strip() == "interrupted"
    assert number.name in document["reason"]
    assert document["requests"] > 0 and document["ended_at"]
    assert [found.name for found in tmp_path.iterdir()] == ["drill.json"]


def test_a_drill_that_nobody_waits_for_any_more_ends_itself(tmp_path: Path) -> None:
    child = started(tmp_path)
    assert child.stdout
    child.stdout.close()
    child.wait(timeout=20)
    assert json.loads((tmp_path / "drill.json").read_text())["status"] == "interrupted"


def test_a_killed_drill_leaves_its_counts(tmp_path: Path) -> None:
    child = started(tmp_path)
    child.kill()
    child.communicate(timeout=20)
    document = json.loads((tmp_path / "drill.json").read_text())
    assert (document["status"], document["ended_at"]) == ("running", None)
    assert document["requests"] > 0


def test_the_document_is_documented() -> None:
    text = (Path(__file__).resolve().parents[6] / "docs" / "drill.md").read_text(encoding="utf-8")
    assert {name for name in KEYS | set(CLASSES) if f"`{name}`" not in text} == set()
