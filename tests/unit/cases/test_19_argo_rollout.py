# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever has Rollouts only is told that they were seen and not judged; so it is with all that runs pods.

Reported as argoproj/argo-rollouts#3693, #4534 and #478.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.report import markdown, terminal
from ansible_collections.graceful.termination.plugins.plugin_utils.report_action import _nothing_judged
from ansible_collections.graceful.termination.tests.unit.manifest_runs import severities

Audited = Callable[..., dict[str, Any]]
NAME = "19-argo-rollout"

CONTAINERS = "containers: [{name: app, image: 'r.example/app:1', ports: [{containerPort: 8080}]}]"
TEMPLATE = f"template: {{metadata: {{labels: {{app: web}}}}, spec: {{{CONTAINERS}}}}}"


def obj(version: str, kind: str, spec: str, name: str = "web", more: str = "") -> str:
    metadata = f"{{name: {name}, namespace: shop, labels: {{app: web}}{more}}}"
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\nspec: {{{spec}}}\n"


def deployment(replicas: int, more: str = "") -> str:
    return obj(
        "apps/v1", "Deployment", f"replicas: {replicas}, selector: {{matchLabels: {{app: web}}}}, {TEMPLATE}{more}"
    )


SERVICE = obj("v1", "Service", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]")


@pytest.fixture
def counts(tmp_path: Path, audited: Audited) -> Callable[..., dict[str, Any]]:
    """counts(text, **options): the summary of an audit of a file with this text."""

    def count(text: str, **options: Any) -> dict[str, Any]:
        (tmp_path / "objects.yaml").write_text(text)
        return audited(tmp_path, **options)["summary"]

    return count


def test_with_the_defaults_it_is_seen_and_not_judged(audited: Audited) -> None:
    report = audited(NAME)
    assert (report["summary"]["found"], report["summary"]["workloads"]) == (1, 0)
    assert report["summary"]["not_judged"] == {"Rollout": 1}
    how = "name it in kinds (termination_kinds), beside Deployment, StatefulSet, DaemonSet, CronJob"
    screen = " ".join(terminal.render(report, width=200, color=False).split())
    page = markdown.render(report).replace("\\", "").replace("\u2060", "")
    assert "1 found = 0 judged + 0 excluded + 0 unreadable + 1 not judged (Rollout 1)" in screen
    assert how in screen
    assert how in page
    assert "name Rollout in kinds (termination_kinds) to judge them" in str(_nothing_judged(report))


def test_asked_for_it_is_judged(audited: Audited) -> None:
    report = audited(NAME, kinds=["Rollout"])
    assert report["summary"]["not_judged"] == {}
    assert severities(report, "cart") == {"prestop-exceeds-grace": "error", "pdb-blocks-eviction": "error"}


OTHERS = {
    "Job": obj("batch/v1", "Job", TEMPLATE),
    "ReplicaSet": obj("apps/v1", "ReplicaSet", TEMPLATE),
    "Rollout": obj("argoproj.io/v1alpha1", "Rollout", TEMPLATE),
    "Pod": obj("v1", "Pod", CONTAINERS),
    "ReplicationController": obj("v1", "ReplicationController", TEMPLATE),
    "DeploymentConfig.apps.openshift.io": obj("apps.openshift.io/v1", "DeploymentConfig", TEMPLATE),
    "Service.serving.knative.dev": obj("serving.knative.dev/v1", "Service", TEMPLATE),
    "CloneSet.apps.kruise.io": obj("apps.kruise.io/v1alpha1", "CloneSet", TEMPLATE),
    "StatefulSet.apps.kruise.io": obj("apps.kruise.io/v1beta1", "StatefulSet", TEMPLATE),
    "DaemonSet.apps.kruise.io": obj("apps.kruise.io/v1alpha1", "DaemonSet", TEMPLATE),
    "ScaledJob.keda.sh": obj("keda.sh/v1alpha1", "ScaledJob", f"jobTargetRef: {{{TEMPLATE}}}"),
    "CronWorkflow.argoproj.io": obj("argoproj.io/v1alpha1", "CronWorkflow", "schedule: '* * * * *'"),
    "Game.games.example": obj("games.example/v1", "Game", f"server: {{pod: {{{CONTAINERS}}}}}"),
    "Template.template.openshift.io": (
        "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: t}\n"
        f"objects: [{{spec: {{{TEMPLATE}}}}}]\n"
    ),
}


@pytest.mark.parametrize("title", OTHERS)
def test_whatever_runs_pods_is_in_a_count(counts: Callable[..., dict[str, Any]], title: str) -> None:
    summary = counts(OTHERS[title] + deployment(1))
    assert (summary["found"], summary["workloads"], summary["not_judged"]) == (2, 1, {title: 1})


NOT = {
    "a Service": SERVICE,
    "a ConfigMap": (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {containers: '[{name: a, image: b}]'}\n"
    ),
    "a definition": obj(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "versions: [{schema: {containers: {type: array}}}]"
    ),
    "an autoscaler": obj("autoscaling/v2", "HorizontalPodAutoscaler", "scaleTargetRef: {kind: Deployment, name: web}"),
    "names alone": obj("policy.example/v1", "Allowed", "containers: [app, sidecar]"),
}


@pytest.mark.parametrize("text", NOT.values(), ids=NOT)
def test_what_runs_none_is_not(counts: Callable[..., dict[str, Any]], text: str) -> None:
    summary = counts(text + deployment(1))
    assert (summary["found"], summary["not_judged"]) == (1, {})


def test_what_the_selection_leaves_out_is_excluded(counts: Callable[..., dict[str, Any]]) -> None:
    summary = counts(OTHERS["Pod"] + deployment(1), namespaces=["blog"])
    assert (summary["excluded"], summary["not_judged"]) == (2, {})


def test_what_a_workload_of_the_input_made_is_judged_as_that(counts: Callable[..., dict[str, Any]]) -> None:
    def made(kind: str, name: str) -> str:
        return f", ownerReferences: [{{kind: {kind}, name: {name}, controller: true}}]"

    replica_set = obj("apps/v1", "ReplicaSet", TEMPLATE, "web-1", made("Deployment", "web"))
    pod = obj("v1", "Pod", CONTAINERS, "web-1-a", made("ReplicaSet", "web-1"))
    summary = counts(deployment(1) + replica_set + pod)
    assert (summary["workloads"], summary["excluded"], summary["not_judged"]) == (1, 2, {})
    summary = counts(deployment(1) + replica_set + pod, kinds=["Deployment", "ReplicaSet"])
    assert (summary["workloads"], summary["excluded"], summary["not_judged"]) == (1, 2, {})
    summary = counts(replica_set + pod)
    assert (summary["workloads"], summary["excluded"], summary["not_judged"]) == (0, 1, {"ReplicaSet": 1})


ROLLOUT = "replicas: 5, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}, strategy: {canary: {}}"
CARRIED = obj("argoproj.io/v1alpha1", "Rollout", ROLLOUT)


def test_a_template_that_a_rollout_runs_is_not_off(tmp_path: Path, audited: Audited) -> None:
    strategy = ", strategy: {type: Recreate}"
    (tmp_path / "web.yaml").write_text(deployment(0, strategy) + SERVICE)
    [workload] = audited(tmp_path)["workloads"]
    assert workload["traits"] == ["scaled-to-zero"]
    (tmp_path / "web.yaml").write_text(deployment(0, strategy) + SERVICE + CARRIED)
    report = audited(tmp_path)
    [workload] = report["workloads"]
    assert (workload["traits"], workload["replicas"]) == ([], 5)
    assert workload["notes"] == ["Rollout web runs its pods (workloadRef): its own number and strategy are not used"]
    assert severities(report, "web")["prestop-missing"] == "warning"
    assert "recreate-strategy-serving" not in {finding["rule"] for finding in report["findings"]}
    assert report["summary"]["not_judged"] == {"Rollout": 1}


def test_an_autoscaler_of_the_rollout_sets_the_number(tmp_path: Path, audited: Audited) -> None:
    spec = "minReplicas: 7, scaleTargetRef: {kind: Rollout, name: web}"
    scaler = obj("autoscaling/v2", "HorizontalPodAutoscaler", spec)
    (tmp_path / "web.yaml").write_text(deployment(0) + SERVICE + CARRIED + scaler)
    report = audited(tmp_path)
    assert report["workloads"][0]["traits"] == ["autoscaled"]
    [finding] = [one for one in report["findings"] if one["rule"] == "pdb-missing"]
    assert finding["numbers"] == {"replicas": 7}


def test_a_rollout_of_another_namespace_or_object_is_none_of_its_business(tmp_path: Path, audited: Audited) -> None:
    for carried in (CARRIED.replace("shop", "blog"), CARRIED.replace("name: web}, strategy", "name: api}, strategy")):
        (tmp_path / "web.yaml").write_text(deployment(0) + SERVICE + carried)
        assert audited(tmp_path)["workloads"][0]["traits"] == ["scaled-to-zero"]
