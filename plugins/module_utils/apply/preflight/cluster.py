# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: can new pods start? Checked only for workloads that are about to restart.

Each list and object is read at most once a run. What must not be read is reported as not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import Demand, demand_of
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.images import judge_images
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.places import (
    Node,
    Tenant,
    may_run,
    read_place,
)
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.pull_secrets import (
    account_of,
    judge_secrets,
    named_secrets,
)
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quota import (
    Quota,
    judge_quotas,
    read_quota,
)
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.room import (
    fits,
    judge_room,
    needs_room,
    surges_on_each_node,
    unjudged,
)
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import THREADS, Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import CONTEXT, POD, Resource, scope
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import maker_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

NODE = CONTEXT["Node"]
QUOTA = Resource("ResourceQuota", "v1", "resourcequotas")
ACCOUNT = Resource("ServiceAccount", "v1", "serviceaccounts")
SECRET = Resource("Secret", "v1", "secrets")
_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
# What admission may add to a pod, such as the requests of a LimitRange or the containers of a mesh.
_ADMITTED = ("containers", "initContainers", "overhead", "resources", "nodeSelector", "affinity", "tolerations")
_CONTAINER_FIELDS = ("name", "image", "resources", "restartPolicy", "ports")
_Key = TypeVar("_Key")


class Preflight:
    """Preflight of one run. `namespaces` are those that may be listed; None where lists may span all of them."""

    def __init__(self, api: Api, namespaces: Sequence[str] | None):
        self._api = api
        self._namespaces = namespaces
        # By namespace, name or both: what was read, or why it was not.
        self._quotas: dict[str | None, list[Quota] | str] = {}
        self._pods: dict[str, list[Obj] | str] = {}
        self._accounts: dict[tuple[str, str], tuple[str, ...] | bool | str] = {}
        self._secrets: dict[tuple[str, str], bool | str] = {}
        self._nodes: list[Node] | str | None = None
        self._tenants: dict[str, list[Tenant] | str] = {}

    def judge(self, changes: Sequence[Change]) -> list[Verdict]:
        """The verdict on each change that restarts pods."""
        workloads = [change.workload.with_object(change.obj) for change in changes]
        namespaces = sorted({workload.namespace for workload in workloads})
        self._read(self._quotas, sorted({self._scope(name) for name in namespaces}, key=str), self._list_quotas)
        self._read(self._pods, namespaces, self._list_pods)
        accounts = [(workload.namespace, account_of(workload.pod)) for workload in workloads]
        self._read(self._accounts, accounts, self._get_account)
        named = {(workload.namespace, name) for workload in workloads for name in self._named(workload)}
        self._read(self._secrets, sorted(named), self._find_secret)
        return [self._judge(workload) for workload in workloads]

    def _judge(self, workload: Workload) -> Verdict:
        pods = self._pods[workload.namespace]
        mine = [] if isinstance(pods, str) else [pod for pod in pods if pod["maker"] == (workload.kind, workload.name)]
        verdict = self._secrets_of(workload)
        try:
            pod = _as_admitted(workload.pod, mine)
            demand = demand_of(pod)
            verdict += self._quotas_of(workload, pod, demand)
            verdict += self._room_for(workload, pod, demand)
        except Unreadable as error:
            verdict += Verdict(notes=(f"quota and room: not checked: {error.reason}",))
        if isinstance(pods, str):
            return verdict + Verdict(notes=(f"images: not checked: {pods}",))
        return verdict + judge_images(workload.pod, mine)

    def _quotas_of(self, workload: Workload, pod: Obj, demand: Demand) -> Verdict:
        quotas = self._quotas[self._scope(workload.namespace)]
        if isinstance(quotas, str):
            return Verdict(notes=(f"quota: not checked: {quotas}",))
        mine = [quota for quota in quotas if quota.namespace == workload.namespace]
        surges = needs_room(workload) or surges_on_each_node(workload)
        return judge_quotas(mine, workload.kind, pod, demand, old_goes_first=not surges)

    def _secrets_of(self, workload: Workload) -> Verdict:
        name = account_of(workload.pod)
        account = self._accounts[workload.namespace, name]
        if account is False:
            return Verdict(blocks=(f"ServiceAccount {name} does not exist, so no new pod is admitted; create it",))
        own = named_secrets(workload.pod, workload.pod_path)
        if isinstance(account, str) and not own:
            return Verdict(notes=(f"pull secrets: not checked: {account}",))
        found = {secret: self._secrets[workload.namespace, secret] for secret in self._named(workload)}
        return judge_secrets(found, "its template" if own else f"its ServiceAccount {name}")

    def _named(self, workload: Workload) -> tuple[str, ...]:
        """The pull secrets of its new pods: those of the ServiceAccount only where the template names none."""
        account = self._accounts[workload.namespace, account_of(workload.pod)]
        own = named_secrets(workload.pod, workload.pod_path)
        return own or (account if isinstance(account, tuple) else ())

    def _room_for(self, workload: Workload, pod: Obj, demand: Demand) -> Verdict:
        if surges_on_each_node(workload):
            return Verdict(notes=("room to surge: not checked: a DaemonSet that surges needs it on every node",))
        if not needs_room(workload):
            return Verdict()
        if self._nodes is None:
            self._nodes = self._ask(self._list_nodes)
        if isinstance(self._nodes, str):
            return Verdict(notes=(f"room to surge: not checked: {self._nodes}",))
        # Nodes that had room for one workload come first: they may have room for the next.
        able = sorted(
            (node for node in self._nodes if may_run(node, pod)), key=lambda node: node.name not in self._tenants
        )
        tenants: dict[str, list[Tenant]] = {}
        for start in range(0, len(able), THREADS):
            part = able[start : start + THREADS]
            self._read(self._tenants, [node.name for node in part], self._list_tenants)
            for node in part:
                there = self._tenants[node.name]
                if isinstance(there, str):
                    return Verdict(notes=(f"room to surge: not checked: {there}",))
                tenants[node.name] = there
                if fits(node, there, pod, workload.namespace, demand):
                    others = ", ".join(unjudged(pod))
                    return Verdict(
                        notes=(f"room to surge: enough by requests; not checked: {others}",) if others else ()
                    )
        return judge_room(workload, pod, demand, self._nodes, tenants)

    def _scope(self, namespace: str) -> str | None:
        """The namespace to list quotas in; None lists all at once, since they are few."""
        return namespace if self._namespaces is not None else None

    def _read(self, known: dict[_Key, Any], wanted: Iterable[_Key], read: Callable[[_Key], Any]) -> None:
        missing = list(dict.fromkeys(key for key in wanted if key not in known))
        known |= zip(missing, concurrently(lambda key: self._ask(lambda: read(key)), missing), strict=True)

    def _ask(self, read: Callable[[], Any]) -> Any:
        """What was read, or the reason why it was not."""
        try:
            return read()
        except SourceError as error:
            return self._api.reason(error)
        except Unreadable as error:
            return error.reason

    def _list_quotas(self, namespace: str | None) -> list[Quota]:
        return self._api.objects(QUOTA.path(namespace), f"list resourcequotas in {scope(namespace)}", read_quota)

    def _list_pods(self, namespace: str) -> list[Obj]:
        query = (("fieldSelector", _ALIVE),)
        pods = self._api.objects(POD.path(namespace), f"list pods in namespace {namespace}", _trim, query)
        return [pod for pod in pods if not pod["leaving"]]

    def _get_account(self, key: tuple[str, str]) -> tuple[str, ...] | bool:
        namespace, name = key
        try:
            found = self._api.get(ACCOUNT.path(namespace, name), f"get serviceaccount {name} in namespace {namespace}")
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return named_secrets(found, "imagePullSecrets")

    def _find_secret(self, key: tuple[str, str]) -> bool:
        namespace, name = key
        try:
            self._api.metadata(SECRET.path(namespace, name), f"get secret {name} in namespace {namespace}")
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def _list_nodes(self) -> list[Node] | str:
        return self._api.objects(NODE.path(), "list nodes", read_place) or "the API server lists no nodes"

    def _list_tenants(self, node: str) -> list[Tenant]:
        query = (("fieldSelector", f"spec.nodeName={node},{_ALIVE}"),)
        tenants = self._api.objects(POD.path(), f"list pods of node {node}", _tenant, query)
        return [tenant for tenant in tenants if tenant]


def _tenant(pod: Obj) -> Tenant | None:
    """None for a terminating pod: its room is free in a moment."""
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp"):
        return None
    requests = demand_of(pod["spec"]).requests
    labels = metadata.get("labels") or {}
    return Tenant(metadata["namespace"], labels, maker_of(pod), requests, pod["spec"].get("priority") or 0)


def _trim(pod: Obj) -> Obj:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    kept = {key: spec[key] for key in _ADMITTED if key in spec}
    for part in ("containers", "initContainers"):
        kept[part] = [{key: one[key] for key in _CONTAINER_FIELDS if key in one} for one in spec.get(part) or ()]
    statuses = {
        part: [{"name": one.get("name"), "imageID": one.get("imageID")} for one in status.get(part) or ()]
        for part in ("containerStatuses", "initContainerStatuses")
    }
    return {
        "maker": maker_of(pod),
        "made": str(metadata.get("creationTimestamp")),
        "leaving": bool(metadata.get("deletionTimestamp")),
        "spec": kept,
        "status": statuses,
    }


def _as_admitted(template: Obj, pods: Sequence[Obj]) -> Obj:
    """The spec that a new pod will have: the template, with what admission added to the youngest pod."""
    youngest = max(pods, key=lambda pod: pod["made"], default=None)
    return template | youngest["spec"] if youngest else template
