# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings grouped by what they come from. That the groups add up is checked on every report, in factory.py."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.report.causes import causes, sources_line
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Origin, read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    TEMPLATES,
    Memory,
    container,
    hooked,
    run,
    service,
    snapshot_of,
    workload,
)

TWO = tuple(rule for rule in RULES if rule.id in ("prestop-missing", "pdb-missing"))
HELM = {"app.kubernetes.io/managed-by": "Helm"}
RELEASE = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}


def bare(
    name: str, labels: dict[str, str] | None = None, notes: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    """A workload without preStop; unless told otherwise its pod is like no other."""
    fields = fields or {"image": f"registry.example/x:{name}{len(name)}"}
    obj = workload(hooked(None, **fields), name=name, annotations=notes)
    return obj | {"metadata": obj["metadata"] | {"labels": labels or {}}}


def sources(*objects: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(type, name, workloads) of each source."""
    return [(entry["type"], entry["name"], entry["workloads"]) for entry in run(*objects).report["causes"]]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("web-base-1.2.3", "web-base"),
        ("web-base-2-1.0.0", "web-base-2"),
        ("web-v2.0.1-rc.1_build.5", "web"),
        ("web-1.2", "web"),
        ("web-1.0.0-rc-1.2", "web"),
        ("web", "web"),
    ],
)
def test_a_chart_is_one_source_whatever_its_version(label: str, name: str) -> None:
    objects = [bare("a", {"helm.sh/chart": label}), bare("b", {"helm.sh/chart": f"{name}-9.9.9"})]
    assert sources(*objects, service("a"), service("b")) == [("chart", name, 2)]


@pytest.mark.parametrize(
    ("labels", "notes", "source"),
    [
        ({"helm.sh/chart": "web-1.0.0", "argocd.argoproj.io/instance": "x"}, {}, ("chart", "web")),
        ({}, {"argocd.argoproj.io/tracking-id": "x:apps/Deployment:a/b"}, ("application", "Argo CD application x")),
        ({"argocd.argoproj.io/instance": "x"}, {}, ("application", "Argo CD application x")),
        ({"helm.toolkit.fluxcd.io/name": "x"}, {}, ("application", "Flux HelmRelease x")),
        ({"kustomize.toolkit.fluxcd.io/name": "x"}, {}, ("application", "Flux Kustomization x")),
        (HELM, RELEASE, ("release", "Helm release shop")),
    ],
)
def test_what_writes_the_workloads_is_their_source(
    labels: dict[str, str], notes: dict[str, str], source: tuple[str, str]
) -> None:
    objects = [bare("a", labels, notes), bare("b", labels, notes)]
    assert sources(*objects, service("a"), service("b")) == [(*source, 2)]


def test_helms_label_alone_is_no_release() -> None:
    assert [kind for kind, _name, _amount in sources(bare("a", HELM), service("a"))] == ["pod"]


def test_pods_that_differ_in_names_alone_are_one_source() -> None:
    alike = [bare(name, env=[{"name": f"{name}_URL", "value": f"http://{name}.shop"}]) for name in ("api", "web")]
    alike[1]["spec"]["template"]["spec"]["containers"][0] |= {"name": "other", "image": "registry.example/web:1"}
    alike[0]["spec"]["template"]["spec"]["containers"][0] |= {"image": "registry.example/api:1"}
    alike[1]["spec"]["template"]["metadata"]["labels"]["team"] = "b"
    other = bare("blog", image="registry.example/blog:2")
    found = sources(*alike, other, *map(service, ("api", "web", "blog")))
    assert found == [("pod", "shop/Deployment/api", 2), ("pod", "shop/Deployment/blog", 1)]


def test_a_short_name_is_not_cut_out_of_other_words() -> None:
    first, second = bare("a", image="data/a:1"), bare("b", image="dbtb/b:1")
    assert len(sources(first, second, service("a"), service("b"))) == 2


@pytest.mark.parametrize(
    ("image", "amount"),
    [("web", 1), ("http://web.shop/web", 1), ("x/web-web:1", 1), ("x/webs", 2), ("x/web1", 2), ("x/aweb", 2)],
)
def test_a_name_counts_only_where_it_is_part_of_another_word(image: str, amount: int) -> None:
    first, second = bare("web", image=image), bare("api", image=image.replace("web", "api"))
    assert len(sources(first, second, service("web"), service("api"))) == amount


def test_aliases_of_aliases_are_hashed_once() -> None:
    bomb: Any = ["x"]
    for _level in range(60):
        bomb = [bomb, bomb]
    one = bare("a")
    one["spec"]["template"]["spec"]["tolerations"] = bomb
    snapshot = snapshot_of([one, service("a")])
    (found,) = causes(audit(snapshot, Memory(), RULES, Policy(), Snippets(TEMPLATES)), snapshot)
    assert found["type"] == "pod"


def test_manifests_of_one_kustomization_are_one_source() -> None:
    files = ["shop/base/a.yaml", "shop/base/b.yaml", "shop/deep/c.yaml", "d.yaml"]
    snapshot = snapshot_of([service(name) for name in "abcd"])
    snapshot.bases = {"shop/base", "shop", "."}
    objects = [bare(name) for name in "abcd"]
    snapshot.workloads = [read_workload(obj, Origin(file, 1)) for obj, file in zip(objects, files, strict=True)]
    judged = audit(snapshot, Memory(), RULES, Policy(), Snippets(TEMPLATES))
    assert [(entry["type"], entry["name"], entry["objects"]) for entry in causes(judged, snapshot)] == [
        ("base", "shop/base", ["shop/Deployment/a", "shop/Deployment/b"]),
        ("base", ".", ["shop/Deployment/d"]),
        ("pod", "shop/Deployment/c", ["shop/Deployment/c"]),
    ]


def test_the_source_of_most_findings_comes_first_and_waived_ones_do_not_count() -> None:
    chart, more = {"helm.sh/chart": "small-1.0.0"}, {"helm.sh/chart": "zlarge-1.0.0"}
    objects = [bare("a", chart), bare("b", more), bare("c", more), *map(service, "abc")]
    report = run(*objects, rules=TWO).report
    assert [entry["name"] for entry in report["causes"]] == ["zlarge", "small"]
    assert report["causes"][1]["rules"] == {"pdb-missing": 1, "prestop-missing": 1}
    assert sources_line(report) == "6 findings come from 2 sources: chart zlarge 4, chart small 2"
    waived = run(*objects, rules=TWO, waivers=[{"rule": "*", "name": "[bc]", "reason": "x"}]).report
    assert [entry["name"] for entry in waived["causes"]] == ["small"]
    assert sources_line(waived) == ""


def test_healthy_workloads_have_no_source() -> None:
    assert sources(workload(container())) == []
