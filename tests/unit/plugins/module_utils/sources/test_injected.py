# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a mesh injects, and whose pods carry what no template has."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.sources.injected import (
    injected_containers,
    meshed_namespaces,
    trim,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    sidecar,
    workload,
)

PROXY = {"name": "istio-proxy", "image": "registry.example/proxyv2:1"}


def namespace(name: str = "shop", **metadata: Any) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": name} | metadata}


def pod(
    *containers: dict[str, Any], owner: tuple[str, str] = ("ReplicaSet", "web-5d4f"), **metadata: Any
) -> dict[str, Any]:
    """A pod of the Deployment web, or of another owner."""
    kind, name = owner
    return {
        "metadata": {
            "name": f"{name}-x2x4z",
            "namespace": "shop",
            "labels": {"pod-template-hash": "5d4f"},
            "ownerReferences": [{"kind": kind, "name": name, "controller": True}],
            "creationTimestamp": "2027-01-04T09:30:00Z",
        }
        | metadata,
        "spec": {"containers": [container(), *containers]},
    }


def injected(*pods: dict[str, Any], of: dict[str, Any] | None = None) -> dict[str, list[tuple[str, bool]]]:
    """(name, native sidecar) of what was injected, by workload."""
    found = injected_containers(pods, [read_workload(of or workload())])
    return {key: [(one.name, one.native_sidecar) for one in containers] for key, containers in found.items()}


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"istio-injection": "enabled"}},
        {"labels": {"istio.io/rev": "stable"}},
        {"annotations": {"linkerd.io/inject": "enabled"}},
        {"annotations": {"linkerd.io/inject": "ingress"}},
    ],
)
def test_a_namespace_asks_for_injection(metadata: dict[str, Any]) -> None:
    assert meshed_namespaces([namespace(**metadata)], []) == {"shop"}


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": None, "annotations": None},
        {"labels": {"istio-injection": "disabled"}},
        {"labels": {"istio.io/dataplane-mode": "ambient"}},
        {"annotations": {"linkerd.io/inject": "disabled"}},
    ],
)
def test_a_namespace_that_does_not_ask_is_left_alone(metadata: dict[str, Any]) -> None:
    assert meshed_namespaces([namespace(**metadata)], []) == set()


@pytest.mark.parametrize(
    ("place", "expected"),
    [({"labels": {"sidecar.istio.io/inject": "true"}}, {"shop"}), ({"labels": {}}, set())],
)
def test_a_template_asks_for_its_namespace(place: dict[str, Any], expected: set[str]) -> None:
    obj = workload(kind="CronJob")
    obj["spec"]["jobTemplate"]["spec"]["template"]["metadata"] |= place
    assert meshed_namespaces([], [read_workload(obj)]) == expected


def test_what_a_pod_has_beside_its_template_was_injected() -> None:
    assert injected(pod(PROXY)) == {"shop/Deployment/web": [("istio-proxy", False)]}


def test_an_injected_init_container_counts_only_as_a_native_sidecar() -> None:
    native = pod()
    native["spec"]["initContainers"] = [PROXY | {"restartPolicy": "Always"}, {"name": "istio-init", "image": "x"}]
    assert injected(native) == {"shop/Deployment/web": [("istio-proxy", True)]}


def test_what_the_template_has_itself_was_not_injected() -> None:
    own = pod()
    own["spec"]["initContainers"] = [sidecar(), {"name": "migrate", "image": "x"}]
    template = {"initContainers": [sidecar(), {"name": "migrate", "image": "x"}]}
    assert injected(own, of=workload(pod=template)) == {}


@pytest.mark.parametrize(
    ("owner", "kind", "name"),
    [
        (("StatefulSet", "db"), "StatefulSet", "db"),
        (("DaemonSet", "agent"), "DaemonSet", "agent"),
        (("Job", "nightly-29123456"), "CronJob", "nightly"),
        (("Job", "once"), "Job", "once"),
        (("ReplicaSet", "web-5d4f"), "Deployment", "web"),
        (("ReplicaSet", "by-hand"), "ReplicaSet", "by-hand"),
    ],
)
def test_a_pod_belongs_to_what_made_it(owner: tuple[str, str], kind: str, name: str) -> None:
    found = injected(pod(PROXY, owner=owner), of=workload(kind=kind, name=name))
    assert list(found) == [f"shop/{kind}/{name}"]


def test_a_pod_of_an_argo_rollout() -> None:
    made = pod(PROXY, labels={"rollouts-pod-template-hash": "5d4f"})
    found = injected(made, of=workload(kind="Rollout") | {"apiVersion": "argoproj.io/v1alpha1"})
    assert list(found) == ["shop/Rollout/web"]


def test_a_pod_that_nobody_made_belongs_to_nobody() -> None:
    assert injected(pod(PROXY, ownerReferences=None)) == {}


def test_the_youngest_pod_tells_what_is_injected_now() -> None:
    before = pod(PROXY, creationTimestamp="2027-01-01T00:00:00Z")
    assert injected(pod(), before) == {}
    assert injected(before, pod(creationTimestamp="2026-01-01T00:00:00Z")) != {}


def test_a_pod_that_goes_away_counts_only_alone() -> None:
    leaving = pod(PROXY, creationTimestamp="2027-02-01T00:00:00Z", deletionTimestamp="2027-02-01T01:00:00Z")
    assert injected(leaving, pod()) == {}
    assert injected(leaving) != {}


def test_a_pod_is_kept_lean() -> None:
    whole = pod(PROXY) | {"status": {"phase": "Running"}}
    whole["metadata"]["managedFields"] = [{}]
    assert trim(whole) == pod(PROXY)
