# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drain is, from the need and the allowance: each row of the table in docs/report.md, "The budget"."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    container,
    http_route,
    ingress,
    run,
    service,
    workload,
)


def budget(*command: str, drain: int | None = None, **fields: Any) -> dict[str, Any]:
    """The budget of a served workload with this command."""
    spec = container(command=list(command) or None, **fields)
    return run(workload(spec, drain=drain, grace=900), service()).workload["budget"]


def routed(*command: str, route: dict[str, Any] | None = None, drain: int | None = None) -> Result:
    """The audit of a served workload with this command, whose route allows a request 120 s."""
    spec = container(command=list(command) or None)
    return run(workload(spec, drain=drain, grace=900), service(), route or http_route(timeouts={"request": "120s"}))


TIMEOUT = ("gunicorn", "--graceful-timeout", "30")


@pytest.mark.parametrize(
    ("found", "drain", "known"),
    [
        pytest.param(budget(*TIMEOUT, drain=20), 20, True, id="both: the shorter one, the need"),
        pytest.param(budget(*TIMEOUT, drain=120), 30, True, id="both: the shorter one, what the server allows"),
        pytest.param(budget(*TIMEOUT, drain=0), 0, True, id="nothing is in flight"),
        pytest.param(budget("app", drain=20), 20, True, id="the need alone"),
        pytest.param(budget(*TIMEOUT), 30, True, id="a timeout alone"),
        pytest.param(budget("vector"), 60, True, id="a default that is certain"),
        pytest.param(budget("gunicorn"), 30, False, id="a default that a file may change"),
        pytest.param(budget("gunicorn", drain=120), 120, True, id="such a default lowers no need"),
        pytest.param(budget("vector", drain=120), 60, True, id="one that is certain does"),
        pytest.param(budget("uvicorn"), None, False, id="no limit, and no need"),
        pytest.param(budget("uvicorn", drain=20), 20, True, id="no limit, and a need"),
        pytest.param(budget("envoy"), None, False, id="ends at once, and no need"),
        pytest.param(budget("envoy", drain=20), 20, True, id="ends at once, and a need: a finding of its own"),
        pytest.param(budget("app"), None, False, id="neither"),
        pytest.param(budget("gunicorn", "--graceful-timeout=$(T)", drain=20), 20, True, id="one that cannot be read"),
        pytest.param(budget("gunicorn", "--graceful-timeout=$(T)"), None, False, id="and nothing else"),
    ],
)
def test_the_drain_from_need_and_allowance(found: dict[str, Any], drain: int | None, known: bool) -> None:
    assert (found["drain"], found["known"]) == (drain, known)


def test_both_numbers_are_in_the_report_whichever_counts() -> None:
    found = budget(*TIMEOUT, drain=120)
    assert (found["need"]["seconds"], found["need"]["how"], found["need"]["bound"]) == (120, "declared", "exact")
    assert (found["allowance"]["seconds"], found["allowance"]["how"]) == (30, "declared")
    assert found["sources"]["drain"] == "argument --graceful-timeout; the declared 120 s are cut there"
    assert (budget("app")["need"], budget("app")["allowance"]) == (None, None)


def test_a_server_without_limit_says_so_in_its_allowance() -> None:
    assert budget("uvicorn", drain=20)["allowance"]["bound"] == "unlimited"


@pytest.mark.parametrize("text", ["5s", "-5", "soon"])
def test_an_annotation_that_is_no_number_hides_no_timeout(text: str) -> None:
    annotations = {"graceful.termination/drain-seconds": text}
    one = workload(container(command=list(TIMEOUT)), drain=None, annotations=annotations)
    found = run(one, service()).workload["budget"]
    assert found["drain"] == 30
    assert "is not a whole number of seconds" in found["sources"]["drain"]


# What a route allows


def test_a_route_alone_is_a_need_and_settles_no_drain() -> None:
    result = routed("app")
    budget, summary = result.workload["budget"], result.report["summary"]
    source = "HTTPRoute shop/web rules[].timeouts.request"
    assert budget["need"] == {"seconds": 120, "how": "route", "source": source, "bound": "upper"}
    assert (budget["drain"], budget["known"], summary["drain_unknown"]) == (None, False, 1)
    assert f"unknown but for requests by a route, up to 120 s ({source})" in budget["sources"]["drain"]


def test_a_timeout_between_two_reads_bounds_nothing() -> None:
    route = ingress(annotations={"nginx.ingress.kubernetes.io/proxy-read-timeout": "120"})
    assert routed("app", route=route).workload["budget"]["need"]["bound"] == "unknown"


@pytest.mark.parametrize(
    ("result", "drain", "known"),
    [
        pytest.param(routed("gunicorn"), 120, False, id="raises a default that a file may change"),
        pytest.param(routed("dramatiq"), 600, True, id="lowers no default"),
        pytest.param(routed("vector"), 60, True, id="raises none that is certain: the server cuts there"),
        pytest.param(routed(*TIMEOUT), 30, True, id="raises no declared timeout"),
        pytest.param(routed("uvicorn"), None, False, id="settles no server without limit"),
        pytest.param(routed("envoy"), None, False, id="settles none that ends at once"),
        pytest.param(routed("app", drain=20), 20, True, id="a declared need stands alone"),
    ],
)
def test_a_route_may_raise_a_sum_and_never_lowers_it(result: Result, drain: int | None, known: bool) -> None:
    budget = result.workload["budget"]
    assert (budget["drain"], budget["known"]) == (drain, known)
    assert result.report["summary"]["drain"]["route"] == (drain == 120)
    assert "error" not in result.rules.values()


def test_a_sum_that_a_route_raises_is_a_warning_for_a_person() -> None:
    spec = container(command=["gunicorn"])
    result = run(workload(spec, drain=None, grace=60), service(), http_route(timeouts={"request": "120s"}))
    assert result.workload["budget"]["required"] == 140
    finding = result.one("long-request-exceeds-grace")
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert not result.of("grace-period-insufficient") and not result.audit.changes


def test_a_route_is_no_need_of_what_takes_no_requests() -> None:
    spec = container(command=["app"])
    worker = workload(spec, drain=None, annotations={"graceful.termination/profile": "worker"})
    budget = run(worker, service(), http_route(timeouts={"request": "120s"})).workload["budget"]
    assert budget["need"] is None
