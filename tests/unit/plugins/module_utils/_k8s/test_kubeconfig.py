# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster the options mean, and what is wrong with a kubeconfig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils._k8s.kubeconfig import (
    cluster_name,
    kubeconfig_problem,
    passwords,
    public_words,
    without_user,
)

BROKEN = ValueError("whatever the client says")


def kubeconfig(*contexts: str, current: str | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "current-context": current or (contexts[0] if contexts else ""),
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
        "clusters": [{"name": "c", "cluster": {"server": "https://a.example"}}],
        "users": [{"name": "u", "user": {"token": "very-secret", "client-key-data": "a2V5"}}],
    }


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def saved(path: Path, *contexts: str) -> str:
    path.write_text(yaml.safe_dump(kubeconfig(*contexts)))
    return str(path)


@pytest.mark.parametrize(
    ("auth", "env", "name"),
    [
        ({"context": "prod"}, {}, "prod"),
        ({}, {"K8S_AUTH_CONTEXT": "prod"}, "prod"),
        ({"context": "prod"}, {"K8S_AUTH_CONTEXT": "other"}, "prod"),
        ({"host": "https://a.example:6443", "api_key": "t"}, {}, "https://a.example:6443"),
        ({}, {"K8S_AUTH_HOST": "https://a.example/k8s/c-1", "K8S_AUTH_API_KEY": "t"}, "https://a.example/k8s/c-1"),
        ({"host": "https://jane:pw@a.example", "api_key": "t"}, {}, "https://a.example"),
        ({"host": "https://a.example"}, {"K8S_AUTH_CERT_FILE": "c", "K8S_AUTH_KEY_FILE": "k"}, "https://a.example"),
        # Without credentials of its own a host only replaces the address of the context that is used.
        ({"host": "https://a.example", "context": "prod"}, {}, "prod"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "in-cluster 10.0.0.1"),
        ({"context": "prod"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "prod"),
        ({"kubeconfig": kubeconfig("staging", "prod")}, {}, "staging"),
        ({}, {}, "the live cluster"),
    ],
)
def test_name(monkeypatch: pytest.MonkeyPatch, auth: dict[str, Any], env: dict[str, str], name: str) -> None:
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    assert cluster_name(auth) == name


def test_the_current_context_is_that_of_the_first_file_that_has_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = saved(tmp_path / "a"), saved(tmp_path / "b", "second", "third")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([first, str(tmp_path / "missing"), second]))
    assert cluster_name({}) == "second"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert kubeconfig_problem({"kubeconfig": path}, BROKEN) == f"kubeconfig {path}: no such file"


def test_no_configuration_at_all_says_what_would_be_one() -> None:
    text = kubeconfig_problem({}, BROKEN)
    assert text is not None
    for word in ("source is unset", "~/.kube/config", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_API_KEY", "manifests"):
        assert word in text


def test_an_unknown_context_shows_those_that_there_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "a", "staging", "prod")
    problem = kubeconfig_problem({"kubeconfig": path, "context": "nope"}, BROKEN)
    assert problem == f"context 'nope' is not in the kubeconfig {path}; it has staging, prod"
    assert kubeconfig_problem({"kubeconfig": path, "context": "prod"}, BROKEN) is None
    given = kubeconfig_problem({"kubeconfig": kubeconfig("a"), "context": "nope"}, BROKEN)
    assert given == "context 'nope' is not in the kubeconfig given as a map; it has a"


def test_broken_yaml_is_told_by_its_line_and_quotes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("users:\n- token: very-secret\n  {")
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load(path.read_text())
    problem = kubeconfig_problem({"kubeconfig": str(path)}, caught.value)
    assert problem == f"kubeconfig {path}: not valid YAML at line 3"


@pytest.mark.parametrize(
    "odd", [{"contexts": None}, {"contexts": "x"}, {"contexts": ["x", {"no": "name"}]}, {}, [], "x", None]
)
def test_an_odd_kubeconfig_is_left_to_the_client(odd: dict[str, Any] | list[Any] | str | None, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(yaml.safe_dump(odd))
    assert cluster_name({"kubeconfig": str(path)}) == "the live cluster"
    assert kubeconfig_problem({"kubeconfig": str(path)}, BROKEN) is None


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("https://a.example:6443", "https://a.example:6443"),
        ("https://jane:secret@a.example:6443/x", "https://a.example:6443/x"),
        ("a.example", "a.example"),
    ],
)
def test_an_address_is_shown_without_its_user(host: str, shown: str) -> None:
    assert without_user(host) == shown


def test_the_words_of_a_map_but_not_its_secrets() -> None:
    words = public_words(kubeconfig("prod"))
    assert {"v1", "prod", "c", "u", "https://a.example"} <= words
    assert not {"very-secret", "a2V5"} & words
    shared = kubeconfig("prod")
    shared["users"][0]["user"]["token"] = "prod"
    assert "prod" not in public_words(shared), "a word that is a secret as well stays one"


@pytest.mark.parametrize("path", ["/home/jane/.kube/config", "~/.kube/a:~/.kube/b", "./c", "../d e"])
def test_the_path_of_a_kubeconfig_is_no_secret(path: str) -> None:
    assert public_words(path) == {path}


@pytest.mark.parametrize(
    "text",
    [None, "", "eyJhbGciOi.eyJ.x/y", "users: [{user: {token: a}}]", "/x\ntoken: a", '{"token": "/a"}', "/{token: a}"],
)
def test_what_may_be_the_content_of_a_kubeconfig_or_a_token_stays_secret(text: str | None) -> None:
    assert public_words(text) == set()


def test_passwords_in_addresses_are_secrets_wherever_they_stand() -> None:
    given = kubeconfig("prod")
    given["clusters"][0]["cluster"] |= {
        "server": "https://jane:hunter2@a.example",
        "proxy-url": "http://p:s3%40cret@b:1",
    }
    assert passwords(given) == {"hunter2", "s3%40cret", "s3@cret"}
    assert passwords(["https://x:pw@[::1", "https://jane@a.example", "a:b@c", 7, None, {}]) == set()
