# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workload as the API server would store it: its defaults applied, its types checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    NotWhole,
    Obj,
    Unreadable,
    get,
    get_int_or_percent,
    get_labels,
    get_map,
    get_maps,
    line_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity, key_of

DEFAULT_GRACE = 30  # seconds, set by the API server when the field is absent
ANNOTATION = "graceful.termination/"
BATCH_KINDS = ("CronJob", "Job")
SCALED_KINDS = ("Deployment", "StatefulSet", "ReplicaSet", "Rollout")  # run as many pods as `replicas` says


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object was read: a file (below the source), a 1-based line, its document and, in a List, its item.

    `environment` is what it was built for; empty where it is judged as its file has it. From a cluster the others are
    None.
    """

    file: str | None = None
    line: int | None = None
    document: int | None = None
    item: int | None = None
    environment: str = ""


@dataclass(frozen=True)
class Workload:
    """One object of a selected kind. `spec` and `pod` are the maps as they were read.

    `template_annotations` are the keys of the pod template's annotations.
    """

    obj: Obj
    origin: Origin
    api_version: str
    kind: str
    namespace: str
    name: str
    annotations: dict[str, str]
    labels: dict[str, str]
    spec: Obj
    template_path: str
    template_labels: dict[str, str]
    template_annotations: frozenset[str]
    pod: Obj
    containers: tuple[Container, ...]
    sidecars: tuple[Container, ...]

    @property
    def key(self) -> str:
        """Such as shop/Deployment/checkout: how messages and actions name it."""
        return key_of(self.namespace, self.kind, self.name)

    @property
    def identity(self) -> Identity:
        """Distinguishes it from every other workload of a run."""
        origin = self.origin
        return Identity(self.key, origin.file or "", origin.document or 0, origin.item or 0, origin.environment)

    @property
    def all_containers(self) -> tuple[Container, ...]:
        """The application containers, then the native sidecars."""
        return self.containers + self.sidecars

    @property
    def pod_path(self) -> str:
        """The path of the pod spec, such as spec.template.spec."""
        return f"{self.template_path}.spec"

    @cached_property
    def grace(self) -> int:
        """terminationGracePeriodSeconds, the default applied."""
        return get(self.pod, "terminationGracePeriodSeconds", int, self.pod_path, DEFAULT_GRACE)

    @cached_property
    def replicas(self) -> int | None:
        """Declared replicas with the default of 1; None for kinds that have none."""
        if self.kind in SCALED_KINDS:
            return get(self.spec, "replicas", int, "spec", 1)
        return None

    @property
    def pods_wanted(self) -> int | None:
        """How many pods it should have; None if unknown. Of a DaemonSet only a live cluster does."""
        if self.kind == "DaemonSet" and self.origin.file is None:
            return (self.obj.get("status") or {}).get("desiredNumberScheduled")
        return self.replicas

    @cached_property
    def rolling_update(self) -> RollingUpdate | None:
        """How a Deployment replaces its pods; None for other kinds and for Recreate."""
        if self.kind != "Deployment":
            return None
        strategy = get_map(self.spec, "strategy", "spec")
        kind = get(strategy, "type", str, "spec.strategy", "RollingUpdate")
        if kind not in ("RollingUpdate", "Recreate"):
            raise Unreadable("spec.strategy.type is neither RollingUpdate nor Recreate", line_of(strategy))
        if kind == "Recreate":
            return None
        rolling = get_map(strategy, "rollingUpdate", "spec.strategy")
        path = "spec.strategy.rollingUpdate"
        return RollingUpdate(
            get_int_or_percent(rolling, "maxSurge", path), get_int_or_percent(rolling, "maxUnavailable", path)
        )

    @property
    def recreates(self) -> bool:
        """Whether a Deployment stops all its pods before it starts new ones."""
        return self.kind == "Deployment" and self.rolling_update is None

    @property
    def application_is_pid1(self) -> bool:
        """Whether signals reach the application under the rules for PID 1; elsewhere an init or Windows stops it."""
        if self.pod.get("shareProcessNamespace") is True or self.pod.get("hostPID") is True:
            return False
        return not self.windows

    @property
    def windows(self) -> bool:
        """Whether its pods run on Windows."""
        return on_windows(self.pod)

    @property
    def managed(self) -> bool:
        """False when its owner asked for reports only; any value but `true` counts as that."""
        return self.annotations.get(f"{ANNOTATION}managed", "").strip().lower() in ("", "true")

    def with_object(self, obj: Obj) -> Workload:
        """The same workload after its object has changed. Raises Unreadable as read_workload does."""
        return replace(read_workload(obj), origin=self.origin)


@dataclass(frozen=True, slots=True)
class RollingUpdate:
    """The two knobs as written; None where the API server's default of 25 % applies."""

    max_surge: int | str | None
    max_unavailable: int | str | None

    def resolve(self, replicas: int) -> tuple[int, int]:
        """(surge, unavailable) in pods, as the Deployment controller resolves them: surge up, unavailable down."""
        surge = _scaled("25%" if self.max_surge is None else self.max_surge, replicas, up=True)
        unavailable = _scaled("25%" if self.max_unavailable is None else self.max_unavailable, replicas, up=False)
        # Both zero could never make progress; the controller then stops one pod. It never stops more than all.
        return surge, min(1 if surge == 0 and unavailable == 0 else unavailable, replicas)


def _scaled(value: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = int(value[:-1]) * replicas
    return -(-share // 100) if up else share // 100


def read_workload(obj: Obj, origin: Origin | None = None) -> Workload:
    """Read and check an object of a workload kind.

    Raises Unreadable where the API server would refuse the object, or where it is only part of one.
    """
    metadata = get_map(obj, "metadata", "")
    name = get(metadata, "name", str, "metadata", "")
    if not name:
        raise Unreadable("metadata.name is missing", line_of(obj))
    kind = obj["kind"]
    spec = get_map(obj, "spec", "")
    template_path, owner = "spec.template", spec
    if kind == "CronJob":
        template_path = "spec.jobTemplate.spec.template"
        owner = get_map(get_map(spec, "jobTemplate", "spec"), "spec", "spec.jobTemplate")
    if kind == "Rollout" and spec.get("workloadRef"):
        raise Unreadable("spec.workloadRef: its pod template is in another object; audit that one", line_of(spec))
    template = get_map(owner, "template", template_path.rpartition(".")[0])
    template_metadata = get_map(template, "metadata", template_path)
    annotations = template_metadata.get("annotations")
    pod = get_map(template, "spec", template_path)
    containers, sidecars = _read_containers(pod, f"{template_path}.spec")
    workload = Workload(
        obj=obj,
        origin=origin or Origin(),
        api_version=str(obj["apiVersion"]),
        kind=kind,
        namespace=get(metadata, "namespace", str, "metadata", "") or "default",
        name=name,
        annotations=get_labels(metadata, "annotations", "metadata"),
        labels=get_labels(metadata, "labels", "metadata"),
        spec=spec,
        template_path=template_path,
        template_labels=get_labels(template_metadata, "labels", f"{template_path}.metadata"),
        template_annotations=frozenset(annotations) if isinstance(annotations, dict) else frozenset(),
        pod=pod,
        containers=containers,
        sidecars=sidecars,
    )
    _check(workload)
    return workload


def _check(workload: Workload) -> None:
    """Read what is read late now, so that no rule meets a wrong type. Raises Unreadable."""
    for number in (workload.grace, workload.replicas, workload.rolling_update):
        if isinstance(number, int) and number < 0:
            raise Unreadable("terminationGracePeriodSeconds and replicas cannot be negative", line_of(workload.pod))


_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")


def on_windows(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is for Windows nodes: by its own field, its node selector or a required node affinity."""
    own, labels = pod.get("os"), pod.get("nodeSelector")
    if isinstance(own, dict) and own.get("name") is not None:
        return own["name"] == "windows"
    if isinstance(labels, dict) and any(labels.get(label) == "windows" for label in _OS_LABELS):
        return True
    terms: Any = pod
    for key in ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"):
        terms = terms.get(key) if isinstance(terms, dict) else None
    return isinstance(terms, list) and bool(terms) and all(map(_only_windows, terms))


def _only_windows(term: Any) -> bool:
    expressions = term.get("matchExpressions") if isinstance(term, dict) else None
    return isinstance(expressions, list) and any(
        isinstance(one, dict)
        and one.get("key") in _OS_LABELS
        and one.get("operator") == "In"
        and one.get("values") == ["windows"]
        for one in expressions
    )


def _read_containers(pod: Obj, path: str) -> tuple[tuple[Container, ...], tuple[Container, ...]]:
    windows = on_windows(pod)
    containers = tuple(
        read_container(spec, f"{path}.containers[{index}]", windows=windows)
        for index, spec in enumerate(get_maps(pod, "containers", path))
    )
    if not containers:
        raise NotWhole("no containers: not a complete workload (a Kustomize patch?)", line_of(pod))
    if not any(container.image for container in containers):
        raise NotWhole("no container has an image: not a complete workload (a Kustomize patch?)", line_of(pod))
    sidecars = tuple(
        read_container(spec, f"{path}.initContainers[{index}]", native_sidecar=True, windows=windows)
        for index, spec in enumerate(get_maps(pod, "initContainers", path))
        if spec.get("restartPolicy") == "Always"
    )
    names = [container.name for container in (*containers, *sidecars)]
    if len(set(names)) < len(names):
        raise Unreadable("two containers share one name: the API server refuses that", line_of(pod))
    return containers, sidecars
