# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Prometheus server as a source of request durations. Its answers are those of a real one (2.42), recorded."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.deadline import Punctual
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.measured import TooMuch, Unanswered
from ansible_collections.graceful.termination.plugins.module_utils.sources import prometheus
from ansible_collections.graceful.termination.plugins.module_utils.sources.prometheus import Prometheus
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils import endless
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Memory,
    container,
    service,
    snapshot_of,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import options_of

RECORDED = json.loads((Path(__file__).parent / "prometheus_answers.json").read_text(encoding="utf-8"))
NOTHING = {"status": "success", "data": {"resultType": "vector", "result": []}}
BAD_DATA = {
    "status": "error",
    "errorType": "bad_data",
    "error": 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
}
TIMED_OUT = {"status": "error", "errorType": "execution", "error": "expanding series: context deadline exceeded"}
QUEUED = {"status": "error", "errorType": "timeout", "error": "query timed out in query execution"}


class Server(http.server.ThreadingHTTPServer):
    """Answers every request alike, or with what is recorded of the metric that is asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, Any] | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.seen: list[tuple[str, str, str | None]] = []

    @property
    def place(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.server_port}"

    @property
    def queries(self) -> list[str]:
        """What was asked, in PromQL."""
        return [parse_qs(urlsplit(path).query)["query"][0] for _method, path, _who in self.seen]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        self.server.answers.wait()
        status, content = self.server.answer or (200, self._recorded())
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if 300 <= status <= 399:
            self.send_header("Location", f"http://{self.server.place}/login")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a client that has given up
            self.wfile.write(body)

    def _recorded(self) -> Any:
        (query,) = parse_qs(urlsplit(self.path).query)["query"]
        return next((answer for metric, answer in RECORDED.items() if f"{metric}_bucket" in query), NOTHING)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `seen`."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on 127.0.0.1."""
    monkeypatch.setenv("no_proxy", "*")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_the_answers_of_a_real_server_become_durations(server: Server) -> None:
    durations = Prometheus(f"http://{server.place}").durations
    assert durations.problem is None
    # The same that its own histogram_quantile(0.999, …) said: 4.975, above 10, 9.5 and 19.0 seconds.
    assert {key: measured.seconds for key, measured in durations.found.items()} == {
        ("shop", "Service", "web"): 5,
        ("shop", "Service", "uploads"): None,
        ("shop", "", "cart"): 10,
        ("shop", "Deployment", "mailer"): 19,
    }


def test_it_is_asked_once_for_each_metric_and_only_read(server: Server) -> None:
    client = Prometheus(f"http://{server.place}")
    assert client.durations is client.durations
    assert [method for method, _path, _who in server.seen] == ["GET"] * 3
    assert server.queries[1] == (
        "sum by (destination_workload_namespace, destination_workload, le) "
        '(increase(istio_request_duration_milliseconds_bucket{reporter="destination"}[7d]))'
    )


def test_the_path_of_the_address_is_kept_and_credentials_are_sent(server: Server) -> None:
    Prometheus(f"http://reader:p%40ss@{server.place}/prom/").ask("1")
    (_method, path, who) = server.seen[0]
    assert path.startswith("/prom/api/v1/query?")
    assert who == "Basic " + base64.b64encode(b"reader:p@ss").decode()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (401, b"Unauthorized\n"),
            r"rejects the credentials, or requires some \(401\): set them in prometheus_url",
        ),
        ((403, b""), r"\(403\)"),
        ((302, b""), "redirects"),
        ((404, b"404 page not found\n"), "it responds with 404: is this the base address"),
        ((503, b"Service Unavailable"), "it responds with 503"),
        ((400, BAD_DATA), r"bad_data \(400\): invalid parameter"),
        ((200, b"<html>"), "not a response of a Prometheus server"),
        ((200, b"\xff\xfe"), "not a response of a Prometheus server"),
        ((200, []), "not a response of a Prometheus server"),
        ((200, None), "not a response of a Prometheus server"),
        ((200, {"data": {"result": [1]}}), "not a response of a Prometheus server"),
        ((200, {"data": {"result": [{"metric": [], "value": [1, "1"]}]}}), "not a response of a Prometheus server"),
        ((200, {"data": {"result": [{"metric": {}, "value": [1, "x"]}]}}), "not a response of a Prometheus server"),
        ((200, {"data": {"result": [{"metric": {}, "value": [1]}]}}), "not a response of a Prometheus server"),
    ],
)
def test_every_failure_is_one_clear_line_without_the_credentials(
    server: Server, answer: tuple[int, Any], message: str
) -> None:
    server.answer = answer
    with pytest.raises(Unanswered, match=message) as caught:
        Prometheus(f"http://reader:s3cr3t@{server.place}").ask("1")
    text = str(caught.value)
    assert text.startswith(f"Prometheus {server.place}: ")
    assert "\n" not in text
    assert "s3cr3t" not in text
    assert len(server.seen) == 1, "a redirection is not followed"


@pytest.mark.parametrize("answer", [(422, TIMED_OUT), (503, QUEUED)])
def test_a_query_that_takes_too_long_is_told_from_other_errors(server: Server, answer: tuple[int, Any]) -> None:
    server.answer = answer
    with pytest.raises(TooMuch, match=answer[1]["error"]):
        Prometheus(f"http://{server.place}").ask("1")


def test_a_server_that_never_answers_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "_ANSWER_SECONDS", 0.1)
    server.answers.clear()
    try:
        with pytest.raises(TooMuch, match="no response within"):
            Prometheus(f"http://{server.place}").ask("1")
    finally:
        server.answers.set()


def test_an_answer_without_end_is_not_read(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "_LIMIT", 2**20)
    server.answer = (200, b" " * (2**20 + 1))
    with pytest.raises(TooMuch, match="larger than 1 MiB"):
        Prometheus(f"http://{server.place}").ask("1")


@pytest.mark.parametrize("name", endless.DRIPS)
def test_a_server_that_drips_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(prometheus, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(Punctual, "head_seconds", 0.2)
    monkeypatch.delattr(prometheus._Connection, "head_seconds")
    with endless.serving(endless.DRIPS[name]) as url, pytest.raises((TooMuch, Unanswered)) as caught:
        Prometheus(url).ask("1")
    assert "no response within" in str(caught.value) or "(403)" in str(caught.value)


@pytest.mark.parametrize("name", endless.POURS)
def test_a_server_that_pours_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(prometheus, "_LIMIT", 2**20)
    with endless.serving(endless.POURS[name]) as url, pytest.raises(TooMuch, match="larger than 1 MiB"):
        Prometheus(url).ask("1")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_server_that_cannot_be_reached_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    assert (
        Prometheus(url).durations.problem == "Prometheus 127.0.0.1:1: cannot be reached: [Errno 111] Connection refused"
    )


@pytest.mark.parametrize(
    "url",
    [
        "prometheus.example:9090",
        "file:///etc/passwd",
        "ftp://prometheus.example",
        "http://",
        "http://reader:s3cr3t@",
        "http://reader:s3cr3t@prometheus.example:port",
        "http://reader:s3cr3t@[::1",
        "https://prometheus.example/?x=s3cr3t",
        "https://prometheus.example/#x",
    ],
)
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="prometheus_url") as caught:
        options_of(prometheus_url=url)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("url", [None, ""])
def test_without_an_address_nobody_is_asked(url: str | None) -> None:
    assert options_of(prometheus_url=url).prometheus is None


def test_an_address_of_ip_version_6_is_one() -> None:
    assert Prometheus("http://[::1]:9090").name == "Prometheus [::1]:9090"


class Read(Memory):
    """A source that has one workload and its Service, and says that it writes what it is told."""

    def read(self) -> Any:
        """The snapshot."""
        return snapshot_of([workload(container(), drain=None, grace=20), service()])


def audit(server: Server) -> dict[str, Any]:
    options = options_of(prometheus_url=f"http://reader:s3cr3t@{server.place}")
    return run_audit(Read(), options).report


def test_a_measured_duration_is_a_part_of_the_budget_with_its_source(server: Server) -> None:
    report = audit(server)
    (entry,) = report["workloads"]
    assert (entry["budget"]["drain"], entry["budget"]["known"]) == (5, True)
    assert entry["budget"]["sources"]["drain"] == (
        "measured p99.9 over 7 days: Prometheus nginx_ingress_controller_request_duration_seconds"
    )
    (finding,) = [one for one in report["findings"] if one["rule"] == "grace-period-insufficient"]
    assert finding["severity"] == "warning", "an error is for what somebody declared"
    (finding,) = [one for one in report["findings"] if one["rule"] == "prestop-starves-drain"]
    assert "its requests take 5 s" in finding["message"]


def test_a_failure_is_one_entry_and_the_audit_goes_on(server: Server) -> None:
    server.answer = (401, b"Unauthorized\n")
    report = audit(server)
    (entry,) = [one for one in report["not_evaluated"] if "Prometheus" in one["reason"]]
    assert (entry["rule"], entry["scope"]) == ("grace-period-insufficient", "measured request durations")
    assert report["workloads"][0]["budget"]["drain"] is None
    assert "s3cr3t" not in json.dumps(report)


def test_a_remediation_asks_once_though_it_reads_twice(server: Server) -> None:
    class Written(Read):
        def preflight(self, changes: Any) -> Any:
            return [Verdict() for _change in changes]

        def apply(self, changes: Any, *, check: bool) -> Any:
            return iter(())

    options = options_of(prometheus_url=f"http://{server.place}")
    report = run_remediate(Written(), options, check=False).report
    assert report["workloads"][0]["budget"]["drain"] == 5
    assert len(server.seen) == 3
