# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit says of servers is what stops of them showed on kind. No cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.tools.calibration import servers_page, stops
from ansible_collections.graceful.termination.tools.calibration.servers import FOLDER, Case, read_cases, said_of
from ansible_collections.graceful.termination.tools.calibration.variants import Refused, read_json

CASES = read_cases()
RESULTS = read_json(stops.RESULTS)
STOP = 1_700_000_000.0


# --- What is committed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_an_audit_says_today_what_it_said_when_the_server_was_stopped(name: str) -> None:
    assert RESULTS[name]["digest"] == CASES[name].variant.digest, "make servers stops it again"
    assert said_of(CASES[name]) == RESULTS[name]["said"]


@pytest.mark.parametrize("name", CASES)
def test_what_it_says_is_what_happened(name: str) -> None:
    assert stops.disagreements(CASES[name], RESULTS[name]) == []


def test_nothing_is_kept_of_a_case_that_is_no_more() -> None:
    assert RESULTS.keys() == CASES.keys()


def test_each_server_is_one_of_the_catalogue() -> None:
    assert {case.server for case in CASES.values()} <= {server.name for server in CATALOGUE}


def test_the_page_is_the_one_of_the_results() -> None:
    assert servers_page.PAGE.read_text(encoding="utf-8") == servers_page.render(CASES, RESULTS)


# --- How a stop is judged --------------------------------------------------------------------------------------------


@pytest.fixture
def case() -> Case:
    """A server whose requests take 20 s."""
    return CASES["gunicorn-default-20"]


def measured(
    requests: list[tuple[float, str]], seconds: float = 30, allowance: int | None = 30, request: str = "finished"
) -> dict[str, Any]:
    """A result. `requests`: the seconds that each had left, and its error."""
    return {
        "at": "2026-01-31T00:00:00Z",
        "said": {"allowance": allowance, "bound": "exact", "how": "default", "findings": [], "request": request},
        "requests": [{"left": left, "ended": left, "error": error} for left, error in requests],
        "seconds": seconds,
        "exit_code": 0,
        "program": "server 1.0",
        "kubernetes": "v1.37.2",
        "version": "1.0.0",
    }


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(measured([(10, ""), (20, "")], 20), id="all finished"),
        pytest.param(measured([(10, ""), (35, "reset")], request="lost"), id="only what outlasts it is lost"),
        pytest.param(measured([(29, "reset"), (31, "")]), id="close to the allowance"),
        pytest.param(measured([(10, "reset")], 0, 0, "lost"), id="ends at once"),
        pytest.param(measured([(1, "")], 0, 0, "lost"), id="nearly done when it ends at once"),
        pytest.param(measured([(30, "")], 55, None), id="without limit"),
        pytest.param(measured([(10, "reset"), (20, "")], 60, None, "not known"), id="nothing is said"),
    ],
)
def test_what_was_said_agrees(case: Case, result: dict[str, Any]) -> None:
    assert stops.disagreements(case, result) == []


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (measured([(10, "reset")]), "a request with 10 s left was lost, not finished"),
        (measured([(36, "")], request="lost"), "a request with 36 s left was finished, not lost"),
        (measured([(10, "")], 0, 0, "lost"), "a request with 10 s left was finished, not lost"),
        (measured([(20, "reset")], 20, None), "a request with 20 s left was lost, not finished"),
        (measured([(10, "")], 36), "it ended after 36 s, not within 30 s"),
    ],
)
def test_what_was_said_does_not_agree(case: Case, result: dict[str, Any], found: str) -> None:
    assert stops.disagreements(case, result) == [found]


def trace(seconds: float = 1.0) -> dict[str, Any]:
    """As much of a trace as is read; the signal came so many seconds after the request."""
    return {
        "generated_at": "2023-11-14T22:13:20Z",  # STOP
        "steps": [{"name": "SIGTERM", "seconds": seconds}],
        "containers": [
            {"name": "other", "drain_seconds": 1.0, "exit_code": 1},
            {"name": "web", "drain_seconds": 30.0, "exit_code": 0},
        ],
    }


def test_requests_under_way_at_the_signal_are_kept_with_what_they_had_left(case: Case) -> None:
    requests = [
        stops.Request(STOP - 30, STOP - 10, ""),  # over
        stops.Request(STOP - 9, STOP + 11, ""),
        stops.Request(STOP - 1, STOP + 5, "reset"),
        stops.Request(STOP - 2, STOP + 0.5, "reset"),  # the time of the signal is derived
        stops.Request(STOP + 0.1, STOP + 21, ""),  # too late to be certain
    ]
    found = stops.result(case, trace(), requests)
    assert found["requests"] == [
        {"left": 10.0, "ended": 10.0, "error": ""},
        {"left": 18.0, "ended": 4.0, "error": "reset"},
        {"left": 17.0, "ended": -0.5, "error": "reset"},
    ]
    assert (found["seconds"], found["exit_code"]) == (30.0, 0)


def test_a_stop_that_shows_nothing_is_refused(case: Case) -> None:
    with pytest.raises(Refused, match="no request was under way"):
        stops.result(case, trace(), [stops.Request(STOP - 30, STOP - 10, "")])
    with pytest.raises(Refused, match="lost before the stop"):
        stops.result(case, trace(), [stops.Request(STOP - 30, STOP - 29, "reset")])


# --- The page and the file -------------------------------------------------------------------------------------------


def test_a_server_is_proven_where_all_that_was_said_of_it_happened(case: Case) -> None:
    other = replace(case, seconds=40)
    agrees, wrong = measured([(10, "")]), measured([(10, "reset")])
    assert servers_page.proven({"a": case}, {"a": agrees}) == {"gunicorn"}
    assert servers_page.proven({"a": case, "b": other}, {"a": agrees, "b": wrong}) == set()
    assert servers_page.proven({"a": case}, {"a": measured([(10, "")], request="not known")}) == set()
    assert servers_page.proven({"a": case}, {}) == set()


def test_the_page_says_what_was_wrong(case: Case) -> None:
    text = servers_page.render({"a": case}, {"a": measured([(10, "reset"), (12, "reset"), (35, "reset")])})
    assert (
        "| 3 of 3 (from 10 s left) | 30 s | **no**: a request with 10 s left was lost, not finished, and 1 more |"
        in text
    )


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    entries = yaml.safe_load((FOLDER / "servers.yml").read_text(encoding="utf-8"))
    (tmp_path / "servers.yml").write_text(yaml.safe_dump([*entries, entries[0]]), encoding="utf-8")
    with pytest.raises(Refused, match="two cases have the same name"):
        read_cases(tmp_path)
