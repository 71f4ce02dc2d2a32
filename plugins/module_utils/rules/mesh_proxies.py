# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules on meshes share: which proxies stop beside the application, and how one is made a native sidecar."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import MESH_NATIVE_SIDECAR, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import NotEvaluated
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh import Proxy
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES

ANNOUNCED = NotEvaluated(
    "the template or its namespace requests a mesh proxy, and the mesh decides how to run it: audit the live cluster "
    "to see its pods"
)
_OWNED = "the next rollout may inject a newer proxy, and its owner must check its other settings"
# What stops a proxy when a job is done: commands, and names of variables that make it happen.
_QUITTERS = re.compile(
    r"quitquitquit|linkerd-await|scuttle|pilot-agent|ISTIO_QUIT_API|ENVOY_ADMIN_API|:4191/shutdown|pkill|killall"
)


def doubt(case: Case) -> bool:
    """Whether only a live pod would show it, and no report of missing permissions says so already."""
    unlisted = case.why_unknown("Pod")
    return not unlisted and case.proxy_only_announced


def classic(case: Case) -> Iterator[Proxy]:
    """The proxies that get SIGTERM together with the application."""
    return (proxy for proxy in case.proxies if not proxy.native)


def own(case: Case) -> tuple[Container, ...]:
    return tuple(container for container in case.workload.containers if container.name not in MESH_PROXIES)


def annotations_path(case: Case) -> str:
    return f"{case.workload.template_path}.metadata.annotations"


def manual(proxy: Proxy, written: str) -> str:
    """Why a person must change a setting of the proxy; `written` is the reason for one that is part of the template."""
    return _OWNED if proxy.injected else f"the proxy is part of the template: {written}"


def native_remedy(proxy: Proxy) -> Remedy:
    why = manual(proxy, "move it to initContainers, or have it injected")
    return Remedy(MESH_NATIVE_SIDECAR, why, {"mesh": proxy.mesh, "injected": proxy.injected})


def quits(case: Case) -> bool:
    """Whether anything in the job makes the proxy exit."""
    for container in own(case):
        names = [str(entry.get("name")) for entry in get_maps(container.spec, "env", container.path)]
        if any(_QUITTERS.search(word) for word in (*container.words, *names)):
            return True
    return False
