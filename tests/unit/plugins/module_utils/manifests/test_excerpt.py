# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diff shows what was edited, at its line, and nothing that may be a secret."""

from __future__ import annotations

import difflib

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.manifests.excerpt import MASK, excerpt, masked
from ansible_collections.graceful.termination.plugins.module_utils.manifests.text import BREAK

SECRET = """apiVersion: v1
kind: Secret
metadata: {name: db}
data:
  password: aHVudGVyMg==
stringData: {user: hunter2, "key": |-
  hunter2}
"""
BLOCKS = """apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  application.yaml: |
    password: hunter2

    more: hunter2
  plain: hunter2
---
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"password": "hunter2"}'
spec:
  template:
    spec:
      containers:
        - name: web
          args: ["--token", hunter2]
          env:
            - name: PASSWORD
              value: hunter2
            - {name: OTHER, value: "hunter2", valueFrom: null}
          lifecycle:
            preStop:
              exec: {command: [sh, -c, drain]}
"""


def shown(before: str, after: str) -> str:
    """As Ansible shows it."""
    old, new = excerpt(before, after)
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm=""))


def test_a_diff_has_the_edit_at_its_line_and_no_secret_around_it() -> None:
    before = BLOCKS + DEPLOYMENT
    after = before.replace("{command: [sh, -c, drain]}", "{command: [sleep, '9']}")
    text = shown(before, after)
    assert "hunter2" not in text
    assert "-              exec: {command: [sh, -c, drain]}" in text
    assert "+              exec: {command: [sleep, '9']}" in text
    assert text.count(MASK) == 0 or "lifecycle" in text
    assert "@@ -26," in text
    old, new = excerpt(before, after)
    assert old.count("\n") == before.count("\n") and new.count("\n") == after.count("\n")
    assert "name: settings" not in old


def test_lines_that_are_added_beside_variables() -> None:
    before = DEPLOYMENT
    after = before.replace("          lifecycle:\n", "          ports: []\n          lifecycle:\n")
    text = shown(before, after)
    assert "hunter2" not in text
    assert f'value: "{MASK}"' in text or f"value: {MASK}" in text
    assert "+          ports: []" in text


def test_json_in_one_line_shows_the_edit_and_no_secret() -> None:
    before = '{"kind": "Pod", "spec": {"containers": [{"env": [{"name": "A", "value": "hunter2"}], "stdin": true}]}}\n'
    text = shown(before, before.replace("true", "false"))
    assert "hunter2" not in text
    assert '"stdin": false' in text and '"stdin": true' in text


@pytest.mark.parametrize("text", [SECRET.replace("|-\n  hunter2", "hunter2"), BLOCKS, DEPLOYMENT])
@pytest.mark.parametrize("words", [False, True])
def test_what_is_masked_has_the_same_lines(text: str, words: bool) -> None:
    hidden = masked(text, words=words)
    assert len(BREAK.split(hidden)) == len(BREAK.split(text))
    assert "hunter2" not in (hidden if words else hidden.replace('"--token", hunter2', ""))
    assert "aHVudGVyMg==" not in hidden
    assert "kind:" in hidden and "metadata:" in hidden


def test_a_document_that_cannot_be_taken_apart_is_not_shown() -> None:
    hidden = masked("a: 1\n---\npassword: hunter2\n\t- x: [\n---\nb: 2\n")
    assert "hunter2" not in hidden
    assert hidden.startswith("a: 1\n") and hidden.endswith("b: 2\n")
    assert hidden.count("\n") == 6


def test_an_anchored_value_may_be_a_secret_elsewhere() -> None:
    assert "hunter2" not in masked("x: &pw hunter2\nenv: [{name: A, value: *pw}]\n")


def test_data_of_other_kinds_is_no_secret() -> None:
    text = "kind: Workflow\ndata:\n  a: seen\n"
    assert masked(text) == text


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_kinds(newline: str) -> None:
    before = DEPLOYMENT.replace("\n", newline)
    text = shown(
        before, before.replace("name: web" + newline + "          args", "name: app" + newline + "          args")
    )
    assert "hunter2" not in text
    assert "-        - name: web" in text and "+        - name: app" in text
