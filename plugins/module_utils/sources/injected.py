# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh injects: proxies that live pods have and templates do not. Pods are listed only in meshed namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable, get_map
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD, refusal
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.namespace import asks_for_proxy
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import CoverageGap, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import key_of_maker
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


def read_injected(
    api: Api, snapshot: Snapshot, namespaces: Iterable[Obj], rules: Sequence[Rule]
) -> dict[str, tuple[Container, ...]]:
    """What a mesh injected, by the key of the workload, with one LIST of pods for each meshed namespace.

    Without the right to list its pods a namespace is unknown, and the rules that need them are not evaluated there.
    """
    needing = [rule for rule in rules if POD.kind in rule.needs]
    selected = {workload.namespace for workload in snapshot.workloads}
    meshed = sorted(meshed_namespaces(namespaces, snapshot.workloads) & selected) if needing else []

    def list_injected(namespace: str) -> dict[str, tuple[Container, ...]] | str:
        try:
            with barrier():
                pods = api.objects(POD.path(namespace), f"list pods in namespace {namespace}", trim)
                return injected_containers(pods, snapshot.workloads)
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            return f"{refusal('list pods', error.status)}, and a mesh injects proxies here"
        except Unreadable as error:
            return f"pods cannot be read, and a mesh injects proxies here: {error.reason}"

    injected: dict[str, tuple[Container, ...]] = {}
    for namespace, found in zip(meshed, concurrently(list_injected, meshed), strict=True):
        if isinstance(found, str):
            reason = found
            snapshot.context.coverage.miss(POD.kind, namespace, reason)
            snapshot.gaps += [CoverageGap(rule.id, reason, f"namespace {namespace}") for rule in needing]
        else:
            injected |= found
    return injected


def meshed_namespaces(namespaces: Iterable[Obj], workloads: Iterable[Workload]) -> set[str]:
    """The namespaces in which a mesh injects into some pods, by the labels of the namespace or of a template."""
    names = {obj["metadata"]["name"] for obj in namespaces if asks_for_proxy(obj["metadata"])}
    for workload in workloads:
        template: Any = workload.obj
        for key in workload.template_path.split("."):
            template = template[key]
        if asks_for_proxy(template.get("metadata") or {}):
            names.add(workload.namespace)
    return names


def trim(pod: Obj) -> Obj:
    """A pod reduced to the fields that are needed."""
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    kept = ("name", "namespace", "labels", "ownerReferences", "creationTimestamp", "deletionTimestamp")
    return {
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {key: spec[key] for key in ("containers", "initContainers") if key in spec},
    }


def injected_containers(pods: Iterable[Obj], workloads: Sequence[Workload]) -> dict[str, tuple[Container, ...]]:
    """By the key of its workload: what the youngest pod runs besides the template's containers, native sidecars marked.

    A terminating pod may have an older template and counts only if there is no other.
    """
    youngest: dict[str, Obj] = {}
    for pod in sorted(pods, key=_age):
        if key := key_of_maker(pod):
            youngest[key] = pod
    found = {}
    for workload in workloads:
        current = youngest.get(workload.key)
        extra = _extra(current, workload) if current else ()
        if extra:
            found[workload.key] = extra
    return found


def _age(pod: Obj) -> tuple[bool, str]:
    """Sorts the pod that counts to the end."""
    metadata = pod["metadata"]
    return "deletionTimestamp" not in metadata, str(metadata.get("creationTimestamp"))


def _extra(pod: Obj, workload: Workload) -> tuple[Container, ...]:
    spec = get_map(pod, "spec", "")
    own = {
        entry.get("name")
        for key in ("containers", "initContainers")
        for entry in workload.pod.get(key) or ()
        if isinstance(entry, dict)
    }
    return tuple(
        read_container(entry, f"{key}[{index}]", native_sidecar=key == "initContainers")
        for key in ("containers", "initContainers")
        for index, entry in enumerate(spec.get(key) or ())
        if entry.get("name") not in own and (key == "containers" or entry.get("restartPolicy") == "Always")
    )
