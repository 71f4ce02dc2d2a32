# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as a source: which requests reading it takes, and what becomes of those that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    autoscaler,
    balancer,
    check_report,
    claim,
    claims_volume,
    disruption_budget,
    hooked,
    ingress,
    namespace_object,
    node,
    service,
    virtual_service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    LISTS,
    PAGE,
    VERSION,
    VIRTUAL_SERVICES,
    WORKLOAD_LISTS,
    Script,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

SERVICES, BUDGETS, SCALERS, CLAIMS, LEASES = LISTS[4:9]
INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
NODES, NAMESPACES = LISTS[-2:]


def audit(declared: Script, **given: Any) -> dict[str, Any]:
    options = options_of(**given)
    report = run_audit(source_of(declared, options), options).report
    check_report(report)
    return report


def reading(replaced: dict[str, Any], without: tuple[str, ...] = (), **given: Any) -> dict[str, Any]:
    """The report of one reading with these answers instead of empty lists."""
    with script() as declared:
        declared.expect_lists(replaced=replaced, without=without)
        return audit(declared, **given)


def unseen(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What the source has not seen; what a rule says of single workloads is the rule's affair."""
    entries = {(entry["rule"], entry["reason"], entry["scope"]) for entry in report["not_evaluated"]}
    return {entry for entry in entries if entry[2] != "workloads"}


def needing(kind: str) -> set[tuple[str, str, str]]:
    """What is not seen without the right to list this kind."""
    reason = f"forbidden: cannot list {CONTEXT_KINDS[kind].plural} (403)"
    scope = "all nodes" if kind == "Node" else "all namespaces"
    return {(rule.id, reason, scope) for rule in select_rules(None, None) if kind in rule.needs}


def test_a_whole_cluster_takes_one_list_a_kind() -> None:
    shop = {
        DEPLOYMENTS: items(workload(), workload(hooked(None), name="bare")),
        WORKLOAD_LISTS[1]: items(workload(kind="StatefulSet", name="db")),
        WORKLOAD_LISTS[2]: items(workload(kind="DaemonSet", name="agent")),
        WORKLOAD_LISTS[3]: items(workload(kind="CronJob", name="nightly")),
        SERVICES: items(service(), service("bare")),
        NODES: items(node("a", "v1.37.2")),
    }
    report = reading(shop)
    assert report["source"] == {"type": "cluster", "name": "test", "server_version": "v1.37.2", "requests": 23}
    assert report["kubernetes_version"] == {"value": "1.37", "assumed": False}
    judged = {(entry["kind"], entry["name"], entry["profile"]) for entry in report["workloads"]}
    assert judged == {
        ("Deployment", "web", "serving"),
        ("Deployment", "bare", "serving"),
        ("StatefulSet", "db", "worker"),
        ("DaemonSet", "agent", "worker"),
        ("CronJob", "nightly", "batch"),
    }
    assert {entry["reason"] for entry in report["not_evaluated"]} == {"evidence is off"}


def test_what_is_around_a_workload_reaches_the_rules() -> None:
    pinned = workload(hooked(None), pod=claims_volume("data"), replicas=4)
    around = {
        DEPLOYMENTS: items(pinned),
        SERVICES: items(balancer()),
        BUDGETS: items(disruption_budget(minAvailable=4)),
        SCALERS: items(autoscaler(4)),
        CLAIMS: items(claim("data", "ReadWriteOnce")),
        NODES: items(node("old", "v1.29.1"), node("new", "v1.37.2")),
    }
    report = reading(around)
    (entry,) = report["workloads"]
    assert {"lb-ip-targets", "autoscaled"} <= set(entry["traits"])
    rules = {finding["rule"]: finding for finding in report["findings"]}
    assert "pdb-blocks-eviction" in rules
    assert "Kubernetes 1.29" in rules["prestop-missing"]["reason"], "the oldest kubelet decides"


ADDONS = [path for path in LISTS if ".k8s.io/v1/h" in path or "grpc" in path or "gateways" in path or ".aws" in path]


def test_what_routes_to_a_workload_reaches_the_rules() -> None:
    around = {
        DEPLOYMENTS: items(workload(drain=None)),
        SERVICES: items(service()),
        INGRESSES: items(ingress(annotations={"alb.ingress.kubernetes.io/target-type": "ip"})),
        VIRTUAL_SERVICES: items(virtual_service(timeout="5m")),
        NAMESPACES: items(namespace_object("shop", team="x")),
    }
    report = reading(around)
    assert {"external-lb", "lb-ip-targets"} <= set(report["workloads"][0]["traits"])
    rules = {finding["rule"] for finding in report["findings"]}
    assert {"lb-deregistration-race", "lb-readiness-gate-missing", "long-request-exceeds-grace"} <= rules


def test_extensions_that_a_cluster_does_not_have_are_no_loss() -> None:
    assert len(ADDONS) == 4
    assert unseen(reading({path: failed(404) for path in (*ADDONS, VIRTUAL_SERVICES)})) == set()


@pytest.mark.parametrize(
    ("path", "kind"), [(INGRESSES, "Ingress"), (VIRTUAL_SERVICES, "VirtualService"), (ADDONS[0], "HTTPRoute")]
)
def test_routes_that_nobody_may_read_are(path: str, kind: str) -> None:
    assert unseen(reading({path: forbidden()})) == needing(kind) != set()


def test_labels_of_a_namespace_that_nobody_may_read_are_not_known() -> None:
    report = reading({DEPLOYMENTS: items(workload()), SERVICES: items(balancer()), NAMESPACES: forbidden()})
    reasons = {entry["rule"]: entry["reason"] for entry in report["not_evaluated"]}
    assert "forbidden: cannot list namespaces (403)" in reasons["lb-readiness-gate-missing"]


def test_only_named_namespaces_are_read_and_rights_there_are_enough() -> None:
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        for namespace in ("blog", "shop"):
            for path in LISTS[:-2]:
                group, _slash, plural = path.rpartition("/")
                found = items(workload()) if path == DEPLOYMENTS and namespace == "shop" else items()
                declared.expect("GET", f"{group}/namespaces/{namespace}/{plural}", found, query=PAGE)
            declared.expect("GET", f"/api/v1/namespaces/{namespace}", answer({"metadata": {"name": namespace}}))
        declared.expect("GET", NODES, forbidden(), query=PAGE)
        report = audit(declared, namespaces=["shop", "blog", "vault"], exclude_namespaces=["vau*"])
    assert [entry["name"] for entry in report["workloads"]] == ["web"]
    assert unseen(report) == needing("Node")
    assert ("sleep-action-unsupported", "forbidden: cannot list nodes (403)", "all nodes") in unseen(report)


def test_a_name_cannot_change_the_address() -> None:
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        declared.expect("GET", NODES, items(), query=PAGE)
        for path in LISTS[:-2]:
            group, _slash, plural = path.rpartition("/")
            declared.expect("GET", f"{group}/namespaces/shop%2F..%2F..%23x/{plural}", items(), query=PAGE)
        declared.expect("GET", "/api/v1/namespaces/shop%2F..%2F..%23x", failed(404))
        with pytest.raises(SourceError, match="there is no namespace"):
            audit(declared, namespaces=["shop/../..#x"])


@pytest.mark.parametrize("pattern", ["sh*", "sho?", "[s]hop"])
def test_patterns_need_the_whole_cluster_and_the_rest_counts_as_excluded(pattern: str) -> None:
    other = workload(name="other")
    other["metadata"]["namespace"] = "blog"
    report = reading({DEPLOYMENTS: items(workload(), other)}, namespaces=[pattern])
    assert [entry["namespace"] for entry in report["workloads"]] == ["shop"]
    assert report["summary"]["excluded"] == 1


def test_a_namespace_that_does_not_exist_is_no_all_clear() -> None:
    def declare(declared: Script, *namespaces: str) -> None:
        declared.expect("GET", "/version", answer(VERSION))
        declared.expect("GET", NODES, items(), query=PAGE)
        for namespace in namespaces:
            for path in LISTS[:-2]:
                group, _slash, plural = path.rpartition("/")
                declared.expect("GET", f"{group}/namespaces/{namespace}/{plural}", items(), query=PAGE)
            there = answer({"metadata": {"name": "shop"}}) if namespace == "shop" else failed(404, "not found")
            declared.expect("GET", f"/api/v1/namespaces/{namespace}", there)

    with script() as declared:
        declare(declared, "shop", "shpo")
        report = audit(declared, namespaces=["shop", "shpo"])
    assert unseen(report) == {("all", "there is no namespace shpo", "namespace shpo")}
    with script() as declared:
        declare(declared, "shpo")
        with pytest.raises(SourceError, match="test: there is no namespace shpo"):
            audit(declared, namespaces=["shpo"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (DEPLOYMENTS, {("all", "forbidden: cannot list deployments (403)", "Deployment in all namespaces")}),
        (BUDGETS, needing("PodDisruptionBudget")),
        (NODES, needing("Node")),
        (CLAIMS, needing("PersistentVolumeClaim")),
        (LEASES, needing("Lease")),
    ],
)
def test_a_refused_kind_is_told_with_its_scope(path: str, expected: set[tuple[str, ...]]) -> None:
    assert expected
    replaced = {WORKLOAD_LISTS[1]: items(workload(kind="StatefulSet", name="db"))}
    assert unseen(reading(replaced | {path: forbidden()})) == expected


def test_without_services_the_profile_is_unknown() -> None:
    report = reading({DEPLOYMENTS: items(workload(hooked(None))), SERVICES: forbidden()})
    (entry,) = report["workloads"]
    assert entry["profile"] == "unknown"
    assert "forbidden: cannot list services (403)" in entry["notes"][0]
    assert ("prestop-missing", "forbidden: cannot list services (403)", "all namespaces") in unseen(report)


def test_rules_that_were_not_asked_for_are_not_missed() -> None:
    assert (
        unseen(reading({BUDGETS: forbidden(), NODES: forbidden()}, (VIRTUAL_SERVICES,), rules=["prestop-missing"]))
        == set()
    )


def test_a_kind_that_the_server_does_not_have() -> None:
    report = reading({SCALERS: failed(404, "404 page not found")})
    reason = "the server has no horizontalpodautoscalers of version autoscaling/v2 (404)"
    assert ("single-replica", reason, "all namespaces") in unseen(report)


def test_a_namespace_without_any_right_is_one_entry() -> None:
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        declared.expect("GET", NODES, items(), query=PAGE)
        for namespace, found in (("shop", items()), ("vault", forbidden())):
            for path in LISTS[:-2]:
                group, _slash, plural = path.rpartition("/")
                declared.expect("GET", f"{group}/namespaces/{namespace}/{plural}", found, query=PAGE)
        declared.expect("GET", "/api/v1/namespaces/shop", answer({"metadata": {"name": "shop"}}))
        declared.expect("GET", "/api/v1/namespaces/vault", forbidden("get"))
        report = audit(declared, namespaces=["shop", "vault"])
    assert unseen(report) == {("all", "forbidden: cannot list any kind of workload (403)", "namespace vault")}


def test_no_right_at_all_is_one_message_with_the_user_and_what_to_apply() -> None:
    with pytest.raises(SourceError) as caught:
        reading({path: forbidden(user="system:serviceaccount:ci:audit") for path in LISTS})
    text = str(caught.value)
    assert text.startswith(
        "test: forbidden: user system:serviceaccount:ci:audit cannot list deployments in all namespaces (403)"
    )
    assert "roles/audit/files/rbac-cluster.yaml" in text
    assert "termination_namespaces" in text


def test_trouble_that_is_not_about_rights_ends_the_reading() -> None:
    with pytest.raises(SourceError, match=r"cannot list services in all namespaces \(400\): no"):
        reading({SERVICES: failed(400, "no")})


def test_a_server_that_hides_its_version_is_judged_as_the_assumed_one() -> None:
    with script() as declared:
        declared.expect("GET", "/version", forbidden("get"))
        for path in LISTS:
            declared.expect("GET", path, items(), query=PAGE)
        report = audit(declared)
    assert report["source"]["server_version"] is None
    assert report["kubernetes_version"]["assumed"]


def made_by(obj: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    obj["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    return obj


def test_what_a_judged_kind_made_is_judged_as_that() -> None:
    replicas = "/apis/apps/v1/replicasets"
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        for path in (DEPLOYMENTS, replicas, *LISTS[4:]):
            found = items()
            if path == DEPLOYMENTS:
                found = items(made_by(workload(), "Shop", "main"))
            if path == replicas:
                made = made_by(workload(kind="ReplicaSet", name="web-1"), "Deployment", "web")
                found = items(made, workload(kind="ReplicaSet", name="bare"))
            declared.expect("GET", path, found, query=PAGE)
        report = audit(declared, kinds=["Deployment", "ReplicaSet"])
    assert {entry["name"]: entry["owner"] for entry in report["workloads"]} == {"web": "Shop main", "bare": None}
    assert report["summary"]["excluded"] == 1


def test_only_what_tells_an_owner_is_kept_of_managed_fields() -> None:
    obj = workload(hooked(None))
    obj["status"] = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 3)
    obj["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    obj["metadata"]["managedFields"] = [
        {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {}}},
        {"manager": "team", "operation": "Apply", "fieldsV1": {}},
    ]
    with script() as declared:
        declared.expect_lists(replaced={DEPLOYMENTS: items(obj)})
        (kept,) = source_of(declared, options_of()).read().workloads
    assert kept.obj["kind"] == "Deployment" and kept.obj["apiVersion"] == "apps/v1"
    assert "status" not in kept.obj
    assert [entry["manager"] for entry in kept.obj["metadata"]["managedFields"]] == ["team"]
    assert set(kept.annotations) == {"graceful.termination/drain-seconds"}


def test_an_object_that_cannot_be_judged_is_told_by_its_name() -> None:
    broken = workload(name="odd")
    broken["spec"]["template"]["spec"]["containers"] = []
    report = reading({DEPLOYMENTS: items(broken, workload())})
    (entry,) = report["skipped"]
    assert entry["object"] == "shop/Deployment/odd"
    assert "no containers" in entry["reason"]


ARGO = {"argocd.argoproj.io/tracking-id": "store:apps/Deployment:shop/web"}


def only(**given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The finding and the workload of an audit of one bare Deployment; `namespace` and `annotations` are its own."""
    obj = workload(hooked(None), kind=given.pop("kind", "Deployment"), annotations=given.pop("annotations", None))
    namespace = {"metadata": {"name": "shop", "annotations": given.pop("of_namespace", {})}}
    obj["metadata"]["namespace"] = namespace["metadata"]["name"] = given.pop("namespace", "shop")
    near = service()
    near["metadata"]["namespace"] = obj["metadata"]["namespace"]
    replaced = {DEPLOYMENTS: items(obj), SERVICES: items(near), NAMESPACES: items(namespace)}
    report = reading(replaced | given.pop("replaced", {}), **given)
    (finding,) = [entry for entry in report["findings"] if entry["rule"] == "prestop-missing"]
    return finding, report["workloads"][0]


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease"])
def test_the_clusters_own_namespaces_are_never_patched(namespace: str) -> None:
    finding, _entry = only(namespace=namespace, patch_owned=True)
    assert finding["remedy"] == "manual"
    assert finding["reason"] == f"{namespace} is a system namespace: reported, never patched"


@pytest.mark.parametrize(("value", "allowed"), [("false", False), ("False", False), ("true", True), ("", True)])
def test_a_namespace_may_forbid_changes(value: str, allowed: bool) -> None:
    finding, entry = only(of_namespace={"graceful.termination/managed": value}, patch_owned=True)
    assert (finding["remedy"] == "auto") == allowed
    assert entry["patch"] is None
    if not allowed:
        assert finding["reason"] == "namespace shop allows no changes (annotation managed: false)"


def test_what_a_namespace_says_and_nobody_may_read_is_not_ignored() -> None:
    finding, _entry = only(replaced={NAMESPACES: forbidden()})
    assert finding["remedy"] == "manual"
    assert finding["reason"] == "unknown whether its namespace allows changes: forbidden: cannot list namespaces (403)"


def test_an_owned_workload_gets_a_patch_for_its_owner_instead() -> None:
    finding, entry = only(annotations=ARGO, report_dir="build/report")
    assert finding["remedy"] == "manual"
    assert finding["reason"] == (
        "Argo CD application store owns it: not patched live; patch in patches/shop/deployment-web.yaml"
    )
    assert entry["owner"] == "Argo CD application store"
    assert entry["patch"]["metadata"] == {"name": "web", "namespace": "shop"}
    assert entry["patch"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 40
    finding, _entry = only(annotations=ARGO)
    assert finding["reason"] == "Argo CD application store owns it: not patched live", "no file, no promise of one"


def test_an_owned_workload_is_patched_when_the_user_says_so() -> None:
    finding, entry = only(annotations=ARGO, patch_owned=True)
    assert finding["remedy"] == "auto"
    assert (entry["owner"], entry["patch"]) == ("Argo CD application store", None)


def test_opt_in_kinds_are_never_patched() -> None:
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        for path in ("/apis/apps/v1/replicasets", *LISTS[4:]):
            found = items(workload(hooked(None), kind="ReplicaSet")) if "replicasets" in path else items()
            declared.expect("GET", path, items(service()) if path == SERVICES else found, query=PAGE)
        report = audit(declared, kinds=["ReplicaSet"], patch_owned=True)
    assert report["summary"]["remediable"] == 0
