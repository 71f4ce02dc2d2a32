# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster does not show, or shows in a form that cannot be read, is unknown: never absent."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import TRIES
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version, oldest_kubelet_of
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    claims_volume,
    container,
    hooked,
    node,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    LISTS,
    PAGE,
    VERSION,
    Script,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

SERVICES, BUDGETS, SCALERS, CLAIMS, LEASES, INGRESSES, ROUTES = LISTS[4:11]
NODES, NAMESPACES = LISTS[-2:]
ROLLING = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 3}}


def audit(declared: Script, **replaced: Any) -> dict[str, Any]:
    declared.expect_lists(replaced=replaced)
    options = options_of()
    return run_audit(source_of(declared, options), options).report


def reading(replaced: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The report of a cluster with the Deployment web; its Services are those of an ordinary one unless replaced."""
    with script() as declared:
        around = {DEPLOYMENTS: items(workload(hooked(None), **fields)), SERVICES: items(service())}
        return audit(declared, **(around | replaced))


def notes(report: dict[str, Any]) -> list[str]:
    [entry] = report["workloads"]
    return entry["notes"]


def broken(name: str = "web", **fields: Any) -> dict[str, Any]:
    """An object of the namespace shop that no reader takes."""
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": []} | fields


def test_a_service_that_cannot_be_read_may_select_it() -> None:
    report = reading({SERVICES: items(broken(), service("other"))})
    [entry] = report["workloads"]
    assert entry["profile"] == "unknown"
    assert "shop/Service/web cannot be read: spec is a list, not a map" in entry["notes"][0]
    missed = {entry["rule"] for entry in report["not_evaluated"] if "shop/Service/web" in entry["reason"]}
    assert "prestop-missing" in missed
    assert {finding["remedy"] for finding in report["findings"] if finding["rule"] == "prestop-missing"} == {"manual"}


def test_one_of_another_namespace_does_not() -> None:
    elsewhere = broken()
    elsewhere["metadata"]["namespace"] = "blog"
    with script() as declared:
        report = audit(declared, **{DEPLOYMENTS: items(workload()), SERVICES: items(elsewhere)})
    assert report["workloads"][0]["profile"] == "worker"


def test_one_without_metadata_may_be_anywhere() -> None:
    with script() as declared:
        report = audit(declared, **{DEPLOYMENTS: items(workload()), SERVICES: answer({"items": [{"spec": {}}]})})
    assert report["workloads"][0]["profile"] == "unknown"


@pytest.mark.parametrize("reply", [forbidden(), items(broken())], ids=["refused", "unreadable"])
@pytest.mark.parametrize(
    ("path", "doubt"),
    [
        (SCALERS, "how many pods it runs with is not known"),
        (BUDGETS, "which PodDisruptionBudgets select its pods is not known"),
        (INGRESSES, "what sends requests to its Services is not known"),
        (ROUTES, "what sends requests to its Services is not known"),
    ],
)
def test_the_doubt_is_said_at_the_workload(path: str, doubt: str, reply: Any) -> None:
    assert [note.partition(": ")[0] for note in notes(reading({path: reply}))] == [doubt]


@pytest.mark.parametrize("reply", [forbidden(), items(broken("data"))], ids=["refused", "unreadable"])
def test_the_claim_that_it_mounts_is_named(reply: Any) -> None:
    assert (
        "which access modes the claim data has is not known"
        in notes(reading({CLAIMS: reply}, pod=claims_volume("data")))[0]
    )


def test_a_lease_concerns_workers() -> None:
    with script() as declared:
        report = audit(declared, **{DEPLOYMENTS: items(workload()), LEASES: forbidden()})
    assert "whether its pods elect a leader is not known" in notes(report)[0]
    assert notes(reading({LEASES: forbidden()})) == []


def test_a_namespace_may_inject_a_mesh() -> None:
    doubt = "whether a mesh injects a proxy into its pods is not known"
    unreadable = {"metadata": {"name": "shop", "labels": []}}
    for reply in (forbidden(), items(unreadable)):
        assert doubt in notes(reading({NAMESPACES: reply}))[0]


@pytest.mark.parametrize("reply", [forbidden(), items(broken())], ids=["refused", "unreadable"])
def test_how_it_rolls_is_not_changed_while_an_autoscaler_may_set_the_number(reply: Any) -> None:
    def remedy(report: dict[str, Any]) -> str:
        [finding] = [one for one in report["findings"] if one["rule"] == "rollout-loses-capacity"]
        return finding["remedy"]

    assert remedy(reading({}, strategy=ROLLING)) == "auto"
    assert remedy(reading({SCALERS: reply}, strategy=ROLLING)) == "manual"


@pytest.mark.parametrize(
    "reply", [forbidden(), items(node("odd", "odd"), node("new", "v1.32.1"))], ids=["refused", "unreadable"]
)
def test_a_kubelet_that_was_not_seen_may_be_as_old_as_the_server_allows(reply: Any) -> None:
    def sleeps(replaced: dict[str, Any]) -> bool:
        with script() as declared:
            declared.expect("GET", "/version", answer(VERSION | {"gitVersion": "v1.32.1"}))
            around = {DEPLOYMENTS: items(workload(hooked(None))), SERVICES: items(service())} | replaced
            for path in LISTS:
                declared.expect("GET", path, around.get(path, items()), query=PAGE)
            options = options_of()
            found = run_audit(source_of(declared, options), options).report["findings"]
        [finding] = [one for one in found if one["rule"] == "prestop-missing"]
        return finding["template"] == "prestop-sleep"

    assert sleeps({})
    assert not sleeps({NODES: reply})


def test_how_old_a_kubelet_may_be() -> None:
    assert [str(oldest_kubelet_of(Version(1, minor))) for minor in (27, 28, 34)] == ["1.25", "1.25", "1.31"]


def test_an_extension_that_is_broken_is_unknown_and_ends_nothing() -> None:
    with script() as declared:
        answers = [failed(500, "conversion webhook failed")] * TRIES
        declared.expect("GET", ROUTES, *answers[1:], query=PAGE)
        around = {DEPLOYMENTS: items(workload(hooked(None))), SERVICES: items(service()), ROUTES: answers[0]}
        report = audit(declared, **around)
    assert notes(report) == [
        "what sends requests to its Services is not known: the server cannot list httproutes (500)"
    ]


def test_trouble_with_what_every_cluster_has_ends_the_run() -> None:
    with pytest.raises(SourceError, match="cannot list services"):
        reading({SERVICES: failed(400, "no")})


def test_a_config_map_that_cannot_be_read_may_say_how_long_it_takes() -> None:
    spring = container(envFrom=[{"configMapRef": {"name": "a"}}])
    with script() as declared:
        declared.expect("GET", "/api/v1/namespaces/shop/configmaps/a", answer({"data": {"TIMEOUT": 1}}))
        report = audit(declared, **{DEPLOYMENTS: items(workload(spring, drain=None)), SERVICES: items(service())})
    [note] = notes(report)
    assert (
        note == "what its ConfigMaps set is not known: shop/ConfigMap/a cannot be read: data.TIMEOUT is a whole "
        "number, not text: quote it"
    )
    assert report["summary"]["unreadable"] == 1
