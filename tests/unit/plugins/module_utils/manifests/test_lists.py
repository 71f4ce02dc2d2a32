# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects within objects: Lists of every kind, Lists in Lists, streams of JSON. None is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.manifest_runs import audit, remediate


def deployment(name: str) -> dict[str, Any]:
    hook = {"preStop": {"sleep": {"seconds": 30}}}
    pod = {"containers": [{"name": "app", "image": "r.example/app:1", "lifecycle": hook}]}
    spec = {"template": {"spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def without_kind(obj: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


ONE, TWO, THREE = map(deployment, ("one", "two", "three"))
LIST = {"apiVersion": "v1", "kind": "List"}
TYPED = {"apiVersion": "apps/v1", "kind": "DeploymentList"}
FORMS = {
    "a List": [LIST | {"items": [ONE, TWO, THREE]}],
    "a typed List": [TYPED | {"items": [without_kind(ONE), TWO, without_kind(THREE)]}],
    "a List in a List": [LIST | {"items": [ONE, LIST | {"items": [TWO]}, THREE]}],
    "a typed List in a List": [
        LIST | {"items": [TYPED | {"items": [without_kind(ONE)]}, TYPED | {"items": [TWO, THREE]}]}
    ],
    "three levels": [LIST | {"items": [LIST | {"items": [LIST | {"items": [ONE, TWO]}]}, THREE]}],
    "a stream": [ONE, TWO, THREE],
    "a stream with a List": [ONE, LIST | {"items": [TWO, THREE]}],
}


@pytest.mark.parametrize("separator", ["\n", "", "\r\n", "\n---\n"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", FORMS)
def test_each_object_is_judged_and_fixed(tmp_path: Path, form: str, separator: str, indent: int | None) -> None:
    path = tmp_path / "all.json"
    path.write_bytes(separator.join(json.dumps(obj, indent=indent) for obj in FORMS[form]).encode())
    assert [workload["name"] for workload in audit(tmp_path)["workloads"]] == ["one", "three", "two"]
    report = remediate(tmp_path)
    assert {action["status"] for action in report["actions"]} == {"changed"}
    assert {workload["budget"]["grace"] for workload in report["workloads"]} == {40}
    assert remediate(tmp_path)["actions"] == []


@pytest.mark.parametrize("item", [None, 7, "text", [], {}, {"metadata": {"name": "x"}}, {"kind": "Deployment"}])
def test_an_item_that_is_no_object_is_counted(tmp_path: Path, item: object) -> None:
    (tmp_path / "all.json").write_text(json.dumps(LIST | {"items": [ONE, item, TWO]}))
    report = audit(tmp_path)
    assert (report["summary"]["workloads"], report["summary"]["unreadable"]) == (2, 1)
    assert "no object" in report["skipped"][0]["reason"]


def test_an_empty_list_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(json.dumps(LIST | {"items": []}))
    assert audit(tmp_path)["summary"]["found"] == 0


def test_lists_that_aliases_multiply_are_refused(tmp_path: Path) -> None:
    entry = "- &l{} {{apiVersion: v1, kind: List, items: [{}]}}\n"
    levels = [entry.format(level, ", ".join([f"*l{level - 1}"] * 9)) for level in range(1, 9)]
    text = "apiVersion: v1\nkind: List\nitems:\n" + entry.format(0, "{}, {}") + "".join(levels)
    (tmp_path / "bomb.yaml").write_text(text)
    [skipped] = audit(tmp_path)["skipped"]
    assert "its aliases expand to more than 10 MiB" in skipped["reason"]


@pytest.mark.parametrize("text", ['{"a": 1} trailing', '{"a": 1}\n{"b": ', "{a: 1}\n{b: 2}", '{"a": 1}\n[1]'])
def test_what_is_no_stream_is_read_as_before(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    report = audit(tmp_path)
    assert report["summary"]["unreadable"] == 1
