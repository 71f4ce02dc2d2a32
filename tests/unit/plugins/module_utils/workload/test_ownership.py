# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns an object of a cluster, and where the patch for an owned one goes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import (
    kustomize_patch,
    owner_of,
    patch_file,
)

HELM = {"app.kubernetes.io/managed-by": "Helm"}
RELEASE = {"meta.helm.sh/release-name": "store"}
PATCH = {
    "spec": {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
        "template": {
            "spec": {
                "terminationGracePeriodSeconds": 40,
                "containers": [{"name": "app", "lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": 10}}}}],
            }
        },
    }
}


def obj(**metadata: Any) -> dict[str, Any]:
    """A Deployment that the patch changes in every field but strategy.type."""
    pod = {
        "terminationGracePeriodSeconds": 30,
        "containers": [{"name": "app", "lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout", "namespace": "shop"} | metadata,
        "spec": {"strategy": {"type": "RollingUpdate"}, "template": {"spec": pod}},
    }


def reference(kind: str, name: str, *, controller: bool | None = True) -> dict[str, Any]:
    return {"kind": kind, "name": name, "uid": "1"} | ({} if controller is None else {"controller": controller})


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({}, None),
        ({"labels": None, "annotations": None, "ownerReferences": None}, None),
        ({"ownerReferences": [reference("Rollout", "checkout")]}, "Rollout checkout"),
        ({"ownerReferences": [reference("Team", "a", controller=None)]}, None),
        ({"ownerReferences": [reference("Team", "a", controller=False), reference("App", "b")]}, "App b"),
        ({"labels": HELM, "annotations": RELEASE}, "Helm release store"),
        ({"labels": HELM}, None),  # helm template writes the label, too; only an installed release has the annotation
        ({"annotations": RELEASE}, None),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout"}},
            "Argo CD application shop",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD application shop"),
        ({"annotations": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD application shop"),
        ({"labels": {"app.kubernetes.io/instance": "shop"}}, None),  # everybody sets that one
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                }
            },
            "Flux Kustomization flux-system/apps",
        ),
        # Flux drives Helm: Flux is where the change has to be made.
        ({"labels": HELM | {"helm.toolkit.fluxcd.io/name": "store"}, "annotations": RELEASE}, "Flux HelmRelease store"),
        ({"managedFields": [{"manager": "argocd-controller", "operation": "Update"}]}, "Argo CD"),
    ],
)
def test_owner(metadata: dict[str, Any], owner: str | None) -> None:
    assert owner_of(obj(**metadata)) == owner


CONTAINERS = 'k:{"name":"app"}'


@pytest.mark.parametrize(
    ("spec", "owned"),
    [
        ({"f:template": {"f:spec": {"f:terminationGracePeriodSeconds": {}}}}, True),
        ({"f:replicas": {}}, False),
        ({"f:template": {"f:spec": {"f:containers": {CONTAINERS: {".": {}, "f:name": {}, "f:image": {}}}}}}, False),
        (
            {
                "f:template": {
                    "f:spec": {
                        "f:containers": {
                            CONTAINERS: {"f:lifecycle": {"f:preStop": {"f:exec": {"f:command": {}}}}},
                        }
                    }
                }
            },
            True,
        ),  # the patch removes exec
        (
            {
                "f:template": {
                    "f:spec": {"f:containers": {'k:{"name":"log"}': {"f:lifecycle": {"f:preStop": {"f:exec": {}}}}}}
                }
            },
            False,
        ),  # another container
        ({"f:strategy": {"f:type": {}}}, False),  # the patch has it, with the value that is there
        ({"f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}}}, False),
        ({"f:strategy": {"f:rollingUpdate": {"f:maxUnavailable": {}}}}, True),
        ({"f:strategy": {"f:rollingUpdate": {}}}, True),  # a leaf is owned with all that is below it
    ],
)
def test_an_applied_field_that_the_patch_changes(spec: dict[str, Any], owned: bool) -> None:
    entry = {"manager": "team-a", "operation": "Apply", "fieldsV1": {"f:spec": spec}}
    expected = "field manager team-a (server-side apply)" if owned else None
    assert owner_of(obj(managedFields=[entry]), PATCH) == expected
    assert owner_of(obj(managedFields=[entry])) is None, "without a patch nothing is contested"
    assert owner_of(obj(managedFields=[entry | {"operation": "Update"}]), PATCH) is None
    assert owner_of(obj(managedFields=[entry | {"manager": "graceful-termination"}]), PATCH) is None


def test_kustomize_patch_names_its_object_and_keeps_nulls() -> None:
    patch = kustomize_patch(obj(resourceVersion="7"), PATCH)
    assert list(patch) == ["apiVersion", "kind", "metadata", "spec"]
    assert patch["metadata"] == {"name": "checkout", "namespace": "shop"}
    assert patch["spec"] == PATCH["spec"]


def test_patch_file() -> None:
    assert patch_file("shop", "Deployment", "checkout.v2") == "patches/shop/deployment-checkout.v2.yaml"


@given(namespace=st.text(min_size=1), kind=st.text(min_size=1), name=st.text())
def test_patch_file_stays_in_its_folder(namespace: str, kind: str, name: str) -> None:
    parts = PurePosixPath(patch_file(namespace, kind, name)).parts
    assert len(parts) == 3
    assert parts[0] == "patches"
    assert not any(part.startswith(".") for part in parts)
    assert all(part.isascii() and part.isprintable() and "\\" not in part and len(part) < 250 for part in parts)
