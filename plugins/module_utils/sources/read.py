# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a live cluster with as few requests as possible, and with the rights that the user has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import (
    CONTEXT,
    NAMESPACE,
    WORKLOADS,
    Resource,
    refusal,
    scope,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import ASSUMED, Version, parse_version
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.observed import Observed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import (
    CoverageGap,
    Skipped,
    Snapshot,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.configs import read_configs
from ansible_collections.graceful.termination.plugins.module_utils.sources.evidence import read_evidence
from ansible_collections.graceful.termination.plugins.module_utils.sources.injected import read_injected
from ansible_collections.graceful.termination.plugins.module_utils.sources.other_kinds import read_others
from ansible_collections.graceful.termination.plugins.module_utils.workload.others import ROLLOUT
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import controller_of, unmanaged
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload

ROLE_FILES = "roles/audit/files/rbac-cluster.yaml (for one namespace rbac-namespace.yaml)"


@dataclass(frozen=True, slots=True)
class _Listed:
    """One LIST: its objects, or the error."""

    resource: Resource
    namespace: str | None
    items: list[Obj]
    problem: ApiError | None = None
    broken: tuple[Skipped, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether it is a namespace that does not exist."""
        return self.resource is NAMESPACE and self.problem is not None and self.problem.status == 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run reads: the selected workloads, what these rules need, and the requested evidence."""

    selection: Selection
    rules: tuple[Rule, ...]
    evidence: frozenset[str] = frozenset()


class Reader:
    """Reads once. `unmanaged` maps a namespace to the reason not to change its workloads; "" is every namespace."""

    def __init__(self, api: Api, wanted: Wanted):
        self._api = api
        self._wanted = wanted
        self._namespaces = wanted.selection.named_namespaces
        self.unmanaged: dict[str, str] = {}

    def read(self) -> Snapshot:
        """Everything that is selected, and its context. Raises SourceError (ApiError included)."""
        text, version, assumed = self._server_version()
        snapshot = Snapshot("cluster", self._api.name, version, text, assumed)
        listed = list(concurrently(lambda job: self._list(*job), self._jobs()))
        self._require_rights(listed)
        blind = _blind(listed)
        snapshot.gaps += [
            CoverageGap("all", "forbidden: cannot list any kind of workload (403)", scope(name)) for name in blind
        ]
        namespaces: list[Obj] = []
        for part in listed:
            for broken in part.broken:
                self._skip(part.resource, broken, snapshot)
            if part.problem:
                if part.namespace not in blind or part.missing:
                    self._note(part, part.problem.status, snapshot)
            elif part.resource is NAMESPACE:
                namespaces += [item for item in part.items if self._add_namespace(item, snapshot)]
                if part.broken:
                    self.unmanaged[""] = f"unknown whether its namespace allows changes: {part.broken[0].reason}"
                    reason = f"a namespace cannot be read: {part.broken[0].reason}"
                    snapshot.context.coverage.miss(NAMESPACE.kind, "", reason)
            else:
                self._add(part, snapshot)
        read_others(self._api, snapshot, self._wanted.selection)
        read_configs(self._api, snapshot, self._wanted.rules)
        injected = read_injected(self._api, snapshot, namespaces, self._wanted.rules)
        evidence = read_evidence(self._api, snapshot, self._wanted.evidence, self._wanted.rules, time.time)
        snapshot.context.observed = Observed(injected, evidence)
        snapshot.requests = self._api.requests
        return snapshot

    def _server_version(self) -> tuple[str | None, Version, bool]:
        """(the server's version text, the version, whether that is assumed)."""
        try:
            text = str(self._api.get("/version", "read the server's version").get("gitVersion"))
        except ApiError as error:
            if error.status != 403:
                raise
            text = ""
        version = _version(text)
        return (text, version, False) if version else (None, parse_version(ASSUMED), True)

    def _jobs(self) -> Iterator[tuple[Resource, str | None]]:
        kinds = [WORKLOADS[kind] for kind in self._wanted.selection.kinds]
        # The large lists first, so that none of them is left to the end.
        context = [
            CONTEXT[kind]
            for kind, entry in CONTEXT_KINDS.items()
            if not entry.by_name and (not entry.on_demand or self._needed(kind))
        ]
        for resource in (*kinds, *context, NAMESPACE):
            everywhere = self._namespaces is None or resource.kind == "Node"
            for namespace in [None] if everywhere else self._namespaces or ():
                yield resource, namespace

    def _needed(self, kind: str) -> bool:
        return any(kind in rule.needs for rule in self._wanted.rules)

    def _list(self, resource: Resource, namespace: str | None) -> _Listed:
        try:
            if resource is NAMESPACE and namespace:
                what = f"get namespace {namespace}"
                return _listed(
                    resource, namespace, [_trimmed(resource, self._api.get(resource.path(None, namespace), what))]
                )
            where = f" in {scope(namespace)}" if resource.namespaced else ""
            what = f"list {resource.plural}{where}"
            found = self._api.objects(resource.path(namespace), what, lambda item: _trimmed(resource, item))
            return _listed(resource, namespace, found)
        except ApiError as error:
            # An extension may be broken alone, by a webhook that converts its objects.
            addon = resource.kind in CONTEXT_KINDS and CONTEXT_KINDS[resource.kind].addon
            if error.status not in (403, 404) and not (addon and error.status >= 500):
                raise
            return _Listed(resource, namespace, [], error)

    def _require_rights(self, listed: list[_Listed]) -> None:
        """Raises SourceError if no workload can be judged."""
        tried = [part for part in listed if part.resource.kind in WORKLOADS]
        refused = [part.problem for part in tried if part.problem]
        if len(refused) == len(tried):
            if refused[0].user == "system:anonymous":
                raise refused[0]
            if all(problem.status == 404 for problem in refused):
                plurals = sorted({f"{part.resource.plural} ({part.resource.api_version})" for part in tried})
                raise SourceError(
                    f"{self._api.name}: the server has no {', '.join(plurals)}: set kinds (termination_kinds) to kinds "
                    "that it serves"
                )
            elsewhere = ""
            if self._namespaces is None:
                elsewhere = "; with rights in some namespaces only, set namespaces (termination_namespaces) to these"
            raise SourceError(
                f"{refused[0]}; no other kind of workload can be listed either: apply {ROLE_FILES}{elsewhere}"
            )
        missing = [part.namespace for part in listed if part.missing]
        if self._namespaces and len(missing) == len(self._namespaces):
            raise SourceError(f"{self._api.name}: there is no namespace {', '.join(map(str, missing))}")

    def _note(self, part: _Listed, status: int, snapshot: Snapshot) -> None:
        """Record a failed LIST, in the report and in the context."""
        kind, namespace = part.resource.kind, part.namespace
        reason = refusal(f"list {part.resource.plural}", status)
        if status == 404:
            reason = f"the server has no {part.resource.plural} of version {part.resource.api_version} (404)"
        if part.resource is NAMESPACE:
            if part.missing:
                snapshot.gaps.append(CoverageGap("all", f"there is no namespace {namespace}", scope(namespace)))
            else:
                snapshot.context.coverage.miss(kind, namespace or "", reason)
                self.unmanaged[namespace or ""] = f"unknown whether its namespace allows changes: {reason}"
            return
        if kind in WORKLOADS:
            snapshot.gaps.append(CoverageGap("all", reason, f"{kind} in {scope(namespace)}"))
            return
        if status == 404 and CONTEXT_KINDS[kind].addon:
            return  # an extension that this cluster does not have: there is none of its objects
        self._miss(part.resource, namespace or "", reason, snapshot)

    def _miss(self, resource: Resource, namespace: str, reason: str, snapshot: Snapshot) -> None:
        """Note what is not known of a kind, and for which rules."""
        snapshot.context.coverage.miss(resource.kind, namespace, reason)
        where = scope(namespace) if resource.namespaced else "all nodes"
        needing = [rule for rule in self._wanted.rules if resource.kind in rule.needs]
        gaps = [CoverageGap(rule.id, reason, where) for rule in needing]
        snapshot.gaps += [gap for gap in gaps if gap not in snapshot.gaps]

    def _add_namespace(self, item: Obj, snapshot: Snapshot) -> bool:
        name = str(item["metadata"].get("name"))
        try:
            with barrier():
                snapshot.context.add(item)
                if reason := unmanaged(item):
                    self.unmanaged[name] = reason
        except Unreadable as error:
            self.unmanaged[name] = f"unknown whether its namespace allows changes: {error.reason}"
            snapshot.context.coverage.miss(NAMESPACE.kind, name, f"namespace {name} cannot be read: {error.reason}")
            snapshot.skipped.append(Skipped(_where(NAMESPACE, item), None, error.reason, is_file=False))
            return False
        return True

    def _skip(self, resource: Resource, skipped: Skipped, snapshot: Snapshot) -> None:
        """An object that cannot be read is unknown, not absent."""
        snapshot.skipped.append(skipped)
        if resource.kind in CONTEXT:
            namespace = skipped.where.split("/")[0] if resource.namespaced else ""
            reason = f"{skipped.where} cannot be read: {skipped.reason}"
            self._miss(resource, "" if namespace == "None" else namespace, reason, snapshot)

    def _add(self, part: _Listed, snapshot: Snapshot) -> None:
        selection = self._wanted.selection
        for item in part.items:
            try:
                with barrier():
                    if part.resource.kind in CONTEXT:
                        snapshot.context.add(item)
                        continue
                    if part.resource.kind == ROLLOUT:
                        snapshot.context.add(item)
                    workload = read_workload(item)
            except Unreadable as error:
                self._skip(part.resource, Skipped(_where(part.resource, item), None, error.reason, False), snapshot)
                continue
            # A ReplicaSet of a Deployment, a Job of a CronJob: judged with its owner.
            owner = (controller_of(item) or ("", ""))[0]
            if owner not in selection.kinds and selection.includes(workload.namespace, workload.name, workload.labels):
                snapshot.workloads.append(workload)
            else:
                snapshot.excluded += 1


def _listed(resource: Resource, namespace: str | None, found: list[Obj | Skipped]) -> _Listed:
    items = [item for item in found if not isinstance(item, Skipped)]
    broken = tuple(item for item in found if isinstance(item, Skipped))
    return _Listed(resource, namespace, items, broken=broken)


def _trimmed(resource: Resource, item: Any) -> Obj | Skipped:
    """The needed fields of an item of a list, or why it is not a valid object."""
    try:
        with barrier():
            if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict):
                raise Unreadable("the API server returned an object without metadata")
            return resource.trim(item)
    except Unreadable as error:
        return Skipped(_where(resource, item), None, error.reason, is_file=False)


def _where(resource: Resource, item: Any) -> str:
    metadata = item.get("metadata") if isinstance(item, dict) else None
    named = metadata if isinstance(metadata, dict) else {}
    place = f"{named.get('namespace')}/" if resource.namespaced else ""
    return f"{place}{resource.kind}/{named.get('name')}"


def _blind(listed: list[_Listed]) -> list[str]:
    """The namespaces, of those listed one by one, in which no workload can be listed."""
    seen = {part.namespace for part in listed if part.resource.kind in WORKLOADS and not part.problem}
    return sorted({part.namespace for part in listed if part.namespace} - seen)


def _version(text: str) -> Version | None:
    try:
        return parse_version(text)
    except ValueError:
        return None
