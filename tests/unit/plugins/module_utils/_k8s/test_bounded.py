# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server that never comes to an end: the real client, servers that drip and pour on 127.0.0.1."""

from __future__ import annotations

import gzip
import json
import os
import socket
import tempfile
import threading
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils._k8s import bounded, client
from ansible_collections.graceful.termination.plugins.module_utils.base.deadline import Punctual
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, Unreachable
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.endless import (
    DRIPS,
    HEAD,
    POURS,
    Behave,
    serving,
)

THINGS = "/apis/apps/v1/deployments"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the client keeps what it has discovered
    monkeypatch.setattr(bounded, "WHOLE_SECONDS", 0.3)
    monkeypatch.setattr(bounded, "WHOLE_BYTES", 2**20)
    monkeypatch.setattr(bounded, "LINE_BYTES", 2**20)
    monkeypatch.setattr(Punctual, "head_seconds", 0.3)


def own(path: str) -> bytes | None:
    """What a client asks by itself."""
    if path.startswith(THINGS):
        return None
    version = {"gitVersion": "v1.37.2", "major": "1", "minor": "37"}
    return json.dumps(version if path == "/version" else {"kind": "APIGroupList", "groups": []}).encode()


@pytest.mark.parametrize("name", DRIPS)
def test_a_server_that_drips_is_left(name: str) -> None:
    with serving(DRIPS[name], own) as host:
        transport = client.connect({"host": host, "api_key": "t0ken"})
        with pytest.raises(Unreachable, match=r"did not finish within 0\.3 s|no response within"):
            transport.send("GET", THINGS, (), None)


@pytest.mark.parametrize("name", POURS)
def test_a_server_that_pours_is_left(name: str) -> None:
    with serving(POURS[name], own) as host:
        transport = client.connect({"host": host, "api_key": "t0ken"})
        with pytest.raises(Unreachable, match=r"the response is larger than 1 MiB: is this the address") as caught:
            transport.send("GET", THINGS, (), None)
    assert not caught.value.passing, "it would pour again"


@pytest.mark.parametrize("behave", [DRIPS["a body in chunks"], POURS["a body without a length"]])
def test_a_server_is_left_while_it_is_asked_for_its_groups_too(behave: Behave) -> None:
    with serving(behave) as host, pytest.raises(SourceError, match=r"did not finish|is larger than"):
        client.connect({"host": host, "api_key": "t0ken"}).send("GET", THINGS, (), None)


def test_a_line_of_a_watch_without_an_end() -> None:
    with serving(POURS["a body in chunks"], own) as host:
        transport = client.connect({"host": host, "api_key": "t0ken"})
        with pytest.raises(Unreachable, match="a line of the response is longer than 1 MiB"):
            list(transport.lines(THINGS, (), "watch things"))


def test_compression_that_nobody_asked_for_is_not_undone() -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with serving(lambda connection, _over: connection.sendall(head + bomb), own) as host:
        api = Api(client.connect({"host": host, "api_key": "t0ken"}))
        with pytest.raises(SourceError, match="the response is not from a Kubernetes API server"):
            api.get(THINGS, "list deployments")


def test_a_connection_is_used_again_after_a_bounded_answer() -> None:
    asked = []

    def behave(connection: socket.socket, _over: threading.Event) -> None:
        for _number in range(3):
            asked.append(connection.getpeername())
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
            connection.recv(2**16)

    with serving(behave, own) as host:
        transport = client.connect({"host": host, "api_key": "t0ken"})
        assert [transport.send("GET", THINGS, (), None).body for _number in range(3)] == [b"{}"] * 3
    assert len(set(asked)) == 1
