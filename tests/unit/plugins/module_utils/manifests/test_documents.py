# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading files as Kubernetes' tools read them: values, lines, and one reason for each document that cannot be read."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import difference
from ansible_collections.graceful.termination.plugins.module_utils.manifests import documents as manifest_yaml
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import (
    NotText,
    decode,
    load_documents,
)


@pytest.fixture(params=["as built", "without C"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is, and as it is where PyYAML was built without its C parser."""
    if request.param == "as built":
        return manifest_yaml
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    spec = importlib.util.spec_from_file_location("manifest_yaml_without_c", str(manifest_yaml.__file__))
    assert spec and spec.loader
    copied = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, copied)
    spec.loader.exec_module(copied)
    return copied


def only(text: str) -> Any:
    (document,) = load_documents(text)
    assert document.problem is None
    return document.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("on", True), ("y", True), ("N", False), ("off", False), ("true", True), ("yEs", "yEs"),
        ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"),
        ("30", 30), ("+5", 5), ("-5", -5), ("0777", 511), ("0o17", 15), ("0x1F", 31), ("-0b11", -3), ("1_000", 1000),
        ("08", 8.0), ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("-.inf", float("-inf")),
        ("1:30", "1:30"), ("22:22", "22:22"), ("2024-01-31", "2024-01-31"), ("2024-01-31T10:00Z", "2024-01-31T10:00Z"),
        ("=", "="), ("<<", "<<"), ("100m", "100m"), ("25%", "25%"), ("0x", "0x"),
        ("'30'", "30"), ('"yes"', "yes"), ("!!str 30", "30"), ("!!int '30'", 30), ("!!float 3", 3.0), ("! '30'", 30),
        ("!Ref x", "x"), ("!!binary aGk=", "aGk="), ("1" * 5000, "1" * 5000), ("9" * 30, int("9" * 30)),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_mean_to_kubernetes(text: str, value: Any) -> None:
    data = only(f"a: {text}\n")
    assert (type(data["a"]), data["a"]) == (type(value), value)


def test_keys_are_strings() -> None:
    data = only("on: 1\n1: 1\n0x10: 1\n1.0: 1\n1.5: 1\n2024-01-01: 1\n!!str yes: 1\n'on': 2\n\"<<\": 3\n")
    assert data == {"true": 1, "1": 1, "16": 1, "1.5": 1, "2024-01-01": 1, "yes": 1, "on": 2, "<<": 3}


def test_merge_keys_hold_where_they_stand() -> None:
    data = only("""\
base: &base {a: 1, b: 2}
more: &more {a: 3, c: 4}
one: {<<: *base, b: 9}
late: {b: 9, <<: *base}
many: {<<: [*base, *more]}
""")
    assert data["one"] == {"a": 1, "b": 9}
    assert data["late"] == {"b": 2, "a": 1}
    assert data["many"] == {"a": 1, "b": 2, "c": 4}


def test_lines_and_documents(module: ModuleType) -> None:
    text = "\ufeff# head\n---\na:\n  b: {c: 1}\n\n--- # two\n- x: 1\n  y:\n- z: 2\n---\n---\nlast: '---'"
    first, second, empty, last = module.load_documents(text.replace("\n", "\r\n"))
    assert (first.line, first.data.line, first.data["a"].line, first.data["a"]["b"].line) == (3, 3, 4, 4)
    assert (second.line, [item.line for item in second.data]) == (7, [7, 9])
    assert (empty.data, empty.problem) == (None, None)
    assert (last.line, last.data) == (12, {"last": "---"})
    assert [document.index for document in (first, second, empty, last)] == [1, 2, 3, 4]


def test_a_located_dict_is_copied_with_its_line() -> None:
    data = only("# c\na: {b: 1}\n")
    assert copy.copy(data).line == 2
    assert copy.deepcopy(data)["a"].line == 2


def test_duplicate_keys_are_told_and_the_last_holds() -> None:
    document = load_documents("a: 1\nb: &x {c: 1, c: 2}\n---\na: 2\n")[0]
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.duplicate_keys == [(2, "c")]
    document = load_documents("base: &x {a: 1}\nuse:\n  <<: *x\n  a: 2\n  a: 3\n")[0]
    assert (document.data["use"], document.duplicate_keys) == ({"a": 3}, [(5, "a")])


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "\ufeff"])
def test_nothing_is_no_document(text: str) -> None:
    assert load_documents(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: 1\nb: [1, 2\nc: 3\n",
            "not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence from line 2), line 3",
        ),
        (
            "a: 1\n\tb: 2\n",
            "not valid YAML: found a tab character that violates indentation"
            " (while scanning a plain scalar from line 1), line 2",
        ),
        (
            "a: 1\na b\n",
            "not valid YAML: could not find expected ':' (while scanning a simple key from line 2), line 3",
        ),
        ("a: *x\n", "not valid YAML: found undefined alias, line 1"),
        ("a: 1\nb: \x07\n", "not valid YAML: the character U+0007 is not allowed, line 2"),
        ("a: ü\nb: \x07\n", "not valid YAML: the character U+0007 is not allowed, line 2"),
        ("a: 1\n? [b]\n: c\n", "a mapping's key is itself a mapping or a list, line 2"),
        ("a: 1\n~: c\n", "a mapping has an empty key, line 2"),
        ("a: &a [*a]\n", "a node contains itself through an alias, line 1"),
        ("a:\n  <<: 1\n", "'<<' merges something that is not a mapping, line 2"),
        ("a: {{ .Values.a }}\n", "a Helm or other template, not a manifest: render it first"),
        ("{{- if .Values.a }}\na: 1\n{{- end }}\n", "a Helm or other template, not a manifest: render it first"),
    ],
)
def test_a_broken_document_has_one_reason(text: str, problem: str) -> None:
    (document,) = load_documents(text)
    assert (document.problem, document.data) == (problem, None)


@pytest.mark.parametrize("broken", ["b: 'x\n", "b: [\n", "b: {{ x }}\n", "? [x]\n: y\n", "b: \x01\n", "a: 1\n b: 2\n"])
def test_a_broken_document_does_not_hide_the_others(module: ModuleType, broken: str) -> None:
    documents = module.load_documents(f"a: 1\n---\n{broken}---\nc:\n  d: 1\n--- {{e: 1}}\n")
    assert [document.data for document in documents] == [{"a": 1}, None, {"c": {"d": 1}}, {"e": 1}]
    assert [document.index for document in documents] == [0, 1, 2, 3]
    after = 4 + broken.count("\n")
    assert documents[1].problem and 3 <= documents[1].line <= after
    assert (documents[2].line, documents[2].data["c"].line, documents[3].line) == (after, after + 1, after + 2)


def test_what_stands_before_something_broken_is_still_read() -> None:
    good, bad = load_documents("a: 1\n...\nb: 2\n")
    assert good.data == {"a": 1}
    assert (bad.problem, bad.line) == ("not valid YAML: did not find expected <document start>, line 3", 3)


def test_directives_belong_to_the_document_behind_them() -> None:
    text = "%YAML 1.1\n---\na: |\n  50\n  %p\n---\nb: 1\n...\n# c\n%YAML 1.1\n# d\n\n---\nc: 1\n"
    documents = load_documents(text)
    assert [(document.data, document.line) for document in documents] == [
        ({"a": "50\n%p\n"}, 3),
        ({"b": 1}, 7),
        ({"c": 1}, 14),
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "[" * 500 + "]" * 500])
def test_deep_nesting_is_a_reason_and_no_crash(text: str) -> None:
    # In a process of its own: what would happen without the limit is a crash.
    code = f"""
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
print(load_documents({text[:4]!r} * {len(text) // 4})[0].problem)
"""
    if text.endswith("]"):
        (document,) = load_documents(text)
        assert document.problem == "nested more than 200 levels deep, line 1"
        return
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert (result.returncode, result.stdout) == (0, "nested more than 200 levels deep, line 1\n")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{\n\t"a":\t{"b":1},\n\t"c": "\\/"\n}\n', {"a": {"b": 1}, "c": "/"}),
        ('\n\t{"a": {"b": [1]}}\n', {"a": {"b": [1]}}),
        ('{"a": "\\ud83e\\udd80"}', {"a": "🦀"}),
        ('{"' + "k" * 2000 + '": 1}', {"k" * 2000: 1}),
    ],
)
def test_json_is_read(text: str, data: Any) -> None:
    found = only(text)
    assert found == data
    assert found.line == 1 + len(text) - len(text.lstrip("\n"))


def test_json_that_no_file_could_hold_is_broken() -> None:
    (document,) = load_documents('{"a": "\\ud83e"}')
    assert document.problem and document.problem.endswith("line 1")


def test_decode_keeps_every_byte() -> None:
    raw = "\ufeffa: ü\r\nb: 🦀".encode()
    assert decode(raw).encode() == raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x7fELF\x02\x00\x00", "not a text file"),
        (b"a: \xff\n", "not UTF-8 at byte 3"),
        ("a: 1\n".encode("utf-16"), "not UTF-8 but UTF-16: convert it first"),
    ],
)
def test_bytes_that_are_no_text_have_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(NotText, match=reason):
        decode(raw)


def test_an_anchor_may_be_set_anew() -> None:
    """YAML allows it, and what kubectl builds has the value that stands last before the alias."""
    [document] = load_documents("a: &x 1\nb: *x\nc: &x {k: &x yes}\nd: *x\n")
    assert document.problem is None
    assert document.data == {"a": 1, "b": 1, "c": {"k": True}, "d": True}
    assert document.data["c"].line == 3


def test_an_anchor_that_is_set_anew_hides_no_other_fault() -> None:
    [document] = load_documents("a: &x 1\nb: &x 2\nc: *y\n")
    assert document.problem is not None
    assert "undefined alias" in document.problem
    [endless] = load_documents("a: &x [*x]\nb: &x 2\n")
    assert endless.problem is not None


def test_a_deep_document_with_an_anchor_set_anew_ends() -> None:
    [document] = load_documents("a: &x 1\nb: &x " + "[" * 400 + "]" * 400 + "\n")
    assert document.problem is not None
    assert "levels deep" in document.problem


def test_what_is_aliased_is_one_object_for_all() -> None:
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 5):
        many = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {{<<: [{many}], k{level}: [{many}]}}")
    one, other = only("\n".join(lines)), only("\n".join(lines))
    assert one["a4"]["k4"][0] is one["a4"]["k4"][8]
    assert difference(one, other) == []


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_directives_of_a_second_document_with_line_ends_of_all_kinds(newline: str) -> None:
    text = newline.join(["%YAML 1.1", "---", "a: 1", "...", "# c", "%YAML 1.1", "---", "b: 2", ""])
    documents = load_documents(text)
    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert [document.line for document in documents] == [3, 8]
    assert len({document.index for document in documents}) == 2
