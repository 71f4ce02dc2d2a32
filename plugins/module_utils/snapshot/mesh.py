# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service mesh proxies: whether a pod has one, whether as a native sidecar, and what its hooks and settings say.

An injected proxy is in no template. It is seen on live pods; without them a template can only announce one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_labels, get_map
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import Command, calls_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import (
    LINKERD_ADMIN,
    MESH_PROXIES,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

ISTIO, LINKERD = "istio", "linkerd"
NATIVE = {ISTIO: "sidecar.istio.io/nativeSidecar", LINKERD: "config.linkerd.io/proxy-enable-native-sidecar"}
_INJECT = {ISTIO: "sidecar.istio.io/inject", LINKERD: "linkerd.io/inject"}
_PROXY = dict(zip((ISTIO, LINKERD), MESH_PROXIES, strict=True))
_CONTROL_PLANE = "linkerd.io/control-plane-component"
# Where proxies answer about themselves: agent status, health, Envoy's admin interface, and Linkerd's.
_AGENT, _HEALTH, _ENVOY_ADMIN = 15020, 15021, 15000
_PORTS = (_AGENT, _HEALTH, _ENVOY_ADMIN, LINKERD_ADMIN)
_QUITS = ((_AGENT, "/quitquitquit"), (_ENVOY_ADMIN, "/quitquitquit"), (LINKERD_ADMIN, "/shutdown"))
_FILTERS = ("grep", "egrep", "awk", "sed", "jq", "wc", "cut", "tr", "head", "tail")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy beside the application. `container` is None if only the template shows it.

    `injected` means that it is in no template, so that the mesh's settings decide how it runs.
    """

    mesh: str
    native: bool
    injected: bool
    container: Container | None

    @property
    def name(self) -> str:
        """The name of its container."""
        return _PROXY[self.mesh]


def template_annotations(workload: Workload) -> Mapping[str, str]:
    """The annotations of the pod template. Raises Unreadable."""
    node = workload.obj
    for key in workload.template_path.split("."):
        node = node[key]
    path = f"{workload.template_path}.metadata"
    return get_labels(get_map(node, "metadata", workload.template_path), "annotations", path)


def proxies_of(workload: Workload, injected: Iterable[Container]) -> tuple[Proxy, ...]:
    """The proxies whose kind is known: of live pods, written into the template, or named by it. Raises Unreadable.

    `injected` are the containers that live pods have and the template does not. Left out are the proxies of
    the mesh's own parts: the mesh decides what they need.
    """
    if _is_of_the_mesh(workload):
        return ()
    written = [one for one in workload.all_containers if not _is_overlay(one)]
    found = [(one, False) for one in written] + [(one, True) for one in injected]
    proxies = [
        Proxy(mesh, container.native_sidecar, beside, container)
        for container, beside in found
        for mesh, name in _PROXY.items()
        if container.name == name
    ]
    if not proxies:
        annotations = template_annotations(workload)
        proxies = [
            Proxy(mesh, native=False, injected=True, container=None)
            for mesh in _announced(workload, annotations)
            if annotations.get(NATIVE[mesh], "").lower() == "false"
        ]
    return tuple(proxies)


def is_only_announced(workload: Workload, injected: Iterable[Container], *, meshed: bool) -> bool:
    """Whether the template, or its namespace (`meshed`), requests a proxy, and nothing shows how it will run.

    Raises Unreadable.
    """
    if _is_of_the_mesh(workload):
        return False
    annotations = template_annotations(workload)
    silent = [mesh for mesh in _announced(workload, annotations) if not annotations.get(NATIVE[mesh])]
    decided = any(map(annotations.get, NATIVE.values())) or _refuses_proxy(workload, annotations)
    return bool(silent or (meshed and not decided)) and not proxies_of(workload, injected)


def _refuses_proxy(workload: Workload, annotations: Mapping[str, str]) -> bool:
    """Whether its pods get no proxy although their namespace requests one; no mesh injects into the host's network."""
    metadata = {**annotations, **workload.template_labels}
    return workload.pod.get("hostNetwork") is True or any(
        metadata.get(key, "").lower() in ("false", "disabled") for key in _INJECT.values()
    )


def _announced(workload: Workload, annotations: Mapping[str, str]) -> list[str]:
    # A label beats the annotation of the same name.
    metadata = {**annotations, **workload.template_labels}
    overlays = {one.name for one in workload.all_containers if _is_overlay(one)}
    return [
        mesh
        for mesh, key in _INJECT.items()
        if metadata.get(key, "").lower() in ("true", "enabled", "ingress") or _PROXY[mesh] in overlays
    ]


def _is_of_the_mesh(workload: Workload) -> bool:
    """Whether it is a gateway, or part of the mesh itself: a certificate authority starts before its own proxy."""
    return _CONTROL_PLANE in workload.template_labels or all(
        container.name in MESH_PROXIES for container in workload.containers
    )


def _is_overlay(container: Container) -> bool:
    """Whether it only changes what will be injected: the injector fills in the image."""
    return container.name in MESH_PROXIES and container.image in ("", "auto")


def quits_proxy(command: Command) -> bool:
    """Whether a command makes the pod's proxy exit at once, without a drain."""
    if command.program == "pilot-agent":
        return "request" in command.words and any(word.strip("/") == "quitquitquit" for word in command.words)
    return any(
        call.loopback and call.method == "POST" and (call.port, call.path) in _QUITS for call in calls_of(command)
    )


def waits_for_proxy(commands: Sequence[Command]) -> Iterator[Command]:
    """The loops that run as long as the pod's proxy answers on one of its ports.

    Not those that evaluate the answer, such as a number of connections, or that wait until the proxy has started.
    """
    for index, command in enumerate(commands):
        goes_on = (command.keyword == "while") != command.negated
        if command.keyword not in ("while", "until") or not goes_on:
            continue
        following = commands[index + 1].program if index + 1 < len(commands) else ""
        if following not in _FILTERS and any(call.loopback and call.port in _PORTS for call in calls_of(command)):
            yield command
