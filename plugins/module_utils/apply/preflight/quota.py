# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceQuotas: whether they admit one more pod, or a replacement for a deleted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import Amounts, Demand
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quantity import (
    format_quantity,
    parse_quantity,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map, get_texts
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict

# What a rollout creates besides pods: an object that keeps the old template.
_REVISIONS = {"Deployment": "count/replicasets.apps"}
_REVISION = "count/controllerrevisions.apps"


@dataclass(frozen=True, slots=True)
class Quota:
    """`used` may lag behind the cluster. `selects`: the quota counts only pods of some priority classes."""

    namespace: str
    name: str
    hard: Amounts
    used: Amounts
    scopes: tuple[str, ...]
    selects: bool


def read_quota(obj: Obj) -> Quota:
    """A ResourceQuota. Raises Unreadable."""
    metadata, spec, status = (get_map(obj, key, "") for key in ("metadata", "spec", "status"))
    return Quota(
        namespace=get(metadata, "namespace", str, "metadata", ""),
        name=get(metadata, "name", str, "metadata", ""),
        hard={name: parse_quantity(value) for name, value in get_map(spec, "hard", "spec").items()},
        used={name: parse_quantity(value) for name, value in get_map(status, "used", "status").items()},
        scopes=get_texts(spec, "scopes", "spec"),
        selects=bool(get_map(spec, "scopeSelector", "spec")),
    )


def judge_quotas(quotas: Sequence[Quota], kind: str, pod: Obj, demand: Demand, *, old_goes_first: bool) -> Verdict:
    """Whether the quotas of a namespace allow a rollout of a workload of this kind with such pods."""
    verdict = Verdict()
    for quota in quotas:
        applies = _applies(quota, pod, demand)
        if applies is False:
            continue
        full = _full(quota, kind, demand, old_goes_first=old_goes_first)
        if full and applies:
            verdict += Verdict(blocks=(f"{full}; raise the quota or free some of it",))
        elif full:
            scope = ", ".join(quota.scopes) or "a scopeSelector"
            verdict += Verdict(notes=(f"{full}; unknown whether it counts these pods ({scope})",))
        if applies:
            verdict += Verdict(notes=tuple(_unset(quota, demand)))
    return verdict


def _full(quota: Quota, kind: str, demand: Demand, *, old_goes_first: bool) -> str | None:
    """Why the quota is full, by the first resource that is; None if it is not."""
    for resource, hard in quota.hard.items():
        need = _need(resource, kind, demand)
        used = quota.used.get(resource)
        if not need or used is None:
            continue
        # A pod that is deleted first frees what its replacement needs, unless usage was above the limit before.
        revision = resource in (*_REVISIONS.values(), _REVISION)
        if used + (0 if old_goes_first and not revision else need) > hard:
            what = f"{format_quantity(used)} of {format_quantity(hard)} {resource} are used"
            more = "so a deleted pod may not be replaced" if old_goes_first and not revision else None
            return f"quota {quota.name}: {what}, {more or f'and the rollout needs {format_quantity(need)} more'}"
    return None


def _need(resource: str, kind: str, demand: Demand) -> Fraction:
    if resource in ("pods", "count/pods", _REVISIONS.get(kind, _REVISION)):
        return Fraction(1)
    part, _dot, name = resource.partition(".")
    if part == "limits":
        return demand.limits.get(name, Fraction(0))
    return demand.requests.get(name if part == "requests" else resource, Fraction(0))


def _applies(quota: Quota, pod: Obj, demand: Demand) -> bool | None:
    """Whether the quota counts such pods; None if unknown."""
    ends = pod.get("activeDeadlineSeconds") is not None
    best_effort = not demand.requests and not demand.limits
    known = {"Terminating": ends, "NotTerminating": not ends, "BestEffort": best_effort}
    known["NotBestEffort"] = not best_effort
    if not all(known.get(scope, True) for scope in quota.scopes):
        return False
    return None if quota.selects or any(scope not in known for scope in quota.scopes) else True


def _unset(quota: Quota, demand: Demand) -> list[str]:
    """A quota on a resource makes every container set it. Running pods may be older than the quota."""
    texts = []
    for resource in quota.hard:
        name = resource if "." in resource else f"requests.{resource}"
        containers = demand.without.get(name, ())
        if containers:
            texts.append(
                f"quota {quota.name} requires {name} on every container; missing on {', '.join(containers)}: unless a "
                "LimitRange sets a default, no new pod is admitted"
            )
    return texts
