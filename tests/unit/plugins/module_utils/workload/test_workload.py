# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workload is read as the API server would store it, or not at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import (
    RollingUpdate,
    Workload,
    read_workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    MANAGED,
    container,
    sidecar,
    workload,
)


def test_defaults_are_those_of_the_api_server() -> None:
    bare = read_workload(workload(grace=None, replicas=None))
    assert (bare.grace, bare.replicas, bare.rolling_update) == (30, 1, RollingUpdate(None, None))


def test_a_null_is_an_absent_field() -> None:
    obj = workload()
    obj["spec"] |= {"replicas": None, "strategy": None}
    obj["spec"]["template"]["spec"] |= {"terminationGracePeriodSeconds": None, "initContainers": None}
    read = read_workload(obj)
    assert (read.grace, read.replicas, read.recreates) == (30, 1, False)


def test_without_a_namespace_it_is_in_default() -> None:
    obj = workload()
    del obj["metadata"]["namespace"]
    assert read_workload(obj).key == "default/Deployment/web"


def test_a_cronjob_has_its_pods_two_levels_down() -> None:
    cron = read_workload(workload(kind="CronJob"))
    assert cron.pod_path == "spec.jobTemplate.spec.template.spec"
    assert (cron.replicas, cron.template_labels) == (None, {"app": "web"})


def test_native_sidecars_are_told_from_init_containers() -> None:
    read = read_workload(workload(pod={"initContainers": [container("setup"), sidecar("proxy")]}))
    assert [one.name for one in read.sidecars] == ["proxy"]
    assert [one.name for one in read.containers] == ["app"]


@pytest.mark.parametrize(
    ("text", "managed"), [("false", False), ("False", False), ("no", False), ("true", True), ("", True)]
)
def test_its_owner_may_forbid_changes(text: str, managed: bool) -> None:
    assert read_workload(workload(annotations={MANAGED: text})).managed is managed


def test_only_a_deployment_recreates() -> None:
    assert read_workload(workload(strategy={"type": "Recreate"})).recreates
    assert not read_workload(workload(kind="DaemonSet")).recreates


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "resolved"),
    [
        (None, None, 1, (1, 0)),  # 25 %: surge is rounded up, unavailable down
        (None, None, 3, (1, 0)),
        (None, None, 4, (1, 1)),
        (None, None, 10, (3, 2)),
        ("30%", "30%", 10, (3, 3)),
        ("1%", "99%", 10, (1, 9)),
        ("200%", "100%", 3, (6, 3)),
        (0, None, 3, (0, 1)),  # both 0: the controller takes one
        (0, 0, 3, (0, 1)),
        (None, 0, 3, (1, 0)),
        (2, 1, 3, (2, 1)),
        (0, 9, 3, (0, 3)),  # never more than there are
        (None, None, 0, (0, 0)),
    ],
)
def test_the_knobs_resolve_as_in_the_deployment_controller(
    surge: Any, unavailable: Any, replicas: int, resolved: tuple[int, int]
) -> None:
    assert RollingUpdate(surge, unavailable).resolve(replicas) == resolved


def changed(path: str, value: Any) -> dict[str, Any]:
    """A workload with one field replaced; names and indexes are separated by dots."""
    obj: Any = copy.deepcopy(workload(pod={"initContainers": [sidecar()]}))
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    node = obj
    for part in parents:
        node = node[part] if isinstance(part, int) else node.setdefault(part, {})
    node[last] = value
    return obj


POD, APP = "spec.template.spec", "spec.template.spec.containers.0"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("metadata.name", None, "metadata.name is missing"),
        ("metadata.name", 5, "metadata.name is a whole number, not text"),
        ("metadata", [], "metadata is a list, not a map"),
        ("metadata.annotations.drain", 30, "metadata.annotations.drain is a whole number, not text: quote it"),
        ("metadata.labels.on", True, "metadata.labels.on is true or false, not text: quote it"),
        ("spec", "x", "spec is text, not a map"),
        ("spec.replicas", "3", "spec.replicas is text, not a whole number"),
        ("spec.replicas", True, "spec.replicas is true or false, not a whole number"),
        ("spec.replicas", -1, "cannot be negative"),
        ("spec.replicas", 10**12, "spec.replicas is out of range"),
        ("spec.strategy.type", "Rolling", "spec.strategy.type is neither RollingUpdate nor Recreate"),
        ("spec.strategy.rollingUpdate.maxSurge", "3", "is '3', not a number or a percentage"),
        ("spec.strategy.rollingUpdate.maxSurge", "%", "is '%', not a number or a percentage"),
        ("spec.strategy.rollingUpdate.maxSurge", -1, "is -1, not a number or a percentage"),
        ("spec.strategy.rollingUpdate.maxUnavailable", "9" * 5000 + "%", "not a number or a percentage"),
        (f"{POD}", None, "no containers: not a complete workload"),
        (f"{POD}.terminationGracePeriodSeconds", "30s", "is text, not a whole number"),
        (f"{POD}.terminationGracePeriodSeconds", 30.5, "is a float, not a whole number"),
        (f"{POD}.terminationGracePeriodSeconds", -1, "cannot be negative"),
        (f"{POD}.containers", {}, "containers is a map, not a list"),
        (f"{POD}.containers.0", "app", "containers[0] is text, not a map"),
        (f"{POD}.initContainers.0.name", "app", "two containers share one name"),
        (f"{APP}.name", None, "a container without a name"),
        (f"{APP}.image", None, "no container has an image"),
        (f"{APP}.command", "sh", "containers[app].command is text, not a list"),
        (f"{APP}.args", [80], "containers[app].args[0] is a whole number, not text: quote it"),
        (f"{APP}.ports.0.containerPort", "http", "ports.containerPort is text, not a whole number"),
        (f"{APP}.readinessProbe", "/ready", "containers[app].readinessProbe is text, not a map"),
        (f"{APP}.lifecycle", [], "containers[app].lifecycle is a list, not a map"),
        (f"{APP}.lifecycle.preStop.sleep.seconds", "10", "preStop.sleep.seconds is text, not a whole number"),
        (f"{APP}.lifecycle.preStop.sleep.seconds", -1, "preStop.sleep.seconds cannot be negative"),
        (
            f"{APP}.lifecycle.preStop.exec",
            {"command": []},
            "preStop has exec and sleep: the API server allows one handler",
        ),
    ],
)
def test_what_the_api_server_would_refuse_is_unreadable_with_a_reason(path: str, value: Any, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_workload(changed(path, value))
    assert reason in caught.value.reason


class Located(dict[str, Any]):
    """A map that knows its line, as the manifests source makes them."""

    line = 42


def test_the_line_of_the_fault_is_told() -> None:
    obj = workload()
    obj["spec"]["template"]["spec"] = Located(containers=[])
    with pytest.raises(Unreadable) as caught:
        read_workload(obj)
    assert caught.value.line == 42


def test_after_a_change_it_is_still_from_the_same_place() -> None:
    before = read_workload(workload(grace=30))
    after: Workload = before.with_object(workload(grace=60))
    assert (after.grace, after.origin) == (60, before.origin)
