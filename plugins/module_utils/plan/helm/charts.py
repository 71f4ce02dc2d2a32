# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values of public charts set what a fix changes: facts from the templates of the charts, rendered to check.

Releases from the first to the last were rendered twice, with the values and with the patch for Kustomize, and gave the
same workload; docs/remediation.md says how many. Releases outside of these ranges were not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GRACE, LIFECYCLE, STRATEGY, MIN_READY = "terminationGracePeriodSeconds", "lifecycle", "strategy", "minReadySeconds"
LIVENESS = "livenessProbe"
Release = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """One workload of a chart, from version `first` to `last`. `keys` maps a field to the dotted path of its value.

    Charts of different makers share names: `component` is the label app.kubernetes.io/component (empty: there is none),
    `image` a regular expression that the image of the `container` meets. A container without a name is the only one.
    """

    chart: str
    first: Release
    last: Release
    component: str
    container: str
    image: str
    keys: Mapping[str, str]


_BITNAMI = r"(^|/)bitnami\w*/"


def _keys(prefix: str = "", **others: str) -> dict[str, str]:
    """Keys of the usual names below a prefix, and others by the names of the constants above."""
    return {GRACE: f"{prefix}{GRACE}", LIFECYCLE: f"{prefix}{LIFECYCLE}"} | others


def _bitnami(chart: str, first: Release, last: Release, component: str = "", prefix: str = "") -> Part:
    own = {LIFECYCLE: "lifecycleHooks", STRATEGY: "updateStrategy"}
    keys = _keys(prefix, **{field: f"{prefix}{name}" for field, name in own.items()})
    return Part(chart, first, last, component, chart, _BITNAMI, keys)


PARTS: tuple[Part, ...] = (
    Part(
        "ingress-nginx",
        (4, 0, 1),
        (4, 15, 1),
        component="controller",
        container="controller",
        image=r"controller(-chroot)?[:@]",
        keys=_keys(
            "controller.",
            strategy="controller.updateStrategy",
            minReadySeconds="controller.minReadySeconds",
            livenessProbe="controller.livenessProbe",
        ),
    ),
    Part(
        "traefik",
        (20, 1, 1),
        (41, 3, 0),
        component="",
        container="",
        image=r"(^|/)traefik[:@]",
        keys=_keys("deployment.", strategy="updateStrategy", minReadySeconds="deployment.minReadySeconds"),
    ),
    Part(
        "argo-cd",
        (6, 0, 0),
        (10, 1, 1),
        component="server",
        container="server",
        image=r"(^|/)argocd[:@]",
        keys=_keys("server.", strategy="server.deploymentStrategy"),
    ),
    Part(
        "argo-cd",
        (6, 0, 0),
        (10, 1, 1),
        component="repo-server",
        container="repo-server",
        image=r"(^|/)argocd[:@]",
        keys=_keys("repoServer.", strategy="repoServer.deploymentStrategy"),
    ),
    Part(
        "oauth2-proxy",
        (7, 1, 0),
        (10, 7, 0),
        component="authentication-proxy",
        container="oauth2-proxy",
        image=r"(^|/)oauth2-proxy[:@]",
        keys=_keys(strategy="strategy"),
    ),
    Part(
        "kubernetes-ingress",
        (1, 20, 0),
        (1, 52, 1),
        component="",
        container="",
        image=r"(^|/)kubernetes-ingress[:@]",
        keys=_keys(
            "controller.",
            strategy="controller.strategy",
            minReadySeconds="controller.minReadySeconds",
            livenessProbe="controller.livenessProbe",
        ),
    ),
    Part(
        "kong",
        (2, 14, 0),
        (3, 4, 1),
        component="app",
        container="proxy",
        image=r"(^|/)kong[:@]",
        keys=_keys(strategy="updateStrategy", minReadySeconds="deployment.minReadySeconds", livenessProbe=LIVENESS),
    ),
    _bitnami("nginx", (13, 0, 0), (22, 1, 1)),
    _bitnami("redis", (17, 0, 0), (23, 1, 1), "master", "master."),
    _bitnami("redis", (17, 0, 0), (23, 1, 1), "replica", "replica."),
    _bitnami("postgresql", (12, 0, 0), (17, 1, 0), "primary", "primary."),
)
