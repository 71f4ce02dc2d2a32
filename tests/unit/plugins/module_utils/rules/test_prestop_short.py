# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that is too short for kube-proxy."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    container,
    hooked,
    run,
    service,
    sleeping,
    target_group,
    workload,
)

RULE = "prestop-too-short"


def shell(script: str) -> dict[str, Any]:
    return hooked({"exec": {"command": ["sh", "-c", script]}})


def audited(spec: dict[str, Any], **options: Any) -> Result:
    return run(workload(spec, grace=60), service(), **options)


@pytest.mark.parametrize("seconds", [1, 2, 3, 4])
def test_less_than_five_seconds_is_a_warning(seconds: int) -> None:
    finding = audited(sleeping(seconds)).one(RULE)
    assert finding["severity"] == "warning"
    assert finding["numbers"] == {"prestop_seconds": seconds, "wanted_seconds": 10}
    assert f"preStop ends after {seconds} s" in finding["message"]


def test_the_remedy_writes_the_policys_pause_and_keeps_the_drains_time() -> None:
    result = audited(sleeping(2))
    assert result.one(RULE)["remedy"] == "auto"
    after = result.applied()
    assert not after.of(RULE)
    assert (after.workload["budget"]["prestop"], after.workload["budget"]["grace"]) == (10, 68)


@pytest.mark.parametrize(("delay", "found"), [(1, True), (3, False), (10, False)])
def test_what_the_server_adds_by_itself_counts(delay: int, found: bool) -> None:
    argument = f"--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout={delay}s"
    assert bool(audited(hooked({"sleep": {"seconds": 2}}, args=[argument])).of(RULE)) is found


def test_a_command_that_may_do_more_is_left_to_a_person() -> None:
    finding = audited(shell("touch /tmp/stopping; sleep 2")).one(RULE)
    assert (finding["remedy"], finding["template"]) == ("manual", "prestop-exec-sleep")


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(audited(sleeping(5)), id="five seconds, shorter than the policy's"),
        pytest.param(audited(sleeping(10)), id="the policy's"),
        pytest.param(audited(shell("./wait")), id="a time that is not known"),
        pytest.param(audited(shell("sleep 2; nginx -s quit")), id="a hook that stops the server"),
        pytest.param(audited(container(lifecycle=None)), id="none: prestop-missing"),
        pytest.param(audited(shell("true")), id="one that returns at once: prestop-missing"),
        pytest.param(audited(hooked({"httpGet": {"path": "/wait", "port": 80}})), id="a call"),
        pytest.param(
            audited(
                container(
                    lifecycle={"preStop": {"sleep": {"seconds": 2}}},
                    env=[{"name": "KC_SHUTDOWN_DELAY", "value": "15s"}],
                )
            ),
            id="a server that delays its own shutdown",
        ),
        pytest.param(run(workload(sleeping(2)), service(clusterIP="None")), id="a headless Service"),
        pytest.param(run(workload(sleeping(2))), id="no Service"),
        pytest.param(run(workload(sleeping(2)), service(), target_group()), id="lb-deregistration-race"),
        pytest.param(
            run(workload(sleeping(2), replicas=1, strategy={"type": "Recreate"}), service()), id="never two at once"
        ),
        pytest.param(audited(sleeping(2), version="1.28"), id="a sleep that this version ignores"),
    ],
)
def test_what_is_long_enough_or_has_a_rule_of_its_own_is_not_found(result: Result) -> None:
    assert not result.of(RULE)


def test_behind_a_load_balancer_that_sends_to_pods_only_that_rule_speaks() -> None:
    assert run(workload(sleeping(2)), service(), target_group()).of("lb-deregistration-race")


@pytest.mark.parametrize(("policy", "found"), [(1, False), (2, True), (4, True)])
def test_a_pause_as_long_as_a_shorter_policy_is_its_owners_decision(policy: int, found: bool) -> None:
    options = {"policy": {"prestop_seconds": {"default": policy}}}
    assert bool(run(workload(sleeping(1), grace=60), service(), **options).of(RULE)) == found


def test_a_short_policy_can_be_written() -> None:
    options = {"policy": {"prestop_seconds": {"default": 1}, "margin_seconds": 1}}
    result = run(workload(hooked(None), grace=60), service(), **options)
    assert result.one("prestop-missing")["remedy"] == "auto"
