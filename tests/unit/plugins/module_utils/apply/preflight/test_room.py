# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room to surge: which nodes take a pod, what is left on them, and when nothing is certain."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import demand_of
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.places import (
    HOSTNAME,
    Tenant,
    may_run,
    read_place,
)
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quantity import parse_quantity
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.room import (
    fits,
    judge_room,
    needs_room,
    surges_on_each_node,
    unjudged,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import container, workload

FIRST = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
MAKER = ("Deployment", "web")


def node(name: str = "n1", taints: Any = (), labels: Any = None, **fields: Any) -> dict[str, Any]:
    allocatable = {"cpu": "2", "memory": "4Gi", "pods": "10"} | fields.pop("allocatable", {})
    spec = {"taints": list(taints)} | fields
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec, "status": {"allocatable": allocatable}}


def pod(cpu: str | None = "500m", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    return {"containers": [{"name": "app", "resources": resources}], **spec}


def tenant(cpu: str = "1", priority: int = 0, maker: Any = MAKER, **labels: str) -> Tenant:
    return Tenant("shop", labels or {"app": "other"}, maker, {"cpu": parse_quantity(cpu)}, priority)


def fitting(one: dict[str, Any], *tenants: Tenant, on: dict[str, Any] | None = None) -> bool:
    place = read_place(on or node())
    return may_run(place, one) and fits(place, tenants, one, "shop", demand_of(one))


def judged(one: dict[str, Any], *tenants: Tenant, on: tuple[dict[str, Any], ...] = (node(),)) -> Verdict:
    places = [read_place(place) for place in on]
    web = read_workload(workload(strategy=FIRST))
    return judge_room(web, one, demand_of(one), places, {place.name: tenants for place in places})


@pytest.mark.parametrize(
    ("kind", "spec", "needs"),
    [
        ("Deployment", {"strategy": FIRST}, True),
        ("Deployment", {"strategy": FIRST, "replicas": 1}, True),
        ("Deployment", {"replicas": 3}, True),  # 25 % of 3: one more, none less
        ("Deployment", {"replicas": 4}, False),  # one more, or one less
        ("Deployment", {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}, False),
        ("Deployment", {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}, False),
        ("Deployment", {"strategy": {"type": "Recreate"}}, False),
        ("Deployment", {"strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}, "replicas": 0}, False),
        ("StatefulSet", {}, False),
        ("DaemonSet", {}, False),
        ("DaemonSet", {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}, False),
    ],
)
def test_who_needs_room(kind: str, spec: dict[str, Any], needs: bool) -> None:
    assert needs_room(read_workload(workload(kind=kind, **spec))) is needs


@pytest.mark.parametrize(
    ("kind", "surge", "does"),
    [
        ("DaemonSet", 1, True),
        ("DaemonSet", "10%", True),
        ("DaemonSet", 0, False),
        ("DaemonSet", "0%", False),
        ("DaemonSet", None, False),
        ("StatefulSet", None, False),
    ],
)
def test_a_daemon_set_that_surges_needs_it_on_each_node(kind: str, surge: Any, does: bool) -> None:
    rolling = {"rollingUpdate": {"maxSurge": surge}} if surge is not None else {}
    assert surges_on_each_node(read_workload(workload(kind=kind, updateStrategy=rolling))) is does


def test_what_is_left_decides() -> None:
    assert fitting(pod("500m"), tenant("1500m"))
    assert not fitting(pod("501m"), tenant("1500m"))
    assert fitting(pod(None), tenant("2"))
    assert not fitting(pod(None), tenant(), tenant(), on=node(allocatable={"pods": "2"}))
    gpu = {"containers": [{"name": "app", "resources": {"limits": {"nvidia.com/gpu": 1}}}]}
    assert not fitting(gpu)
    assert fitting(gpu, on=node(allocatable={"nvidia.com/gpu": "1"}))
    assert fitting({"containers": [{"name": "app", "resources": {"requests": {"hugepages-2Mi": "0"}}}]})


TAINT = {"key": "team", "value": "a", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("place", "toleration", "does"),
    [
        (node(taints=[TAINT]), None, False),
        (node(taints=[TAINT]), {"key": "team", "value": "a"}, True),
        (node(taints=[TAINT]), {"key": "team", "operator": "Exists", "effect": "NoSchedule"}, True),
        (node(taints=[TAINT]), {"operator": "Exists"}, True),
        (node(taints=[TAINT]), {"key": "team", "value": "b"}, False),
        (node(taints=[TAINT]), {"key": "team", "value": "a", "effect": "NoExecute"}, False),
        (node(taints=[TAINT | {"effect": "PreferNoSchedule"}]), None, True),
        (node(unschedulable=True), None, False),
        (node(unschedulable=True), {"operator": "Exists"}, True),
    ],
)
def test_taints(place: dict[str, Any], toleration: dict[str, Any] | None, does: bool) -> None:
    assert may_run(read_place(place), pod(tolerations=[toleration] if toleration else [])) is does


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [*terms]}}}


def term(operator: str, *values: str, part: str = "matchExpressions", key: str = "disk") -> dict[str, Any]:
    return {part: [{"key": key, "operator": operator} | ({"values": [*values]} if values else {})]}


@pytest.mark.parametrize(
    ("spec", "does"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        ({"nodeName": "n1"}, True),
        ({"nodeName": "n2"}, False),
        ({"affinity": affinity(term("In", "ssd"))}, True),
        ({"affinity": affinity(term("NotIn", "ssd"))}, False),
        ({"affinity": affinity(term("DoesNotExist"), term("Exists"))}, True),
        ({"affinity": affinity(term("Gt", "7"))}, True),  # not understood: nothing against it
        ({"affinity": affinity({})}, False),
        ({"affinity": affinity(term("In", "n2", part="matchFields", key="metadata.name"))}, False),
    ],
)
def test_labels(spec: dict[str, Any], does: bool) -> None:
    assert may_run(read_place(node(labels={"disk": "ssd"})), pod(**spec)) is does


def apart(**over: Any) -> dict[str, Any]:
    rule = {"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": {"app": "web"}}} | over
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [rule]}}


def test_its_own_anti_affinity_keeps_it_from_a_node_that_has_one() -> None:
    assert not fitting(pod(affinity=apart()), tenant("100m", app="web"))
    assert fitting(pod(affinity=apart()), tenant("100m", app="other"))
    zone = pod(affinity=apart(topologyKey="topology.kubernetes.io/zone"))
    assert fitting(zone, tenant("100m", app="web"))
    assert list(unjudged(zone)) == ["pod anti-affinity"]
    assert list(unjudged(pod(affinity=apart(matchLabelKeys=["pod-template-hash"])))) == ["pod anti-affinity"]
    assert list(unjudged(pod(affinity=apart()))) == []


def test_what_else_decides_is_named() -> None:
    spread = [{"whenUnsatisfiable": "DoNotSchedule"}, {"whenUnsatisfiable": "ScheduleAnyway"}]
    near: dict[str, Any] = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}
    one = pod(affinity=near, topologySpreadConstraints=spread, resourceClaims=[{}])
    one["volumes"] = [{"persistentVolumeClaim": {}}]
    one["containers"][0]["ports"] = [{"hostPort": 80}]
    assert list(unjudged(one)) == ["pod affinity", "topology spread", "host ports", "volumes", "resource claims"]


def test_no_room_is_certain_where_nothing_can_make_some() -> None:
    assert judged(pod("600m"), tenant("1500m")).blocks == (
        "no room to surge: 1 of 1 nodes can run its pods, and none has room for one more (600m cpu); add "
        "capacity, or set maxUnavailable to 1 so that an old pod stops first",
    )
    alone = judged(pod(affinity=apart()), tenant("100m", app="web"))
    assert "none has room for one more (500m cpu); its own anti-affinity rules out 1;" in alone.blocks[0]
    nowhere = judged(pod(nodeSelector={"disk": "ssd"}))
    assert nowhere.blocks[0].startswith("no room to surge: 0 of 1 nodes can run its pods; add capacity")


@pytest.mark.parametrize(
    ("one", "tenants", "on", "doubt"),
    [
        (pod(), [tenant()], (node(), node("n2", providerID="aws:///eu/i-1")), "an autoscaler adds a node"),
        (pod(schedulerName="mine"), [tenant()], (node(),), "its pods use another scheduler"),
        (pod(), [tenant(), tenant(priority=-10, maker=None)], (node(),), "pods of a lower priority"),
        (pod(), [tenant(maker=None)], (node(),), "it may preempt other pods"),
    ],
)
def test_where_something_could_it_is_only_told(one: Any, tenants: Any, on: Any, doubt: str) -> None:
    verdict = judged(one, *tenants, on=on)
    assert not verdict.blocks
    assert doubt in verdict.notes[0]


def test_a_machine_that_nobody_provides_is_no_autoscaler() -> None:
    assert judged(pod(), tenant(), on=(node(providerID="kind://docker/a/b"),)).blocks


def test_containers_of_the_factory_ask_for_nothing() -> None:
    assert fitting({"containers": [container()]}, tenant("2"))
