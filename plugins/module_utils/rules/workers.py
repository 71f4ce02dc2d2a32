# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue workers: they process jobs, not requests, and a job often takes longer than the default grace period."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import WORKER_GRACE_PERIOD, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.queue_workers import queue_worker
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import DEFAULT_GRACE, SCALED_KINDS

# Celery acknowledges such tasks only when done: a killed one is delivered again.
_LATE_ACKS = re.compile(r"ACKS_LATE$")


def _too_short(case: Case) -> Iterator[Hit | NotEvaluated]:
    workload = case.workload
    if case.profile.name not in ("worker", "unknown") or workload.kind not in SCALED_KINDS:
        return
    # Less than 3 s is grace-period-zero; with a declared drain, grace-period-insufficient does the sum.
    if not 2 < workload.grace <= DEFAULT_GRACE or _is_known(case):
        return
    queue = case.autoscaler.queue if case.autoscaler else ""
    applications = [container for container in workload.containers if container.name not in MESH_PROXIES]
    for container in applications:
        if _acknowledges_late(container):
            continue
        runner = queue_worker(container)
        if not runner and queue and len(applications) == 1:
            runner = f"what KEDA scales by {queue}"
        if runner is None:
            continue
        if case.profile.name == "unknown":
            yield NotEvaluated(case.why_unknown("Service") or "its profile is unknown")
            return
        yield Hit(
            f"{runner or 'the command'} looks like a queue worker, and its pods are killed after {workload.grace} s: "
            "a longer job is cut, and lost if it was acknowledged when it started",
            f"{workload.pod_path}.terminationGracePeriodSeconds",
            Remedy(
                WORKER_GRACE_PERIOD,
                "the duration of its longest job is unknown: set annotation graceful.termination/drain-seconds",
            ),
            container,
            None if runner else "info",
            {"grace_seconds": workload.grace},
        )


def _is_known(case: Case) -> bool:
    """Whether the time that its jobs have is declared, or what is not done in time goes back to the queue."""
    drains = list(case.profile.drains.values())
    if all(drain.expected is not None for drain in drains):
        return True
    budget = case.budget
    return budget.required - budget.margin <= budget.grace and all(
        drain.exact and drain.allowance and drain.allowance.server and drain.allowance.server.requeues
        for drain in drains
    )


def _acknowledges_late(container: Container) -> bool:
    return any(
        _LATE_ACKS.search(str(entry.get("name"))) and str(entry.get("value")).lower() in ("1", "true", "yes", "on")
        for entry in get_maps(container.spec, "env", container.path)
    )


RULES = (
    Rule(
        id="worker-grace-too-short",
        title="Queue worker with the default grace period",
        severity="warning",
        evidence="context",
        why="On SIGTERM a worker finishes the job that it has. With 30 s, longer jobs are killed at every rollout and "
        "every scale-down; by default Celery has already acknowledged them.",
        exceptions=(
            "workloads that a Service routes to for more than health, metrics or logs, and controllers",
            "a trigger of KEDA that counts no messages, such as cpu or cron",
            "a longer grace period, or a declared drain: then the budget is known",
            "celery beat and flower, rq info: no workers",
            "flags such as --workers=4, which servers have",
            "late acknowledgement: the job is delivered again",
            "the words worker and consumer alone, and the name of a script such as start-sidekiq.sh, are an info",
            "a namespace without Services in the input: not evaluated, it may serve",
        ),
        check=_too_short,
        seed="2 settings: grace",
        remedies=(WORKER_GRACE_PERIOD,),
        needs=("Service", "Lease", "HorizontalPodAutoscaler"),
    ),
)
