# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way in which people write what we change, by example: the text before, a patch, the text after."""

from __future__ import annotations

import json
import textwrap
import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.manifests.edit import (
    DocumentPath,
    EditRefused,
    apply_patches,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifests.splice import Splicer

SLEEP = {"preStop": {"sleep": {"seconds": 5}}}
SWAP = {"preStop": {"tcpSocket": None, "sleep": {"seconds": 5}}}
FIRST = DocumentPath(0)


def edit(text: str, patch: dict[str, Any], path: DocumentPath = FIRST) -> str:
    """Edit once; editing the result again must change nothing."""
    result = apply_patches(text, [(path, patch)])
    assert apply_patches(result, [(path, patch)]) == result
    return result


def block(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def refusal(text: str, patch: dict[str, Any], path: DocumentPath = FIRST) -> str:
    with pytest.raises(EditRefused) as refused:
        apply_patches(text, [(path, patch)])
    return f"{refused.value.line}: {refused.value.reason}"


DEPLOYMENT = block("""
    # The shop.
    apiVersion: apps/v1
    kind: Deployment   # not a StatefulSet
    metadata: {name: shop}
    spec:
      template:
        spec:
          terminationGracePeriodSeconds: 30  # the default
          containers:
          # the application
          - name: app
            image: 'shop:1'
            lifecycle:  # since 2019
              preStop:
                # nothing listens there
                tcpSocket:
                  port: 1   # any
                  # really
          - image: proxy:2
            name: proxy

      # end of the spec
""")


def test_a_deployment_keeps_everything_else() -> None:
    patch = {
        "spec": {
            "minReadySeconds": 5,
            "template": {
                "spec": {
                    "terminationGracePeriodSeconds": 60,
                    "containers": [{"name": "proxy", "lifecycle": SLEEP}, {"name": "app", "lifecycle": SWAP}],
                }
            },
        }
    }
    assert edit(DEPLOYMENT, patch) == block("""
        # The shop.
        apiVersion: apps/v1
        kind: Deployment   # not a StatefulSet
        metadata: {name: shop}
        spec:
          template:
            spec:
              terminationGracePeriodSeconds: 60  # the default
              containers:
              # the application
              - name: app
                image: 'shop:1'
                lifecycle:  # since 2019
                  preStop:
                    # nothing listens there
                    # any
                    # really
                    sleep:
                      seconds: 5
              - image: proxy:2
                name: proxy
                lifecycle:
                  preStop:
                    sleep:
                      seconds: 5
          minReadySeconds: 5

          # end of the spec
    """)


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        pytest.param("a: 30 # why\n", {"a": 60}, "a: 60 # why\n", id="scalar"),
        pytest.param("a: '30'\n", {"a": "60"}, "a: '60'\n", id="single quotes stay"),
        pytest.param('a: "30"\n', {"a": "60"}, 'a: "60"\n', id="double quotes stay"),
        pytest.param("a: '30'\n", {"a": 60}, "a: 60\n", id="a number needs no quotes"),
        pytest.param("a: 30\n", {"a": "60"}, 'a: "60"\n', id="a string of digits needs quotes"),
        pytest.param("a: x\n", {"a": "yes: #no"}, 'a: "yes: #no"\n', id="quotes where needed"),
        pytest.param("a: 'x'\n", {"a": "it's"}, "a: 'it''s'\n", id="a quote in quotes"),
        pytest.param("a: 'x'\n", {"a": "1\n2\x85"}, 'a: "1\\n2\\u0085"\n', id="line breaks"),
        pytest.param("a: x\n", {"a": "25%"}, "a: 25%\n", id="plain where safe"),
        pytest.param(
            "a: one\n  two\n  three # c\nb: 1\n", {"a": "x"}, "a: x # c\nb: 1\n", id="a plain scalar of many lines"
        ),
        pytest.param('a: "one\n  two"\nb: 1\n', {"a": "x"}, 'a: "x"\nb: 1\n', id="a quoted scalar of many lines"),
        pytest.param("a: |+\n  one\n\n\nb: 1\n", {"a": "x"}, "a: x\nb: 1\n", id="a block scalar"),
        pytest.param("a:\n  'x'\nb: 1\n", {"a": "y"}, "a:\n  'y'\nb: 1\n", id="a value on its own line"),
        pytest.param("a: {b: 1} # c\n", {"a": 5}, "a: 5 # c\n", id="a map becomes a scalar"),
        pytest.param(
            "a: # c\n  # d\n  b: 1\ne: 1\n", {"a": 5}, "a: 5 # c\n  # d\ne: 1\n", id="a block becomes a scalar"
        ),
        pytest.param("a: 🦀 # 🦀\nb: 🦀🦀 # é\n", {"b": 1, "a": 2}, "a: 2 # 🦀\nb: 1 # é\n", id="astral characters"),
        pytest.param("a: 1 #\ttab\nb: 2\t# tab\n", {"b": 3}, "a: 1 #\ttab\nb: 3\t# tab\n", id="tabs"),
        pytest.param("a: 0\x85b: 1\u2028c: 2\n", {"b": 3}, "a: 0\x85b: 3\u2028c: 2\n", id="rare line breaks"),
    ],
)
def test_scalars(before: str, patch: dict[str, Any], after: str) -> None:
    assert edit(before, patch) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("m:\n  a: 1\n", "m:\n  a: 1\n  new: 1\n", id="last"),
        pytest.param("m:\n  a: 1\nz: 1\n", "m:\n  a: 1\n  new: 1\nz: 1\n", id="in the middle"),
        pytest.param("m:\n     a: 1\n", "m:\n     a: 1\n     new: 1\n", id="its own indentation"),
        pytest.param("m:\n  a: 1", "m:\n  a: 1\n  new: 1", id="no final newline"),
        pytest.param("m:\r\n  a: 1\r\n", "m:\r\n  a: 1\r\n  new: 1\r\n", id="CRLF"),
        pytest.param("m:\r\n  a: 1", "m:\r\n  a: 1\r\n  new: 1", id="CRLF, no final newline"),
        pytest.param("m:\n  a: 1\r\nz: 1\n", "m:\n  a: 1\r\n  new: 1\r\nz: 1\n", id="the neighbour's line end"),
        pytest.param("m:\r  a: 1\rz: 1\r", "m:\r  a: 1\r  new: 1\rz: 1\r", id="CR"),
        pytest.param("\ufeffm:\n  a: 1\n", "\ufeffm:\n  a: 1\n  new: 1\n", id="byte-order mark"),
        pytest.param("m:\n  a: 1 # c\n  # d\n\nz: 1\n", "m:\n  a: 1 # c\n  new: 1\n  # d\n\nz: 1\n", id="comments"),
        pytest.param("m:\n  a:\n  - x\n    # y\n", "m:\n  a:\n  - x\n    # y\n  new: 1\n", id="a deeper comment"),
        pytest.param("m:\n  a: 1\n---\nz: 1\n", "m:\n  a: 1\n  new: 1\n---\nz: 1\n", id="before ---"),
        pytest.param("m:\n  a: 1\n...\n", "m:\n  a: 1\n  new: 1\n...\n", id="before ..."),
        pytest.param("m:\n  a: |\n    x\n\nz: 1\n", "m:\n  a: |\n    x\n  new: 1\n\nz: 1\n", id="after |"),
        pytest.param("m:\n  a: >-\n    x\n\n", "m:\n  a: >-\n    x\n  new: 1\n\n", id="after >-"),
        pytest.param("m:\n  a: |+\n    x\n\nz: 1\n", "m:\n  a: |+\n    x\n\n  new: 1\nz: 1\n", id="after |+"),
        pytest.param(
            "m:\n  a: |\n    x\n     \n\nz: 1\n",
            "m:\n  a: |\n    x\n     \n  new: 1\n\nz: 1\n",
            id="after | with spaces",
        ),
        pytest.param("m:\n  a: |-\n    x", "m:\n  a: |-\n    x\n  new: 1", id="after |- at the end"),
        pytest.param("m:\n  b: 0\n  a: |\n    x", "m:\n  b: 0\n  new: 1\n  a: |\n    x", id="before | at the end"),
        pytest.param("m:\n  a: |+\n    x", "m:\n  new: 1\n  a: |+\n    x", id="before |+ at the end"),
        pytest.param(
            "m:\n  a: one\n   two\nz: 1\n", "m:\n  a: one\n   two\n  new: 1\nz: 1\n", id="after a long plain scalar"
        ),
        pytest.param(
            'm:\n  a: "one\n   two" # c\n', 'm:\n  a: "one\n   two" # c\n  new: 1\n', id="after a long quoted scalar"
        ),
        pytest.param("m:\n  a:\nz: 1\n", "m:\n  a:\n  new: 1\nz: 1\n", id="after an empty value"),
        pytest.param("m:\n  a:\n  - x\nz: 1\n", "m:\n  a:\n  - x\n  new: 1\nz: 1\n", id="after a list"),
        pytest.param("m:\n  ? a\n  : b\n", "m:\n  ? a\n  : b\n  new: 1\n", id="after an explicit key"),
        pytest.param(
            "m:\n  b: 1\n  ? a\n# c\nz: 1\n",
            "m:\n  b: 1\n  ? a\n  new: 1\n# c\nz: 1\n",
            id="after an explicit key alone",
        ),
        pytest.param("x: &x [1]\nm:\n  a: *x\nz: 1\n", "x: &x [1]\nm:\n  a: *x\n  new: 1\nz: 1\n", id="after an alias"),
        pytest.param("m: {a: 1}\n", "m: {a: 1, new: 1}\n", id="flow"),
        pytest.param("m: {a: 1,}\n", "m: {a: 1, new: 1,}\n", id="flow, a comma at the end"),
        pytest.param("m: {\n    a: 1\n  }\n", "m: {\n    a: 1,\n    new: 1\n  }\n", id="flow, many lines"),
        pytest.param(
            "m: {\n    a: 1, # c\n  }\n", "m: {\n    a: 1, # c\n    new: 1\n  }\n", id="flow, comma and comment"
        ),
        pytest.param(
            "m: {\n    a: 1 # c\n    # d\n  }\n", "m: {\n    a: 1, # c\n    new: 1\n    # d\n  }\n", id="flow, comments"
        ),
        pytest.param('m: {"a": 1}\n', 'm: {"a": 1, "new": 1}\n', id="flow with quotes"),
        pytest.param("m: {}\n", "m:\n  new: 1\n", id="{}"),
        pytest.param("m:   {} # c\nz: 1\n", "m: # c\n  new: 1\nz: 1\n", id="{} and a comment"),
        pytest.param("m:\nz: 1\n", "m:\n  new: 1\nz: 1\n", id="nothing"),
        pytest.param("m: # c\nz: 1\n", "m: # c\n  new: 1\nz: 1\n", id="nothing and a comment"),
        pytest.param("m: null # c", "m: # c\n  new: 1", id="null"),
        pytest.param("m: ~", "m:\n  new: 1", id="~"),
        pytest.param("m:", "m:\n  new: 1", id="nothing at the end"),
        pytest.param("m: |\n  text\nz: 1\n", "m:\n  new: 1\nz: 1\n", id="a block scalar becomes a map"),
        pytest.param("m:\n- a\n# c\nz: 1\n", "m:\n  new: 1\n# c\nz: 1\n", id="a list becomes a map"),
        pytest.param("q:\n    r: 1\nm:\n", "q:\n    r: 1\nm:\n    new: 1\n", id="the file's indentation"),
        pytest.param(f"m:\n  a: {'x' * 5000} # c\n", f"m:\n  a: {'x' * 5000} # c\n  new: 1\n", id="a long line"),
    ],
)
def test_a_new_key(before: str, after: str) -> None:
    assert edit(before, {"m": {"new": 1}}) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("m:\n  a: 1\n  old: 1\n", "m:\n  a: 1\n", id="last"),
        pytest.param("m:\n  old: 1 # c\n  a: 1\n", "m:\n  a: 1\n", id="first"),
        pytest.param(
            "m:\n  # b\n  old:\n    x: 1\n    # c\n  # d\n  a: 1\n", "m:\n  # b\n  # d\n  a: 1\n", id="comments"
        ),
        pytest.param("m:\n  old: 1\nz: 1\n", "m: {}\nz: 1\n", id="the only one"),
        pytest.param("m: # b\n  old: 1 # c\nz: 1\n", "m: {} # b\nz: 1\n", id="the only one, with comments"),
        pytest.param("m:\n  a: 1\n  old: 1", "m:\n  a: 1", id="no final newline"),
        pytest.param("m:\n  a: |\n    x\n  old: 1", "m:\n  a: |\n    x\n", id="a newline that is needed"),
        pytest.param(
            "m:\n  a: |+\n    x\n\n  old: 1\n\n\nz: 1\n", "m:\n  a: |+\n    x\n\nz: 1\n", id="empty lines behind |+"
        ),
        pytest.param("m:\r\n  a: 1\r\n  old: >\r\n    x\r\n\r\n", "m:\r\n  a: 1\r\n\r\n", id="CRLF"),
        pytest.param("m: {old: 1, a: 2}\n", "m: {a: 2}\n", id="flow, first"),
        pytest.param("m: {a: 2, old: 1}\n", "m: {a: 2}\n", id="flow, last"),
        pytest.param("m: {b: 1, old: {c: [1, 2]}, a: 2,}\n", "m: {b: 1, a: 2,}\n", id="flow, middle"),
        pytest.param("m: {old: 1}\n", "m: {}\n", id="flow, the only one"),
        pytest.param("m: {\n  a: 1, # a\n  # b\n  old: 1 # c\n}\n", "m: {\n  a: 1 # a\n  # b\n}\n", id="flow, lines"),
        pytest.param(
            "m: {\n  old: 1, # a\n  # b\n  a: 1 # c\n}\n", "m: {\n  # b\n  a: 1 # c\n}\n", id="flow, first line"
        ),
        pytest.param("m: {a: 1\n  , old: 1\n}\n", "m: {a: 1\n  \n}\n", id="flow, commas first"),
    ],
)
def test_a_deleted_key(before: str, after: str) -> None:
    assert edit(before, {"m": {"old": None}}) == after


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["|", ">-", "|+2", ">2-"])
def test_the_comment_in_a_block_scalars_header_stays(header: str, newline: str) -> None:
    before = f"m:\n  a: {header} # why\n    25%\nz: 1\n".replace("\n", newline)
    assert edit(before, {"m": {"a": 0}}) == "m:\n  a: 0 # why\nz: 1\n".replace("\n", newline)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("m:\n  old: 1\nz: 1\n", "m:\n  new:\n    k: 5\nz: 1\n", id="the only one"),
        pytest.param(
            "m:\n  # b\n  old: # c\n    x: 1\n    # d\n  # e\n",
            "m:\n  # b\n  # c\n  # d\n  new:\n    k: 5\n  # e\n",
            id="comments",
        ),
        pytest.param("m:\n  a: 1\n  old:\n  - 1\n  z: 1", "m:\n  a: 1\n  new:\n    k: 5\n  z: 1", id="in the middle"),
        pytest.param("m:\n  old: 1", "m:\n  new:\n    k: 5", id="no final newline"),
        pytest.param("m:\r\n    old: 1\r\n", "m:\r\n    new:\r\n        k: 5\r\n", id="CRLF"),
        pytest.param("m: {old: {x: 1}}\n", "m: {new: {k: 5}}\n", id="flow"),
        pytest.param('{"m": {"old": {"x": 1}}}', '{"m": {"new": {"k": 5}}}', id="JSON"),
    ],
)
def test_one_key_for_another(before: str, after: str) -> None:
    assert edit(before, {"m": {"old": None, "new": {"k": 5}}}) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("containers:\n- name: app\n", "containers:\n- name: app\n  x: 1\n", id="at the key"),
        pytest.param("containers:\n  - name: app\n", "containers:\n  - name: app\n    x: 1\n", id="indented"),
        pytest.param("containers:\n-   name: app\n", "containers:\n-   name: app\n    x: 1\n", id="a wide dash"),
        pytest.param("containers:\n-\n   name: app\n", "containers:\n-\n   name: app\n   x: 1\n", id="below the dash"),
        pytest.param(
            "containers:\n- a: 1\n  name: app # c\n- name: b\n",
            "containers:\n- a: 1\n  name: app # c\n  x: 1\n- name: b\n",
            id="first of two",
        ),
        pytest.param("containers: [{name: app}]\n", "containers: [{name: app, x: 1}]\n", id="flow"),
        pytest.param("containers:\n- {name: app}\n", "containers:\n- {name: app, x: 1}\n", id="flow in block"),
    ],
)
def test_a_container_is_found_by_its_name(before: str, after: str) -> None:
    assert edit(before, {"containers": [{"name": "app", "x": 1}]}) == after


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        pytest.param(
            "env:\n- name: A # c\n",
            {"env": [{"name": "B", "v": [1]}]},
            "env:\n- name: A # c\n- name: B\n  v:\n  - 1\n",
            id="new element",
        ),
        pytest.param(
            "env: [{name: A}]\n", {"env": [{"name": "B"}]}, "env: [{name: A}, {name: B}]\n", id="new element in flow"
        ),
        pytest.param("env: []\n", {"env": [{"name": "B"}]}, "env:\n- name: B\n", id="first element"),
        pytest.param(
            "x:\n  - 1\nenv:\n", {"env": [{"name": "B"}]}, "x:\n  - 1\nenv:\n  - name: B\n", id="the file's indentation"
        ),
        pytest.param(
            'command: ["sleep", "5"] # c\n',
            {"command": ["sleep", "9"]},
            'command: ["sleep", "9"] # c\n',
            id="one element",
        ),
        pytest.param(
            "command:\n- sleep\n- '5' # c\n",
            {"command": ["sleep", "9"]},
            "command:\n- sleep\n- '9' # c\n",
            id="one element of a block",
        ),
        pytest.param(
            "command:\n- a\n- b\n- c\nz: 1\n", {"command": ["x"]}, "command:\n- x\nz: 1\n", id="a shorter list"
        ),
        pytest.param(
            "command:\n- a\n- {b: 1}\n",
            {"command": [{"c": 1, "d": 2}, 5]},
            "command:\n- c: 1\n  d: 2\n- 5\n",
            id="other elements",
        ),
        pytest.param(
            "volumes:\n- name: a\n  # c\n  b: 1\n",
            {"volumes": [{"name": "a", "b": None}]},
            "volumes:\n- name: a\n  # c\n",
            id="a key of an element",
        ),
        pytest.param(
            "volumes:\n- b: 1 # d\n  # c\n  name: a\n",
            {"volumes": [{"name": "a", "b": None}]},
            "volumes:\n- # c\n  name: a\n",
            id="the dash's key",
        ),
        pytest.param(
            "volumes:\n- b: 1 # d\n  name: a\n",
            {"volumes": [{"name": "a", "b": None}]},
            "volumes:\n- name: a\n",
            id="the dash's key, no comment",
        ),
    ],
)
def test_lists(before: str, patch: dict[str, Any], after: str) -> None:
    assert edit(before, patch) == after


def test_indented_json_stays_indented_json() -> None:
    data = {"spec": {"containers": [{"name": "app", "image": "x"}]}}
    for indent in (2, 4, "\t"):
        expected = json.loads(json.dumps(data))
        expected["spec"]["containers"][0]["lifecycle"] = SLEEP
        expected["spec"]["grace"] = 5
        text = json.dumps(data, indent=indent)
        patch = {"spec": {"containers": [{"name": "app", "lifecycle": SLEEP}], "grace": 5}}
        assert edit(text, patch) == json.dumps(expected, indent=indent)


def test_json_gets_no_comma_that_json_does_not_allow() -> None:
    assert edit('{"m": {\n  "a": 1,\n  "old": 2\n}}', {"m": {"old": None}}) == '{"m": {\n  "a": 1\n}}'
    assert edit('{"m": {"a": 1, "b": 2, "c": 3}}', {"m": {"b": None, "c": None}}) == '{"m": {"a": 1}}'


def test_objects_of_many_documents_and_of_a_list() -> None:
    text = "# head\n---\na: 1\n---\nkind: List\nitems:\n- a: 1\n  b: 2\n- {a: 1} # c\n--- # three\na: 1\n"
    patches: list[tuple[DocumentPath, dict[str, Any]]] = [
        (DocumentPath(3), {"a": 4}),
        (DocumentPath(2, 1), {"a": 3}),
        (DocumentPath(2, 0), {"b": None}),
        (DocumentPath(2, 0), {"c": {}}),
    ]
    after = "# head\n---\na: 1\n---\nkind: List\nitems:\n- a: 1\n  c: {}\n- {a: 3} # c\n--- # three\na: 4\n"
    assert apply_patches(text, patches) == after


@pytest.mark.parametrize(
    "text", [DEPLOYMENT, DEPLOYMENT.replace("\n", "\r\n").rstrip(), "kind: &a x\nb: *a\n", '{"kind":"x"}']
)
def test_a_patch_that_changes_nothing_returns_the_same_text(text: str) -> None:
    assert apply_patches(text, [(FIRST, {"absent": None}), (FIRST, {})]) == text
    assert apply_patches(text, []) == text


def test_anchors_elsewhere_do_no_harm() -> None:
    text = "labels: &l {a: 1}\nselector: *l\nbase: &b\n  x: 1\nspec:\n  y: 1\n"
    assert edit(text, {"spec": {"z": {"k": 1}}}) == text + "  z:\n    k: 1\n"


SHARED = "is shared through an anchor or alias (& or *): edit it by hand"


@pytest.mark.parametrize(
    ("text", "patch", "reason"),
    [
        ("a: 1\nm: &x\n  b: 1\nk: *x\n", {"m": {"b": 2}}, f"2: it {SHARED}"),
        ("m: &x\n  b: 1\nk: *x\n", {"k": {"b": 2}}, f"3: it {SHARED}"),
        ("m: &x\n  b: {c: 1}\nk: *x\n", {"m": {"b": {"c": 2}}}, f"1: it {SHARED}"),
        ("m: &x 5\nk: *x\n", {"m": 6}, f"1: it {SHARED}"),
        ("containers: &x\n- name: a\nk: *x\n", {"containers": [{"name": "a", "b": 1}]}, f"1: it {SHARED}"),
        (
            "m:\n  a:\n    b: &x 1\n  k: *x\n",
            {"m": {"a": None}},
            "3: it holds an anchor (&) that may be used elsewhere: edit it by hand",
        ),
        (
            "x: &x {b: 1}\nm:\n  <<: *x\n  c: 1\n",
            {"m": {"c": 2}},
            "3: it is merged with another map (<<): edit it by hand",
        ),
        ("x: &x {b: 1}\nm: {<<: *x}\n", {"m": {"c": 2}}, "2: it is merged with another map (<<): edit it by hand"),
        ("m:\n  a: 1\n  a: 2\n", {"m": {"c": 2}}, "3: the key a occurs twice: edit it by hand"),
        ("m: !!map\n  a: 1\n", {"m": {"c": 2}}, "1: it has an explicit tag (!): edit it by hand"),
        ("m:\n  ? a\n  : 1\n", {"m": {"a": 2}}, "2: it is written with an explicit key (?): edit it by hand"),
        ("m: [a: 1]\n", {"m": [{"a": 1, "b": 2}]}, "1: it is written as a pair without braces: edit it by hand"),
        ("a: 1\n", {"a": None}, "1: the whole document would change"),
        ("- a: 1\n", {"a": 2}, "1: there is no such object in the document"),
        ("a: [\n", {"a": 2}, "2: not valid YAML: did not find expected node content, line 2"),
        ("a: 1\n...\nb: 1\n", {"a": 2}, "3: not valid YAML: did not find expected <document start>, line 3"),
        ("# c\n", {"a": 2}, "1: there is no document"),
        (
            "containers: [{name: a}]\n",
            {"containers": [{"name": "b", "c": 1}]},
            "1: the patch does not fit: containers: there is no element with the name b",
        ),
        ('{"a": "\\ud83e\\udd80"}', {"a": 1}, "1: its YAML cannot be parsed into nodes"),
    ],
)
def test_what_is_left_alone_has_a_reason_and_a_line(text: str, patch: dict[str, Any], reason: str) -> None:
    assert refusal(text, patch) == reason


def test_the_line_is_that_of_the_file() -> None:
    text = "\ufeffz: 1\r\n---\r\nz: 1\r\nm: &x {b: 1}\r\n"
    assert refusal(text, {"m": {"b": 2}}, DocumentPath(1)) == f"4: it {SHARED}"


@pytest.mark.parametrize("path", [DocumentPath(1), DocumentPath(-1), DocumentPath(0, 0), DocumentPath(0, 7)])
def test_an_object_that_is_not_there_is_refused(path: DocumentPath) -> None:
    text = "items: [1]\n" if path.item == 7 else "a: 1\n"
    assert "there is no" in refusal(text, {"a": 2}, path)


def test_a_wrong_splice_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Splicer, "result", lambda self: "a: 3\n")
    assert (
        refusal("a: 1\n", {"a": 2})
        == "1: the edit could not be verified: the new text would not match the patched object"
    )


def test_json_that_would_become_mere_yaml_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Splicer, "result", lambda self: '{"a": 2,}')
    assert "could not be verified" in refusal('{"a": 1}', {"a": 2})


def test_aliases_are_edited_without_expanding_them() -> None:
    lines = [
        "bomb0: &b0 [x]",
        *(f"bomb{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, 7)),
        "spec: {a: 1}",
    ]
    text = "\n".join(lines) + "\n"
    begin = time.monotonic()
    assert edit(text, {"spec": {"a": 2}}) == text.replace("spec: {a: 1}", "spec: {a: 2}")
    assert time.monotonic() - begin < 5


def test_a_document_whose_aliases_stand_for_gigabytes_is_refused() -> None:
    lines = [
        "bomb0: &b0 [x]",
        *(f"bomb{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, 60)),
        "spec: {a: 1}",
    ]
    with pytest.raises(EditRefused, match="its aliases expand to more than 10 MiB"):
        edit("\n".join(lines) + "\n", {"spec": {"a": 2}})


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_two_documents_with_directives_are_edited_one_by_one(newline: str) -> None:
    text = newline.join(["%YAML 1.1", "---", "spec: {a: 1}", "...", "%YAML 1.1", "---", "spec: {a: 2}", ""])
    patches = [(DocumentPath(index), {"spec": {"a": 7}}) for index in (0, 1)]
    assert apply_patches(text, patches) == text.replace("a: 1", "a: 7").replace("a: 2", "a: 7")


@pytest.mark.parametrize("text", ["a: 1\n...\nb: 2\n", "a: 1\n... x\n---x\n"])
def test_what_holds_more_than_one_document_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(EditRefused):
        apply_patches(text, [(DocumentPath(0), {"a": 2})])


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize(
    ("text", "patch"),
    [
        ("spec:\n  a: 1 # one{}\n", {"c": 3}),
        ("spec:\n  b:\n    a: 1 # one{}\n", {"b": {"c": 3}}),
        ("spec:\n  a: 1 # one{}  b: 2\n", {"b": 3}),
    ],
)
def test_nothing_is_put_behind_a_line_break_that_not_all_readers_know(odd: str, text: str, patch: Any) -> None:
    with pytest.raises(EditRefused, match=f"a comment before it has U\\+{ord(odd):04X}"):
        edit(text.format(odd), {"spec": patch})


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\u2029"])
def test_such_a_comment_elsewhere_does_no_harm(odd: str) -> None:
    text = f"spec:\n  a: 1 # one{odd}\n  b: 2\n"
    assert edit(text, {"spec": {"b": 3}}) == text.replace("2", "3")


HANDLER = {"spec": {"preStop": {"exec": None, "sleep": {"seconds": 5}}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  preStop: # why\n    # inner\n    exec: # old\n      command: [a, 'x # no'] # tail\n      # last\n",
            "  preStop: # why\n    # inner\n    # old\n    # tail\n    # last\n    sleep:\n      seconds: 5\n",
        ),
        (
            "  preStop:\n    exec:\n      # inner\n      command:\n      - a # one\n      - |\n        x # no\n",
            "  preStop:\n    # inner\n    # one\n    sleep:\n      seconds: 5\n",
        ),
        (
            "  preStop:\n    exec: {command: [a, # c\n      b]} # d\n",
            "  preStop:\n    # c\n    # d\n    sleep:\n      seconds: 5\n",
        ),
        (
            "  preStop:\n    exec: {command: [a#b]}\n    # below\n",
            "  preStop:\n    sleep:\n      seconds: 5\n    # below\n",
        ),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_comments_in_a_handler_outlive_it(before: str, after: str, newline: str) -> None:
    text = f"spec:\n{before}  x: 1\n".replace("\n", newline)
    assert edit(text, HANDLER) == f"spec:\n{after}  x: 1\n".replace("\n", newline)
