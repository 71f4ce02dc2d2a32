# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not run twice at a time: pods that write to a volume which outlives them, and that the next pod writes to.

A rollout that surges starts the next pod beside the old one; so does a ReplicaSet when a pod is deleted or evicted, for
it does not wait until that one has ended (pkg/controller/replicaset: pods with a deletionTimestamp do not count). There
a longer stop is a longer overlap. StatefulSets and DaemonSets without surge wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_int_or_percent, get_map
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.claim import ONE_POD
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.data_folders import data_folders
from ansible_collections.graceful.termination.plugins.module_utils.workload.lasting import (
    is_share,
    outlives_pod,
    source_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import Mount, all_mounts_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.stores import store_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_SURGING_KINDS = ("Deployment", "ReplicaSet", "Rollout")
_NO_SURGE = (0, "0%")
Claims = Mapping[str, "tuple[str, ...] | None"]  # the access modes of claims by name; None where they are not known


@dataclass(frozen=True, slots=True)
class Exclusive:
    """Why a workload must not run twice. `claim` is how messages call the volume, such as `claim db-data`.

    `modes` are the access modes of the claim, None where they are not known or it is no claim. `store` is the name of
    the database or broker whose data directory it is; None where its owner keeps it to one pod at a time.
    """

    container: Container
    mount: Mount
    claim: str
    modes: tuple[str, ...] | None
    store: str | None

    @property
    def reason(self) -> str:
        """Why no pod of it may be left running beside the next one, as a part of a sentence."""
        what = f"{self.store} keeps its data" if self.store else "it writes"
        return f"{what} on {self.claim}, which outlives the pod: two at a time would write to it"


def exclusive(workload: Workload, replicas: int | None, claims: Claims) -> Exclusive | None:
    """What must not run twice at a time in the workload's pods, if anything; the data of a known store first.

    `replicas` is the fewest pods that it runs with. Raises Unreadable.
    """
    if workload.kind not in (*_SURGING_KINDS, "DaemonSet"):
        return None
    found = list(_lasting(workload, replicas, claims))
    stores = [one for one in found if one.store]
    if stores:
        return stores[0]
    if found and (_kept_to_one(workload, replicas) or any(ONE_POD in (one.modes or ()) for one in found)):
        return found[0]
    return None


def _lasting(workload: Workload, replicas: int | None, claims: Claims) -> Iterator[Exclusive]:
    """The mounts through which each pod would write to the same data; with `store` those of a known store's data."""
    alone = len(workload.containers) == 1
    label = workload.template_labels.get("app.kubernetes.io/name", "") if alone else ""
    for container in workload.all_containers:
        by_image, by_label = store_of(container), store_of(container, label)
        known = by_image or by_label
        folders = (*known[1].data, *data_folders(container)) if known else ()
        for mount in all_mounts_of(workload, container):
            modes = _modes(workload, mount, claims)
            if mount.per_pod or not outlives_pod(mount) or _is_shared(mount, modes, replicas):
                continue
            if modes == ("ReadOnlyMany",):
                continue
            named = known[0] if known and _holds_data(folders, mount) else None
            yield Exclusive(container, mount, _called(mount), modes, named)


def _holds_data(folders: Iterable[str], mount: Mount) -> bool:
    """Whether a mount holds one of the folders in which a store keeps its data, or a part of it."""
    return any(
        f"{folder}/".startswith(f"{mount.path.rstrip('/')}/") or f"{mount.path}/".startswith(f"{folder}/")
        for folder in folders
    )


def _is_shared(mount: Mount, modes: tuple[str, ...] | None, replicas: int | None) -> bool:
    """Whether several pods of the workload write there already: its owner has seen to that (uploads, static files)."""
    if (replicas or 1) == 1:
        return False
    kind, _source = source_of(mount)
    return is_share(kind) or "ReadWriteMany" in (modes or ())


def _modes(workload: Workload, mount: Mount, claims: Claims) -> tuple[str, ...] | None:
    """The access modes of a claim; None where they are not known, and for other volumes."""
    kind, source = source_of(mount)
    if kind != "persistentVolumeClaim":
        return None
    name = get(source, "claimName", str, f"{workload.pod_path}.volumes", "")
    return claims.get(name)


def _kept_to_one(workload: Workload, replicas: int | None) -> bool:
    """Whether its owner lets no second pod run during a rollout."""
    if workload.recreates:
        return True
    rolling = workload.rolling_update
    return rolling is not None and rolling.max_surge in _NO_SURGE and replicas in (0, 1)


def surges(workload: Workload, replicas: int | None) -> bool:
    """Whether a rollout starts a pod beside the one that it replaces."""
    if workload.kind == "DaemonSet":
        strategy = get_map(workload.spec, "updateStrategy", "spec")
        rolling = get_map(strategy, "rollingUpdate", "spec.updateStrategy")
        surge = get_int_or_percent(rolling, "maxSurge", "spec.updateStrategy.rollingUpdate")
        return surge not in (None, *_NO_SURGE) and strategy.get("type") != "OnDelete"
    if workload.kind == "Rollout":
        canary = get_map(get_map(workload.spec, "strategy", "spec"), "canary", "spec.strategy")
        return bool(replicas) and get_int_or_percent(canary, "maxSurge", "spec.strategy.canary") not in _NO_SURGE
    return bool(workload.rolling_update and replicas and workload.rolling_update.resolve(replicas)[0])


def shared_data(found: Exclusive | None, workload: Workload, replicas: int | None) -> Exclusive | None:
    """The data of a known store on which a rollout starts a second server, if it does; `found` as exclusive() has it.

    At several replicas the second one runs already; a claim for one pod lets none start, so that the rollout hangs.
    """
    if not found or not found.store or replicas not in (1, None) or ONE_POD in (found.modes or ()):
        return None
    return found if surges(workload, replicas) else None


def _called(mount: Mount) -> str:
    kind, source = source_of(mount)
    if kind == "persistentVolumeClaim":
        return f"claim {str(source.get('claimName'))[:63]}"
    return f"{kind} volume {str(mount.volume.get('name'))[:63]}"
