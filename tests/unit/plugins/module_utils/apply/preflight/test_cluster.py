# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks before the start: what is asked of a cluster, and what becomes of the workloads."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.screening import cleared
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import Progress, schedule
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import METADATA_ONLY
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange
from ansible_collections.graceful.termination.plugins.module_utils.report import markdown, terminal
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Memory,
    container,
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    LISTS,
    PAGE,
    SHOP,
    VERSION,
    VIRTUAL_SERVICES,
    Script,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

CORE = "/api/v1/namespaces/shop"
ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
FIELDS = (("fieldManager", "graceful-termination"),)
BESIDE = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
FIRST = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
NODE = {
    "metadata": {"name": "n1", "labels": {}},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "pods": "10"}, "nodeInfo": {"kubeletVersion": "v1.37.2"}},
}


def live(name: str = "web", strategy: Any = None, cpu: str | None = None, **pod: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"resources": {"requests": {"cpu": cpu}}} if cpu else {}
    obj = workload(hooked(None, **fields), name=name, pod=pod, strategy=strategy or BESIDE)
    obj["metadata"] |= {"resourceVersion": "1", "uid": f"uid-{name}", "generation": 1}
    return obj


def pod(name: str = "web-1-a", of: str = "web-1", cpu: str = "1", **fields: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": {"app": "web", "pod-template-hash": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": of, "controller": True}],
        "creationTimestamp": "2027-01-04T09:30:00Z",
    }
    status = {"containerStatuses": [{"name": "app", "imageID": "registry.example/app@sha256:1"}]}
    spec = {"nodeName": "n1", "containers": [container(resources={"requests": {"cpu": cpu}})], "priority": 0}
    return {"metadata": metadata | fields.pop("metadata", {}), "spec": spec | fields, "status": status}


def quota(**amounts: tuple[str, str]) -> dict[str, Any]:
    hard, used = ({name: pair[index] for name, pair in amounts.items()} for index in (0, 1))
    return {"metadata": {"name": "team", "namespace": "shop"}, "spec": {"hard": hard}, "status": {"used": used}}


def look(
    declared: Script,
    *,
    quotas: Any = None,
    pods: Any = None,
    account: Any = None,
    nodes: Any = None,
    tenants: Any = None,
) -> None:
    """What is asked for workloads of the namespace shop; None of `nodes` means that nobody may ask."""
    declared.expect("GET", "/api/v1/resourcequotas", quotas or items(), query=PAGE)
    alive = (("fieldSelector", ALIVE), *PAGE)
    declared.expect("GET", f"{CORE}/pods", pods or items(pod()), query=alive)
    declared.expect("GET", f"{CORE}/serviceaccounts/default", account or answer({"metadata": {}}))
    # The first answer is for the rules.
    declared.expect("GET", "/api/v1/nodes", items(NODE), *([nodes] if nodes else []), query=PAGE)
    if tenants:
        query = (("fieldSelector", f"spec.nodeName=n1,{ALIVE}"), *PAGE)
        declared.expect("GET", "/api/v1/pods", tenants, query=query)


def check(declared: Script, *objects: dict[str, Any], patched: Iterable[str] = (), **given: Any) -> Outcome:
    names = [obj["metadata"]["name"] for obj in objects]
    declared.expect_lists(
        replaced={DEPLOYMENTS: items(*copy.deepcopy(objects)), LISTS[4]: items(*map(service, names))},
        without=("/api/v1/nodes", VIRTUAL_SERVICES),
    )
    for obj in objects:
        name = obj["metadata"]["name"]
        if name in patched:
            after = run(obj, service(name)).change.obj
            declared.expect("PATCH", f"{SHOP}/{name}", answer(after), query=(*FIELDS, ("dryRun", "All")))
    options = options_of(rules=["prestop-missing"], **given)
    return run_remediate(source_of(declared, options), options, check=True)


def told(outcome: Outcome) -> dict[str, tuple[str, str | None, list[str]]]:
    return {
        entry["object"].rpartition("/")[2]: (entry["status"], entry["reason"], entry["preflight"])
        for entry in outcome.report["actions"]
    }


def test_where_everything_is_there_nothing_is_said() -> None:
    with script(looks=True) as declared:
        look(declared, nodes=items(NODE), tenants=items(pod()))
        assert told(check(declared, live(cpu="1"), patched=["web"])) == {"web": ("would-change", None, [])}


def test_who_restarts_no_pod_asks_for_nothing() -> None:
    steps = [PlannedChange(run(live(), service()).change, 0)]
    plan = cleared(lambda _withheld: schedule(steps, ("100%",), None, Progress()), Memory(), every=True)
    assert plan.waves == ((1, tuple(steps)),)


def test_where_the_old_pod_goes_first_no_node_is_looked_at() -> None:
    with script(looks=True) as declared:
        look(declared)
        assert told(check(declared, live(strategy=FIRST), patched=["web"]))["web"] == ("would-change", None, [])


def test_no_room_for_one_is_room_for_another() -> None:
    small, large = live("small", cpu="500m"), live("web", cpu="1500m")
    with script(looks=True) as declared:
        look(declared, pods=items(), nodes=items(NODE), tenants=items(pod(cpu="1"), pod(of="large-1", cpu="500m")))
        outcome = told(check(declared, small, large, patched=["small"]))
    assert {name: status for name, (status, _reason, _notes) in outcome.items()} == {
        "small": "would-change",
        "web": "skipped",
    }


def test_no_room_is_told_with_the_next_step() -> None:
    with script(looks=True) as declared:
        look(declared, pods=items(pod(cpu="1500m")), nodes=items(NODE), tenants=items(pod(cpu="1500m")))
        status, reason, _notes = told(check(declared, live(cpu="1")))["web"]
    # 1500m is what the pod was let in with, whatever the template says.
    assert status == "skipped"
    assert reason == (
        "not started: no room to surge: 1 of 1 nodes can run its pods, and none has room for one more "
        "(1500m cpu); add capacity, or set maxUnavailable to 1 so that an old pod stops first"
    )


def test_pods_that_are_going_away_take_no_place() -> None:
    leaving = {"deletionTimestamp": "2027-01-04T09:31:00Z"}
    with script(looks=True) as declared:
        look(declared, nodes=items(NODE), tenants=items(pod(), pod(metadata=leaving)))
        assert told(check(declared, live(cpu="1"), patched=["web"]))["web"][0] == "would-change"


def test_a_full_quota_withholds() -> None:
    with script(looks=True) as declared:
        look(declared, quotas=items(quota(pods=("3", "3"))), nodes=items(NODE), tenants=items())
        status, reason, _notes = told(check(declared, live()))["web"]
    assert (status, reason) == (
        "skipped",
        "not started: quota team: 3 of 3 pods are used, and the rollout needs 1 more; raise the quota or free "
        "some of it",
    )


def test_a_quota_of_another_namespace_is_none() -> None:
    other = quota(pods=("3", "3"))
    other["metadata"]["namespace"] = "other"
    with script(looks=True) as declared:
        look(declared, quotas=items(other), nodes=items(NODE), tenants=items())
        assert told(check(declared, live(), patched=["web"]))["web"][0] == "would-change"


def test_a_missing_pull_secret_withholds_and_its_content_is_never_asked_for() -> None:
    with script(looks=True) as declared:
        look(declared)
        declared.expect("GET", f"{CORE}/secrets/gone", failed(404))
        obj = live(strategy=FIRST, imagePullSecrets=[{"name": "gone"}])
        status, reason, _notes = told(check(declared, obj))["web"]
        assert declared.accepted[f"{CORE}/secrets/gone"] == METADATA_ONLY
        assert {form for path, form in declared.accepted.items() if "secrets" not in path} == {"application/json"}
    assert status == "skipped"
    assert reason and reason.startswith("not started: pull secret gone, which its template names, does not exist")


def test_the_service_account_lends_its_pull_secrets() -> None:
    account = answer({"metadata": {}, "imagePullSecrets": [{"name": "there"}, {"name": "gone"}]})
    with script(looks=True) as declared:
        look(declared, account=account)
        declared.expect("GET", f"{CORE}/secrets/there", answer({"metadata": {}}))
        declared.expect("GET", f"{CORE}/secrets/gone", failed(404))
        outcome = check(declared, live(strategy=FIRST), patched=["web"])
    note = "pull secret gone, which its ServiceAccount default names, does not exist"
    assert told(outcome)["web"] == ("would-change", None, [note])


def test_without_its_service_account_no_pod_is_let_in() -> None:
    with script(looks=True) as declared:
        look(declared, account=failed(404))
        _status, reason, _notes = told(check(declared, live(strategy=FIRST)))["web"]
    assert reason == "not started: ServiceAccount default does not exist, so no new pod is admitted; create it"


def test_what_may_not_be_read_is_not_known_and_withholds_nothing() -> None:
    with script(looks=True) as declared:
        look(declared, quotas=forbidden(), pods=forbidden(), account=forbidden("get"), nodes=forbidden())
        outcome = check(declared, live(), patched=["web"])
    status, reason, notes = told(outcome)["web"]
    assert (status, reason) == ("would-change", None)
    assert notes == [
        "pull secrets: not checked: forbidden: user jane cannot get serviceaccount default in namespace shop (403)",
        "quota: not checked: forbidden: user jane cannot list resourcequotas in all namespaces (403)",
        "room to surge: not checked: forbidden: user jane cannot list nodes (403)",
        "images: not checked: forbidden: user jane cannot list pods in namespace shop (403)",
    ]
    for text in (terminal.render(outcome.report, width=160), markdown.render(outcome.report)):
        assert "reflight" in text
        assert "room to surge: not checked" in text


def test_the_right_to_see_one_secret_may_be_missing() -> None:
    with script(looks=True) as declared:
        look(declared)
        declared.expect("GET", f"{CORE}/secrets/mine", forbidden("get"))
        obj = live(strategy=FIRST, imagePullSecrets=[{"name": "mine"}])
        _status, _reason, notes = told(check(declared, obj, patched=["web"]))["web"]
    assert notes == ["pull secrets: not checked: forbidden: user jane cannot get secret mine in namespace shop (403)"]


def test_a_moved_tag_is_in_the_report_and_in_the_plan(tmp_path: Path) -> None:
    other = pod("web-1-b")
    other["status"]["containerStatuses"][0]["imageID"] = "registry.example/app@sha256:2"
    plan = tmp_path / "plan.json"
    with script(looks=True) as declared:
        look(declared, pods=items(pod(), other))
        declared.expect("GET", "/api/v1/namespaces/kube-system", answer({"metadata": {"uid": "one"}}))
        outcome = check(declared, live(strategy=FIRST), patched=["web"], plan=str(plan))
    _status, _reason, (note,) = told(outcome)["web"]
    assert "its pods run 2 different builds of it, so the tag has moved" in note
    assert json.loads(plan.read_text())["objects"][0]["preflight"] == [note]


def test_pods_of_other_workloads_do_not_count() -> None:
    other = pod("api-1-b", of="api-1")
    other["status"]["containerStatuses"][0]["imageID"] = "registry.example/app@sha256:2"
    with script(looks=True) as declared:
        look(declared, pods=items(pod(), other))
        assert told(check(declared, live(strategy=FIRST), patched=["web"]))["web"][2] == []


def test_each_list_is_read_once_for_all_workloads() -> None:
    with script(looks=True) as declared:
        look(declared, nodes=items(NODE), tenants=items())
        objects = [live("a"), live("b"), live("c", strategy=FIRST)]
        outcome = told(check(declared, *objects, patched="abc"))
    assert {status for status, _reason, _notes in outcome.values()} == {"would-change"}


def test_rights_in_the_named_namespace_are_enough_for_its_quota() -> None:
    options = options_of(rules=["prestop-missing"], namespaces=["shop"])
    with script(looks=True) as declared:
        lists = [path for path in LISTS[:-2] if path != VIRTUAL_SERVICES]
        for path in lists:
            found = {DEPLOYMENTS: items(live(strategy=FIRST)), LISTS[4]: items(service())}.get(path, items())
            group, _slash, plural = path.rpartition("/")
            declared.expect("GET", f"{group}/namespaces/shop/{plural}", found, query=PAGE)
        declared.expect("GET", "/version", answer(VERSION))
        declared.expect("GET", "/api/v1/nodes", forbidden(), query=PAGE)
        declared.expect("GET", CORE, answer({"metadata": {"name": "shop"}}))
        declared.expect("GET", f"{CORE}/resourcequotas", items(quota(pods=("2", "3"))), query=PAGE)
        declared.expect("GET", f"{CORE}/pods", items(), query=(("fieldSelector", ALIVE), *PAGE))
        declared.expect("GET", f"{CORE}/serviceaccounts/default", answer({"metadata": {}}))
        _status, reason, _notes = told(run_remediate(source_of(declared, options), options, check=True))["web"]
    assert reason and reason.startswith("not started: quota team: 3 of 2 pods are used, so a deleted pod may not be")


def test_who_takes_the_place_of_one_that_is_withheld_is_looked_at_too() -> None:
    looked: list[list[str]] = []

    class Full(Memory):
        def preflight(self, changes: Any) -> list[Verdict]:
            looked.append([change.workload.name for change in changes])
            return [
                Verdict((f"{change.workload.name} is full",) if change.workload.name < "f" else ())
                for change in changes
            ]

    steps = [PlannedChange(run(live(name), service(name)).change, 1) for name in "abcdefghij"]
    plan = cleared(
        lambda blocked: schedule(steps, ("1", "100%"), None, Progress(), blocked=blocked), Full(), every=False
    )
    names = [[step.change.workload.name for step in part] for _number, part in plan.waves]
    assert names == [["f"], ["g", "h", "i", "j"]]
    assert looked == [["a"], ["b"], ["c", "d"], ["e", "f", "g", "h"]]
    assert {reason for _step, reason in plan.blocked} == {f"not started: {name} is full" for name in "abcde"}
