# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds the number of pods from outside: PodDisruptionBudgets, HorizontalPodAutoscalers, KEDA's ScaledObjects."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    Unreadable,
    get,
    get_int_or_percent,
    get_labels,
    get_map,
    get_maps,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import Selector

# KEDA's triggers that count messages waiting for a consumer (keda.sh/docs/scalers).
QUEUES = (
    *("activemq", "apache-kafka", "artemis-queue", "aws-kinesis-stream", "aws-sqs-queue", "azure-eventhub"),
    *("azure-queue", "azure-servicebus", "beanstalkd", "gcp-pubsub", "gcp-cloudtasks", "ibmmq", "kafka"),
    *("liiklus", "nats-jetstream", "nsq", "pulsar", "rabbitmq", "redis", "redis-cluster", "redis-cluster-streams"),
    *("redis-sentinel", "redis-sentinel-streams", "redis-streams", "solace-event-queue", "stan", "temporal"),
)
_SCALED_OBJECT = "scaledobject.keda.sh/name"  # the label of the HorizontalPodAutoscaler that KEDA makes
_METRIC = re.compile(r"^s\d+-")


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget; the two values as written.

    `unhealthy_policy`: whether pods that are not ready may be evicted whatever the budget; None if not set.
    `healthy`, `wanted` and `pods` (all that the selector matches) are numbers as a cluster counts them; None where it
    has
    not.
    """

    namespace: str
    name: str
    selector: Selector
    min_available: int | str | None
    max_unavailable: int | str | None
    unhealthy_policy: str | None
    healthy: int | None
    wanted: int | None
    pods: int | None = None


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler or a ScaledObject, and the workload that it scales, as (kind, name).

    `queue` is the trigger of KEDA that counts the messages of a queue, such as rabbitmq; empty where there is none.
    """

    namespace: str
    name: str
    target: tuple[str, str]
    min_replicas: int
    queue: str = ""


def read_budget(namespace: str, name: str, obj: Obj) -> DisruptionBudget | None:
    """A PodDisruptionBudget. None without a selector: that selects no pod, an empty one selects all. Raises
    Unreadable."""
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
        get(status, "expectedPods", int, "status"),
    )


def read_autoscaler(namespace: str, name: str, obj: Obj) -> Autoscaler:
    """A HorizontalPodAutoscaler. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    target = get_map(spec, "scaleTargetRef", "spec")
    least = get(spec, "minReplicas", int, "spec", 1)
    queue = ""
    if _SCALED_OBJECT in get_labels(get_map(obj, "metadata", ""), "labels", "metadata"):
        metrics = (get_map(metric, "external", "spec.metrics") for metric in get_maps(spec, "metrics", "spec"))
        names = (str(get_map(external, "metric", "spec.metrics").get("name")) for external in metrics)
        queue = next((trigger for name in names if (trigger := _trigger_of(name))), "")
    return Autoscaler(namespace, name, (str(target.get("kind")), str(target.get("name"))), least, queue)


def read_scaled_object(namespace: str, name: str, obj: Obj) -> Autoscaler:
    """KEDA's ScaledObject: without minReplicaCount it scales to zero. Raises Unreadable."""
    spec = get_map(obj, "spec", "")
    target = get_map(spec, "scaleTargetRef", "spec")
    kind = get(target, "kind", str, "spec.scaleTargetRef", "Deployment")
    least = get(spec, "minReplicaCount", int, "spec", 0)
    triggers = [str(trigger.get("type")) for trigger in get_maps(spec, "triggers", "spec")]
    queue = next((trigger for trigger in triggers if trigger in QUEUES), "")
    return Autoscaler(namespace, name, (kind, str(target.get("name"))), least, queue)


def _trigger_of(metric: str) -> str:
    """The queue trigger behind a metric that KEDA names, such as rabbitmq of s0-rabbitmq-orders; empty for others."""
    rest = _METRIC.sub("", metric)
    return max((queue for queue in QUEUES if rest.startswith(f"{queue}-")), key=len, default="")
