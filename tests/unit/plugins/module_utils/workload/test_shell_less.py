# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that have neither a shell nor sleep, by their names."""

from __future__ import annotations

import time

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.shell_less import lacks_shell


@pytest.mark.parametrize(
    "image",
    [
        "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.10.0",
        "registry.example:5000/mirror/sig-storage/csi-provisioner@sha256:0123",
        "registry.k8s.io/coredns/coredns:v1.11.1",
        "registry.k8s.io/metrics-server/metrics-server:v0.7.1",
        "registry.k8s.io/autoscaling/vpa-recommender:1.1.2",
        "quay.io/jetstack/cert-manager-controller:v1.15.0",
        "quay.io/brancz/kube-rbac-proxy:v0.18.0",
        "europe-docker.pkg.dev/gardener-project/public/gardener/apiserver:v1.90.0",
        "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.11.0",
        "otel/opentelemetry-collector-contrib:0.100.0",
        "ghcr.io/110y/bootes:v0.2.0",
        "ghcr.io/llm-d/llm-d-inference-scheduler:v0.2.0",
        "envoyproxy/envoy:distroless-v1.30.1",
    ],
)
def test_an_image_without_a_shell(image: str) -> None:
    assert lacks_shell(image)


@pytest.mark.parametrize(
    "image",
    [
        "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.11.0-alpine",
        "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.11.0-bookworm",
        "fluent/fluent-bit:3.0-debug",
        "registry.example/my-coredns:1",
        "registry.example/coredns-tools:1",
        "registry.example/cert-manager-controller:1",
        "nginx:1.27",
        "coredns.example/app:1",
        "",
    ],
)
def test_an_image_that_may_have_one(image: str) -> None:
    assert not lacks_shell(image)


def test_no_name_takes_long() -> None:
    started = time.process_time()
    lacks_shell("a/" * 100_000)
    assert time.process_time() - started < 1
