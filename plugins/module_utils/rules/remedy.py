# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule proposes: a Jinja snippet of templates/, and whether it may be applied without a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import DRAIN_ANNOTATION
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import SLEEP_ACTION

# Why a person must decide.
DECIDES = "the application's owner must decide what the hook still has to do"
FOREGROUND_FIRST = "its owner must decide first whether the hook shall wait for what it starts in the background"

PRESTOP_SLEEP = "prestop-sleep"
PRESTOP_EXEC_SLEEP = "prestop-exec-sleep"
GRACE_PERIOD = "grace-period"
ROLLOUT_STRATEGY = "rollout-strategy"
READINESS_PROBE = "readiness-probe"
POSTSTART_REMOVE = "poststart-remove"
PRESTOP_REMOVE = "prestop-remove"
EXEC_ENTRYPOINT = "exec-entrypoint"
ROLLOUT_IN_PLACE = "rollout-in-place"
REPLICAS = "replicas"
DISRUPTION_BUDGET = "pod-disruption-budget"
LIVENESS_PROBE = "liveness-probe"
MIN_READY_SECONDS = "min-ready-seconds"
PROBE_GRACE_PERIOD = "probe-grace-period"
STARTUP_PROBE = "startup-probe"
READINESS_PROBE_REQUEST = "readiness-probe-request"
UNHEALTHY_EVICTION = "unhealthy-pod-eviction-policy"
DAEMONSET_SURGE = "daemonset-surge"
UPDATE_ONE_BY_ONE = "update-one-by-one"
RECREATE = "recreate-strategy"
JOB_POD_REPLACEMENT = "job-pod-replacement"
JOB_POD_FAILURE_POLICY = "job-pod-failure-policy"
CRONJOB_FORBID = "cronjob-forbid"
WORKER_GRACE_PERIOD = "worker-grace-period"
TOPOLOGY_SPREAD = "topology-spread"
NODE_BUDGET = "node-budget"
READINESS_GATE = "readiness-gate"
READY_ADDRESSES = "ready-addresses"
DEREGISTRATION_DELAY = "deregistration-delay"
CONNECTION_AGE = "connection-age"
LOG_SIDECAR_NATIVE = "log-sidecar-native"
FLUENTD_BUFFER = "fluentd-buffer"
FLUENT_BIT_STORAGE = "fluent-bit-storage"
OTEL_COLLECTOR_STORAGE = "otel-collector-storage"
TERMINATION_ALERTS = "termination-alerts"
PRESTOP_DELAY_FIRST = "prestop-delay-first"
REGISTRY_DEREGISTER = "registry-deregister"
MESH_DRAIN = "mesh-drain"
MESH_NATIVE_SIDECAR = "mesh-native-sidecar"
STOP_SIGNAL = "stop-signal"
UWSGI_SIGTERM = "uwsgi-sigterm"
INIT_PROCESS = "init-process"
TRACE = "trace"
STUCK_POD = "stuck-pod"
DATABASE_PROXY_NATIVE = "database-proxy-native"
SERVER_TIMEOUT = "server-timeout"
# Each has its file templates/<remedy>.yaml.j2; a test compares this list with the folder.
REMEDIES = (
    PRESTOP_SLEEP,
    PRESTOP_EXEC_SLEEP,
    GRACE_PERIOD,
    ROLLOUT_STRATEGY,
    READINESS_PROBE,
    POSTSTART_REMOVE,
    PRESTOP_REMOVE,
    EXEC_ENTRYPOINT,
    ROLLOUT_IN_PLACE,
    REPLICAS,
    DISRUPTION_BUDGET,
    LIVENESS_PROBE,
    MIN_READY_SECONDS,
    PROBE_GRACE_PERIOD,
    STARTUP_PROBE,
    READINESS_PROBE_REQUEST,
    UNHEALTHY_EVICTION,
    DAEMONSET_SURGE,
    UPDATE_ONE_BY_ONE,
    RECREATE,
    JOB_POD_REPLACEMENT,
    JOB_POD_FAILURE_POLICY,
    CRONJOB_FORBID,
    WORKER_GRACE_PERIOD,
    TOPOLOGY_SPREAD,
    NODE_BUDGET,
    READINESS_GATE,
    READY_ADDRESSES,
    DEREGISTRATION_DELAY,
    CONNECTION_AGE,
    LOG_SIDECAR_NATIVE,
    FLUENTD_BUFFER,
    FLUENT_BIT_STORAGE,
    OTEL_COLLECTOR_STORAGE,
    TERMINATION_ALERTS,
    PRESTOP_DELAY_FIRST,
    REGISTRY_DEREGISTER,
    MESH_DRAIN,
    MESH_NATIVE_SIDECAR,
    STOP_SIGNAL,
    UWSGI_SIGTERM,
    INIT_PROCESS,
    TRACE,
    STUCK_POD,
    DATABASE_PROXY_NATIVE,
    SERVER_TIMEOUT,
)
# Those that a plan may apply automatically, by what they touch. Hooks and grace period are planned together.
TIMING = (PRESTOP_SLEEP, GRACE_PERIOD)
OF_THE_STRATEGY = (ROLLOUT_STRATEGY, ROLLOUT_IN_PLACE, MIN_READY_SECONDS)  # restarts nothing
OF_THE_TEMPLATE = (PROBE_GRACE_PERIOD,)  # restarts the pods
# What a snippet gets beyond the common variables, when no finding gives a better value.
DEFAULT_VARIABLES: dict[str, dict[str, Any]] = {
    READINESS_PROBE: {"port": None},
    ROLLOUT_STRATEGY: {"max_surge": "25%"},
    EXEC_ENTRYPOINT: {"single": False, "in_args": False, "only_args": False},
    REPLICAS: {"replicas": 2},
    DISRUPTION_BUDGET: {"selector": {}},
    LIVENESS_PROBE: {"failure_threshold": 6},
    MIN_READY_SECONDS: {"min_ready_seconds": 10},
    PROBE_GRACE_PERIOD: {"probes": ["livenessProbe"], "probe_grace_seconds": 30},
    STARTUP_PROBE: {"failure_threshold": 12},
    READINESS_PROBE_REQUEST: {"port": None},
    UNHEALTHY_EVICTION: {"budget": "CHANGE-ME"},
    TOPOLOGY_SPREAD: {"selector": {}},
    NODE_BUDGET: {"node_seconds": 120},
    READY_ADDRESSES: {"namespace": "CHANGE-ME", "service": "CHANGE-ME"},
    DEREGISTRATION_DELAY: {
        "kind": "Ingress",
        "namespace": "CHANGE-ME",
        "name": "CHANGE-ME",
        "annotation": "alb.ingress.kubernetes.io/target-group-attributes",
        "delay_seconds": 30,
    },
    MESH_DRAIN: {"mesh": "istio", "injected": True, "proxy_drain_seconds": 30, "keeps": False},
    MESH_NATIVE_SIDECAR: {"mesh": "istio", "injected": True},
    DATABASE_PROXY_NATIVE: {"flag": "", "needed_seconds": None},
    SERVER_TIMEOUT: {"setting": "set the shutdown timeout of the server"},
    STOP_SIGNAL: {"signal": "QUIT", "signal_known": False, "drain_seconds": 10, "drain_known": False},
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """`manual` is None for a remedy that may be applied automatically, else the reason why a person must decide.

    `variables` go to the snippet beside those that the plan adds (container, seconds, grace_seconds).
    """

    name: str
    manual: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)


def grace_for_default(seconds: int) -> Remedy:
    """The grace period that a default of a server would need, by hand: no owner has said that it is needed."""
    why = f"only the owner knows whether anything takes that long: set annotation {DRAIN_ANNOTATION}"
    return Remedy(GRACE_PERIOD, why, {"grace_seconds": seconds})


def pause_instead(case: Case, why: str, variables: dict[str, Any] | None = None) -> Remedy:
    """A plain pause instead of a hook, to be applied by hand: `why` is the reason."""
    return Remedy(PRESTOP_SLEEP if case.oldest_possible >= SLEEP_ACTION else PRESTOP_EXEC_SLEEP, why, variables or {})
