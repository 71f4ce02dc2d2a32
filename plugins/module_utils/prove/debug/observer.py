# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ephemeral container: what is in it, how it is attached, and when it must not be."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.base.text import shorten, visible
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.options import DebugOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import RESTART
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target

_DEFAULT = "kubectl.kubernetes.io/default-container"
_NOBODY = 65534
_AT_ONCE = 60  # seconds until the eviction or deletion; then the observer exits
_BEYOND_GRACE = 10  # seconds: the kubelet kills everything long before that
_PAUSE = 0.5
# Waiting longer does not help with these.
_HOPELESS = (
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


@dataclass(frozen=True, slots=True)
class Observer:
    """An ephemeral container of one pod. It exits by itself `seconds` after it was attached, if nothing is stopped.

    `shared`: the pod's containers share their processes, so it sees all of them.
    """

    name: str
    image: str
    container: str
    shared: bool
    seconds: int
    spec: dict[str, Any]

    @property
    def leftover(self) -> str:
        """What stays in a pod that was not stopped."""
        return f"the ephemeral container {self.name} stays in the pod spec, and exits by itself within {self.seconds} s"


def plan(target: Target, options: DebugOptions) -> Observer:
    """The container for this pod. Raises SourceError if it would show nothing, or too much."""
    pod = target.pod
    spec = pod["spec"]
    names = [entry["name"] for entry in spec["containers"]]
    wanted = options.container or (pod["metadata"].get("annotations") or {}).get(_DEFAULT)
    container = wanted if wanted in names else None if options.container else names[0]
    reason = ""
    if container is None:
        reason = (
            f"it has no container {wanted}; set container (termination_debug_container) to one of {', '.join(names)}"
        )
    elif (spec.get("os") or {}).get("name") == "windows":
        reason = "it runs on Windows, which has no /proc"
    elif spec.get("hostPID"):
        reason = "it shares the processes of its node (hostPID), which a debug of one pod must not show"
    elif spec.get("hostNetwork") and options.capture:
        reason = (
            "it shares the network of its node (hostNetwork): a capture would be of the whole node; set capture "
            "(termination_debug_capture) to false"
        )
    if reason:
        raise SourceError(f"pod {target.namespace}/{target.name}: nothing was attached: {reason}")
    seconds = options.trace.wait_timeout if options.trace.mode == RESTART else _AT_ONCE
    grace = spec.get("terminationGracePeriodSeconds") or 0
    shared = bool(spec.get("shareProcessNamespace"))
    arguments = [str(seconds), str(grace + _BEYOND_GRACE), "1" if shared else "0"]
    name = f"graceful-debug-{secrets.token_hex(3)}"
    command = ["/bin/sh", "-c", options.script, "graceful-debug", *arguments, "capture" if options.capture else ""]
    ephemeral = {
        "name": name,
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "targetContainerName": container,
        # The kubelet substitutes $(NAME), and reads $$ as $.
        "command": [word.replace("$", "$$") for word in command],
        "securityContext": _rights(capture=options.capture),
    }
    return Observer(name, options.image, str(container), shared, seconds, ephemeral)


def _rights(*, capture: bool) -> dict[str, Any]:
    """Without a capture, as allowed by the Pod Security level restricted: /proc is readable for everyone."""
    always = {"seccompProfile": {"type": "RuntimeDefault"}}
    if capture:
        added = {"add": ["NET_ADMIN", "NET_RAW"]}  # as `kubectl debug --profile=netadmin`
        return always | {"runAsUser": 0, "runAsNonRoot": False, "capabilities": added}
    return always | {
        "runAsUser": _NOBODY,
        "runAsGroup": _NOBODY,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def attach(api: Api, target: Target, observer: Observer, *, dry: bool = False) -> None:
    """Attach the container. Raises SourceError (ApiError included) if the server refuses it."""
    pod = f"pod {target.namespace}/{target.name}"
    # The UID, so that it is never a recreated pod of the same name, as of a StatefulSet.
    body = {"metadata": {"uid": target.uid}, "spec": {"ephemeralContainers": [observer.spec]}}
    query = (("fieldManager", FIELD_MANAGER), *((("dryRun", "All"),) if dry else ()))
    path = f"{POD.path(target.namespace, target.name)}/ephemeralcontainers"
    try:
        api.patch(path, body, query, f"attach an ephemeral container to {pod}")
    except ApiError as error:
        if error.status == 403 and "PodSecurity" in error.detail:
            way = "debug a pod in a namespace that allows this"
            if "add" in observer.spec["securityContext"]["capabilities"]:
                way = f"set capture (termination_debug_capture) to false, or {way}"
            raise SourceError(f"{pod}: nothing was stopped: {error.detail}; {way}") from None
        if error.status in (404, 409):
            raise SourceError(f"{pod}: nothing was stopped: it was just replaced or deleted; try again") from None
        raise


def wait_until_it_runs(
    api: Api, target: Target, observer: Observer, seconds: float, pause: Callable[[float], None] = time.sleep
) -> None:
    """Raises SourceError with the kubelet's reason if it does not start within that time."""
    path, what = POD.path(target.namespace, target.name), f"get pod {target.namespace}/{target.name}"
    until, state = time.monotonic() + seconds, dict[str, Any]()
    while time.monotonic() < until:
        status = api.get(path, what).get("status") or {}
        entries = status.get("ephemeralContainerStatuses") or ()
        state = next((entry["state"] for entry in entries if entry["name"] == observer.name), {})
        if "running" in state:
            return
        if "terminated" in state or (state.get("waiting") or {}).get("reason") in _HOPELESS:
            break
        pause(_PAUSE)
    waiting = state.get("terminated") or state.get("waiting") or {}
    reason = f"{waiting.get('reason') or 'no reason reported'}: {waiting.get('message') or ''}".removesuffix(": ")
    raise SourceError(
        f"pod {target.namespace}/{target.name}: nothing was stopped: the ephemeral container of image {observer.image} "
        f"does not run: {shorten(visible(reason), 300)}; {observer.name} stays in the pod spec"
    )
