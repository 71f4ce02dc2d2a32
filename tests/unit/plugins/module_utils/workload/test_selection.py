# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which workloads a run looks at."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection


def includes(namespace: str = "shop", name: str = "web", labels: dict[str, str] | None = None, **options: Any) -> bool:
    """Whether these options take that workload."""
    return Selection.from_options(options).includes(namespace, name, labels or {})


def test_by_default_everything_that_can_be_patched_is_taken() -> None:
    assert Selection.from_options({}).kinds == ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
    assert includes()


@pytest.mark.parametrize(
    ("patterns", "taken"), [(["shop"], True), (["sh*", "x"], True), (["SHOP"], False), (["x"], False)]
)
def test_namespaces_and_names_are_patterns(patterns: list[str], taken: bool) -> None:
    assert includes(namespace="shop", namespaces=patterns) is taken
    assert includes(name="shop", names=patterns) is taken


def test_an_excluded_namespace_wins() -> None:
    assert not includes(namespace="kube-system", namespaces=["kube-*"], exclude_namespaces=["kube-system"])


def test_one_of_several_label_selectors_is_enough() -> None:
    selectors = ["app=web,tier=front", "team=pay"]
    assert includes(labels={"team": "pay"}, label_selectors=selectors)
    assert not includes(labels={"app": "web"}, label_selectors=selectors)


def test_all_kinds_of_conditions_must_hold() -> None:
    assert not includes(namespace="shop", name="web", namespaces=["shop"], names=["api"])


def test_a_kind_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"kinds: 'Pod' is not one of Deployment, .*ReplicaSet"):
        Selection.from_options({"kinds": ["Pod"]})


def test_jobs_and_replicasets_must_be_asked_for() -> None:
    assert Selection.from_options({"kinds": ["Job", "ReplicaSet"]}).kinds == ("Job", "ReplicaSet")
