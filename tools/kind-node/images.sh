# shellcheck shell=bash disable=SC2034
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The images of the test cluster. Read with `source` after common.sh.

kubernetes_version=$(sed -nE 's|^\s*k8s\.io/kubernetes v([0-9.]+).*|\1|p' "$(dirname "${BASH_SOURCE[0]}")/kubernetes/go.mod")

# Where no registry answers: built here. Where one does: the node image that kind v0.33.0 was released with.
built_node_image=graceful/kind-node:v$kubernetes_version
released_node_image=kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5

# What the scenarios run, under the names they have in public, so that the manifests are the same with and without a
# registry. The versions are those of what they are built from: the Kubernetes module and Debian's busybox-static.
agnhost_image=registry.k8s.io/e2e-test-images/agnhost:2.66.1
busybox_image=docker.io/library/busybox:1.35

# What the scenarios of `make proof` run. Built here wherever they run, for nobody publishes them; see `build proof`.
proof_image=graceful/proof:bookworm
otelcol_image=graceful/otelcol:$(sed -nE 's|^\s*go\.opentelemetry\.io/collector/otelcol v([0-9.]+).*|\1|p' "$(dirname "${BASH_SOURCE[0]}")/otelcol/go.mod")
