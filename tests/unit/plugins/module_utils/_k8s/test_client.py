# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire, and what comes back as an answer or as plain words: the real client, a small server."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ansible_collections.graceful.termination.plugins.module_utils._k8s import client
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, Unreachable

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}
THINGS = "/apis/apps/v1/deployments"


class _Server(ThreadingHTTPServer):
    """What was asked of it, and its next answer: status (None drops the connection), content, headers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.reply: tuple[int | None, Any, dict[str, str]] = (200, {}, {})
        self.refuse_all = False


class _Handler(BaseHTTPRequestHandler):
    """Answers what the client asks by itself, and what the test says."""

    server: _Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        path = self.path.partition("?")[0]
        own = {"/version": VERSION, "/apis": {"kind": "APIGroupList", "groups": []}}
        if path in own and not self.server.refuse_all:
            self._answer(200, own[path], {})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))
        status, content, headers = self.server.reply
        if status is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(status, content, headers)

    do_PATCH = do_GET

    def _answer(self, status: int, content: Any, headers: dict[str, str]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the client keeps what it has discovered


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def host_of(server: Any) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def connected(server: Any) -> client.KubernetesTransport:
    return client.connect({"host": host_of(server), "api_key": "t0ken"})


def test_a_list(server: _Server) -> None:
    server.reply = (200, {"items": []}, {})
    answer = connected(server).send("GET", THINGS, (("limit", "500"), ("continue", "a/b=")), None)
    ((method, path, headers, body),) = server.seen
    address = urlsplit(path)
    assert (method, address.path, body) == ("GET", THINGS, b"")
    assert parse_qsl(address.query) == [("limit", "500"), ("continue", "a/b=")]
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["accept"] == "application/json"
    assert (answer.status, json.loads(answer.body)) == (200, {"items": []})


def test_no_more_than_metadata(server: _Server) -> None:
    server.reply = (200, {"metadata": {}}, {})
    Api(connected(server)).metadata(f"{THINGS}/secret", "see it")
    ((_method, _path, headers, _body),) = server.seen
    assert headers["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_a_patch_is_a_strategic_merge_with_its_nulls(server: _Server) -> None:
    patch = {"metadata": {"resourceVersion": "7"}, "spec": {"x": None}}
    connected(server).send("PATCH", f"{THINGS}/web", (("fieldManager", "me"), ("dryRun", "All")), patch)
    ((method, path, headers, body),) = server.seen
    assert (method, path) == ("PATCH", f"{THINGS}/web?fieldManager=me&dryRun=All")
    assert headers["content-type"] == "application/strategic-merge-patch+json"
    assert json.loads(body) == patch


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 418, 422, 429, 500, 503])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_refusal_is_an_answer_and_is_asked_for_once(server: _Server, method: str, status: int) -> None:
    server.reply = (status, {"message": "no"}, {"Retry-After": "7"})
    answer = connected(server).send(method, THINGS, (), {} if method == "PATCH" else None)
    assert (answer.status, json.loads(answer.body)["message"]) == (status, "no")
    assert answer.headers["retry-after"] == "7"
    assert len(server.seen) == 1, "what is asked again is counted, so the client must not do it by itself"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_dropped_connection_may_pass(server: _Server, method: str) -> None:
    server.reply = (None, None, {})
    transport = connected(server)
    with pytest.raises(Unreachable, match=r"cannot reach the API server: .*the connection broke") as caught:
        transport.send(method, THINGS, (), {} if method == "PATCH" else None)
    assert caught.value.passing
    assert len(server.seen) == 1


def test_a_server_that_has_gone(server: _Server) -> None:
    transport = connected(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(Unreachable, match=r"no connection \(Connection refused\)") as caught:
        transport.send("GET", THINGS, (), None)
    assert caught.value.passing


def test_it_is_used_from_many_threads(server: _Server) -> None:
    transport, statuses = connected(server), []
    threads = [
        threading.Thread(target=lambda: statuses.append(transport.send("GET", THINGS, (), None).status))
        for _number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 20


# No connection at all


def refusal(**params: Any) -> str:
    with pytest.raises(SourceError) as caught:
        client.connect(params)
    return str(caught.value)


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"https://127.0.0.1:{free.getsockname()[1]}"
        assert "no connection (Connection refused)" in refusal(host=host, api_key="t")


def test_somebody_listens_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OPEN_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host = f"https://127.0.0.1:{silent.getsockname()[1]}"
        assert refusal(host=host, api_key="t") == f"{host}: no response within 0.3 s"


def test_what_stands_in_front_of_a_server_that_restarts_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "retry", lambda attempt: (attempt(), False))
    with socket.create_server(("127.0.0.1", 0)) as front:

        def hang_up() -> None:
            while True:
                try:
                    front.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        host = f"https://127.0.0.1:{front.getsockname()[1]}"
        with pytest.raises(Unreachable, match=r"the connection (ended before TLS began|broke)") as caught:
            client.connect({"host": host, "api_key": "t"})
        front.shutdown(socket.SHUT_RDWR)
    assert "ca_cert" not in str(caught.value)


def test_a_refused_token_ends_it_at_once(server: _Server) -> None:
    server.refuse_all, server.reply = True, (401, {"message": "Unauthorized"}, {})
    assert "does not accept the credentials (401)" in refusal(host=host_of(server), api_key="t")
    assert len(server.seen) == 1


def test_no_kubeconfig() -> None:
    assert refusal(kubeconfig="/nonexistent/config") == "kubeconfig /nonexistent/config: no such file"
    assert "no connection is configured" in refusal()


def test_a_missing_certificate_is_named(server: _Server) -> None:
    text = refusal(host=host_of(server), api_key="t", ca_cert="/nonexistent/ca.crt")
    assert text.endswith("cannot read /nonexistent/ca.crt: No such file or directory")


def test_a_credential_plugin_that_fails_is_heard(server: _Server) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": host_of(server)}}],
        "users": [
            {"name": "u", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}}}
        ],
    }
    transport = client.connect({"kubeconfig": config})
    assert (transport.name, transport.hint) == ("x", "exec: process returned 1")


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ({"get_api_client": None}, ["the collection kubernetes.core"]),
        ({"kubernetes": None}, ["the Python library kubernetes for", "pip install"]),
        ({"get_api_client": None, "kubernetes": None}, ["kubernetes.core", "pip install"]),
    ],
)
def test_what_is_missing_is_named_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, without: dict[str, Any], words: list[str]
) -> None:
    for name, value in without.items():
        monkeypatch.setattr(client, name, value)
    text = refusal()
    assert all(word in text for word in (*words, "source"))


@pytest.mark.parametrize("version", ["36.0.0", "36.0.1"])
def test_a_release_that_sends_no_token_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(client, "kubernetes", SimpleNamespace(__version__=version))
    assert f"kubernetes {version} sends no token" in refusal()


@pytest.mark.parametrize(("given", "verified"), [(False, False), (True, True), (None, True)])
def test_whether_the_certificate_is_verified(server: _Server, given: bool | None, verified: bool) -> None:
    transport = client.connect({"host": host_of(server), "api_key": "t", "validate_certs": given})
    assert transport.verified == verified
