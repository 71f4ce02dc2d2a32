# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ConfigMaps that workloads of a cluster refer to: read one by one, and only those that rules need."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.wanted import wanted_config_maps
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import barrier
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import CONTEXT
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import (
    CoverageGap,
    Skipped,
    Snapshot,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

CONFIG_MAP = CONTEXT["ConfigMap"]
REFUSED = "forbidden: cannot get configmaps (403): shutdown timeouts and log buffers declared there are unknown"


def read_configs(api: Api, snapshot: Snapshot, rules: Sequence[Rule]) -> None:
    """Read the wanted ConfigMaps into the context, with one GET each.

    One that does not exist is empty. Without the right to read them, the rules that need them are not evaluated.
    """
    wanted = sorted({key for workload in snapshot.workloads for key in _wanted(workload)})

    def get(key: tuple[str, str]) -> Obj | None:
        namespace, name = key
        try:
            return api.get(CONFIG_MAP.path(namespace, name), f"get configmap {name} in namespace {namespace}")
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            return {} if error.status == 404 else None

    refused = []
    for (namespace, name), found in zip(wanted, concurrently(get, wanted), strict=True):
        if found is None:
            refused.append(namespace)
            snapshot.context.coverage.miss(CONFIG_MAP.kind, namespace, REFUSED)
            continue
        named = {"kind": CONFIG_MAP.kind, "metadata": {"namespace": namespace, "name": name}}
        try:
            with barrier():
                snapshot.context.add(found | named)
        except Unreadable as error:
            where = f"{namespace}/{CONFIG_MAP.kind}/{name}"
            snapshot.skipped.append(Skipped(where, None, error.reason, is_file=False))
            snapshot.context.coverage.miss(CONFIG_MAP.kind, namespace, f"{where} cannot be read: {error.reason}")
    if refused:
        several = f"{len(set(refused))} namespaces"
        scope = f"namespace {refused[0]}" if len(set(refused)) == 1 else several
        needing = [rule.id for rule in rules if CONFIG_MAP.kind in rule.needs]
        snapshot.gaps += [CoverageGap(rule, REFUSED, scope, len(refused)) for rule in needing]


def _wanted(workload: Workload) -> set[tuple[str, str]]:
    try:
        return wanted_config_maps(workload)
    except Unreadable:
        return set()  # judging it will say so, with the reason
