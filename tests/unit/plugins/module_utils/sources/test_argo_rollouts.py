# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts of Argo: judged as what they are a Deployment for, and never changed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    autoscaler,
    claim,
    claims_volume,
    disruption_budget,
    hooked,
    run,
    service,
    sleeping,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    LISTS,
    PAGE,
    VERSION,
    answer,
    failed,
    items,
    options_of,
    script,
    source_of,
)

PATH = "/apis/argoproj.io/v1alpha1/rollouts"
CANARY = {"canary": {"maxSurge": "25%", "maxUnavailable": 1, "steps": [{"setWeight": 20}]}}


def rollout(*containers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Rollout with a canary strategy."""
    return workload(*containers, kind="Rollout", **({"strategy": CANARY} | fields))


def test_it_serves_as_a_deployment_does() -> None:
    result = run(rollout(hooked(None)), service())
    assert (result.workload["profile"], result.workload["replicas"]) == ("serving", 3)
    finding = result.one("prestop-missing")
    assert (finding["severity"], finding["apiVersion"]) == ("warning", "argoproj.io/v1alpha1")
    assert finding["path"].startswith("spec.template.spec.containers")


def test_it_is_never_changed() -> None:
    result = run(rollout(sleeping(30)), service())
    assert not result.audit.changes
    assert (
        "a Rollout is not changed: a custom resource does not accept" in result.one("prestop-exceeds-grace")["reason"]
    )


@pytest.mark.parametrize("strategy", [CANARY, {"blueGreen": {"activeService": "web"}}, None])
def test_its_strategy_is_not_that_of_a_deployment(strategy: dict[str, Any] | None) -> None:
    pod = claims_volume("data")
    rules = run(rollout(strategy=strategy, pod=pod), service(), claim("data", "ReadWriteOnce")).rules
    assert not {"rollout-loses-capacity", "recreate-strategy-serving", "surge-volume-deadlock"} & set(rules)


def test_it_is_drained_and_scaled_as_a_deployment_is() -> None:
    assert "pdb-missing" in run(rollout(), service()).rules
    assert "pdb-missing" not in run(rollout(), service(), disruption_budget()).rules
    assert "single-replica" in run(rollout(replicas=1), service()).rules
    assert "single-replica" not in run(rollout(replicas=1), service(), autoscaler(2, kind="Rollout")).rules
    assert "scaled-to-zero" in run(rollout(replicas=0), service()).workload["traits"]


def test_without_a_template_it_is_judged_as_what_it_refers_to() -> None:
    obj = rollout(template=None, workloadRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
    with pytest.raises(Unreadable, match=r"spec\.workloadRef: its pod template is in another object"):
        read_workload(obj)


@pytest.mark.parametrize("field", [{"replicas": "3"}, {"template": []}, {"template": {"spec": {"containers": {}}}}])
def test_wrong_types_are_unreadable(field: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_workload(rollout(**field))


def test_it_is_looked_at_only_when_asked_for(tmp_path: Any) -> None:
    (tmp_path / "rollout.yaml").write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\n"
        "spec: {template: {spec: {containers: [{name: app, image: a}]}}}\n"
    )

    def kinds(**options: Any) -> list[str]:
        selection = Selection.from_options(options)
        source = ManifestSource(str(tmp_path), "shop", selection, parse_version("1.34"), version_assumed=True)
        return [one.kind for one in source.read().workloads]

    assert kinds() == []
    assert kinds(kinds=["Rollout"]) == ["Rollout"]


def read(kinds: list[str], lists: tuple[str, ...], found: Any) -> dict[str, Any]:
    """The report of a cluster with these kinds selected, whose Rollouts are this answer."""
    with script() as declared:
        declared.expect("GET", "/version", answer(VERSION))
        declared.expect("GET", PATH, found, query=PAGE)
        for path in lists:
            declared.expect("GET", path, items(), query=PAGE)
        options = options_of(kinds=kinds)
        return run_audit(source_of(declared, options), options).report


def test_a_cluster_lists_them_by_their_own_address() -> None:
    report = read(["Rollout"], LISTS[4:], items(rollout()))
    assert [entry["kind"] for entry in report["workloads"]] == ["Rollout"]


def test_a_cluster_without_argo_says_so_and_judges_the_rest() -> None:
    report = read(["Deployment", "Rollout"], (LISTS[0], *LISTS[4:]), failed(404, "404 page not found"))
    assert {
        "rule": "all",
        "reason": "the server has no rollouts of version argoproj.io/v1alpha1 (404)",
        "scope": "Rollout in all namespaces",
        "count": 1,
    } in report["not_evaluated"]


def test_a_cluster_without_argo_has_nothing_to_judge() -> None:
    message = r"test: the server has no rollouts \(argoproj\.io/v1alpha1\): set kinds"
    with pytest.raises(SourceError, match=message):
        read(["Rollout"], LISTS[4:], failed(404, "404 page not found"))
