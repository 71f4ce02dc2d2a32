# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds the number of pods from outside: PodDisruptionBudgets and HorizontalPodAutoscalers."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Unreadable,
    get,
    get_int_or_percent,
    get_map,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget; the two values as written.

    `unhealthy_policy`: whether pods that are not ready may go whatever the budget; None where nobody decided.
    `healthy` and `wanted` are numbers of pods as a cluster counts them; both None where nobody has counted.
    """

    namespace: str
    name: str
    selector: Selector
    min_available: int | str | None
    max_unavailable: int | str | None
    unhealthy_policy: str | None
    healthy: int | None
    wanted: int | None


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler and the workload that it scales, as (kind, name)."""

    namespace: str
    name: str
    target: tuple[str, str]
    min_replicas: int


def read_budget(namespace: str, name: str, obj: dict) -> DisruptionBudget | None:
    """A PodDisruptionBudget. None without a selector: it takes no pod, an empty one takes all. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    if spec.get("selector") is None:
        return None
    try:
        selector = Selector.of_object(get_map(spec, "selector", "spec"))
    except ValueError as error:
        raise Unreadable(f"spec.selector: {error}") from None
    status = get_map(obj, "status", "")
    return DisruptionBudget(
        namespace,
        name,
        selector,
        get_int_or_percent(spec, "minAvailable", "spec"),
        get_int_or_percent(spec, "maxUnavailable", "spec"),
        get(spec, "unhealthyPodEvictionPolicy", str, "spec"),
        get(status, "currentHealthy", int, "status"),
        get(status, "desiredHealthy", int, "status"),
    )


def read_autoscaler(namespace: str, name: str, obj: dict) -> Autoscaler:
    """A HorizontalPodAutoscaler. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    target = get_map(spec, "scaleTargetRef", "spec")
    least = get(spec, "minReplicas", int, "spec", 1)
    return Autoscaler(namespace, name, (str(target.get("kind")), str(target.get("name"))), least)
