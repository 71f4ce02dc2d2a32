# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values for Helm: for a chart that is known, all of the fix or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge
from ansible_collections.graceful.termination.plugins.module_utils.plan.helm.charts import GRACE, LIFECYCLE, PARTS, Part
from ansible_collections.graceful.termination.plugins.module_utils.plan.helm.values import helm_values
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    hooked,
    run,
    service,
    workload,
)

IMAGE = "registry.k8s.io/ingress-nginx/controller:v1.11.3"
LABELS = {
    "helm.sh/chart": "ingress-nginx-4.11.3",
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/component": "controller",
}
RELEASE = {"meta.helm.sh/release-name": "edge"}
POD: dict[str, Any] = {"terminationGracePeriodSeconds": 60}


def released(
    *containers: dict[str, Any], labels: dict[str, str] | None = None, annotations: Any = None, **spec: Any
) -> dict[str, Any]:
    obj = workload(*(containers or [container("controller", image=IMAGE)]), **spec)
    obj["metadata"]["labels"] = LABELS | (labels or {})
    obj["metadata"]["annotations"] |= RELEASE if annotations is None else annotations
    return obj


def values(obj: dict[str, Any], spec: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any] | None:
    patch = {"spec": {**(spec or {}), "template": {"spec": pod or POD}}}
    found = helm_values(read_workload(obj), patch, merge(obj, patch))
    return found.values if found else None


def hook(name: str = "controller", **fields: Any) -> dict[str, Any]:
    return {"name": name} | (fields or {"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}})


def test_the_fields_of_a_patch_go_where_the_chart_takes_them() -> None:
    obj = released(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert values(obj, {"strategy": strategy, "minReadySeconds": 5}, **POD, containers=[hook()]) == {
        "controller": {
            "updateStrategy": {"type": "RollingUpdate"} | strategy,
            "minReadySeconds": 5,
            "terminationGracePeriodSeconds": 60,
            "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
        }
    }


def test_a_handler_that_is_swapped_goes_from_the_values_of_the_chart_too() -> None:
    swapped: dict[str, Any] = {"lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": 10}}}}
    found = values(released(), containers=[hook(**swapped)])
    assert found == {"controller": swapped}


def test_of_a_run() -> None:
    obj = released(hooked(None, "controller", image=IMAGE))
    found = run(obj, service(), refuses={"web": "Helm release edge owns it: not patched live"})
    helm = found.workload["helm"]
    assert (helm["chart"], helm["version"], helm["release"]) == ("ingress-nginx", "4.11.3", "edge")
    patch = found.workload["patch"]["spec"]["template"]["spec"]
    assert helm["values"]["controller"]["terminationGracePeriodSeconds"] == patch["terminationGracePeriodSeconds"]
    assert helm["values"]["controller"]["lifecycle"] == patch["containers"][0]["lifecycle"]
    assert run(obj, service()).workload["helm"] is None, "what is patched live needs no values"


def test_a_gitops_application_made_of_the_chart_has_no_release() -> None:
    patch = {"spec": {"template": {"spec": POD}}}
    obj = released(annotations={"argocd.argoproj.io/tracking-id": "edge:apps/Deployment:shop/web"})
    found = helm_values(read_workload(obj), patch, merge(obj, patch))
    assert found and found.release is None


@pytest.mark.parametrize(
    "labels",
    [
        {"helm.sh/chart": "ingress-nginx-3.41.0"},
        {"helm.sh/chart": "ingress-nginx-99.0.0"},
        {"helm.sh/chart": "ingress-nginx-4.11.3-beta.1"},
        {"helm.sh/chart": "ingress-nginx"},
        {"helm.sh/chart": "my-ingress-nginx-4.11.3"},
        {"app.kubernetes.io/component": "default-backend"},
        {"app.kubernetes.io/managed-by": "somebody"},
    ],
    ids=lambda labels: next(iter(labels.values())),
)
def test_what_is_not_known_has_none(labels: dict[str, str]) -> None:
    assert values(released()) is not None
    assert values(released(labels=labels)) is None


def test_a_chart_of_another_maker_has_none() -> None:
    assert values(released(container("controller", image="registry.example/mine:1"))) is None
    assert values(released(container("nginx", image=IMAGE))) is None


@pytest.mark.parametrize(
    "patch",
    [
        {"containers": [hook(), hook("sidecar")]},
        {"containers": [hook(startupProbe={"terminationGracePeriodSeconds": 9})]},
        {"containers": [hook(readinessProbe={"periodSeconds": 9})]},
        {"securityContext": {}},
    ],
    ids=["another container", "no key", "no field of a fix", "nor this"],
)
def test_half_a_fix_is_none(patch: dict[str, Any]) -> None:
    obj = released(container("controller", image=IMAGE), container("sidecar"))
    assert values(obj, **POD) is not None
    assert values(obj, **POD, **patch) is None


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.chart}/{part.component}")
def test_every_part_has_what_goes_together(part: Part) -> None:
    assert part.first <= part.last
    assert {GRACE, LIFECYCLE} <= set(part.keys), "a hook without time to run is no fix"
    assert len(set(part.keys.values())) == len(part.keys)
