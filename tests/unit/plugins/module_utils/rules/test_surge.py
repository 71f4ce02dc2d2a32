# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on rolling updates that start the new pod first, or do not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import NotEvaluated
from ansible_collections.graceful.termination.plugins.module_utils.rules.surge import RULES
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    claim,
    claims_volume,
    container,
    node,
    run,
    service,
    snapshot_of,
    workload,
)

GAP, DEADLOCK = "daemonset-rollout-gap", "surge-volume-deadlock"

# daemonset-rollout-gap


def agent(*containers: dict[str, Any], pod: dict[str, Any] | None = None, **rolling: Any) -> dict[str, Any]:
    """A DaemonSet whose rolling update has these fields."""
    strategy: dict[str, Any] = {}
    if rolling:
        strategy = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    return workload(*containers, kind="DaemonSet", pod=pod, **strategy)


def on(number: int, **port: Any) -> dict[str, Any]:
    """A container that serves on this port."""
    return container(ports=[{"containerPort": number, "name": "main"} | port])


@pytest.mark.parametrize("rolling", [{}, {"maxUnavailable": 1}, {"maxSurge": 0}, {"maxSurge": "0%"}])
def test_a_node_without_its_pod_is_an_info(rolling: dict[str, Any]) -> None:
    finding = run(agent(**rolling), service()).one(GAP)
    assert (finding["severity"], finding["remedy"]) == ("info", "manual")
    assert "maxUnavailable: 0\n      maxSurge: 1" in finding["snippet"], "one of the two must be zero"


@pytest.mark.parametrize(("number", "what"), [(53, "DNS (port 53)"), (80, "HTTP (port 80)"), (443, "HTTPS (port 443)")])
def test_what_all_others_need_is_a_warning(number: int, what: str) -> None:
    for target in (number, str(number), "main"):
        routed = service(ports=[{"port": 1000, "targetPort": target}])
        finding = run(agent(on(number)), routed).one(GAP)
        assert (finding["severity"], finding["numbers"]) == ("warning", {"port": number})
        assert what in finding["message"]


def test_the_port_of_the_service_says_nothing() -> None:
    assert run(agent(on(8080)), service(ports=[{"port": 80, "targetPort": 8080}])).one(GAP)["severity"] == "info"


def test_a_port_that_no_service_routes_to_is_no_evidence() -> None:
    both = container(ports=[{"containerPort": 8080}, {"containerPort": 80}])
    assert run(agent(both), service()).one(GAP)["severity"] == "info"


@pytest.mark.parametrize("pod", [{"hostNetwork": True}, None])
def test_two_pods_cannot_bind_one_port_of_a_node(pod: dict[str, Any] | None) -> None:
    obj = agent(on(8080) if pod else on(8080, hostPort=8080), pod=pod)
    assert not run(obj, service()).of(GAP)


def test_two_pods_of_one_node_share_its_files() -> None:
    volumes = [{"name": "state", "hostPath": {"path": "/var/lib/agent"}}]
    assert not run(agent(pod={"volumes": volumes}), service()).of(GAP)
    assert run(agent(pod={"volumes": [{"name": "state", "emptyDir": {}}]}), service()).of(GAP)


@pytest.mark.parametrize("surge", [1, "10%"])
def test_one_that_surges_has_no_gap(surge: int | str) -> None:
    assert not run(agent(maxSurge=surge, maxUnavailable=0), service()).of(GAP)


def test_on_delete_is_a_persons_own_pace() -> None:
    assert not run(workload(kind="DaemonSet", updateStrategy={"type": "OnDelete"}), service()).of(GAP)


def test_before_1_22_there_is_no_such_field() -> None:
    assert not run(agent(), service(), version="1.21").of(GAP)
    assert run(agent(), service(), version="1.22").of(GAP)


def test_an_agent_without_requests_is_not_missed() -> None:
    assert not run(agent()).of(GAP)
    scraped = service(ports=[{"name": "metrics", "port": 80, "targetPort": 8080}])
    assert not run(agent(), scraped).of(GAP)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_other_kinds_are_not_one_a_node(kind: str) -> None:
    assert not run(workload(kind=kind), service()).of(GAP)


@pytest.mark.parametrize("rolling", [{"maxSurge": True}, {"maxSurge": "much"}, {"maxSurge": []}])
def test_wrong_types_are_unreadable(rolling: dict[str, Any]) -> None:
    report = run(agent(**rolling), service()).report
    assert "maxSurge" in report["skipped"][0]["reason"]


# surge-volume-deadlock

POD = claims_volume("data")


def test_a_volume_of_one_node_is_a_warning() -> None:
    finding = run(workload(replicas=1, pod=POD), claim("data", "ReadWriteOnce")).one(DEADLOCK)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert finding["numbers"] == {"replicas": 1, "max_unavailable": 0}
    assert "type: Recreate\n    rollingUpdate: null" in finding["snippet"]


def test_a_volume_of_one_pod_is_an_error() -> None:
    assert run(workload(replicas=1, pod=POD), claim("data", "ReadWriteOncePod")).one(DEADLOCK)["severity"] == "error"


@pytest.mark.parametrize("rolling", [{"maxUnavailable": 1, "maxSurge": 0}, {"maxUnavailable": "50%"}])
def test_where_the_old_pod_goes_first(rolling: dict[str, Any]) -> None:
    obj = workload(replicas=2, pod=POD, strategy={"rollingUpdate": rolling})
    assert not run(obj, claim("data", "ReadWriteOnce")).of(DEADLOCK)


def test_recreate_is_the_remedy() -> None:
    obj = workload(pod=POD, strategy={"type": "Recreate"})
    assert not run(obj, claim("data", "ReadWriteOncePod")).of(DEADLOCK)


@pytest.mark.parametrize("modes", [("ReadWriteMany",), ("ReadOnlyMany",), ("ReadWriteOnce", "ReadWriteMany")])
def test_a_volume_that_many_may_mount(modes: tuple[str, ...]) -> None:
    assert not run(workload(pod=POD), claim("data", *modes)).of(DEADLOCK)


DISK = {"volumes": [{"name": "data", "awsElasticBlockStore": {"volumeID": "vol-1"}}]}


def test_a_disk_of_one_node_is_a_warning() -> None:
    finding = run(workload(replicas=1, pod=DISK)).one(DEADLOCK)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "data" in finding["message"]


@pytest.mark.parametrize("strategy", [{"type": "Recreate"}, {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}])
def test_the_old_pod_gives_its_disk_back_first(strategy: dict[str, Any]) -> None:
    assert not run(workload(replicas=1, pod=DISK, strategy=strategy)).of(DEADLOCK)


def test_a_disk_on_one_node_and_one_that_is_only_read() -> None:
    assert not run(workload(pod=DISK | {"nodeName": "a"})).of(DEADLOCK)
    read = {"volumes": [{"name": "data", "iscsi": {"targetPortal": "t", "iqn": "i", "lun": 0, "readOnly": True}}]}
    assert not run(workload(pod=read)).of(DEADLOCK)


@pytest.mark.parametrize("pinned", [{"nodeSelector": {"kubernetes.io/hostname": "a"}}, {"nodeName": "a"}])
def test_on_one_node_two_pods_share_it(pinned: dict[str, Any]) -> None:
    obj = workload(pod=POD | pinned)
    assert not run(obj, claim("data", "ReadWriteOnce")).of(DEADLOCK)
    assert run(obj, claim("data", "ReadWriteOncePod")).of(DEADLOCK), "but not two of them one pod's"


def test_a_cluster_of_one_node() -> None:
    around = (claim("data", "ReadWriteOnce"), node("a"))
    assert not run(workload(pod=POD), *around).of(DEADLOCK)
    assert run(workload(pod=POD), *around, node("b")).of(DEADLOCK)


def test_a_statefulset_makes_a_volume_for_each_pod() -> None:
    obj = workload(kind="StatefulSet", volumeClaimTemplates=[{"metadata": {"name": "data"}}])
    assert not run(obj, claim("data", "ReadWriteOnce")).of(DEADLOCK)


def test_a_volume_made_for_the_pod() -> None:
    obj = workload(pod={"volumes": [{"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]})
    result = run(obj)
    assert not result.of(DEADLOCK)
    assert DEADLOCK not in {entry["rule"] for entry in result.report["not_evaluated"]}


def test_without_pods_nothing_waits() -> None:
    assert not run(workload(replicas=0, pod=POD), claim("data", "ReadWriteOnce")).of(DEADLOCK)


def test_two_claims_are_one_finding() -> None:
    more = {"name": "more", "persistentVolumeClaim": {"claimName": "more"}}
    obj = workload(pod={"volumes": [*POD["volumes"], more]})
    found = run(obj, claim("data", "ReadWriteMany"), claim("more", "ReadWriteOnce")).one(DEADLOCK)
    assert "the claim more is ReadWriteOnce" in found["message"]


def unevaluated(result: Any) -> list[str]:
    """Why the rule could not be judged."""
    return [entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == DEADLOCK]


def test_a_claim_that_is_not_known_is_not_evaluated() -> None:
    (reason,) = unevaluated(run(workload(pod=POD), claim("other", "ReadWriteOnce")))
    assert "add the claim to the input" in reason
    assert unevaluated(run(workload(pod=POD), claim("data"))), "without modes as good as not known"


def test_only_where_it_matters() -> None:
    assert not unevaluated(run(workload()))
    assert not unevaluated(run(workload(pod=POD, strategy={"type": "Recreate"})))
    assert not unevaluated(run(workload(pod=POD, strategy={"rollingUpdate": {"maxUnavailable": 1}})))
    assert not unevaluated(run(workload(kind="DaemonSet", pod=POD)))


def test_without_the_right_to_see_claims_it_is_not_evaluated() -> None:
    snapshot = snapshot_of([])
    snapshot.context.coverage.miss("PersistentVolumeClaim", "", "refused")
    case = open_case(read_workload(workload(pod=POD)), snapshot.context, Policy(), snapshot.version)
    (rule,) = (rule for rule in RULES if rule.id == DEADLOCK)
    assert list(rule.check(case)) == [NotEvaluated("refused")]


def test_workers_wait_too() -> None:
    obj = workload(pod=POD, annotations={PROFILE: "worker"})
    assert run(obj, claim("data", "ReadWriteOnce")).of(DEADLOCK)


@pytest.mark.parametrize("name", [5, ["data"], {"a": 1}])
def test_a_claim_name_of_a_wrong_type_is_unreadable(name: Any) -> None:
    report = run(workload(pod={"volumes": [{"persistentVolumeClaim": {"claimName": name}}]})).report
    assert "claimName" in report["skipped"][0]["reason"]
