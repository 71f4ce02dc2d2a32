# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that are read from a cluster, their addresses in the API, and how their objects are trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS, CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import FAILED, PROGRESSING, rollout_of

ROLLING = ("Deployment", "StatefulSet", "DaemonSet")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def scope(namespace: str | None) -> str:
    """The scope of a list, as text."""
    return f"namespace {namespace}" if namespace else "all namespaces"


def refusal(what: str, status: int) -> str:
    """Why a request was refused, without its user: gaps that have the same reason are counted as one."""
    return f"forbidden: cannot {what} ({status})" if status == 403 else f"the server cannot {what} ({status})"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind, and the path segment under which the API server has it."""

    kind: str
    api_version: str
    plural: str

    @property
    def namespaced(self) -> bool:
        """Whether its objects live in a namespace."""
        return self.kind not in ("Node", "Namespace")

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The address of the list (of one namespace, or of all) or of one object."""
        group = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [group, *(("namespaces", quote(namespace, safe="")) if namespace else ()), self.plural]
        return "/".join(parts if name is None else [*parts, quote(name, safe="")])

    def trim(self, obj: Obj) -> Obj:
        """The object, trimmed to what is needed: the rest is most of its size. Changes and returns its argument."""
        obj["apiVersion"], obj["kind"] = self.api_version, self.kind
        metadata = obj.setdefault("metadata", {})
        if self.kind == "Lease":
            obj["metadata"] = _part(metadata, "namespace", "name", "ownerReferences")
            obj["spec"] = _part(obj.get("spec") or {}, "holderIdentity")
            return obj
        (metadata.get("annotations") or {}).pop(_LAST_APPLIED, None)
        managers = metadata.pop("managedFields", None) or ()
        fields = [entry for entry in managers if _tells_an_owner(entry)]
        if _is_ours(managers):
            fields.append({"manager": FIELD_MANAGER})
        if fields:
            metadata["managedFields"] = fields
        status = obj.get("status") or {}
        if self.kind == "PodDisruptionBudget":
            obj["status"] = _part(status, "currentHealthy", "desiredHealthy")
        elif self.kind == "Node":
            obj["status"] = {"nodeInfo": _part(status.get("nodeInfo") or {}, "kubeletVersion")}
        elif not (self.kind in ROLLING and rollout_of(obj).state in (PROGRESSING, FAILED)):
            # Keep the status of what has a rollout in progress: leave it alone, or wait if the rollout is ours.
            obj.pop("status", None)
            if self.kind == "DaemonSet":
                obj["status"] = _part(status, "desiredNumberScheduled")
        return obj


def unfinished(obj: Obj) -> bool:
    """Whether a trimmed workload was patched by this product, and its pods have not followed."""
    return "observedGeneration" in (obj.get("status") or {}) and _is_ours(obj["metadata"].get("managedFields") or ())


def _part(parent: Obj, *keys: str) -> Obj:
    return {key: parent.get(key) for key in keys}


def _is_ours(managers: Sequence[Obj]) -> bool:
    return any(entry.get("manager") == FIELD_MANAGER for entry in managers)


def _tells_an_owner(entry: Obj) -> bool:
    return entry.get("manager") == "argocd-controller" or entry.get("operation") == "Apply"


_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
_PLURALS |= {"ReplicaSet": "replicasets", "CronJob": "cronjobs", "Job": "jobs", "Rollout": "rollouts"}
WORKLOADS = {kind: Resource(kind, version, _PLURALS[kind]) for kind, version in API_VERSIONS.items()}
CONTEXT = {kind: Resource(kind, entry.api_version, entry.plural) for kind, entry in CONTEXT_KINDS.items()}
NAMESPACE = Resource("Namespace", "v1", "namespaces")
POD = Resource("Pod", "v1", "pods")
EVENT = Resource("Event", "v1", "events")
