# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1 of running pods, and what that confirms or clears of what a manifest says."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    Result,
    container,
    cron_job,
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.snapshot.evidence.made import (
    ended,
    event,
    evidence,
    look,
    pod,
    reading,
    recorded,
    running,
    status,
    terminated,
)

RULE, RUNTIME, ZOMBIES = "pid1-sigterm-unhandled", "pid1-runtime-default", "zombie-processes"
WRAPPER, SHELL = "pid1-shell-wrapper", "prestop-shell-missing"
TERM, INT, QUIT, USR1, WINCH = 1 << 14, 1 << 1, 1 << 2, 1 << 9, 1 << 27


def seen(processes: Any, obj: dict[str, Any] | None = None, *objects: dict[str, Any], **given: Any) -> Result:
    """Audit a workload whose container app was looked into."""
    told = evidence(pod(), *objects, looks={"app": look(processes, **given)})
    return run(obj or workload(), service(), evidence=told)


def reasons(result: Result, rule: str) -> list[str]:
    """Why a rule was not evaluated."""
    return [entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == rule]


@pytest.mark.parametrize("rule", [RULE, RUNTIME, ZOMBIES])
def test_without_evidence_nothing_is_said_but_that(rule: str) -> None:
    assert reasons(run(workload()), rule) == ["evidence is off"]
    assert reasons(run(workload(), evidence=evidence(asked=("status",))), rule) == ["evidence from exec is off"]
    refused = run(workload(), evidence=evidence(exec="no right (403)"))
    assert reasons(refused, rule) == ["no right (403)"]
    assert reasons(run(workload(), evidence=evidence()), rule) == ["there is no ready pod to inspect"]
    assert "manifests" in reasons(run(workload(), file="web.yaml"), rule)[0]


def test_a_dropped_signal_is_an_error() -> None:
    result = seen(recorded("deaf"), workload(grace=45))
    finding = result.one(RULE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "manual", "init-process")
    assert "PID 1 (httpd)" in finding["message"]
    assert "45 s" in finding["message"]
    assert reasons(result, RULE) == []


def test_an_ignored_signal_is_one_too() -> None:
    assert "ignores SIGTERM" in seen(reading(ign=TERM)).one(RULE)["message"]


@pytest.mark.parametrize("name", ["go", "node", "java", "tini"])
def test_a_handled_signal_is_none(name: str) -> None:
    assert RULE not in seen(recorded(name)).rules


@pytest.mark.parametrize(
    ("program", "caught"),
    [("nginx", QUIT | INT), ("php-fpm", QUIT), ("httpd", WINCH), ("haproxy", USR1), ("postgres", INT | QUIT)],
)
def test_a_server_that_may_get_another_signal_is_not_evaluated(program: str, caught: int) -> None:
    result = seen(reading(program=program, cgt=caught))
    assert RULE not in result.rules
    assert "STOPSIGNAL" in reasons(result, RULE)[0]


def test_a_stop_signal_that_the_server_tells_is_the_one_that_counts() -> None:
    assert RULE not in seen(reading(cgt=QUIT), stop_signal="SIGQUIT").rules
    finding = seen(reading(cgt=TERM), stop_signal="SIGQUIT").one(RULE)
    assert (finding["severity"], "SIGQUIT" in finding["message"]) == ("error", True)


@pytest.mark.parametrize("program", ["python3", "python3.12", "python"])
def test_python_always_catches_sigint_so_it_is_an_info(program: str) -> None:
    finding = seen(reading(program=program, cgt=INT), workload(drain=None)).one(RULE)
    assert (finding["severity"], "STOPSIGNAL SIGINT" in finding["message"]) == ("info", True)


def test_where_a_drain_is_declared_that_would_never_begin_it_is_a_warning() -> None:
    def severity(**given: Any) -> str:
        return seen(reading(program="python3", cgt=INT), workload(**given)).one(RULE)["severity"]

    assert severity(drain=30) == "warning"
    assert severity(drain=30, annotations={PROFILE: "batch"}) == "info"
    waits = workload(container(command=["sleep", "infinity"]), drain=30)
    assert seen(reading(program="python3", cgt=INT), waits).one(RULE)["severity"] == "info"


def test_a_container_that_only_waits_is_an_info() -> None:
    assert seen(recorded("idle")).one(RULE)["severity"] == "info"
    assert seen(reading(), workload(container(command=["tail", "-f", "/dev/null"]))).one(RULE)["severity"] == "info"


def test_a_batch_workload_is_an_info() -> None:
    batch = workload(annotations={PROFILE: "batch"})
    assert seen(reading(), batch).one(RULE)["severity"] == "info"
    assert RUNTIME not in seen(recorded("go"), batch).rules
    assert RULE not in run(cron_job(), evidence=evidence()).rules


def test_a_container_that_was_just_started_is_not_evaluated() -> None:
    result = seen(reading(), seconds=9.0)
    assert RULE not in result.rules
    assert reasons(result, RULE) == ["its container had just started; run again"]


@pytest.mark.parametrize(
    "where", [{"shareProcessNamespace": True}, {"hostPID": True}, {"os": {"name": "windows"}}], ids=str
)
def test_where_the_application_is_not_pid_1_nothing_is_said(where: dict[str, Any]) -> None:
    result = seen(
        reading(status(7, 1, state="Z"), status(8, 1, state="Z"), status(9, 1, state="Z")), workload(pod=where)
    )
    assert {RULE, RUNTIME, ZOMBIES}.isdisjoint(result.rules)
    assert reasons(result, RULE) == []


def test_an_image_without_a_reader_is_not_evaluated() -> None:
    result = seen(None, problem="no reader in the image", bare=True)
    assert {RULE, RUNTIME, ZOMBIES}.isdisjoint(result.rules)
    assert reasons(result, RULE) == reasons(result, ZOMBIES) == ["no reader in the image"]


def test_one_reason_is_counted_once_for_a_workload() -> None:
    told = evidence(pod(), looks={name: look(None, problem="gone") for name in ("app", "two")})
    result = run(workload(container(), container("two", ports=None)), evidence=told)
    (entry,) = [entry for entry in result.report["not_evaluated"] if entry["rule"] == RULE]
    assert entry["count"] == 1


@pytest.mark.parametrize("name", ["go", "node", "java"])
def test_a_runtime_that_handles_the_signal_is_an_info(name: str) -> None:
    finding = seen(recorded(name)).one(RUNTIME)
    assert (finding["severity"], finding["template"]) == ("info", "trace")


def test_a_program_that_handles_it_by_itself_is_not() -> None:
    assert RUNTIME not in seen(reading(program="nginx", cgt=TERM)).rules


def test_a_clean_stop_that_was_seen_clears_the_runtime() -> None:
    stopped = pod("web-5d4f-b2b2b", deleted=-5, state=ended(0, -20, "Completed"))
    assert RUNTIME not in seen(recorded("go"), None, stopped).rules
    stopped = pod("web-5d4f-b2b2b", deleted=-5, state=ended(2, -20))
    assert RUNTIME in seen(recorded("go"), None, stopped).rules


@pytest.mark.parametrize(("amount", "severity"), [(3, "info"), (9, "info"), (10, "warning")])
def test_zombies(amount: int, severity: str) -> None:
    children = [status(10 + number, 1, state="Z (zombie)") for number in range(amount)]
    finding = seen(reading(*children, cgt=TERM)).one(ZOMBIES)
    assert (finding["severity"], finding["numbers"]) == (severity, {"zombies": amount})


def test_few_zombies_or_those_of_others_are_none() -> None:
    few = [status(10 + number, 1, state="Z (zombie)") for number in range(2)]
    others = [status(20 + number, 7, state="Z (zombie)") for number in range(20)]
    assert ZOMBIES not in seen(reading(*few, *others, cgt=TERM)).rules


def test_without_find_only_pid_1_is_known() -> None:
    result = seen(reading(everything=False))
    assert result.one(RULE)["severity"] == "error"
    assert "find" in reasons(result, ZOMBIES)[0]


def test_a_shell_with_children_is_an_error_and_said_once() -> None:
    result = seen(recorded("wrapper"), workload(container(command=["sh", "-c", "./server; ./clean-up"])))
    assert result.one(WRAPPER)["severity"] == "error"
    assert RULE not in result.rules


def test_a_shell_of_the_image_is_found_though_no_manifest_tells() -> None:
    finding = seen(recorded("wrapper")).one(WRAPPER)
    assert (finding["severity"], finding["numbers"]["commands"]) == ("error", 0)


@pytest.mark.parametrize("processes", [recorded("go"), reading(status(7, 1), program="sh", cgt=TERM)])
def test_a_running_pod_clears_what_the_command_says(processes: Any) -> None:
    obj = workload(container(command=["sh", "-c", "./server & wait"]))
    assert WRAPPER in run(obj).rules
    assert WRAPPER not in seen(processes, obj).rules


def test_the_init_in_front_of_a_shell_clears_nothing() -> None:
    obj = workload(container(command=["tini", "--", "sh", "-c", "./server; ./clean-up"]))
    assert seen(recorded("tini"), obj).rules[WRAPPER] == run(obj).rules[WRAPPER]


def test_an_idle_shell_with_children_stays_an_info() -> None:
    obj = workload(container(command=["sh", "-c", "sleep 3600; sleep 3600"]))
    assert seen(recorded("wrapper"), obj).one(WRAPPER)["severity"] == "info"


SLEEPS = {"exec": {"command": ["sh", "-c", "sleep 5"]}}


def test_an_image_without_any_program_has_no_shell_for_a_hook() -> None:
    obj = workload(hooked(SLEEPS))
    assert SHELL not in run(obj).rules
    assert seen(None, obj, problem="no reader", bare=True).one(SHELL)["severity"] == "warning"
    failed = event("FailedPreStopHook", -60)
    assert seen(None, obj, failed, problem="no reader", bare=True).one(SHELL)["severity"] == "error"


def test_a_program_that_was_there_clears_the_name_of_an_image() -> None:
    obj = workload(hooked(SLEEPS, image="gcr.io/distroless/base"))
    assert SHELL in run(obj).rules
    assert SHELL not in seen(recorded("go"), obj).rules
    assert seen(None, obj, problem="not in time").one(SHELL)["severity"] == "warning"


def test_nothing_of_a_healthy_pod() -> None:
    before = terminated(0, -100, "Completed")
    told = evidence(
        pod(state=running(before=before)), event("Killing", -110), looks={"app": look(reading(program="app", cgt=TERM))}
    )
    result = run(workload(), service(), evidence=told)
    assert [entry for entry in result.report["findings"] if entry["evidence"] == "runtime"] == []
    assert [entry["rule"] for entry in result.report["not_evaluated"]] == []
