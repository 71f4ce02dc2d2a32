# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: what happens to a run that is stopped before it is done."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_map, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.pid1 import HANDLES_SIGTERM, exec_entrypoint
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    CRONJOB_FORBID,
    EXEC_ENTRYPOINT,
    JOB_POD_FAILURE_POLICY,
    JOB_POD_REPLACEMENT,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, is_idle
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    commands_of,
    ends_in_program,
    script_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import BATCH_KINDS, DEFAULT_GRACE

_REPLACEMENT = Version(1, 29)  # podReplacementPolicy is on by default since
_FAILURE_POLICY = Version(1, 26)  # so is podFailurePolicy
_BACKOFF_LIMIT = 6  # of the API server


def _job(case: Case) -> tuple[Obj, str]:
    """The spec of the Job, and its path; empty for what is none, and for runs that only hold a place."""
    workload = case.workload
    if workload.kind not in BATCH_KINDS or all(map(is_idle, workload.containers)):
        return {}, ""
    path = workload.template_path.rpartition(".")[0]
    node = workload.obj
    for key in path.split("."):
        node = get_map(node, key, path)
    return node, path


def _owner_decides(case: Case, what: str) -> str:
    return "an existing Job cannot be changed" if case.workload.kind == "Job" else f"the owner must decide {what}"


def _retries(job: Obj, path: str) -> int:
    return get(job, "backoffLimit", int, path, _BACKOFF_LIMIT)


def _overlap(case: Case) -> Iterator[Hit]:
    job, path = _job(case)
    # With a podFailurePolicy the API server's default is Failed. Without retries a pod that terminates fails the Job.
    if not job or case.version < _REPLACEMENT or job.get("podFailurePolicy") or not _retries(job, path):
        return
    if get(job, "podReplacementPolicy", str, path, "TerminatingOrFailed") == "Failed":
        return
    grace, severity = case.workload.grace, None
    parallelism = get(job, "parallelism", int, path)
    if job.get("completionMode") == "Indexed":
        whom = "two pods with the same index"
    elif case.workload.spec.get("concurrencyPolicy") == "Forbid" and parallelism in (None, 1):
        whom = "two pods, though concurrencyPolicy Forbid allows one at a time,"
    elif grace > DEFAULT_GRACE:
        whom, severity = "two pods", "info"  # for long, but nothing says that they must not
    else:
        return
    yield Hit(
        f"when a pod is evicted, its replacement starts at once while the old pod still terminates: for up to {grace} "
        f"s {whom} do the same work",
        f"{path}.podReplacementPolicy",
        Remedy(JOB_POD_REPLACEMENT, _owner_decides(case, "whether two pods may overlap")),
        severity=severity,
        numbers={"grace_seconds": grace},
    )


def _counts_as_failure(case: Case) -> Iterator[Hit]:
    job, path = _job(case)
    # Retries for each index are another sum.
    retries = _retries(job, path) if job and job.get("backoffLimitPerIndex") is None else 0
    if not retries or case.version < _FAILURE_POLICY or case.workload.pod.get("restartPolicy") != "Never":
        return
    policy = get_map(job, "podFailurePolicy", path)
    for rule in get_maps(policy, "rules", f"{path}.podFailurePolicy"):
        conditions = get_maps(rule, "onPodConditions", f"{path}.podFailurePolicy.rules")
        if any(condition.get("type") == "DisruptionTarget" for condition in conditions):
            return
    yield Hit(
        f"a pod removed by a node drain, a preemption or an eviction counts as a failed attempt: {retries + 1} of "
        "them fail the whole Job, even if the work itself had no error",
        f"{path}.podFailurePolicy",
        Remedy(JOB_POD_FAILURE_POLICY, _owner_decides(case, "what counts as a failure")),
        numbers={"backoff_limit": retries},
    )


def _scripts(case: Case) -> Iterator[tuple[Container, str]]:
    """The application containers that run a shell script, with it."""
    for container in case.workload.containers:
        script = script_of(container.words) if container.command else None
        if script is not None and container.name not in MESH_PROXIES:
            yield container, script


def _killed(case: Case) -> Iterator[Hit]:
    workload, (job, path) = case.workload, _job(case)
    if not job:
        return
    scripts = list(_scripts(case))
    if workload.kind == "CronJob" and workload.spec.get("concurrencyPolicy") == "Replace":
        if not any(command.startswith("trap ") for _one, script in scripts for command in commands_of(script)):
            yield Hit(
                "concurrencyPolicy Replace stops a late run when the next one starts: its work is cut after "
                f"{workload.grace} s at most, and if every run is late, none ever completes",
                "spec.concurrencyPolicy",
                Remedy(CRONJOB_FORBID, "the owner must decide whether a late run or the next one matters more"),
                numbers={"grace_seconds": workload.grace},
            )
        return
    deadline = get(job, "activeDeadlineSeconds", int, path) or get(
        workload.pod, "activeDeadlineSeconds", int, workload.pod_path
    )
    if not deadline or not workload.application_is_pid1:
        return
    for container, script in scripts:
        if _passes_nothing_on(container, script):
            yield Hit(
                f"after {deadline} s the run is stopped (activeDeadlineSeconds), but its shell does not forward "
                f"SIGTERM: the work cannot save its state and is killed {workload.grace} s later",
                f"{container.path}.command",
                exec_entrypoint(container, single=False),
                container,
                "info",
                {"deadline_seconds": deadline, "grace_seconds": workload.grace},
            )


def _passes_nothing_on(container: Container, script: str) -> bool:
    """Whether the shell stays PID 1 for certain: with one command it need not, nor bash with the last of several."""
    commands = commands_of(script)
    may_go = len(commands) < 2 or (basename(container.words[0]) == "bash" and ends_in_program(script))
    return not may_go and not any(HANDLES_SIGTERM.match(command) for command in commands)


RULES = (
    Rule(
        id="job-pod-replacement-overlap",
        title="A Job's replacement pod starts while the old one still terminates",
        severity="warning",
        evidence="static",
        why="By default a pod is replaced as soon as it starts to terminate. Until the old pod has drained, two pods "
        "do work that must not run twice.",
        exceptions=(
            "podReplacementPolicy Failed, which is also the default beside a podFailurePolicy",
            "nothing says that one pod may run at a time (parallelism 1 is the default, written out or not)",
            "backoffLimit 0: no pod is replaced",
            "a run that only sleeps, to be entered by hand",
            "Kubernetes before 1.29, which has no such field",
            "a grace period of more than 30 s alone is an info: it does not say that two must not run",
        ),
        check=_overlap,
        seed="nine steps: 6",
        since="1.29",
        remedies=(JOB_POD_REPLACEMENT,),
    ),
    Rule(
        id="job-disruption-counts-as-failure",
        title="A drain uses up a Job's attempts",
        severity="info",
        evidence="static",
        why="Without a podFailurePolicy that ignores disruptions, each eviction is a failed attempt, and nodes that "
        "are replaced one by one can fail a long Job that did nothing wrong.",
        exceptions=(
            "a rule of podFailurePolicy for DisruptionTarget, whatever it does",
            "restartPolicy OnFailure: the API accepts no podFailurePolicy",
            "backoffLimit 0: a second attempt is not wanted",
            "a run that only sleeps, to be entered by hand",
            "backoffLimitPerIndex: each index has its own attempts",
            "Kubernetes before 1.26, which has no such field",
        ),
        check=_counts_as_failure,
        seed="nine steps: 6",
        since="1.26",
        remedies=(JOB_POD_FAILURE_POLICY,),
    ),
    Rule(
        id="cronjob-replace-kills",
        title="A run is killed halfway by design",
        severity="warning",
        evidence="static",
        why="Replace kills the run that is late, a deadline the one that is slow. Work that gets no SIGTERM is lost "
        "silently.",
        exceptions=(
            "concurrencyPolicy Allow and Forbid",
            "a run that only sleeps, to be entered by hand",
            "a script that traps signals",
            "a deadline where nothing shows that SIGTERM is lost: only a shell with several commands does, as an info",
        ),
        check=_killed,
        seed="nine steps: 4",
        remedies=(CRONJOB_FORBID, EXEC_ENTRYPOINT),
    ),
)
