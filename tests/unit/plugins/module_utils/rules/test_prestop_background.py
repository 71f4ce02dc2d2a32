# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause in the background: neither nothing nor a pause to rely on."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    container,
    hooked,
    run,
    service,
    target_group,
    workload,
)

RULE, MISSING, SHORT, EXCEEDS = "prestop-in-background", "prestop-missing", "prestop-too-short", "prestop-exceeds-grace"
IDS = {RULE, MISSING, SHORT, EXCEEDS}


def shell(script: str, name: str = "app", **fields: Any) -> dict[str, Any]:
    return hooked({"exec": {"command": ["sh", "-c", script]}}, name, **fields)


def audited(script: str, **options: Any) -> Result:
    return run(workload(shell(script), grace=60), service(), **options)


def ids(result: Result) -> set[str]:
    return IDS & set(result.rules)


@pytest.mark.parametrize(
    "script",
    [
        "sleep 12 &",
        "(sleep 12) &",
        "sleep 12 & exit 0",
        "true && sleep 12 &",
        "setsid sleep 12 &",
        "nohup sleep 12 &",
        "sleep 3; sleep 12 &",
        "sleep 12 & sleep 4",
        "sleep 12 >/dev/null &",
        "/app/drain.sh &",
        "sleep 12 & kill $!",
        "(sleep 12 >/dev/null 2>&1) &",
        "sleep infinity & true",
    ],
)
def test_a_pause_that_only_some_container_runtimes_make_is_a_warning(script: str) -> None:
    result = audited(script)
    assert ids(result) - {EXCEEDS} == {RULE}
    finding = result.one(RULE)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "containerd does" in finding["message"]
    assert not result.workload["budget"]["known"]


def test_the_message_has_both_times() -> None:
    finding = audited("sleep 3; sleep 12 &").one(RULE)
    assert finding["numbers"] == {"prestop_seconds": 3, "background_seconds": 15, "wanted_seconds": 15}
    assert "ends after 3 s and leaves a pause of 15 s in the background" in finding["message"]
    finding = audited("/app/drain.sh &").one(RULE)
    assert finding["numbers"] == {"prestop_seconds": 0, "background_seconds": None, "wanted_seconds": 10}
    assert "returns at once and leaves a command in the background" in finding["message"]


def test_a_pause_too_short_even_where_it_is_waited_for() -> None:
    message = audited("sleep 2 &").one(RULE)["message"]
    assert "2 s are too short as well" in message
    assert "too short" not in audited("sleep 6 &").one(RULE)["message"]


def test_the_snippet_pauses_as_long_in_the_foreground() -> None:
    pod = yaml.safe_load(audited("sleep 12 &").one(RULE)["snippet"])["spec"]["template"]["spec"]
    assert pod["containers"][0]["lifecycle"]["preStop"] == {"exec": None, "sleep": {"seconds": 12}}
    assert pod["terminationGracePeriodSeconds"] == 60, "its owner wrote 60 s, which hold 12 s and the drain"
    old = audited("sleep 12 &", version="1.28").one(RULE)
    assert old["template"] == "prestop-exec-sleep"


@pytest.mark.parametrize(
    "script",
    [
        "sleep 12 & wait",
        "sleep 12 & sleep 10",
        "/app/notify.sh & sleep 10",
        "sleep 10; sleep 12 &",
        "x=$(sleep 12 &)",
        "sleep 12",
        "/app/drain.sh",
    ],
)
def test_a_pause_in_the_foreground_is_enough(script: str) -> None:
    assert not ids(audited(script))


@pytest.mark.parametrize(
    "script",
    ["sleep 12 >/dev/null 2>&1 &", "{ sleep 12; } >/tmp/log 2>&1 &", "touch /tmp/stopping &", "true & true"],
)
def test_what_no_container_runtime_waits_for_is_no_pause_at_all(script: str) -> None:
    result = audited(script)
    assert ids(result) == {MISSING}
    assert "its hook returns at once" in result.one(MISSING)["message"]
    assert result.workload["budget"]["prestop"] == 0


def test_a_short_pause_beside_what_nobody_waits_for_is_too_short() -> None:
    assert ids(audited("sleep 12 >/dev/null 2>&1 & sleep 2")) == {SHORT}


def test_a_hook_that_stops_the_server_is_another_finding() -> None:
    assert RULE not in ids(audited("sleep 12 & kill -QUIT 1"))


def test_what_takes_no_requests_needs_no_pause() -> None:
    assert not ids(run(workload(shell("sleep 12 &"), grace=60), service("other")))


def test_where_no_other_pod_could_serve_it_is_an_info() -> None:
    one = workload(shell("sleep 12 &"), grace=60, replicas=1, strategy={"type": "Recreate"})
    assert run(one, service()).one(RULE)["severity"] == "info"


def test_the_pause_of_another_container_counts() -> None:
    """Of two that a Service reaches through one port that neither declares."""
    pair = workload(shell("sleep 12 &", ports=None), hooked({"sleep": {"seconds": 15}}, "other", ports=None), grace=60)
    assert RULE not in ids(run(pair, service()))


def test_what_runs_in_the_background_is_no_pause_for_another_container() -> None:
    """The other one pauses for 2 s, which is too short whatever becomes of the background."""
    pair = workload(shell("sleep 12 &", ports=None), hooked({"sleep": {"seconds": 2}}, "other", ports=None), grace=60)
    assert run(pair, service()).of(SHORT)


def test_behind_a_load_balancer_it_is_found_as_well() -> None:
    result = run(workload(shell("sleep 40 &"), grace=60), service(), target_group())
    assert result.one(RULE)["severity"] == "warning"


# What else rests on the time


def test_a_background_that_outlasts_the_grace_period() -> None:
    result = run(workload(shell("sleep 60 &")), service())
    finding = result.one(EXCEEDS)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "containerd waits for that and uses up all 30 s" in finding["message"]
    assert finding["numbers"] == {"prestop_seconds": 60, "grace_seconds": 30, "left_seconds": 2}


@pytest.mark.parametrize("script", ["sleep infinity &", "while true; do sleep 1; done &"])
def test_a_background_that_never_ends(script: str) -> None:
    finding = run(workload(shell(script)), service()).one(EXCEEDS)
    assert finding["severity"] == "warning"
    assert "which never ends" in finding["message"]


def test_a_foreground_that_takes_the_grace_period_stays_an_error() -> None:
    assert run(workload(shell("sleep 12 & sleep 40")), service()).one(EXCEEDS)["severity"] == "error"


@pytest.mark.parametrize("script", ["sleep 60 >/dev/null 2>&1 &", "timeout 5 sleep 60 &", "sleep 60 & kill %1"])
def test_a_background_that_need_not_last(script: str) -> None:
    assert not run(workload(shell(script)), service()).of(EXCEEDS)


def test_the_sum_counts_it_and_says_so() -> None:
    result = run(workload(shell("sleep 12 &"), drain=15), service())
    finding = result.one("grace-period-insufficient")
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "(12 s of it in the background, for which containerd waits)" in finding["message"]
    assert finding["numbers"]["required_seconds"] == 37


def test_what_does_not_fit_without_it_either_is_an_error() -> None:
    finding = run(workload(shell("sleep 12 &"), drain=50), service()).one("grace-period-insufficient")
    assert (finding["severity"], finding["remedy"]) == ("error", "auto")


def test_what_the_drain_has_left() -> None:
    result = run(workload(shell("sleep 25 &")), service())
    finding = result.one("prestop-starves-drain")
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "25 s (25 s of it in the background, for which containerd waits)" in finding["message"]


def test_a_server_that_ends_at_once_has_no_pause_to_rely_on() -> None:
    def covered(script: str) -> int:
        obj = workload(shell(script, image="envoyproxy/envoy:v1"), drain=None, grace=300)
        return run(obj, service()).one("server-ends-at-once")["numbers"]["covered_seconds"]

    assert (covered("sleep 12 &"), covered("sleep 12")) == (0, 7)


def test_a_container_beside_it_without_a_hook_is_not_missed() -> None:
    pair = workload(shell("sleep 12 &"), container("other"), grace=60)
    assert run(pair, service()).of(RULE)
