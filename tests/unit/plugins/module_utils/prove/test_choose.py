# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which workload is drilled: exactly one, and one that may be stopped."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.prove.choose import choose, refuse
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import MANAGED
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import (
    DONE,
    WEB,
    api_of,
    live,
    options,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    PAGE,
    SHOP,
    answer,
    items,
    script,
)

SPACE = "/api/v1/namespaces/shop"


def test_one_is_chosen_and_read_whole() -> None:
    with script() as declared:
        declared.expect("GET", SHOP, items(live(), live(name="api")), query=PAGE)
        declared.expect("GET", WEB, answer(live()))
        found = choose(api_of(declared), options(kinds=["Deployment"], names=["web"]).selection)
    assert found.key == "shop/Deployment/web"
    assert found.obj["status"] == DONE


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["nobody"], "no workload is selected"),
        ([], "7 workloads are selected .shop/Deployment/w0, .* and 2 more"),
    ],
)
def test_none_or_many_are_an_error_that_says_what_to_name(names: list[str], told: str) -> None:
    with script() as declared:
        declared.expect("GET", SHOP, items(*(live(name=f"w{number}") for number in range(7))), query=PAGE)
        with pytest.raises(SourceError, match=f"{told}.*termination_namespaces, termination_kinds, termination_names"):
            choose(api_of(declared), options(kinds=["Deployment"], names=names).selection)


def test_a_pattern_reads_all_namespaces_and_takes_the_one_that_matches() -> None:
    with script() as declared:
        declared.expect("GET", DEPLOYMENTS, items(live()), query=PAGE)
        declared.expect("GET", WEB, answer(live()))
        found = choose(api_of(declared), options(kinds=["Deployment", "CronJob"], namespaces=["sh*"]).selection)
    assert found.key == "shop/Deployment/web"


def refusal(obj: dict[str, Any], *, restart: bool = True, space: dict[str, Any] | None = None) -> str:
    with script() as declared:
        if space is not None:
            declared.expect("GET", SPACE, answer({"metadata": {"name": "shop"} | space}))
        with pytest.raises(SourceError) as caught:
            refuse(api_of(declared), read_workload(obj), restart=restart)
    assert "nothing was stopped" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (live(paused=True), "the Deployment is paused"),
        (live(replicas=0), "it has no replicas"),
        (live(kind="StatefulSet", updateStrategy={"type": "OnDelete"}), "OnDelete"),
        (live(DONE | {"updatedReplicas": 1}), "its last rollout is not complete: 1 of 3 pods updated"),
    ],
)
def test_a_restart_that_would_prove_nothing_is_refused(obj: dict[str, Any], reason: str) -> None:
    assert reason in refusal(obj, space={})


def test_what_its_owner_keeps_from_changes_is_not_stopped() -> None:
    assert "managed: false" in refusal(live(annotations={MANAGED: "false"}))
    assert "managed: false" in refusal(live(), space={"annotations": {MANAGED: "false"}})
    system = live()
    system["metadata"]["namespace"] = "kube-system"
    assert "system namespace" in refusal(system)


def test_pods_that_are_replaced_on_deletion_can_be_evicted() -> None:
    with script() as declared:
        declared.expect("GET", SPACE, answer({"metadata": {"name": "shop"}}))
        obj = live(kind="StatefulSet", updateStrategy={"type": "OnDelete"})
        refuse(api_of(declared), read_workload(obj), restart=False)
