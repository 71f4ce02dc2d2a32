# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections lead to the same server, before and after they are opened; and which would be led astray."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils._k8s.address import address_of, foreseen_address
from ansible_collections.graceful.termination.plugins.module_utils._k8s.kubeconfig import overruled

SERVER = "https://api.example:6443"


def options(**cluster: Any) -> dict[str, Any]:
    """Of a kubeconfig with one context; the server is SERVER if nothing else is said."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": SERVER} | cluster}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}, {"name": "y", "context": {"cluster": "none"}}],
        "current-context": "x",
    }
    return {"kubeconfig": content}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "K8S_AUTH_HOST", "K8S_AUTH_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_contexts_of_one_server_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("A B\n")
    (tmp_path / "config").write_text(yaml.safe_dump(options(**{"certificate-authority": "ca.crt"})["kubeconfig"]))
    encoded = base64.b64encode(b"A B").decode()
    same = [
        {"kubeconfig": str(tmp_path / "config")},
        {"kubeconfig": f"/none:{tmp_path / 'config'}", "context": "x"},
        options(**{"certificate-authority-data": encoded}),
        options(**{"certificate-authority-data": encoded, "server": "https://API.example:6443/"}),
        options() | {"ca_cert": str(tmp_path / "ca.crt")},
        options(server="https://other") | {"host": SERVER, "ca_cert": str(tmp_path / "ca.crt")},
    ]
    assert len({foreseen_address(auth) for auth in same}) == 1


def test_another_server_authority_or_way_may_be_another_cluster() -> None:
    different = [
        options(),
        options(server="https://api.example:6444"),
        options(server=f"{SERVER}/k8s/clusters/c-1"),
        options(server="https://api.example"),
        options(**{"certificate-authority-data": base64.b64encode(b"A").decode()}),
        options(**{"proxy-url": "http://tunnel:1"}),
        options(**{"tls-server-name": "two"}),
        options() | {"proxy": "http://tunnel:2"},
    ]
    found = {foreseen_address(auth) for auth in different}
    assert len(found) == len(different) and None not in found


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"kubeconfig": "/none"},
        {"kubeconfig": {}},
        {"kubeconfig": []},
        {"kubeconfig": {"contexts": 3, "clusters": [1]}},
        options() | {"context": "y"},
        options() | {"context": "z"},
    ],
)
def test_what_nobody_can_tell(auth: dict[str, Any]) -> None:
    assert foreseen_address(auth) is None


def test_an_open_connection_is_known_by_server_and_authority(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A")
    (tmp_path / "b").write_text("A\n")

    def address(host: str = SERVER, ca: str | None = None, **more: Any) -> str:
        given = {"host": host, "ssl_ca_cert": ca, "verify_ssl": True, "proxy": None} | more
        return address_of(SimpleNamespace(**given))

    assert address(ca=str(tmp_path / "a")) == address(ca=str(tmp_path / "b")) != address()
    assert address("https://user:secret@api.example:6443") == address()
    assert len({address(), address("http://api.example:6443"), address(proxy="http://p"), address("x")}) == 4


def test_a_context_that_the_environment_would_overrule(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overruled({"context": "x"}) is None
    monkeypatch.setenv("K8S_AUTH_HOST", "https://user:secret@other.example")
    text = overruled({"context": "x"})
    assert text and "context is set, but K8S_AUTH_HOST" in text and "https://other.example" in text
    assert "secret" not in text
    assert overruled({}) is None and overruled({"context": "x", "host": SERVER}) is None
