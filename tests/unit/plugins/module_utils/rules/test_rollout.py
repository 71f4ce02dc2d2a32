# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on rollout strategies: how many pods serve while they are replaced."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    autoscaler,
    claim,
    claims_volume,
    container,
    ingress,
    node,
    run,
    service,
    sidecar,
    workload,
)

CAPACITY, RECREATE, SINGLE = "rollout-loses-capacity", "recreate-strategy-serving", "single-replica"
CONFLICT = "surge-port-conflict"
ON_NODE_PORT = container(ports=[{"containerPort": 8080, "hostPort": 80}])
RECREATES: dict[str, Any] = {"strategy": {"type": "Recreate"}}


def rolling(**knobs: Any) -> dict[str, Any]:
    """The spec fields of a rolling update."""
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": knobs}}


# rollout-loses-capacity


def test_few_replicas_that_lose_one_are_a_warning() -> None:
    result = run(workload(replicas=3, **rolling(maxUnavailable=1)), service())
    finding = result.one(CAPACITY)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "auto", "rollout-strategy")
    assert finding["path"] == "spec.strategy.rollingUpdate.maxUnavailable"
    assert finding["numbers"] == {"replicas": 3, "max_unavailable": 1, "max_surge": 1}
    assert "2 remain to serve" in finding["message"]
    assert result.change.patch == {"spec": rolling(maxUnavailable=0)}
    assert not result.change.template, "the pods need not restart for it"


@pytest.mark.parametrize(
    ("replicas", "knobs"),
    [
        (1, {"maxUnavailable": 1}),
        (2, {"maxUnavailable": "100%"}),
        (3, {"maxUnavailable": 5}),
        (1, {"maxSurge": 0}),  # 25 % of 1 is 0: both are 0, and the controller takes one away
        (1, {"maxSurge": 0, "maxUnavailable": "25%"}),
    ],
)
def test_nothing_left_to_serve_is_an_error(replicas: int, knobs: dict[str, Any]) -> None:
    finding = run(workload(replicas=replicas, **rolling(**knobs)), service()).one(CAPACITY)
    assert finding["severity"] == "error"
    assert finding["numbers"]["max_unavailable"] == replicas, "no more than there are"


def test_all_of_an_undeclared_number_may_not_be_all() -> None:
    assert run(workload(replicas=None, **rolling(maxUnavailable=1)), service()).one(CAPACITY)["severity"] == "warning"
    assert run(workload(**rolling(maxUnavailable=1)), service(), autoscaler(1)).one(CAPACITY)["severity"] == "error"


@pytest.mark.parametrize("replicas", [None, 1, 2, 3])
def test_the_default_takes_none_of_up_to_three(replicas: int | None) -> None:
    assert not run(workload(replicas=replicas), service()).of(CAPACITY)


@pytest.mark.parametrize("strategy", [{}, rolling(), {"strategy": {}}, rolling(maxUnavailable=1)])
def test_many_replicas_that_lose_one_are_an_info(strategy: dict[str, Any]) -> None:
    finding = run(workload(replicas=4, **strategy), service()).one(CAPACITY)
    assert finding["severity"] == "info"
    assert finding["numbers"]["max_unavailable"] == 1


def test_no_surge_takes_a_pod_away_although_nobody_said_so() -> None:
    assert run(workload(replicas=3, **rolling(maxSurge=0)), service()).one(CAPACITY)["severity"] == "warning"


def test_none_unavailable_loses_nothing() -> None:
    assert not run(workload(replicas=10, **rolling(maxUnavailable=0)), service()).of(CAPACITY)


def test_a_surge_that_was_chosen_is_kept() -> None:
    result = run(workload(replicas=2, **rolling(maxUnavailable=1, maxSurge=2)), service())
    assert result.change.obj["spec"]["strategy"] == rolling(maxUnavailable=0, maxSurge=2)["strategy"]


@pytest.mark.parametrize("surge", [0, "0%"])
def test_a_surge_of_none_is_replaced_or_the_rollout_could_never_start(surge: int | str) -> None:
    result = run(workload(replicas=2, **rolling(maxUnavailable=1, maxSurge=surge)), service())
    assert result.change.patch == {"spec": rolling(maxUnavailable=0, maxSurge="25%")}


@pytest.mark.parametrize("ports", [{"hostPort": 80}, {}])
def test_one_pod_more_finds_no_free_port(ports: dict[str, Any]) -> None:
    pod = {} if ports else {"hostNetwork": True}
    bound = workload(
        container(ports=[{"containerPort": 8080, **ports}]), replicas=2, pod=pod, **rolling(maxUnavailable=1)
    )
    assert not run(bound, service()).of(CAPACITY)


def test_one_pod_more_finds_the_port_of_a_native_sidecar_taken() -> None:
    pod = {"initContainers": [sidecar(ports=[{"containerPort": 7070, "hostPort": 7070}])]}
    assert not run(workload(replicas=2, pod=pod, **rolling(maxUnavailable=1)), service()).of(CAPACITY)
    assert run(workload(replicas=2, pod=pod), service()).of(CONFLICT)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize(
    "disk",
    [
        {"awsElasticBlockStore": {"volumeID": "vol-1"}},
        {"iscsi": {"targetPortal": "10.0.0.9", "iqn": "iqn.2001-04.com.example:x", "lun": 0}},
        {"azureDisk": {"diskName": "d", "diskURI": "u"}},
    ],
)
def test_one_pod_more_could_not_have_the_disk(disk: dict[str, Any], replicas: int) -> None:
    pod = {"volumes": [{"name": "data", **disk}]}
    for knobs in ({"maxUnavailable": 1}, {"maxUnavailable": 1, "maxSurge": 0}):
        assert not run(workload(replicas=replicas, pod=pod, **rolling(**knobs)), service()).of(CAPACITY)
    assert not run(workload(replicas=1, pod=pod), service()).of(SINGLE)
    assert not run(workload(replicas=1, pod=pod, **RECREATES), service()).of(RECREATE)


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod"])
def test_one_pod_more_could_not_mount_the_volume(mode: str) -> None:
    mounted = workload(replicas=1, pod=claims_volume("data"), **rolling(maxUnavailable=1))
    assert not run(mounted, service(), claim("data", mode)).of(CAPACITY)


def apart(key: str = "kubernetes.io/hostname", **term: Any) -> dict[str, Any]:
    """What a pod spec says to be the only one of its kind on a node."""
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": key} | term
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def test_one_pod_more_needs_a_node_of_its_own() -> None:
    spread = workload(replicas=2, pod=apart(), **rolling(maxUnavailable=1))
    finding = run(spread, service()).one(CAPACITY)
    assert finding["remedy"] == "manual"
    assert "refuse to share a hostname" in finding["reason"]
    assert not run(spread, service(), node("a"), node("b")).of(CAPACITY)
    assert run(spread, service(), node("a"), node("b"), node("c")).one(CAPACITY)["remedy"] == "auto"


def test_how_many_zones_there_are_is_for_a_person() -> None:
    spread = workload(replicas=2, pod=apart("topology.kubernetes.io/zone"), **rolling(maxUnavailable=1))
    assert "refuse to share a zone" in run(spread, service(), node("a"), node("b")).one(CAPACITY)["reason"]


@pytest.mark.parametrize(
    "pod",
    [
        apart(labelSelector={"matchLabels": {"app": "api"}}),
        apart(matchLabelKeys=["pod-template-hash"]),  # those of another revision do not count
        {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}},
    ],
)
def test_what_may_share_a_node_needs_none(pod: dict[str, Any]) -> None:
    spread = workload(replicas=2, pod=pod, **rolling(maxUnavailable=1))
    assert run(spread, service(), node("a"), node("b")).one(CAPACITY)["remedy"] == "auto"


def test_a_shared_volume_is_no_obstacle() -> None:
    mounted = workload(replicas=2, pod=claims_volume("data"), **rolling(maxUnavailable=1))
    assert run(mounted, service(), claim("data", "ReadWriteMany")).one(CAPACITY)["remedy"] == "auto"


def test_whether_an_unknown_volume_is_one_is_for_a_person() -> None:
    mounted = workload(replicas=2, pod=claims_volume("data"), **rolling(maxUnavailable=1))
    assert run(mounted, service()).one(CAPACITY)["remedy"] == "manual"


def test_the_minimum_of_an_autoscaler_is_what_counts() -> None:
    scaled = workload(replicas=10, **rolling(maxUnavailable=1))
    assert run(scaled, service(), autoscaler(2)).one(CAPACITY)["numbers"]["replicas"] == 2


def test_a_worker_loses_no_requests() -> None:
    assert not run(workload(replicas=1, **rolling(maxUnavailable=1))).of(CAPACITY)


def test_an_unknown_profile_is_judged_one_severity_lower() -> None:
    unknown = run(workload(replicas=1, **rolling(maxUnavailable=1)), unknown="no Service in the input")
    assert unknown.one(CAPACITY)["severity"] == "warning"


def test_without_replicas_there_is_nothing_to_lose() -> None:
    assert not run(workload(replicas=0, **rolling(maxUnavailable=1)), service()).of(CAPACITY)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "CronJob"])
def test_other_kinds_roll_by_other_rules(kind: str) -> None:
    assert not run(workload(kind=kind), service()).of(CAPACITY)


def updating(kind: str, unavailable: Any, **more: Any) -> dict[str, Any]:
    """A DaemonSet or StatefulSet whose rollouts may take so many pods at a time."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable}}
    return workload(kind=kind, updateStrategy=strategy, **more)


@pytest.mark.parametrize(
    ("obj", "pods"),
    [
        (updating("DaemonSet", "100%"), "all pods"),
        (updating("DaemonSet", "100%", pod={"hostNetwork": True}), "all pods"),
        (updating("StatefulSet", "100%"), "all 3 pods"),
        (updating("StatefulSet", 3), "all 3 pods"),
        (updating("StatefulSet", 5), "all 3 pods"),
    ],
)
def test_all_pods_at_the_same_time(obj: dict[str, Any], pods: str) -> None:
    finding = run(obj, service(), version="1.35").one(CAPACITY)
    assert pods in finding["message"]
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "update-one-by-one")
    assert "maxUnavailable: 1" in finding["snippet"]


@pytest.mark.parametrize(
    "obj",
    [
        workload(kind="DaemonSet"),
        updating("DaemonSet", "50%"),
        updating("DaemonSet", 10),  # of how many nodes, nobody says
        updating("StatefulSet", 2),
        updating("StatefulSet", "100%", replicas=1),
        workload(kind="DaemonSet", updateStrategy={"type": "OnDelete", "rollingUpdate": {"maxUnavailable": "100%"}}),
    ],
)
def test_some_pods_of_a_daemonset_or_statefulset(obj: dict[str, Any]) -> None:
    assert not run(obj, service(), version="1.35").of(CAPACITY)


def test_before_1_35_a_statefulset_goes_one_by_one() -> None:
    assert not run(updating("StatefulSet", "100%"), service(), version="1.34").of(CAPACITY)


def test_pods_that_nobody_calls_may_all_go() -> None:
    assert not run(updating("DaemonSet", "100%"), service("other")).of(CAPACITY)


# recreate-strategy-serving


def test_recreate_is_an_outage_for_a_person_to_decide() -> None:
    finding = run(workload(replicas=2, **RECREATES), service()).one(RECREATE)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "stops all 2 pods" in finding["message"]
    assert not run(workload(replicas=2, **RECREATES), service()).of(CAPACITY)


def test_recreating_the_only_pod_is_one_too() -> None:
    assert "stops the only pod" in run(workload(replicas=1, **RECREATES), service()).one(RECREATE)["message"]


@pytest.mark.parametrize("around", [[claim("data", "ReadWriteOnce")], []])
def test_recreate_is_right_for_a_volume_of_its_own(around: list[dict[str, Any]]) -> None:
    mounted = workload(replicas=1, pod=claims_volume("data"), **RECREATES)
    assert not run(mounted, service(), *around).of(RECREATE)


def test_recreate_is_right_for_a_port_of_the_node() -> None:
    assert not run(workload(ON_NODE_PORT, **RECREATES), service()).of(RECREATE)


def test_a_worker_may_recreate() -> None:
    assert not run(workload(**RECREATES)).of(RECREATE)


# single-replica


def test_one_declared_replica_is_a_warning() -> None:
    finding = run(workload(replicas=1), service()).one(SINGLE)
    assert (finding["severity"], finding["remedy"], finding["path"]) == ("warning", "manual", "spec.replicas")
    assert "a rolling update can start a second pod first" in finding["message"]


def test_a_stateful_set_without_volumes_may_have_a_second_one_too() -> None:
    finding = run(workload(replicas=1, kind="StatefulSet"), service()).one(SINGLE)
    assert "an update, an eviction or a node drain stops it before the next pod starts" in finding["message"]


def test_one_by_default_is_an_info() -> None:
    assert run(workload(replicas=None), service()).one(SINGLE)["severity"] == "info"


def test_the_service_that_a_stateful_set_must_have_is_no_sign_of_requests() -> None:
    headless = service(clusterIP="None")
    assert run(workload(replicas=1, kind="StatefulSet"), headless).one(SINGLE)["severity"] == "info"
    assert run(workload(replicas=1), headless).one(SINGLE)["severity"] == "warning"
    assert run(workload(replicas=1, kind="StatefulSet"), headless, ingress("web")).one(SINGLE)["severity"] == "warning"


def test_an_autoscaler_of_at_least_two_is_enough() -> None:
    assert not run(workload(replicas=None), service(), autoscaler(2)).of(SINGLE)
    assert run(workload(replicas=5), service(), autoscaler(1)).one(SINGLE)["severity"] == "warning"


@pytest.mark.parametrize(
    "one",
    [
        workload(replicas=1, annotations={PROFILE: "controller"}),
        workload(replicas=1, kind="StatefulSet", volumeClaimTemplates=[{"metadata": {"name": "data"}}]),
        workload(replicas=1, pod=claims_volume("data")),
        workload(replicas=1, kind="StatefulSet", pod=claims_volume("data")),
        workload(replicas=1, **RECREATES),
        workload(kind="DaemonSet"),
        workload(replicas=0),
    ],
    ids=["controller", "database", "own volume", "own volume by name", "recreate", "daemonset", "none"],
)
def test_where_a_second_replica_is_no_remedy_it_is_silent(one: dict[str, Any]) -> None:
    assert not run(one, service()).of(SINGLE)


# surge-port-conflict


def test_a_surge_that_cannot_bind_is_a_warning() -> None:
    assert run(workload(ON_NODE_PORT), service()).one(CONFLICT)["severity"] == "warning"


def test_as_many_replicas_as_nodes_hang() -> None:
    result = run(workload(ON_NODE_PORT, replicas=2), service(), node("a"), node("b"), node("c", unschedulable=True))
    assert result.one(CONFLICT)["severity"] == "error"
    assert result.change.patch == {"spec": rolling(maxUnavailable=1, maxSurge=0)}
    assert not result.applied().of(CONFLICT)


def test_without_surge_there_is_no_conflict() -> None:
    in_place = workload(ON_NODE_PORT, **rolling(maxSurge=0, maxUnavailable=1))
    assert not run(in_place, service()).of(CONFLICT)


def test_an_old_pod_that_may_go_first_frees_its_port() -> None:
    assert not run(workload(ON_NODE_PORT, **rolling(maxSurge=1, maxUnavailable=1)), service()).of(CONFLICT)
    assert not run(workload(ON_NODE_PORT, replicas=4), service(), node("a")).of(CONFLICT), "25 % of 4 is one"


def test_host_network_binds_the_declared_ports() -> None:
    assert run(workload(pod={"hostNetwork": True}), service()).of(CONFLICT)
    assert not run(workload(pod={"hostNetwork": False}), service()).of(CONFLICT)


def test_host_network_without_ports_binds_nothing_known() -> None:
    assert not run(workload(container(ports=None), pod={"hostNetwork": True}), service()).of(CONFLICT)
