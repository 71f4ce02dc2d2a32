# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every automatic change of manifests, whatever the workload and however its file is written."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.run.options import (
    AUDIT_OPTIONS,
    Options,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tests.unit.fuzz import yaml12
from ansible_collections.graceful.termination.tests.unit.fuzz.amount import amount
from ansible_collections.graceful.termination.tests.unit.fuzz.around import surroundings
from ansible_collections.graceful.termination.tests.unit.fuzz.bound import bind
from ansible_collections.graceful.termination.tests.unit.fuzz.dice import Dice
from ansible_collections.graceful.termination.tests.unit.fuzz.invariants import around_of, broken, changed
from ansible_collections.graceful.termination.tests.unit.fuzz.layout import Doc, File, file_of, line_ends
from ansible_collections.graceful.termination.tests.unit.fuzz.workloads import OLD_API, main_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifests.survivors import check_survivors

_SNIPPETS = Snippets(read_templates(None))
_JUDGED = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
_ALL_KINDS = (*_JUDGED, "Job", "ReplicaSet", "Rollout")


@lru_cache
def _options(folder: str, version: str | None, policy: str, kinds: tuple[str, ...]) -> Options:
    defaults = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    given = {"source": ".", "_directory": folder, "kubernetes_version": version, "policy": json.loads(policy)}
    return replace(read_options(defaults | given | {"kinds": list(kinds)}), snippets=_SNIPPETS)


class Run:
    """The product's runs on one example."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def audit(self) -> dict[str, Any]:
        """The report of an audit."""
        return run_audit(self._source(), self._options).report

    def remediate(self) -> dict[str, Any]:
        """The report of a remediation."""
        return run_remediate(self._source(), self._options, check=False).report

    def _source(self) -> ManifestSource:
        given = self._options
        assert given.path and given.source and given.version
        return ManifestSource(given.path, given.source, given.selection, given.version, version_assumed=False)


@pytest.mark.parametrize(
    ("kind", "few", "many"),
    [("Deployment", 190, 4000), ("StatefulSet", 60, 1200), ("DaemonSet", 50, 1000), ("other", 50, 800)],
)
def test_every_change_of_manifests_is_safe(kind: str, few: int, many: int, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()

    @settings(
        max_examples=amount(few, many),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        counts.update(_check(Dice(data.draw), kind, tmp_path / "source"))

    check()
    print(f"\n{kind}: {dict(counts)}")
    assert kind == "other" or counts["changed"] >= 0.2 * counts["examples"], "too few for what is to be seen here"


def _check(dice: Dice, kind: str, folder: Path) -> list[str]:
    """One example; what became of it."""
    kind = kind if kind != "other" else dice.one("CronJob", "CronJob", "Job", "Rollout", "Pod", "ReplicaSet")
    main = main_workload(dice, kind)
    if kind == "Deployment" and dice.chance(25):
        bind(dice, main)
    around = surroundings(dice, kind)
    rest = [main_workload(dice, dice.one("Deployment", "StatefulSet"), "second")] if dice.chance(15) else []
    for obj in (main, *rest):
        if dice.chance(4) and obj["kind"] in OLD_API:
            obj["apiVersion"] = OLD_API[obj["kind"]]
    objects = [main, *around, *rest] if dice.chance(50) else [*around, main, *rest]
    apart = dice.number(0, len(objects)) if dice.chance(20) else 0
    files = {"app.yaml": file_of(dice, objects[apart:])} if objects[apart:] else {}
    if apart:
        files["sub/more.yml"] = file_of(dice, objects[:apart])
    version = dice.one(*("1.34",) * 6, None, "1.37", "1.37", "1.30", "1.28", "1.24")
    policy = dice.one(
        {}, {}, {}, {}, {}, {"prestop_seconds": {"default": 5, "external-lb": 35}}, {"max_grace_seconds": 45}
    )
    kinds = dice.one((), (), _ALL_KINDS)
    note(json.dumps([version, policy, kinds, objects]))
    _write(folder, files)
    run = Run(_options(str(folder), version, json.dumps(policy), kinds))
    before = run.audit()
    after = run.remediate()
    texts = _texts(folder, files)
    again = run.remediate()
    assert _texts(folder, files) == texts, "a second run changes something"
    assert {action["status"] for action in again["actions"]} <= {"refused"}
    _check_counts(before, files, kinds or _JUDGED)
    assert _counts(before) == _counts(after)
    _check_judged(before, after)
    edited = []
    for name, file in files.items():
        assert line_ends(texts[name]) <= line_ends(file.text), f"{name} has line ends that it did not have"
        for doc, text in zip(file.docs, file.split(texts[name]), strict=True):
            edited += _check_document(doc, text, objects, version or "1.34", thorough=dice.chance(12))
    _check_actions(after, edited)
    return _became(main, before, after, edited)


def _write(folder: Path, files: dict[str, File]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8", newline="")
        note(file.text)


def _texts(folder: Path, files: dict[str, File]) -> dict[str, str]:
    return {name: (folder / name).read_bytes().decode() for name in files}


def _key(obj: dict[str, Any]) -> str:
    return f"{obj['metadata'].get('namespace', 'default')}/{obj['kind']}/{obj['metadata']['name']}"


# --- What the reports say ---------------------------------------------------------------------------------------------


def _counts(report: dict[str, Any]) -> list[int]:
    return [report["summary"][key] for key in ("found", "workloads", "excluded", "unreadable")]


def _check_counts(report: dict[str, Any], files: dict[str, File], kinds: tuple[str, ...]) -> None:
    """Every object of a selected kind is judged or unreadable, like each broken document; other kinds are counted."""
    docs = [doc for file in files.values() for doc in file.docs]
    every = [obj for doc in docs for obj in doc.objects]
    present = [obj for obj in every if obj["kind"] in kinds]
    others = Counter(obj["kind"] for obj in every if obj["kind"] in (*_ALL_KINDS, "Pod") and obj["kind"] not in kinds)
    assert report["summary"]["not_judged"] == others
    old = [obj for obj in present if obj["apiVersion"] in OLD_API.values()]
    lost = sum(doc.broken for doc in docs) + len(old)
    note(json.dumps(report["skipped"]))
    assert _counts(report) == [len(present) - len(old) + lost + others.total(), len(present) - len(old), 0, lost]
    assert all(entry["reason"] for entry in report["skipped"])
    judged = sorted(f"{one['namespace']}/{one['kind']}/{one['name']}" for one in report["workloads"])
    assert judged == sorted(_key(obj) for obj in present if obj not in old)


def _check_judged(before: dict[str, Any], after: dict[str, Any]) -> None:
    """No error or warning that was not there, each that is left has a reason, and what was promised is done."""
    assert not _worst(after) - _worst(before), "an error or warning that was not there"
    for entry in after["findings"]:
        assert entry["reason"], f"{entry['rule']} is left without a reason"
    promised = Counter(_finding(entry) for entry in before["findings"] if entry["remedy"] == "auto")
    left = Counter(_finding(entry) for entry in after["findings"])
    assert not promised & left, "a fix that was promised"


def _finding(entry: dict[str, Any]) -> tuple[str, ...]:
    return entry["rule"], entry["kind"], entry["name"], entry["container"] or ""


def _worst(report: dict[str, Any]) -> Counter[tuple[str, ...]]:
    open_ones = [entry for entry in report["findings"] if entry["severity"] != "info" and entry["status"] == "open"]
    return Counter((entry["severity"], *_finding(entry)) for entry in open_ones)


def _check_actions(report: dict[str, Any], edited: list[str]) -> None:
    done = sorted(action["object"] for action in report["actions"] if action["status"] == "changed")
    assert done == sorted(edited), "what is said to be changed is changed, and nothing else"
    for action in report["actions"]:
        assert action["status"] in ("changed", "refused")
        assert (action["status"] == "changed") == (not action["reason"]) == bool(action["fields"])


# --- What the files say -----------------------------------------------------------------------------------------------


def _check_document(doc: Doc, text: str, around: list[dict[str, Any]], version: str, *, thorough: bool) -> list[str]:
    """The keys of the objects that changed in a document."""
    if text == doc.text:
        return []
    note(text)
    assert doc.objects and not doc.broken, "what cannot be read is not edited"
    before, after = yaml12.read(doc.text), yaml12.read(text)
    assert changed(before, after), "bytes change, and nothing that they mean"
    if thorough and yaml12.read_by_another(doc.text) == before:
        assert yaml12.read_by_another(text) == after
    if doc.written:
        check_survivors(doc.written, before, after, text)
        for comment in doc.written.comments:
            assert comment in text, f"the comment {comment} is lost"
    edited = []
    pairs = [(before, after)]
    if before["kind"] == "List":
        pairs = list(zip(before["items"], after["items"], strict=True))
        before["items"] = after["items"] = []
        assert before == after
    for one, other in pairs:
        if one == other:
            continue
        assert one["kind"] in _JUDGED and one["apiVersion"] not in OLD_API.values()
        assert (one["metadata"].get("annotations") or {}).get("graceful.termination/managed") != "false"
        problems = broken(one, other, around_of(around, one))
        assert not problems, problems
        _check_version(one, other, version)
        edited.append(_key(one))
    return edited


def _check_version(before: dict[str, Any], after: dict[str, Any], version: str) -> None:
    """Fields that the API server of that version knows."""
    minor = int(version.removeprefix("1."))
    new = changed(before, after)
    assert minor >= 30 or not any(".preStop.sleep" in path for path in new)
    assert minor >= 25 or not any("Probe.terminationGracePeriodSeconds" in path for path in new)


def _became(main: dict[str, Any], before: dict[str, Any], after: dict[str, Any], edited: list[str]) -> list[str]:
    found = ["examples"]
    key = _key(main)
    actions = [action for action in after["actions"] if action["object"] == key]
    if key in edited:
        found.append("changed")
        found += sorted({_field(path) for action in actions for path in action["fields"]})
    elif actions:
        found.append("refused")
    elif any(entry["name"] == main["metadata"]["name"] for entry in before["findings"] if entry["severity"] != "info"):
        found.append("left to a person")
    event(found[1] if len(found) > 1 else "nothing to do")
    return found


def _field(path: str) -> str:
    for part in ("preStop", "Probe", "strategy", "minReadySeconds", "lifecycle"):
        if part in path:
            return {"lifecycle": "preStop"}.get(part, part)
    return "grace"
