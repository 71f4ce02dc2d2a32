# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a cluster is read: once before each wave, and once after the last one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.apply.test_guardrails import call, drilled
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.apply.test_rollouts import (
    Cluster,
    go,
    told,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import failed

ENDED = "the state after the changes is unknown"


class Counted(Cluster):
    """`readings` are how often all of it was read."""

    def __init__(self, *names: str, **given: Any):
        super().__init__(*names, **given)
        self.readings = 0
        self.hook = self._count

    def _count(self, _method: str, path: str) -> None:
        self.readings += path == "/version"


def gaps(outcome: Outcome) -> list[str]:
    """What a report says was not judged at all."""
    return [entry["reason"] for entry in outcome.report["not_evaluated"] if entry["rule"] == "all"]


def errors(outcome: Outcome) -> int:
    return sum(finding["status"] == "open" for finding in outcome.report["findings"])


@pytest.mark.parametrize(
    ("waves", "readings"), [(["100%"], 2), (["1", "100%"], 3), (["1", "2", "100%"], 4), (["1", "2", "3", "4"], 5)]
)
def test_the_state_after_a_wave_is_the_state_before_the_next(waves: list[str], readings: int) -> None:
    cluster = Counted(*"abcd")
    outcomes = go(cluster, waves=waves)
    assert cluster.readings == readings
    assert {entry[0] for entry in told(outcomes[-1]).values()} == {"changed"}
    assert errors(outcomes[-1]) == 0 and gaps(outcomes[-1]) == []


def test_a_run_with_nothing_to_do_reads_once() -> None:
    cluster = Counted("a")
    go(cluster)
    cluster.readings = 0
    (outcome,) = go(cluster, waves=["1", "100%"])
    assert (cluster.readings, outcome.changed) == (1, False)


def test_check_mode_reads_once() -> None:
    cluster = Counted(*"ab")
    assert call(cluster, check=True, waves=["1", "100%"]).changed
    assert cluster.readings == 1


def test_a_report_between_two_waves_is_of_the_state_before_and_says_so() -> None:
    first, second, last = go(Cluster(*"abc"), waves=["1", "2", "3"])
    assert gaps(first) == ["the state after wave 1 of 3 is read when the next wave starts"]
    assert gaps(second) == ["the state after wave 2 of 3 is read when the next wave starts"]
    assert gaps(last) == []
    assert [errors(outcome) for outcome in (first, second, last)] == [3, 2, 0], "never better than it is"
    assert [sorted(told(outcome)) for outcome in (first, second)] == [["a"], ["a", "b"]]


def test_the_state_is_read_again_after_a_wave_that_is_the_last_because_it_failed() -> None:
    cluster = Counted(*"ab", bad=("a",))
    (outcome,) = go(cluster, waves=["1", "100%"])
    assert cluster.readings == 2 and gaps(outcome) == []
    assert told(outcome)["a"][0] == "failed"


def test_what_happens_between_two_waves_is_seen_before_anything_is_changed() -> None:
    cluster = Cluster(*"abc")
    first = call(cluster, waves=["1", "100%"])
    assert first.progress
    cluster.objects["b"]["spec"]["paused"] = True
    del cluster.objects["c"]
    last = call(cluster, first.progress.as_dict(), waves=["1", "100%"])
    found = told(last)
    assert (found["a"][0], found["b"][0], cluster.patched) == ("changed", "skipped", ["a"])
    assert found["b"][1] and "paused" in found["b"][1]
    assert "c" not in found


def test_a_drill_between_two_waves_costs_no_reading_of_its_own(tmp_path: Path) -> None:
    cluster = Counted(*"abc")
    outcomes = drilled(cluster, {"status": "passed", "reason": ""}, waves=["1", "100%"], report_dir=str(tmp_path))
    assert len(outcomes) == 2 and cluster.readings == 3


def test_a_drill_after_the_only_wave_is_followed_by_a_reading() -> None:
    cluster = Counted("c")
    first, last = drilled(cluster, {"status": "passed", "reason": ""})
    assert cluster.readings == 2
    assert gaps(first) == ["the state after wave 1 of 1 is read when the next wave starts"] and gaps(last) == []
    assert errors(last) == 0


def test_a_server_that_is_away_after_the_last_wave_leaves_the_report_of_the_state_before() -> None:
    cluster = Cluster("a")
    cluster.hook = lambda _method, path: failed(500) if path == "/version" and cluster.patched else None
    (outcome,) = go(cluster)
    (reason,) = gaps(outcome)
    assert reason.startswith(f"{ENDED}: ") and "500" in reason
    assert told(outcome)["a"][0] == "changed" and errors(outcome) == 1
