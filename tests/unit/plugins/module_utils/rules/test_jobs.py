# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on Jobs that are stopped before they are done."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    cron_job,
    run,
    sleeping,
    workload,
)

OVERLAP, FAILURE, KILLS = "job-pod-replacement-overlap", "job-disruption-counts-as-failure", "cronjob-replace-kills"
IGNORED = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}


def script(text: str, shell: str = "sh") -> dict[str, Any]:
    """A container that runs a script."""
    return container(command=[shell, "-c", text], ports=None, readinessProbe=None, lifecycle=None)


@pytest.mark.parametrize("command", [["sleep", "7200"], ["sleep", "infinity"], ["sh", "-c", "sleep 3600"]])
@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_a_run_that_only_holds_a_place_does_no_work(command: list[str], policy: str) -> None:
    idle = container(command=command, ports=None, readinessProbe=None, lifecycle=None)
    result = run(cron_job(idle, concurrencyPolicy=policy, suspend=True))
    assert not any(result.of(rule) for rule in (OVERLAP, FAILURE, KILLS))


def test_a_run_that_works_beside_one_that_sleeps_counts() -> None:
    idle = container("idle", command=["sleep", "60"], ports=None, readinessProbe=None, lifecycle=None)
    assert run(cron_job(script("./work; ./tell"), idle, concurrencyPolicy="Forbid")).of(OVERLAP)


# job-pod-replacement-overlap


def test_one_at_a_time_is_not_what_happens_in_a_drain() -> None:
    finding = run(cron_job(concurrencyPolicy="Forbid")).one(OVERLAP)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("warning", "manual", {"grace_seconds": 30})
    assert finding["path"] == "spec.jobTemplate.spec.podReplacementPolicy"
    assert "though concurrencyPolicy Forbid allows one at a time" in finding["message"]
    assert finding["snippet"] == "spec:\n  jobTemplate:\n    spec:\n      podReplacementPolicy: Failed\n"


def test_two_pods_with_one_index() -> None:
    finding = run(cron_job(job={"completionMode": "Indexed", "completions": 5, "parallelism": 5})).one(OVERLAP)
    assert finding["severity"] == "warning"
    assert "two pods with the same index" in finding["message"]


def test_a_long_overlap_alone_is_an_info() -> None:
    assert run(cron_job(grace=31)).one(OVERLAP)["severity"] == "info"


def test_a_bare_job_is_for_what_creates_it() -> None:
    finding = run(workload(kind="Job", completionMode="Indexed")).one(OVERLAP)
    assert finding["path"] == "spec.podReplacementPolicy"
    assert finding["reason"] == "an existing Job cannot be changed"
    assert finding["snippet"] == "spec:\n  podReplacementPolicy: Failed\n"


def test_where_nothing_says_that_two_are_too_many() -> None:
    assert not run(cron_job()).of(OVERLAP)
    assert not run(cron_job(job={"parallelism": 1, "completions": 1})).of(OVERLAP)
    assert not run(cron_job(concurrencyPolicy="Forbid", job={"parallelism": 4})).of(OVERLAP)


@pytest.mark.parametrize(
    "job",
    [
        {"podReplacementPolicy": "Failed"},
        {"podFailurePolicy": IGNORED},  # its default is then Failed
        {"backoffLimit": 0},
    ],
)
def test_where_no_second_pod_starts_early(job: dict[str, Any]) -> None:
    assert not run(cron_job(concurrencyPolicy="Forbid", job=job)).of(OVERLAP)


def test_the_default_written_out_is_still_the_default() -> None:
    assert run(cron_job(concurrencyPolicy="Forbid", job={"podReplacementPolicy": "TerminatingOrFailed"})).of(OVERLAP)


def test_before_1_29_there_is_no_such_field() -> None:
    assert not run(cron_job(concurrencyPolicy="Forbid"), version="1.28").of(OVERLAP)
    assert run(cron_job(concurrencyPolicy="Forbid"), version="1.29").of(OVERLAP)


def test_a_longer_grace_period_is_not_held_up_by_it() -> None:
    obj = workload(sleeping(30), kind="CronJob")
    assert run(obj).change.patch["spec"]["jobTemplate"]


# job-disruption-counts-as-failure


def test_a_drain_uses_up_attempts() -> None:
    finding = run(cron_job()).one(FAILURE)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == ("info", "manual", {"backoff_limit": 6})
    assert "7 of them fail the whole Job" in finding["message"]
    assert "              - type: DisruptionTarget" in finding["snippet"]
    assert "2 of them" in run(cron_job(job={"backoffLimit": 1})).one(FAILURE)["message"]


def test_a_bare_job_has_attempts_too() -> None:
    finding = run(workload(kind="Job", pod={"restartPolicy": "Never"})).one(FAILURE)
    assert finding["path"] == "spec.podFailurePolicy"
    assert finding["snippet"].startswith("spec:\n  podFailurePolicy:")


@pytest.mark.parametrize("action", ["Ignore", "Count", "FailJob"])
def test_a_rule_for_disruptions_is_a_decision(action: str) -> None:
    policy = {"rules": [{"action": action, "onPodConditions": [{"type": "DisruptionTarget"}]}]}
    assert not run(cron_job(job={"podFailurePolicy": policy})).of(FAILURE)


def test_a_policy_for_something_else_is_none_for_disruptions() -> None:
    policy = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}
    assert run(cron_job(job={"podFailurePolicy": policy})).of(FAILURE)


@pytest.mark.parametrize("policy", ["OnFailure", None])
def test_the_api_takes_a_policy_only_for_pods_that_do_not_restart(policy: str | None) -> None:
    assert not run(cron_job(pod={"restartPolicy": policy})).of(FAILURE)


@pytest.mark.parametrize("job", [{"backoffLimit": 0}, {"backoffLimitPerIndex": 1, "completionMode": "Indexed"}])
def test_where_attempts_are_counted_otherwise(job: dict[str, Any]) -> None:
    assert not run(cron_job(job=job)).of(FAILURE)


def test_before_1_26_there_is_no_such_policy() -> None:
    assert not run(cron_job(), version="1.25").of(FAILURE)
    assert run(cron_job(), version="1.26").of(FAILURE)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_what_runs_on_is_no_job(kind: str) -> None:
    obj = workload(kind=kind, completionMode="Indexed", activeDeadlineSeconds=60, pod={"restartPolicy": "Never"})
    assert not {OVERLAP, FAILURE, KILLS} & set(run(obj).rules)


# cronjob-replace-kills


def test_the_next_run_kills_the_last_one() -> None:
    finding = run(cron_job(concurrencyPolicy="Replace")).one(KILLS)
    assert (finding["severity"], finding["remedy"], finding["path"]) == ("warning", "manual", "spec.concurrencyPolicy")
    assert finding["snippet"] == "spec:\n  concurrencyPolicy: Forbid\n"


@pytest.mark.parametrize("policy", [None, "Allow", "Forbid"])
def test_others_kill_nothing(policy: str | None) -> None:
    assert not run(cron_job(concurrencyPolicy=policy)).of(KILLS)


def test_a_script_that_traps_expects_it() -> None:
    assert not run(cron_job(script("trap 'save; exit' TERM; work & wait"), concurrencyPolicy="Replace")).of(KILLS)
    assert run(cron_job(script("prepare; work"), concurrencyPolicy="Replace")).of(KILLS)


@pytest.mark.parametrize(
    "obj",
    [
        cron_job(script("prepare; work"), job={"activeDeadlineSeconds": 600}),
        cron_job(script("prepare; work"), pod={"activeDeadlineSeconds": 600}),
        workload(script("prepare; work"), kind="Job", activeDeadlineSeconds=600),
    ],
)
def test_a_deadline_that_the_work_cannot_hear_of_is_an_info(obj: dict[str, Any]) -> None:
    finding = run(obj).one(KILLS)
    assert (finding["severity"], finding["container"]) == ("info", "app")
    assert finding["numbers"] == {"deadline_seconds": 600, "grace_seconds": 30}
    assert "prepare" not in finding["message"] + finding["snippet"], "a script may hold a secret"


@pytest.mark.parametrize(
    "text", ["work", "prepare; exec work", "trap save TERM; work", "", "# nothing", "exec dumb-init work; other"]
)
def test_a_script_that_may_hear_of_it(text: str) -> None:
    assert not run(cron_job(script(text), job={"activeDeadlineSeconds": 600})).of(KILLS)


def test_a_deadline_says_nothing_of_a_program() -> None:
    assert not run(cron_job(job={"activeDeadlineSeconds": 600})).of(KILLS)


def test_a_bash_that_ends_in_a_program_may_become_it() -> None:
    obj = cron_job(script("prepare; work", "bash"), job={"activeDeadlineSeconds": 600})
    assert not run(obj).of(KILLS)


def test_under_another_pid_1_the_shell_does_not_matter() -> None:
    obj = cron_job(script("prepare; work"), job={"activeDeadlineSeconds": 600}, pod={"shareProcessNamespace": True})
    assert not run(obj).of(KILLS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backoffLimit", "6"),
        ("podReplacementPolicy", 5),
        ("podFailurePolicy", []),
        ("podFailurePolicy", {"rules": ["Ignore"]}),
        ("activeDeadlineSeconds", 0.5),
        ("parallelism", [1]),
    ],
)
def test_wrong_types_are_unreadable(field: str, value: Any) -> None:
    report = run(cron_job(job={field: value})).report
    assert field in report["skipped"][0]["reason"]
