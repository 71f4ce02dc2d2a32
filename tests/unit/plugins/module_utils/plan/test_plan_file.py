# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, approve, apply: what check mode writes down is done, or refused, and nothing else is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import digest
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan_file import LIFETIME
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.apply.test_write import live
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    DRY,
    LISTS,
    REAL,
    SHOP,
    Script,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
Objects = dict[str, dict[str, Any]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def go(declared: Script, objects: Objects, file: Path, *, check: bool, reads: int = 1, **given: Any) -> Outcome:
    """One run over these Deployments; what is patched is stored. "cluster" is the uid of the cluster."""

    def patch(name: str) -> Callable[[Any], Any]:
        def reply(body: Any) -> Any:
            assert body["metadata"]["resourceVersion"] == objects[name]["metadata"]["resourceVersion"]
            after = run(objects[name], service(name)).change.obj
            if check:
                return answer(copy.deepcopy(after))
            after["metadata"]["resourceVersion"] += "0"
            objects[name] = copy.deepcopy(after)
            return answer(copy.deepcopy(after))

        return reply

    for _read in range(reads):
        declared.expect_lists(
            replaced={
                DEPLOYMENTS: lambda _body: items(*copy.deepcopy([*objects.values()])),
                LISTS[4]: items(*map(service, objects)),
            }
        )
    for name in given.pop("patched", objects):
        declared.expect("PATCH", f"{SHOP}/{name}", patch(name), query=DRY if check else REAL)
    cluster = given.pop("cluster", "one")
    declared.expect("GET", KUBE_SYSTEM, cluster if not isinstance(cluster, str) else _namespace(cluster))
    options = options_of(**({"wait": False, "plan": str(file)} | given))
    return run_remediate(source_of(declared, options), options, check=check)


def _namespace(uid: str) -> Any:
    return answer({"metadata": {"name": "kube-system", "uid": uid}})


def make(objects: Objects, file: Path, **given: Any) -> dict[str, Any]:
    with script() as declared:
        go(declared, objects, file, check=True, **given)
    return json.loads(file.read_text())


def actions(outcome: Outcome) -> dict[str, tuple[str, str | None]]:
    return {
        entry["object"].rpartition("/")[2]: (entry["status"], entry["reason"]) for entry in outcome.report["actions"]
    }


def web(*names: str) -> Objects:
    return {name: live(name=name) for name in names}


def test_a_plan_says_what_how_much_and_until_when(file: Path) -> None:
    plan = make(web("a", "b"), file)
    first = plan["objects"][0]
    assert plan["schema"] == "graceful.termination/plan/v1"
    assert plan["source"] == {"type": "cluster", "name": "test", "uid": "one"}
    assert plan["cost"]["workloads"] == 2 and plan["cost"]["pods_restarted"] == 6
    assert datetime.fromisoformat(plan["expires_at"]) - datetime.fromisoformat(plan["generated_at"]) == LIFETIME
    assert first["object"] == "shop/Deployment/a"
    assert first["state"]["uid"] == "uid-a" and first["state"]["resourceVersion"] == "1"
    assert first["template"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 40
    assert first["grace"] == {"before": 30, "after": 40}
    assert [entry["rule"] for entry in first["solves"]] == ["prestop-missing"]
    assert plan["digest"] == digest({key: value for key, value in plan.items() if key != "digest"})


def test_nothing_that_an_object_holds_is_in_a_plan(file: Path) -> None:
    secret: dict[str, Any] = {"env": [{"name": "PASSWORD", "value": "hunter2"}], "args": ["--token=hunter2"]}
    hook: dict[str, Any] = {"lifecycle": {"preStop": {"tcpSocket": {"port": 80, "host": "hunter2"}}}}
    obj = workload(container(**secret, **hook), name="a", annotations={"note": "hunter2"})
    obj["metadata"] |= {"resourceVersion": "1", "uid": "uid-a"}
    assert make({"a": obj}, file)["objects"]
    assert "hunter2" not in file.read_text()


def test_applied_it_does_exactly_what_it_says_and_a_second_time_nothing(file: Path) -> None:
    objects = web("a", "b")
    plan = make(objects, file)
    objects["c"] = live(name="c")
    with script() as declared:
        outcome = go(declared, objects, file, check=False, reads=2, patched=["a", "b"])
        assert [set(body) for body in declared.bodies()] == [{"metadata", "spec"}] * 2
    assert actions(outcome) == dict.fromkeys("ab", ("changed", "patched, its rollout was not waited for"))
    assert outcome.report["plan"] == {
        "path": str(file),
        "generated_at": plan["generated_at"],
        "digest": plan["digest"],
        "objects": 2,
    }
    with script() as declared:
        outcome = go(declared, objects, file, check=False, patched=[])
    assert actions(outcome) == dict.fromkeys("ab", ("unchanged", "it is already as planned"))


def _relabelled(objects: Objects) -> None:
    objects["b"]["metadata"]["labels"] = {"team": "x"}


def _scaled(objects: Objects) -> None:
    objects["b"]["spec"]["replicas"] = 9


def _renewed(objects: Objects) -> None:
    objects["b"]["metadata"]["uid"] = "another"


def _gone(objects: Objects) -> None:
    del objects["b"]


def _taken(objects: Objects) -> None:
    objects["b"]["metadata"]["labels"] = {"argocd.argoproj.io/instance": "store"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_relabelled, "drifted since the plan was made"),
        (_scaled, "drifted since the plan was made"),
        (_renewed, "it was deleted and recreated since the plan was made"),
        (_gone, "it was deleted, or this run does not select it"),
        (_taken, "Argo CD application store owns it: not patched live"),
    ],
)
def test_what_has_changed_since_is_refused_and_the_others_are_done(
    file: Path, change: Callable[[Objects], None], reason: str
) -> None:
    objects = web("a", "b")
    make(objects, file)
    change(objects)
    if "b" in objects:
        objects["b"]["metadata"]["resourceVersion"] = "5"
    with script() as declared:
        outcome = go(declared, objects, file, check=False, reads=2, patched=["a"])
    assert actions(outcome) == {"a": ("changed", "patched, its rollout was not waited for"), "b": ("refused", reason)}


def test_a_new_status_is_no_change(file: Path) -> None:
    objects = web("a")
    make(objects, file)
    objects["a"]["metadata"] |= {"resourceVersion": "77"}
    objects["a"]["status"] = {"observedGeneration": 1} | dict.fromkeys(
        ("replicas", "updatedReplicas", "availableReplicas"), 3
    )
    with script() as declared:
        outcome = go(declared, objects, file, check=False, reads=2)
    assert actions(outcome)["a"][0] == "changed"


def test_other_options_than_those_of_the_plan_change_nothing(file: Path) -> None:
    objects = web("a")
    make(objects, file)
    with script() as declared:
        policy = {"prestop_seconds": {"default": 25}}
        outcome = go(declared, objects, file, check=False, patched=[], policy=policy)
    ((status, reason),) = actions(outcome).values()
    assert status == "refused" and reason is not None and reason.startswith("this run would make a different change")


def test_what_changes_while_it_is_patched_is_refused_too(file: Path) -> None:
    objects = web("a")
    make(objects, file)
    newer = live(name="a", replicas=7)
    newer["metadata"]["resourceVersion"] = "3"
    with script() as declared:
        declared.expect("PATCH", f"{SHOP}/a", failed(409), query=REAL)
        declared.expect("GET", f"{SHOP}/a", answer(newer))
        outcome = go(declared, objects, file, check=False, patched=[])
    assert actions(outcome) == {"a": ("refused", "drifted since the plan was made")}


def test_a_limit_keeps_out_of_the_plan_what_it_keeps_out_of_the_run(file: Path) -> None:
    plan = make(web("a", "b"), file, max_pods_restarted=3, patched=["a"])
    assert [entry["object"] for entry in plan["objects"]] == ["shop/Deployment/a"]


# The plan as a whole


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def renew(file: Path, **changes: Any) -> None:
    plan = json.loads(file.read_text()) | changes
    del plan["digest"]
    file.write_text(json.dumps(plan | {"digest": digest(plan)}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: edit(file, objects=[]), "it was edited after it was written"),
        (lambda file: renew(file, expires_at=(datetime.now(UTC) - timedelta(1)).isoformat()), "it expired at"),
        (lambda file: file.write_text("{}"), "not a plan of this version"),
        (lambda file: file.write_text("not even JSON"), "not a plan of this version"),
        (lambda file: file.write_bytes(b"\xff"), "nothing was done"),
        (lambda file: file.unlink(), "no such file; write it with check mode"),
    ],
)
def test_a_plan_that_must_not_be_applied_changes_nothing(
    file: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    objects = web("a")
    make(objects, file)
    spoil(file)
    options = options_of(plan=str(file))
    with script() as declared, pytest.raises(ValueError, match=reason) as caught:
        run_remediate(source_of(declared, options), options, check=False)
    assert str(file) in str(caught.value) and "nothing was done" in str(caught.value)


def test_a_plan_for_another_cluster_changes_nothing(file: Path) -> None:
    make(web("a"), file)
    options = options_of(plan=str(file))
    with (
        script() as declared,
        pytest.raises(ValueError, match=r"for the cluster test \(one\), and this is the cluster"),
    ):
        declared.expect("GET", KUBE_SYSTEM, _namespace("two"))
        run_remediate(source_of(declared, options), options, check=False)


def test_without_the_right_to_tell_clusters_apart_their_names_do(file: Path) -> None:
    objects = web("a")
    make(objects, file)
    with script() as declared:
        outcome = go(declared, objects, file, check=False, reads=2, cluster=forbidden("get"))
    assert actions(outcome)["a"][0] == "changed"


# Manifests

MANIFEST = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: registry.example/app:1
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: 8080}}
"""


def on_files(folder: Path, plan: Path, *, check: bool) -> Outcome:
    options = options_of(source=str(folder), plan=str(plan))
    assert options.version is not None
    source = ManifestSource(str(folder), str(folder), options.selection, options.version, version_assumed=True)
    return run_remediate(source, options, check=check)


@pytest.mark.parametrize("touched", [False, True])
def test_a_file_is_edited_only_as_it_was_planned(tmp_path: Path, touched: bool) -> None:
    folder, plan = tmp_path / "deploy", tmp_path / "plan.json"
    folder.mkdir()
    (folder / "web.yaml").write_text(MANIFEST)
    on_files(folder, plan, check=True)
    if touched:
        (folder / "web.yaml").write_text(MANIFEST + "# a note\n")
    before = (folder / "web.yaml").read_text()
    outcome = on_files(folder, plan, check=False)
    expected = ("refused", "drifted since the plan was made") if touched else ("changed", None)
    assert actions(outcome) == {"web": expected}
    assert ((folder / "web.yaml").read_text() == before) == touched
