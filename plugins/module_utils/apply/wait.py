# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster shows of patched workloads: the progress of their rollouts, and the spec of their new pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD, WORKLOADS, Resource, scope
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import COMPLETE, FAILED, STORED, Rollout
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import selector_text
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    MergeError,
    difference,
    merge,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import belongs

GRACE = "terminationGracePeriodSeconds"
FEW_NAMESPACES = 8  # up to here each is listed by itself: one list of a whole cluster is the larger answer


def poll(api: Api, entries: Iterable[ApplyResult], everywhere: bool) -> dict[tuple[str, str], Obj]:
    """The present state of workloads: one LIST for each kind and namespace, or for each kind if there are many."""
    namespaces: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        workload = entry.action.workload
        namespaces[workload.kind].add(workload.namespace)
    jobs: list[tuple[Resource, str | None]] = []
    for kind, names in sorted(namespaces.items()):
        whole = everywhere and len(names) > FEW_NAMESPACES
        jobs += [(WORKLOADS[kind], name) for name in ([None] if whole else sorted(names))]

    def listed(job: tuple[Resource, str | None]) -> list[Obj]:
        resource, namespace = job
        what = f"list {resource.plural} in {scope(namespace)}"
        return api.objects(resource.path(namespace), what, lambda obj: _state(obj, resource))

    return {key_of(obj): obj for objects in concurrently(listed, jobs) for obj in objects}


def _state(obj: Obj, resource: Resource) -> Obj:
    """What the state of a rollout depends on."""
    spec = {key: value for key, value in obj["spec"].items() if key not in ("template", "volumeClaimTemplates")}
    metadata = {key: obj["metadata"].get(key) for key in ("namespace", "name", "uid", "generation")}
    return {"kind": resource.kind, "metadata": metadata, "spec": spec, "status": obj.get("status")}


def key_of(obj: Any) -> tuple[str, str]:
    """The identity of an object, distinct from a recreated one of the same name."""
    return obj["kind"], obj["metadata"]["uid"]


def ended(entry: ApplyResult, rollout: Rollout) -> ApplyResult:
    """The result of a workload whose rollout ended, but did not complete."""
    if rollout.state == STORED:
        return outcome(entry, "changed", f"stored, not rolled out: {rollout.reason}")
    return replace(outcome(entry, "failed", rollout.reason), rollout_failed=rollout.state == FAILED)


def outcome(entry: ApplyResult, status: str, reason: str | None) -> ApplyResult:
    """The same with another status and reason."""
    return replace(entry, action=replace(entry.action, status=status, reason=reason))


def compare(api: Api, entry: ApplyResult, rollout: Rollout) -> ApplyResult:
    """The result of a completed rollout: do its pods have what was sent? Admission policies may change pods, too."""
    if rollout.state != COMPLETE:
        return ended(entry, rollout)
    if not entry.sent:
        return entry
    workload = entry.action.workload
    query = (("labelSelector", selector_text(workload.spec.get("selector") or {})),)
    try:
        what = f"list pods in namespace {workload.namespace}"
        pods = api.objects(POD.path(workload.namespace), what, _trim_pod, query)
    except SourceError as error:
        return outcome(entry, "changed", f"rolled out; its pods were not compared with the patch: {api.reason(error)}")
    for pod in pods:
        if not pod["metadata"]["deletionTimestamp"] and belongs(pod, workload):
            wrong = _differences(pod["spec"], entry.sent)
            if wrong:
                name = pod["metadata"]["name"]
                reason = f"rolled out, but pod {name} has {', '.join(wrong)}: an admission policy changes pods"
                return outcome(entry, "failed", reason)
    return entry


def _trim_pod(pod: Obj) -> Obj:
    metadata, spec = pod["metadata"], pod["spec"]
    names = ("name", "labels", "ownerReferences", "deletionTimestamp")
    containers = [{key: item[key] for key in ("name", "lifecycle") if key in item} for item in spec["containers"]]
    return {
        "metadata": {key: metadata.get(key) for key in names},
        "spec": {GRACE: spec.get(GRACE), "containers": containers},
    }


def _differences(spec: Obj, sent: Obj) -> list[str]:
    """Where a pod differs from what was sent, as text."""
    try:
        paths = difference(spec, merge(spec, sent))
    except MergeError as error:
        return [str(error)]
    return [
        f"{GRACE} {spec[GRACE]} instead of {sent[GRACE]}" if path == GRACE else f"a different {path}" for path in paths
    ]
