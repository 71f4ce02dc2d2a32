# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs pods on a cluster and is not judged: counted by kind, from metadata alone, within a limit of pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import PAGE, Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import (
    API_VERSIONS,
    OPT_IN_KINDS,
    OTHER_KINDS,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import (
    WORKLOADS,
    Resource,
    refusal,
    scope,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import CoverageGap, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import ROLLOUT, group_of, title_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGES = 10  # of each kind, so that a cluster of 100,000 pods is not read for a number in a note
_BUILT_IN = ("", "apps", "batch")


def read_others(api: Api, snapshot: Snapshot, selection: Selection) -> None:
    """Count them in the snapshot. What another object has made is judged, or counted, as that one."""
    try:
        groups = _groups(api)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        groups = {}
        reason = refusal("list API groups", error.status)
        snapshot.gaps.append(CoverageGap("all", reason, "kinds that run pods"))
    namespaces: list[str | None] = [*(selection.named_namespaces or ())]
    if selection.named_namespaces is None:
        namespaces = [None]
    jobs = [(one, namespace) for one in _resources(groups, selection) for namespace in namespaces]

    def read(job: tuple[Resource, str | None]) -> tuple[list[dict[str, Any]], str]:
        return _read(api, *job)

    for (resource, namespace), (found, problem) in zip(jobs, concurrently(read, jobs), strict=True):
        if problem:
            snapshot.gaps.append(CoverageGap("all", problem, f"{resource.kind} in {scope(namespace)}"))
        title = title_of(resource.kind, group_of(resource.api_version))
        for item in found:
            _count(item, title, snapshot, selection)


def _groups(api: Api) -> dict[str, list[str]]:
    """The API versions that the server has, by group, the preferred one first."""
    found = {}
    for group in api.get("/apis", "list the API groups").get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("groupVersion")
        versions = [version.get("groupVersion") for version in group.get("versions") or ()]
        found[str(group.get("name"))] = [str(version) for version in (preferred, *versions) if version]
    return found


def _resources(groups: dict[str, list[str]], selection: Selection) -> Iterator[Resource]:
    """What is asked for: nothing that is judged, and of extensions what the server may have."""
    wanted = [WORKLOADS[kind] for kind in OPT_IN_KINDS if kind not in selection.kinds]
    wanted += [Resource(entry.kind, entry.api_version, entry.plural) for entry in OTHER_KINDS]
    for resource in wanted:
        group = group_of(resource.api_version)
        if group in _BUILT_IN:
            yield resource
        elif versions := groups.get(group):
            version = resource.api_version if resource.api_version in versions else versions[0]
            yield Resource(resource.kind, version, resource.plural)


def _read(api: Api, resource: Resource, namespace: str | None) -> tuple[list[dict[str, Any]], str]:
    """The objects of a kind, and what of it could not be seen. Of a Rollout all is read: whose template it runs."""
    path, what = resource.path(namespace), f"list {resource.plural} in {scope(namespace)}"
    found: list[dict[str, Any]] = []
    following: tuple[tuple[str, str], ...] = ()
    for _number in range(_PAGES):
        query = (("limit", str(PAGE)), *following)
        try:
            if resource.kind == ROLLOUT:
                page = api.get(path, what, query)
            else:
                page = api.metadata(path, what, query, _METADATA)
        except ApiError as error:
            if error.status == 404:
                return found, ""
            if error.status not in (403, 410) and error.status < 500:
                raise
            reason = refusal(f"list {resource.plural}", error.status)
            return found, f"{reason}: whether some are not judged is not known"
        items, metadata = page.get("items"), page.get("metadata")
        found += [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        token = metadata.get("continue") if isinstance(metadata, dict) else None
        if not token:
            return found, ""
        following = (("continue", str(token)),)
    return found, f"only the first {_PAGES * PAGE:,} {resource.plural} were looked at for some that are not judged"


def _count(item: dict[str, Any], title: str, snapshot: Snapshot, selection: Selection) -> None:
    metadata = item.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace, name = str(metadata.get("namespace")), str(metadata.get("name"))
    if title == ROLLOUT:
        _keep_rollout(item | {"kind": ROLLOUT, "apiVersion": API_VERSIONS[ROLLOUT]}, snapshot)
    owners = metadata.get("ownerReferences")
    if any(isinstance(one, dict) and one.get("controller") for one in (owners if isinstance(owners, list) else ())):
        return
    labels = metadata.get("labels")
    texts = {key: str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
    if selection.includes(namespace, name, texts):
        snapshot.see(title, 1)
    else:
        snapshot.excluded += 1


def _keep_rollout(rollout: dict[str, Any], snapshot: Snapshot) -> None:
    """Whose template it runs; one that cannot be read runs none that is known."""
    try:
        with barrier():
            snapshot.context.add(rollout)
    except Unreadable as error:
        reason = f"a Rollout cannot be read, so whose pods it runs is not known: {error.reason}"
        snapshot.gaps.append(CoverageGap("all", reason, "Rollout"))
