# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one object is or does ends no run: it is one unreadable, and all others are judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import judge
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import Barrier, barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.plan import audit as auditing
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    check_report,
    namespace_object,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    LISTS,
    answer,
    items,
    options_of,
    script,
    source_of,
)

SERVICES, NAMESPACES = LISTS[4], LISTS[-1]


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run of a user."""
    monkeypatch.setattr(Barrier, "transparent", False)


def report_of(replaced: dict[str, Any], **given: Any) -> dict[str, Any]:
    options = options_of(**given)
    with script() as declared:
        declared.expect_lists(replaced=replaced)
        report = run_audit(source_of(declared, options), options).report
    check_report(report)
    return report


def listed(*objects: Any) -> Answer:
    return answer({"metadata": {}, "items": list(objects)})


def deep(levels: int) -> Any:
    value: Any = "x"
    for _level in range(levels):
        value = [value]
    return value


ODD: dict[str, Any] = {
    "text": "text",
    "null": None,
    "a list": [1],
    "a number": 7,
    "metadata null": {"metadata": None, "spec": {}},
    "metadata text": {"metadata": "x"},
    "metadata a list": {"metadata": ["x"]},
    "no metadata": {},
    "annotations text": {"metadata": {"name": "odd", "namespace": "shop", "annotations": "x"}},
    "managedFields text": {"metadata": {"name": "odd", "namespace": "shop", "managedFields": "x"}},
    "managedFields of texts": {"metadata": {"name": "odd", "namespace": "shop", "managedFields": ["x"]}},
    "status text": {"metadata": {"name": "odd", "namespace": "shop"}, "status": "x"},
    "conditions text": {"metadata": {"name": "odd", "namespace": "shop"}, "status": {"conditions": "x"}},
    "name a map": {"metadata": {"name": {"a": 1}, "namespace": "shop"}},
    "namespace a list": {"metadata": {"name": "odd", "namespace": ["shop"]}},
    "spec text": {"metadata": {"name": "odd", "namespace": "shop"}, "spec": "x"},
    "half a surrogate pair": {"metadata": {"name": "odd\ud800", "namespace": "shop"}, "spec": {}},
    "deep": {"metadata": {"name": "odd", "namespace": "shop"}, "spec": {"template": deep(400)}},
}


@pytest.mark.parametrize("name", ODD)
def test_one_odd_workload_is_one_unreadable(name: str) -> None:
    report = report_of({DEPLOYMENTS: listed(json.loads(json.dumps(workload())), ODD[name])})
    assert [entry["name"] for entry in report["workloads"]] == ["web"]
    assert report["summary"]["unreadable"] == 1
    (skipped,) = report["skipped"]
    assert "Deployment" in skipped["object"]
    json.dumps(report, ensure_ascii=True)


@pytest.mark.parametrize("name", ODD)
def test_one_odd_service_leaves_the_workloads(name: str) -> None:
    report = report_of({DEPLOYMENTS: items(workload()), SERVICES: listed(ODD[name])})
    assert [entry["name"] for entry in report["workloads"]] == ["web"]


@pytest.mark.parametrize("name", ODD)
def test_one_odd_namespace_forbids_changes_where_nothing_is_known(name: str) -> None:
    report = report_of({DEPLOYMENTS: items(workload()), NAMESPACES: listed(ODD[name], namespace_object("other"))})
    assert [entry["name"] for entry in report["workloads"]] == ["web"]


def test_an_error_of_ours_is_one_unreadable_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:

    def faulty(case: Any, rules: Any) -> Any:
        if case.workload.name == "bad":
            raise KeyError("s3cr3t")
        return judge(case, rules)

    monkeypatch.setattr(auditing, "judge", faulty)
    report = report_of({DEPLOYMENTS: items(workload(), workload(name="bad")), SERVICES: items(service())})
    assert [entry["name"] for entry in report["workloads"]] == ["web"]
    (skipped,) = report["skipped"]
    assert skipped["object"] == "shop/Deployment/bad"
    assert skipped["reason"].startswith("an unexpected KeyError at ")
    assert "s3cr3t" not in json.dumps(report)


@pytest.mark.parametrize("error", [SourceError("the server is away"), Unreadable("spec is text")])
def test_what_is_foreseen_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, barrier():
        raise error
    assert caught.value is error


def test_tests_see_programming_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Barrier, "transparent", True)
    with pytest.raises(ZeroDivisionError), barrier():
        raise ZeroDivisionError


def test_who_ends_a_run_is_not_held_up() -> None:
    with pytest.raises(KeyboardInterrupt), barrier():
        raise KeyboardInterrupt
