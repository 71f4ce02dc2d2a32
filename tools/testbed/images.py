# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the images of the test cluster and of the scenarios: their one home, for tools and tests."""

from __future__ import annotations

import re

from testbed.common import TOOLS

KIND_NODE = TOOLS / "kind-node"


def _version(module: str, package: str) -> str:
    """The version of a package that a Go module of kind-node/ requires, without its v."""
    text = (KIND_NODE / module / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^\s*{re.escape(package)} v([0-9.]+)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"{module}/go.mod requires no {package}")
    return found[1]


KUBERNETES = _version("kubernetes", "k8s.io/kubernetes")

# Where no registry answers: built here. Where one does: the node image that kind v0.33.0 was released with.
BUILT_NODE = f"graceful/kind-node:v{KUBERNETES}"
RELEASED_NODE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"

# What the scenarios run, under the names they have in public, so that the manifests are the same with and without a
# registry. The versions are those of what they are built from: the Kubernetes module and Debian's busybox-static.
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
BUSYBOX = "docker.io/library/busybox:1.35"

# Two servers of the catalogue. Debian's programs, of the same versions, with the stop signals of the public images.
NGINX = "docker.io/library/nginx:1.22.1"
HAPROXY = "docker.io/library/haproxy:2.6.12"
SCENARIOS = (AGNHOST, BUSYBOX, NGINX, HAPROXY)

# What `make servers` runs beside them, made here wherever it runs: one image with what gets SIGTERM, and php-fpm, whose
# public image declares another signal. See `build servers`.
SERVERS = "graceful/servers:bookworm"
PHP_FPM = "docker.io/library/php:8.2-fpm"

# What the scenarios of `make proof` run. Built here wherever they run, for nobody publishes them; see `build proof`.
PROOF = "graceful/proof:bookworm"
OTELCOL = f"graceful/otelcol:{_version('otelcol', 'go.opentelemetry.io/collector/otelcol')}"
