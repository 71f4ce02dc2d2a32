# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live cluster as a source: read with as few requests as possible, and with whatever rights there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.around.kinds import CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.content import content_of, digest
from ansible_collections.graceful.termination.plugins.module_utils.helm.values import helm_values
from ansible_collections.graceful.termination.plugins.module_utils.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.options import Options
from ansible_collections.graceful.termination.plugins.module_utils.ownership import (
    SYSTEM_NAMESPACES,
    controller_of,
    owner_of,
    patch_file,
    unmanaged,
    values_file,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.preflight.verdict import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.shape import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.snapshot import Skipped, Snapshot, Unseen
from ansible_collections.graceful.termination.plugins.module_utils.sources.api import (
    THREADS,
    Api,
    ApiError,
    concurrently,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_canary import not_drilled
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_configs import read_configs
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_evidence import read_evidence
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_follow import Queue
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_pods import read_injected
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_preflight import Preflight
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_rollouts import Rollouts
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_wait import nothing_sent
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster_write import Writer, Written
from ansible_collections.graceful.termination.plugins.module_utils.sources.resources import (
    AROUND,
    NAMESPACE,
    WORKLOADS,
    Resource,
    scope,
    unfinished,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.source import (
    NOT_YET,
    Action,
    Diff,
    SourceError,
)
from ansible_collections.graceful.termination.plugins.module_utils.throttle import threads
from ansible_collections.graceful.termination.plugins.module_utils.version import ASSUMED, Version, parse_version
from ansible_collections.graceful.termination.plugins.module_utils.workload import Workload, read_workload

ROLE_FILES = "roles/audit/files/rbac-cluster.yaml (for one namespace rbac-namespace.yaml)"


@dataclass(frozen=True, slots=True)
class _Listed:
    """One LIST: its objects, or why there are none."""

    resource: Resource
    namespace: str | None
    items: list[dict]
    problem: ApiError | None = None

    @property
    def missing(self) -> bool:
        """Whether it is a namespace that does not exist."""
        return self.resource is NAMESPACE and self.problem is not None and self.problem.status == 404


class ClusterSource:
    """All that `api` shows of a cluster. `replan` plans a workload anew that has changed since it was read."""

    def __init__(
        self,
        api: Api,
        options: Options,
        replan: Callable[[Workload, Snapshot], Change | None],
        interruption: Interruption | None = None,
    ):
        self._api = api
        self._options = options
        self._replan = replan
        self._interruption = interruption or Interruption()
        self._unmanaged: dict[str, str] = {}
        self._uid: str | None = None
        self._namespaces = options.selection.named_namespaces

    def read(self) -> Snapshot:
        """Read everything that the selection takes, and what is around it. Raises SourceError (ApiError included)."""
        text, version, assumed = self._server_version()
        snapshot = Snapshot("cluster", self._api.name, version, text, assumed)
        self._unmanaged = {}
        listed = list(concurrently(lambda job: self._list(*job), self._jobs()))
        self._require_rights(listed)
        blind = _blind(listed)
        snapshot.unseen += [Unseen("all", "no right to list any kind of workload (403)", scope(name)) for name in blind]
        namespaces: list[dict] = []
        for part in listed:
            if part.problem:
                if part.namespace not in blind or part.missing:
                    self._note(part, snapshot)
            elif part.resource is NAMESPACE:
                namespaces += part.items
                for item in part.items:
                    snapshot.context.add(item)
                self._unmanaged |= {item["metadata"]["name"]: unmanaged(item) for item in part.items if unmanaged(item)}
            else:
                self._add(part, snapshot)
        read_configs(self._api, snapshot, self._options.rules)
        read_injected(self._api, snapshot, namespaces, self._options.rules)
        read_evidence(self._api, snapshot, self._options.evidence, self._options.rules, time.time)
        snapshot.requests = self._api.requests
        self._snapshot = snapshot
        self._preflight = Preflight(self._api, self._namespaces)
        return snapshot

    def refusals(self, changes: Sequence[Change]) -> dict[int, str]:
        """What must not be patched live, and why."""
        reasons = ((index, self._refusal(change)) for index, change in enumerate(changes))
        return {index: reason for index, reason in reasons if reason}

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """What the cluster shows of it; each list is read once."""
        return self._preflight.judge(changes)

    def identity(self) -> dict[str, Any]:
        """The cluster by what it is called here, and by the uid of its namespace kube-system, which no other has."""
        if self._uid is None:
            try:
                found = self._api.get(NAMESPACE.path(None, "kube-system"), "get namespace kube-system")
                self._uid = str(found["metadata"]["uid"])
            except ApiError as error:
                if error.status not in (403, 404):
                    raise
                self._uid = ""
        return {"type": "cluster", "name": self._api.name, "uid": self._uid or None}

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """A new resourceVersion alone may be no more than a new status: what counts is the digest of the rest."""
        metadata = workload.obj["metadata"]
        state = {key: metadata.get(key) for key in ("uid", "resourceVersion")}
        return state | {"content": digest(content_of(workload.obj))}

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[tuple[Action, Diff | None]]:
        """Patch the workloads, so many at a time, and wait for their rollouts. With `check` the server only says what
        it would do.

        A patch that fails does not stop the others, a rollout that fails does. What does not come up is held, or put
        back.
        """
        caution, now = self._options.caution, datetime.now(UTC)
        writer = Writer(
            self._api,
            # A plan is for what was approved, and for nothing else.
            None if caution.plan and not check else lambda workload: self._replan(workload, self._snapshot),
            self._refusal,
            check=check,
            journal=caution.journal,
            interruption=self._interruption,
        )
        begun = [] if check else self._begun(changes)
        rollouts = Rollouts(self._api, self._options, self._interruption, everywhere=self._namespaces is None)
        for entry in rollouts.give_back(not_drilled(self._snapshot, caution)):
            yield entry.action, None
        # What the journal knows as unfinished is a wave of its own. The others may be somebody else's rollouts by now.
        first = rollouts.see_through([entry for entry in begun if entry.undo], now)
        for entry in first:
            yield replace(_earlier(entry.action), stops=entry.action.status == "failed"), None
        if any(entry.action.status == "failed" for entry in first):
            yield from ((Action(change.workload, "skipped", NOT_YET), None) for change in changes)
            return
        if check:
            yield from ((entry.action, entry.diff) for entry in concurrently(writer.write, changes))
            return
        others = [entry for entry in begun if not entry.undo]
        queue = Queue(changes, writer.write, caution.max_rollouts, threads(caution.writes, THREADS))
        written = rollouts.see_through(others, now, queue)
        for index, entry in enumerate(written):
            yield (_earlier(entry.action) if index < len(others) else entry.action), entry.diff

    def _begun(self, changes: Sequence[Change]) -> list[Written]:
        """What an earlier run patched, and was not there to see rolled out: nothing is written, but it is awaited."""
        journal = self._options.caution.journal
        if self._options.caution.progress.wave:
            return []
        changing = {change.workload.key for change in changes}
        return [
            Written(
                Action(workload, "changed"),
                None,
                workload.obj,
                nothing_sent(workload),
                journal.last(workload.obj["metadata"]["uid"]) if journal else None,
            )
            for workload in self._snapshot.workloads
            if unfinished(workload.obj) and workload.key not in changing and workload.managed
        ]

    def _server_version(self) -> tuple[str | None, Version, bool]:
        """(as the server says it, its number, whether that is assumed)."""
        try:
            text = str(self._api.get("/version", "read the server's version").get("gitVersion"))
        except ApiError as error:
            if error.status != 403:
                raise
            text = ""
        version = _version(text)
        return (text, version, False) if version else (None, parse_version(ASSUMED), True)

    def _jobs(self) -> Iterator[tuple[Resource, str | None]]:
        kinds = [WORKLOADS[kind] for kind in self._options.selection.kinds]
        # The large lists first, so that none of them is left to the end.
        around = [
            AROUND[kind]
            for kind, entry in CONTEXT_KINDS.items()
            if not entry.by_name and (not entry.on_demand or self._needed(kind))
        ]
        for resource in (*kinds, *around, NAMESPACE):
            everywhere = self._namespaces is None or resource.kind == "Node"
            for namespace in [None] if everywhere else self._namespaces or ():
                yield resource, namespace

    def _needed(self, kind: str) -> bool:
        return any(kind in rule.needs for rule in self._options.rules)

    def _list(self, resource: Resource, namespace: str | None) -> _Listed:
        try:
            if resource is NAMESPACE and namespace:
                what = f"get namespace {namespace}"
                return _Listed(
                    resource, namespace, [resource.keep(self._api.get(resource.path(None, namespace), what))]
                )
            where = f" in {scope(namespace)}" if resource.namespaced else ""
            items = self._api.objects(resource.path(namespace), f"list {resource.plural}{where}", resource.keep)
            return _Listed(resource, namespace, items)
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            return _Listed(resource, namespace, [], error)

    def _require_rights(self, listed: list[_Listed]) -> None:
        """Raises SourceError where nothing at all can be judged."""
        tried = [part for part in listed if part.resource.kind in WORKLOADS]
        refused = [part.problem for part in tried if part.problem]
        if len(refused) == len(tried):
            if refused[0].user == "system:anonymous":
                raise refused[0]
            if all(problem.status == 404 for problem in refused):
                plurals = sorted({f"{part.resource.plural} ({part.resource.api_version})" for part in tried})
                raise SourceError(
                    f"{self._api.name}: the server has no {', '.join(plurals)}: name a kind in kinds "
                    "(termination_kinds) that it has"
                )
            elsewhere = ""
            if self._namespaces is None:
                elsewhere = "; with rights in some namespaces only, name them in namespaces (termination_namespaces)"
            raise SourceError(
                f"{refused[0]}; nor is any other kind of workload to be seen: apply {ROLE_FILES}{elsewhere}"
            )
        missing = [part.namespace for part in listed if part.missing]
        if self._namespaces and len(missing) == len(self._namespaces):
            raise SourceError(f"{self._api.name}: there is no namespace {', '.join(map(str, missing))}")

    def _note(self, part: _Listed, snapshot: Snapshot) -> None:
        """One LIST without an answer, in the report and for those who judge without it."""
        kind, namespace = part.resource.kind, part.namespace
        reason = f"no right to list {part.resource.plural} (403)"
        if part.problem and part.problem.status == 404:
            reason = f"the server has no {part.resource.plural} of version {part.resource.api_version} (404)"
        if part.resource is NAMESPACE:
            if part.missing:
                snapshot.unseen.append(Unseen("all", f"there is no namespace {namespace}", scope(namespace)))
            else:
                snapshot.context.unknown[kind, namespace or ""] = reason
                self._unmanaged[namespace or ""] = f"whether its namespace allows changes is not known: {reason}"
            return
        if kind in WORKLOADS:
            snapshot.unseen.append(Unseen("all", reason, f"{kind} in {scope(namespace)}"))
            return
        if part.problem and part.problem.status == 404 and CONTEXT_KINDS[kind].addon:
            return  # an extension that this cluster does not have: there is none of its objects
        snapshot.context.unknown[kind, namespace or ""] = reason
        where = scope(namespace) if part.resource.namespaced else "all nodes"
        snapshot.unseen += [Unseen(rule.id, reason, where) for rule in self._options.rules if kind in rule.needs]

    def _add(self, part: _Listed, snapshot: Snapshot) -> None:
        selection = self._options.selection
        for item in part.items:
            try:
                if part.resource.kind in AROUND:
                    snapshot.context.add(item)
                    continue
                workload = read_workload(item)
            except Unreadable as error:
                where = f"{item['metadata'].get('namespace')}/{part.resource.kind}/{item['metadata'].get('name')}"
                snapshot.skipped.append(Skipped(where, None, error.reason, is_file=False))
                continue
            # A ReplicaSet of a Deployment, a Job of a CronJob: judged as what made it.
            made_by = (controller_of(item) or ("", ""))[0]
            if made_by not in selection.kinds and selection.takes(workload.namespace, workload.name, workload.labels):
                snapshot.workloads.append(workload)
            else:
                snapshot.excluded += 1

    def _refusal(self, change: Change) -> str | None:
        workload = change.workload
        if workload.namespace in SYSTEM_NAMESPACES:
            return f"namespace {workload.namespace} is the cluster's own: reported, never patched"
        unmanaged = self._unmanaged.get(workload.namespace) or self._unmanaged.get("")
        if unmanaged:
            return unmanaged
        owner = owner_of(workload.obj, change.patch)
        if not owner or self._options.patch_owned:
            return None
        place = workload.namespace, workload.kind, workload.name
        files = f"; patch in {patch_file(*place)}" if self._options.report_dir else ""
        if files and helm_values(workload, change.patch, change.obj):
            files += f", values for Helm in {values_file(*place)}"
        return f"{owner} owns it: not patched live{files}"


def _earlier(action: Action) -> Action:
    """The action for a workload that was only awaited."""
    if action.status != "changed":
        return action
    reason = f"patched by an earlier run; {action.reason or 'rolled out now'}"
    return replace(action, status="unchanged", reason=reason)


def _blind(listed: list[_Listed]) -> list[str]:
    """The namespaces, of those that were listed one by one, in which no workload is to be seen."""
    seen = {part.namespace for part in listed if part.resource.kind in WORKLOADS and not part.problem}
    return sorted({part.namespace for part in listed if part.namespace} - seen)


def _version(text: str) -> Version | None:
    try:
        return parse_version(text)
    except ValueError:
        return None
