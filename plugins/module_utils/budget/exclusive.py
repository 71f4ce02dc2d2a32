# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not run twice at a time: pods that write to a volume which outlives them, and that the next pod writes to.

A rollout that surges starts the next pod beside the old one; so does a ReplicaSet when a pod is deleted or evicted, for
it does not wait until that one has ended (pkg/controller/replicaset: pods with a deletionTimestamp do not count). There
a longer stop is a longer overlap. StatefulSets and DaemonSets without surge wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_int_or_percent, get_map
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.lasting import (
    is_share,
    outlives_pod,
    source_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.mounts import Mount, all_mounts_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.stores import Store, store_of

SHARED_MODES = {"ReadWriteMany", "ReadOnlyMany"}
ONE_POD = "ReadWriteOncePod"
_SURGING_KINDS = ("Deployment", "ReplicaSet", "Rollout")
_NO_SURGE = (0, "0%")


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


def exclusive(case: Case) -> Exclusive | None:
    """What must not run twice at a time in the workload's pods, if anything; the data of a known store first."""
    if case.workload.kind not in (*_SURGING_KINDS, "DaemonSet"):
        return None
    found = list(_lasting(case))
    stores = [one for one in found if one.store]
    if stores:
        return stores[0]
    if found and (_kept_to_one(case) or any(ONE_POD in (one.modes or ()) for one in found)):
        return found[0]
    return None


def _lasting(case: Case) -> Iterator[Exclusive]:
    """The mounts through which each pod would write to the same data; with `store` those of a known store's data."""
    workload = case.workload
    alone = len(workload.containers) == 1
    label = workload.template_labels.get("app.kubernetes.io/name", "") if alone else ""
    for container in (*workload.containers, *workload.sidecars):
        by_image, by_label = store_of(container), store_of(container, label)
        for mount in all_mounts_of(workload, container):
            if mount.per_pod or not outlives_pod(mount) or _is_shared(case, mount):
                continue
            if _modes(case, mount) == ("ReadOnlyMany",):
                continue
            known = by_image or by_label
            named = known[0] if known and _holds_data(known[1], mount) else None
            yield Exclusive(container, mount, _called(mount), _modes(case, mount), named)


def _holds_data(store: Store, mount: Mount) -> bool:
    """Whether a mount holds the folder in which a store keeps its data, or a part of it."""
    return any(
        f"{folder}/".startswith(f"{mount.path.rstrip('/')}/") or f"{mount.path}/".startswith(f"{folder}/")
        for folder in store.data
    )


def _is_shared(case: Case, mount: Mount) -> bool:
    """Whether several pods of the workload write there already: its owner has seen to that (uploads, static files)."""
    if (case.replicas or 1) == 1:
        return False
    kind, _source = source_of(mount)
    return is_share(kind) or "ReadWriteMany" in (_modes(case, mount) or ())


def _modes(case: Case, mount: Mount) -> tuple[str, ...] | None:
    """The access modes of a claim; None where they are not known, and for other volumes."""
    kind, source = source_of(mount)
    if kind != "persistentVolumeClaim":
        return None
    name = get(source, "claimName", str, f"{case.workload.pod_path}.volumes", "")
    return case.context.claims.get((case.workload.namespace, name))


def _kept_to_one(case: Case) -> bool:
    """Whether its owner lets no second pod run during a rollout."""
    if case.workload.recreates:
        return True
    rolling = case.workload.rolling_update
    return rolling is not None and rolling.max_surge in _NO_SURGE and case.replicas in (0, 1)


def surges(case: Case) -> bool:
    """Whether a rollout starts a pod beside the one that it replaces."""
    workload, replicas = case.workload, case.replicas
    if workload.kind == "DaemonSet":
        strategy = get_map(workload.spec, "updateStrategy", "spec")
        rolling = get_map(strategy, "rollingUpdate", "spec.updateStrategy")
        surge = get_int_or_percent(rolling, "maxSurge", "spec.updateStrategy.rollingUpdate")
        return surge not in (None, *_NO_SURGE) and strategy.get("type") != "OnDelete"
    if workload.kind == "Rollout":
        canary = get_map(get_map(workload.spec, "strategy", "spec"), "canary", "spec.strategy")
        return bool(replicas) and get_int_or_percent(canary, "maxSurge", "spec.strategy.canary") not in _NO_SURGE
    return bool(workload.rolling_update and replicas and workload.rolling_update.resolve(replicas)[0])


def shares_data(case: Case) -> Exclusive | None:
    """The data of a known store on which a rollout starts a second server, if it does.

    At several replicas the second one runs already; a claim for one pod lets none start, so that the rollout hangs.
    """
    found = exclusive(case)
    if not found or not found.store or case.replicas not in (1, None) or ONE_POD in (found.modes or ()):
        return None
    return found if surges(case) else None


def _called(mount: Mount) -> str:
    kind, source = source_of(mount)
    if kind == "persistentVolumeClaim":
        return f"claim {str(source.get('claimName'))[:63]}"
    return f"{kind} volume {str(mount.volume.get('name'))[:63]}"
