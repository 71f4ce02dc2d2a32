# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log shippers: what they have not sent when a pod stops, and whether they outlive the application."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import NATIVE_SIDECAR
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    FLUENT_BIT_STORAGE,
    FLUENTD_BUFFER,
    LOG_SIDECAR_NATIVE,
    OTEL_COLLECTOR_STORAGE,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.fluent_bit import (
    fluent_bit_stores,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.fluentd import fluentd_stores
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.names import (
    FLUENT_BIT,
    FLUENTD,
    OTEL_COLLECTOR,
    agent_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.otel_collector import (
    otel_collector_stores,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.stores import Store
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import Mount, mount_of, mounts_of

_STORES: dict[str, tuple[Callable[[Settings], Iterator[Store]], str]] = {
    FLUENTD: (fluentd_stores, FLUENTD_BUFFER),
    FLUENT_BIT: (fluent_bit_stores, FLUENT_BIT_STORAGE),
    OTEL_COLLECTOR: (otel_collector_stores, OTEL_COLLECTOR_STORAGE),
}
# A path that is put together when the shipper starts.
_COMPOSED = re.compile(r"#\{|\$\{|\$\(")
# What runs beside a shipper to serve the shipper.
_HELPER = re.compile(r"reload|config|exporter|metrics|watcher")


def _volatile_buffer(case: Case) -> Iterator[Hit | NotEvaluated]:
    workload = case.workload
    for container in workload.all_containers:
        agent = agent_of(container)
        if agent not in _STORES:
            continue
        stores_of, remedy = _STORES[agent]
        settings = case.settings_of(container)
        mounts = mounts_of(workload, container)
        stores = [store for store in stores_of(settings) if _is_lost(store, mounts)]
        if stores:
            places = ", ".join(sorted({store.place for store in stores}))
            yield Hit(
                f"{_counted(stores)} of {agent} ({places}) {'is' if len(stores) == 1 else 'are'} not on a volume that "
                f"outlives the pod: when the pod stops, {_lost(stores)}",
                f"{container.path}.volumeMounts",
                Remedy(remedy, "the owner must choose the node directory or claim that stores them"),
                container,
            )
        elif settings.missing:
            yield NotEvaluated(
                case.why_unknown("ConfigMap")
                or "a ConfigMap that the log shipper mounts was not found, and it may set the buffer path"
            )


def _is_lost(store: Store, mounts: list[Mount]) -> bool:
    if store.flushed or _COMPOSED.search(store.path) or not store.path.startswith("/"):
        return False
    # The position in a file that is deleted with the pod is worth nothing without the file.
    if store.reads and all(_goes_with_pod(mount_of(mounts, path)) for path in store.reads):
        return False
    return _goes_with_pod(mount_of(mounts, store.path))


def _goes_with_pod(mount: Mount | None) -> bool:
    """Whether what is written there ends with the pod. False for a volume of an unfamiliar kind."""
    if mount is None or mount.volume.get("emptyDir") is not None:
        return True
    # The API server makes an emptyDir of a volume that has no source.
    return not any(value is not None for key, value in mount.volume.items() if key != "name")


def _counted(stores: list[Store]) -> str:
    nouns = {"buffer": "file buffer", "position": "position database"}
    numbers = {kind: sum(store.kind == kind for store in stores) for kind in nouns}
    return " and ".join(
        f"{number} {nouns[kind]}{'s' if number > 1 else ''}" for kind, number in numbers.items() if number
    )


def _lost(stores: list[Store]) -> str:
    lost = {"buffer": "unsent data is lost", "position": "the read position in files is lost"}
    return " and ".join(text for kind, text in lost.items() if any(store.kind == kind for store in stores))


def _not_native(case: Case) -> Iterator[Hit]:
    workload = case.workload
    # On every node, or under its own name, the shipper is the application.
    if workload.kind == "DaemonSet" or case.oldest < NATIVE_SIDECAR:
        return
    shippers = [container for container in workload.containers if agent_of(container)]
    applications = [
        container.name
        for container in workload.containers
        if container not in shippers and container.name not in MESH_PROXIES and not _HELPER.search(container.name)
    ]
    served = case.profile.drain_containers if case.profile.services else ()
    for container in shippers:
        if not applications or container in served or container.pre_stop or _is_namesake(case, container):
            continue
        yield Hit(
            f"{agent_of(container)} gets SIGTERM at the same time as {', '.join(applications)}: what the application "
            "logs while it drains comes after the shipper has exited, and is lost",
            container.path,
            Remedy(LOG_SIDECAR_NATIVE, "a patch of its fields cannot move a container to another list"),
            container,
        )


def _is_namesake(case: Case, container: Container) -> bool:
    """Whether the workload is named after the shipper: then the others help it, not the other way round."""
    words = {word for word in re.split(r"\W+", (agent_of(container) or "").lower()) if word != "collector"}
    return any(word in case.workload.name for word in words) or container.name in case.workload.name


RULES = (
    Rule(
        id="log-buffer-volatile",
        title="Log buffer or position that does not outlive the pod",
        severity="warning",
        evidence="context",
        why="A shipper writes to disk what it cannot send yet, and does not send it when it stops: Fluentd leaves file "
        "buffers for its next start, and so does the OpenTelemetry Collector with a sending_queue in a file_storage. "
        "On the container's filesystem or an emptyDir there is nothing left to start from.",
        exceptions=(
            "a hostPath or a claim covers the path",
            "the buffer is flushed at shutdown",
            "a position in files that are deleted with the pod",
            "Fluent Bit with storage.path, but no input that uses it",
            "an exporter or receiver of the OpenTelemetry Collector that no pipeline uses",
            "a path put together by variables or Ruby code: not known",
        ),
        check=_volatile_buffer,
        remedies=(FLUENTD_BUFFER, FLUENT_BIT_STORAGE, OTEL_COLLECTOR_STORAGE),
        seed="fault 4",
        needs=("ConfigMap",),
    ),
    Rule(
        id="log-sidecar-not-native",
        title="Log shipper that stops together with the application",
        severity="warning",
        evidence="static",
        why="Containers of a pod get SIGTERM at the same time. A native sidecar stops after the application, so it "
        "still ships what the application logs to its end. It gets SIGTERM the moment the application has ended: "
        "one that polls files at intervals needs its own delay for what it has not read yet.",
        exceptions=(
            "a native sidecar already",
            "node agents and collectors, whose application the shipper is",
            "a shipper with its own preStop hook, which keeps it running",
            "only helpers of the shipper beside it, such as a reloader or an exporter",
            "Kubernetes before 1.29",
        ),
        check=_not_native,
        remedies=(LOG_SIDECAR_NATIVE,),
        seed="fault 4",
        since="1.29",
    ),
)
