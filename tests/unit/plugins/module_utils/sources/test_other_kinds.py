# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs pods on a cluster and is not judged is counted, by its metadata and within a limit."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    check_report,
    hooked,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    LISTS,
    PAGE,
    VERSION,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

PODS, JOBS, SETS = "/api/v1/pods", "/apis/batch/v1/jobs", "/apis/apps/v1/replicasets"
ROLLOUTS, CLONES = "/apis/argoproj.io/v1alpha1/rollouts", "/apis/apps.kruise.io/v1alpha1/clonesets"


def named(name: str, *, made_by: str = "", namespace: str = "shop") -> dict[str, Any]:
    owners = [{"kind": made_by, "name": "x", "controller": True}] if made_by else []
    return {"metadata": {"name": name, "namespace": namespace, "ownerReferences": owners}}


def groups(*names: str) -> Any:
    return answer({"groups": [{"name": name, "versions": [{"groupVersion": f"{name}/v1alpha1"}]} for name in names]})


def reading(found: dict[str, Any], around: dict[str, Any] | None = None, **given: Any) -> tuple[dict[str, Any], Any]:
    """The report of a cluster with these answers for what is not judged, and how each was asked for."""
    with script() as declared:
        for path, reply in found.items():
            replies = reply if isinstance(reply, list) else [reply]
            for number, one in enumerate(replies):
                following = (("continue", "more"),) if number else ()
                declared.expect("GET", path, one, query=() if path == "/apis" else (*PAGE, *following))
        declared.expect_lists(replaced=around or {DEPLOYMENTS: items(workload())})
        options = options_of(**given)
        report = run_audit(source_of(declared, options), options).report
        check_report(report)
        return report, declared.accepted


def test_each_is_counted_by_kind_and_only_metadata_is_read() -> None:
    found = {
        PODS: items(named("alone"), named("made", made_by="ReplicaSet"), named("static", made_by="Node")),
        JOBS: items(named("migrate"), named("nightly-1", made_by="CronJob")),
        SETS: items(named("web-1", made_by="Deployment")),
    }
    report, accepted = reading(found)
    assert report["summary"]["not_judged"] == {"Job": 1, "Pod": 1}
    assert (report["summary"]["found"], report["summary"]["workloads"]) == (3, 1)
    assert {accepted[path] for path in found} == {"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}


def test_extensions_are_asked_only_where_they_are() -> None:
    found = {
        "/apis": groups("apps.kruise.io"),
        CLONES: items(named("cart")),
        "/apis/apps.kruise.io/v1alpha1/statefulsets": items(named("db")),
        "/apis/apps.kruise.io/v1alpha1/daemonsets": failed(404),
        "/apis/apps.kruise.io/v1alpha1/uniteddeployments": items(),
        "/apis/apps.kruise.io/v1alpha1/broadcastjobs": items(),
        "/apis/apps.kruise.io/v1alpha1/advancedcronjobs": items(),
    }
    report, _accepted = reading(found)
    assert report["summary"]["not_judged"] == {"CloneSet.apps.kruise.io": 1, "StatefulSet.apps.kruise.io": 1}
    assert not [entry for entry in report["not_evaluated"] if entry["rule"] == "all"]


def test_what_may_not_be_listed_is_said() -> None:
    report, _accepted = reading({PODS: forbidden(), "/apis": forbidden()})
    said = {(entry["reason"], entry["scope"]) for entry in report["not_evaluated"] if entry["rule"] == "all"}
    assert said == {
        ("forbidden: cannot list pods (403): whether some are not judged is not known", "Pod in all namespaces"),
        ("forbidden: cannot list API groups (403)", "kinds that run pods"),
    }


def test_a_list_that_goes_on_is_not_read_to_its_end() -> None:
    pages = [items(named(f"pod-{number}"), following="more") for number in range(10)]
    report, _accepted = reading({PODS: pages})
    assert report["summary"]["not_judged"] == {"Pod": 10}
    [entry] = [entry for entry in report["not_evaluated"] if entry["rule"] == "all"]
    assert entry["reason"] == "only the first 5,000 pods were looked at for some that are not judged"


def test_what_the_selection_leaves_out_is_excluded() -> None:
    report, _accepted = reading({PODS: items(named("a"), named("b", namespace="blog"))}, namespaces=["sh*"])
    assert (report["summary"]["not_judged"], report["summary"]["excluded"]) == ({"Pod": 1}, 1)


def test_what_is_judged_is_not_counted_again() -> None:
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        for path in (SETS, *LISTS[4:]):
            found = items(workload(kind="ReplicaSet")) if path == SETS else items()
            declared.expect("GET", path, found, query=PAGE)
        options = options_of(kinds=["ReplicaSet"])
        summary = run_audit(source_of(declared, options), options).report["summary"]
    assert (summary["workloads"], summary["not_judged"]) == (1, {})


def test_what_a_rollout_runs_is_not_off_and_not_patched() -> None:
    rollout = named("web") | {"spec": {"replicas": 4, "workloadRef": {"kind": "Deployment", "name": "web"}}}
    found = {
        "/apis": groups("argoproj.io"),
        ROLLOUTS: items(rollout),
        "/apis/argoproj.io/v1alpha1/workflows": failed(404),
        "/apis/argoproj.io/v1alpha1/cronworkflows": failed(404),
    }
    around = {DEPLOYMENTS: items(workload(hooked(None), replicas=0)), "/api/v1/services": items(service())}
    report, _accepted = reading(found, around)
    [entry] = report["workloads"]
    assert (entry["replicas"], "scaled-to-zero" in entry["traits"]) == (4, False)
    [finding] = [one for one in report["findings"] if one["rule"] == "prestop-missing"]
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "Rollout web runs its template" in finding["reason"]
