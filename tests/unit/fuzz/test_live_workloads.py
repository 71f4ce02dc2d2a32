# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every change of live objects, whatever the workload: the patches are merged here by other code."""

from __future__ import annotations

import copy
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tests.unit.fuzz.amount import amount
from ansible_collections.graceful.termination.tests.unit.fuzz.around import surroundings
from ansible_collections.graceful.termination.tests.unit.fuzz.bound import bind
from ansible_collections.graceful.termination.tests.unit.fuzz.dice import Dice
from ansible_collections.graceful.termination.tests.unit.fuzz.invariants import around_of, broken, pod_of
from ansible_collections.graceful.termination.tests.unit.fuzz.valid import faults
from ansible_collections.graceful.termination.tests.unit.fuzz.workloads import main_workload
from ansible_collections.graceful.termination.tests.unit.kustomize import find_kustomize
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import Memory, snapshot_of

_SNIPPETS = Snippets(read_templates(None))
_RULES = select_rules(None, None)
_PATCHED = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
_NOT_PATCHED = ("Job", "ReplicaSet", "Rollout")


@pytest.mark.parametrize(("kind", "few", "many"), [("Deployment", 90, 1800), ("other", 60, 1200)])
def test_every_change_of_live_objects_is_safe(kind: str, few: int, many: int, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()

    @settings(
        max_examples=amount(few, many),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        counts.update(_check(Dice(data.draw), kind, tmp_path))

    check()
    print(f"\nlive {kind}: {dict(counts)}")
    assert kind == "other" or counts["changed"] >= 0.2 * counts["examples"], "too few for what is to be seen here"


def _check(dice: Dice, kind: str, folder: Path) -> list[str]:
    """One example; what became of it."""
    kind = kind if kind != "other" else dice.one("StatefulSet", "DaemonSet", "CronJob", *_NOT_PATCHED)
    main = main_workload(dice, kind)
    if kind == "Deployment" and dice.chance(25):
        bind(dice, main)
    main = _stored(main)
    # No cluster has the objects of manifests alone.
    rest = [obj for obj in surroundings(dice, kind) if obj["kind"] not in ("ScaledObject", "ResourceQuota")]
    rest = [obj for obj in rest if obj["apiVersion"] != "policy/v1beta1"]
    version = dice.one(*("1.34",) * 5, "1.37", "1.30", "1.28", "1.24")
    policies: tuple[dict[str, Any], ...] = ({}, {}, {}, {"prestop_seconds": {"external-lb": 45}}, {"margin_seconds": 0})
    policy = Policy.from_options(dice.one(*policies))
    note(json.dumps([version, main, *rest]))
    before = copy.deepcopy(main)
    judged = _judge([main, *rest], version, policy)
    assert main == before, "an audit changes nothing of what it reads"
    changes = [change for change in judged.changes if change.workload.name == "web"]
    if not changes:
        return ["examples"]
    (change,) = changes
    assert kind in _PATCHED
    assert (main["metadata"].get("annotations") or {}).get("graceful.termination/managed") != "false"
    note(json.dumps(change.patch))
    after = _merged(main, change.patch)
    assert after == change.obj == merge(main, change.patch)
    _check_parts(main, change)
    problems = broken(main, after, around_of(rest, main))
    assert not problems, problems
    _check_wire(change, version)
    again = _judge([after, *rest], version, policy)
    assert not again.changes, "a second run changes something"
    new = _worst(again) - _worst(judged)
    assert not new, new
    kubectl = find_kustomize().with_name("kubectl")
    # It is there where a node has been built.
    if dice.chance(8) and kubectl.exists():
        assert _by_kubectl(kubectl, main, change.patch, folder) == after
    event(f"{kind} changed")
    return ["examples", "changed", *(part for part in ("strategy", "template") if getattr(change, part))]


def _stored(obj: dict[str, Any]) -> dict[str, Any]:
    """The object as an API server has it: the defaults that matter here are written out, and it has a status."""
    if obj["kind"] == "Pod":
        return obj
    pod = pod_of(obj)
    pod.setdefault("terminationGracePeriodSeconds", 30)
    pod.setdefault("restartPolicy", "Always")
    if obj["kind"] == "Deployment":
        strategy = obj["spec"].get("strategy") or {}
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.get("rollingUpdate") or {}
            strategy["rollingUpdate"] = {"maxSurge": "25%", "maxUnavailable": "25%"} | rolling
        obj["spec"]["strategy"] = strategy
        obj["spec"].setdefault("progressDeadlineSeconds", 600)
    if obj["kind"] in ("Deployment", "StatefulSet", "ReplicaSet"):
        obj["spec"].setdefault("replicas", 1)
    if obj["kind"] == "DaemonSet":
        obj["status"] = {"desiredNumberScheduled": 3}
    obj["metadata"] |= {"uid": "6f1c", "resourceVersion": "7", "generation": 1}
    return obj


def _judge(objects: list[dict[str, Any]], version: str, policy: Policy) -> Audit:
    snapshot = snapshot_of(objects, version=version)
    judged = audit(snapshot, Memory(), _RULES, policy, _SNIPPETS)
    assert len(judged.judgements) + len(snapshot.skipped) == sum(
        obj["kind"] in (*_PATCHED, *_NOT_PATCHED) for obj in objects
    ), "each object is in a count"
    return judged


def _worst(judged: Audit) -> Counter[tuple[str, ...]]:
    found = [finding for judgement in judged.judgements for finding in judgement.open if finding.severity != "info"]
    return Counter((finding.severity, finding.rule.id, finding.container or "") for finding in found)


def _merged(obj: Any, patch: Any) -> Any:
    """A strategic merge as small as it can be: maps are merged, null deletes, containers are found by name."""
    if not isinstance(patch, dict) or not isinstance(obj, dict):
        return (
            patch
            if not isinstance(patch, dict)
            else {key: _merged(None, value) for key, value in patch.items() if value is not None}
        )
    merged = dict(obj)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif key in ("containers", "initContainers"):
            wanted = {one["name"]: one for one in value}
            assert wanted.keys() <= {one["name"] for one in merged[key]}, "a container that is not there"
            merged[key] = [_merged(one, wanted.get(one["name"], {})) for one in merged[key]]
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _check_parts(main: dict[str, Any], change: Change) -> None:
    """The two patches are sent one after the other: what the first one leaves must be valid, too."""
    between = _merged(main, change.strategy)
    assert not set(faults(between)) - set(faults(main)), "the strategy alone is refused"
    assert pod_of(between) == pod_of(main), "the strategy restarts pods"
    alone = _merged(main, change.template)
    assert not set(faults(alone)) - set(faults(main)), "the template alone is refused"
    assert {key: value for key, value in alone["spec"].items() if key not in ("template", "jobTemplate")} == {
        key: value for key, value in main["spec"].items() if key not in ("template", "jobTemplate")
    }


def _check_wire(change: Change, version: str) -> None:
    """A patch is plain JSON without directives, and has no field that the API server of that version drops."""
    text = json.dumps(change.patch)
    assert json.loads(text) == change.patch
    assert "$" not in text
    minor = int(version.removeprefix("1."))
    assert minor >= 30 or '"sleep": {' not in text
    assert minor >= 25 or "Probe" not in text


def _by_kubectl(kubectl: Path, obj: dict[str, Any], patch: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What kubectl makes of the patch, by the types of Kubernetes themselves."""
    path = folder / "object.json"
    path.write_text(json.dumps(obj))
    command: list[str | Path] = [
        kubectl,
        "patch",
        "--local",
        "-f",
        path,
        "--type=strategic",
        "-o",
        "json",
    ]
    run = subprocess.run([*command, "-p", json.dumps(patch)], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)
