# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who writes an object of a cluster, so that a live patch would be reverted, and where the fix belongs instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import MERGE_KEYS
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION

SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")
_LONGEST_NAME = 100


def owner_of(obj: Obj, patch: Obj | None = None) -> str | None:
    """Such as "Argo CD application shop"; None if no owner is known.

    `patch` is the strategic merge patch that it would get: who applied one of those fields owns the object, too.
    """
    metadata = obj["metadata"]
    controller = controller_of(obj)
    if controller:
        return f"{controller[0]} {controller[1]:.{_LONGEST_NAME}}"
    found = application_of(obj) or release_of(obj)
    if found:
        return found
    managers = [entry for entry in metadata.get("managedFields") or () if entry.get("manager") != FIELD_MANAGER]
    if any(entry.get("manager") == "argocd-controller" for entry in managers):
        return "Argo CD"
    for entry in managers:
        if patch and entry.get("operation") == "Apply" and _applied(entry.get("fieldsV1") or {}, patch, obj):
            return f"field manager {entry.get('manager', ''):.{_LONGEST_NAME}} (server-side apply)"
    return None


def application_of(obj: Obj) -> str | None:
    """The GitOps application that an object belongs to, such as "Argo CD application shop"."""
    labels, annotations = _marks(obj)
    found = _argo_cd(labels, annotations) or _flux(labels)
    return found[: 2 * _LONGEST_NAME] if found else None


def release_of(obj: Obj) -> str | None:
    """The Helm release that created an object, such as "Helm release shop"."""
    labels, annotations = _marks(obj)
    release = annotations.get("meta.helm.sh/release-name")
    if release and labels.get("app.kubernetes.io/managed-by") == "Helm":
        return f"Helm release {release:.{_LONGEST_NAME}}"
    return None


def _marks(obj: Obj) -> tuple[Obj, Obj]:
    return obj["metadata"].get("labels") or {}, obj["metadata"].get("annotations") or {}


def controller_of(obj: Mapping[str, Any]) -> tuple[str, str] | None:
    """(kind, name) of the object whose controller created this one."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference.get("kind")), str(reference.get("name"))
    return None


def patch_file(namespace: str, kind: str, name: str) -> str:
    """The path of the patch for an owned object, below the folder of the reports. Nothing in a name leads out of it."""
    return f"patches/{_file(namespace, kind, name)}"


def values_file(namespace: str, kind: str, name: str) -> str:
    """The path of the same fix as Helm values."""
    return f"values/{_file(namespace, kind, name)}"


def kustomize_patch(obj: Obj, patch: Obj) -> dict[str, Any]:
    """The patch as Kustomize expects it: it names its object."""
    metadata = {"name": obj["metadata"]["name"], "namespace": obj["metadata"].get("namespace") or "default"}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, **patch}


def _file(namespace: str, kind: str, name: str) -> str:
    return f"{_safe(namespace)}/{_safe(f'{kind.lower()}-{name}')}.yaml"


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]|^\.+", "_", name)[:200]


def _argo_cd(labels: Obj, annotations: Obj) -> str | None:
    tracking = annotations.get("argocd.argoproj.io/tracking-id")
    if tracking:
        return f"Argo CD application {str(tracking).partition(':')[0]}"
    instance = labels.get("argocd.argoproj.io/instance") or annotations.get("argocd.argoproj.io/instance")
    return f"Argo CD application {instance}" if instance else None


def _flux(labels: Obj) -> str | None:
    for group, kind in (("helm", "HelmRelease"), ("kustomize", "Kustomization")):
        name = labels.get(f"{group}.toolkit.fluxcd.io/name")
        if name:
            namespace = labels.get(f"{group}.toolkit.fluxcd.io/namespace")
            return f"Flux {kind} {namespace}/{name}" if namespace else f"Flux {kind} {name}"
    return None


def _applied(fields: Obj, patch: Any, present: Any) -> bool:
    """Whether a set of FieldsV1 holds a field that the patch changes. A leaf means all that is below it."""
    for name, value, current, entry in _steps(fields, patch, present):
        if entry is None or value == current:
            continue
        if not entry or not isinstance(value, dict | list) or _replaces(name, value):
            return True
        if _applied(entry, value, current):
            return True
    return False


def _replaces(name: str, value: Any) -> bool:
    return isinstance(value, list) and name not in MERGE_KEYS


def _steps(fields: Obj, patch: Any, present: Any) -> Iterator[tuple[str, Any, Any, Obj | None]]:
    """(name, value in the patch, value now, entry of FieldsV1) for each key of a map or named element of a list."""
    if isinstance(patch, dict):
        now: Any = present if isinstance(present, dict) else {}
        for key, value in patch.items():
            yield key, value, now.get(key), fields.get(f"f:{key}")
        return
    elements = {_key(name): entry for name, entry in fields.items() if name.startswith("k:")}
    for item in patch:
        now = next((old for old in present or () if old.get("name") == item.get("name")), None)
        # The key that names the element is in the patch to find it, not to change it.
        change = {key: value for key, value in item.items() if key != "name"}
        yield "", change, now, elements.get(item.get("name"))


def _key(name: str) -> str | None:
    try:
        return json.loads(name[2:]).get("name")
    except (ValueError, AttributeError):
        return None


def unmanaged(namespace: Obj) -> str:
    """Why nothing in this Namespace object may be changed; empty when it may."""
    annotations = namespace["metadata"].get("annotations") or {}
    if str(annotations.get(f"{ANNOTATION}managed", "")).strip().lower() not in ("", "true"):
        return f"namespace {namespace['metadata']['name']} allows no changes (annotation managed: false)"
    return ""
