# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measured request durations: from buckets to a drain, and when nothing is taken for measured."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.measured import (
    HISTOGRAMS,
    Measurement,
    TooMuch,
    Unanswered,
    measure,
    quantile,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    service,
    snapshot_of,
    workload,
)

NGINX, ISTIO, LINKERD = (histogram.metric for histogram in HISTOGRAMS)
ISTIO_CART = {"destination_workload_namespace": "shop", "destination_workload": "cart"}


@pytest.mark.parametrize(
    ("counts", "seconds"),
    [
        pytest.param({1: 2000, 5: 2000, math.inf: 2000}, 0.999, id="even within the first bucket"),
        pytest.param({1: 1900, 5: 2000, math.inf: 2000}, 1 + 4 * 98 / 100, id="even within another"),
        pytest.param({1: 1900, 5: 1900, math.inf: 2000}, math.inf, id="above the largest bucket"),
        pytest.param({math.inf: 2000}, math.inf, id="no finite bucket"),
        pytest.param({1: 999, math.inf: 999}, None, id="too few requests"),
        pytest.param({1: 2000}, None, id="no count of all"),
        pytest.param({}, None, id="nothing"),
        pytest.param({1: 2000, 5: 1999.5, math.inf: 2000}, 0.999, id="counts that fall by rounding"),
    ],
)
def test_the_quantile_is_estimated_as_prometheus_does(counts: dict[float, float], seconds: float | None) -> None:
    assert quantile(counts) == (seconds if seconds is None else pytest.approx(seconds))


def buckets(labels: dict[str, str], *counts: tuple[str, float]) -> list[tuple[dict[str, str], float]]:
    """Samples of one histogram: (le, count)."""
    return [(labels | {"le": bound}, count) for bound, count in counts]


def asking(**answers: list[tuple[dict[str, str], float]]) -> Any:
    """A server that has these metrics."""
    return lambda query: next((samples for metric, samples in answers.items() if f"({metric}_bucket" in query), [])


SLOW = (("1000", 1900.0), ("30000", 2000.0), ("+Inf", 2000.0))


def test_each_proxy_names_the_workload_in_its_own_way() -> None:
    few = (("1", 2000.0), ("+Inf", 2000.0))
    found = measure(
        asking(
            **{
                NGINX: buckets({"namespace": "shop", "service": "web"}, *few)
                + buckets(
                    {"namespace": "ingress", "service": "x", "exported_namespace": "shop", "exported_service": "api"},
                    *few,
                ),
                ISTIO: buckets(ISTIO_CART, *SLOW),
                LINKERD: buckets({"namespace": "shop", "statefulset": "db"}, *SLOW)
                + buckets({"namespace": "shop"}, *SLOW),
            }
        )
    )
    assert found.problem is None
    assert {key: measured.seconds for key, measured in found.found.items()} == {
        ("shop", "Service", "web"): 1,
        ("shop", "Service", "api"): 1,
        ("shop", "", "cart"): 30,
        ("shop", "StatefulSet", "db"): 30,
    }
    assert found.found["shop", "", "cart"].source == f"measured p99.9 over 7 days: Prometheus {ISTIO}"


@pytest.mark.parametrize(
    "samples",
    [
        buckets(ISTIO_CART, ("1000", math.nan), ("+Inf", math.nan)),
        buckets(ISTIO_CART, ("1000", math.inf), ("+Inf", math.inf)),
        buckets(ISTIO_CART, ("soon", 2000.0), ("nan", 2000.0), ("-1", 2000.0)),
        buckets(ISTIO_CART, ("1000", 10.0), ("+Inf", 10.0)),
        buckets({"destination_workload": "cart"}, *SLOW),
        [({}, 1.0)],
    ],
)
def test_what_tells_nothing_is_not_measured(samples: Any) -> None:
    assert measure(asking(**{ISTIO: samples})).found == {}


@pytest.mark.parametrize("last", [("30000", 1900.0), ("90000000", 2000.0)])
def test_what_is_beyond_the_histogram_or_a_day_is_unknown_not_short(last: tuple[str, float]) -> None:
    found = measure(asking(**{ISTIO: buckets(ISTIO_CART, ("1000", 1900.0), last, ("+Inf", 2000.0))}))
    assert found.found["shop", "", "cart"].seconds is None


def test_a_server_with_too_much_for_a_week_is_asked_for_a_day() -> None:
    def ask(query: str) -> Any:
        if "[7d]" in query:
            raise TooMuch("timeout")
        return buckets(ISTIO_CART, *SLOW) if ISTIO in query else []

    found = measure(ask)
    assert found.problem is None
    assert found.found["shop", "", "cart"].source == f"measured p99.9 over 1 day: Prometheus {ISTIO}"


def test_one_query_that_takes_too_long_does_not_stop_the_others() -> None:
    def ask(query: str) -> Any:
        if NGINX in query:
            raise TooMuch("Prometheus x: timeout")
        return buckets(ISTIO_CART, *SLOW) if ISTIO in query else []

    found = measure(ask)
    assert found.problem == f"Prometheus x: timeout (the query for {NGINX})"
    assert list(found.found) == [("shop", "", "cart")]


def test_a_server_that_does_not_answer_is_asked_once() -> None:
    asked = []

    def ask(query: str) -> Any:
        asked.append(query)
        raise Unanswered("Prometheus x: cannot be reached")

    assert measure(ask).problem == "Prometheus x: cannot be reached"
    assert len(asked) == 1


def drain(measured: dict[Any, Measurement], **fields: Any) -> Any:
    """(seconds, source) of the workload web behind its Service, with these measurements."""
    snapshot = snapshot_of([service(), workload(container(**fields), drain=None)])
    snapshot.context.inputs = Inputs(measured)
    case = open_case(snapshot.workloads[0], snapshot.context, Policy(), snapshot.version)
    return case.budget.drain.seconds, case.budget.drain.source


LONG = Measurement(17, "measured p99.9")


@pytest.mark.parametrize("key", [("shop", "Service", "web"), ("shop", "", "web"), ("shop", "Deployment", "web")])
def test_a_measurement_is_the_drain_where_nobody_declares_one(key: tuple[str, str, str]) -> None:
    assert drain({key: LONG}) == (17, "measured p99.9")


@pytest.mark.parametrize("key", [("blog", "Service", "web"), ("shop", "", "cart"), ("shop", "StatefulSet", "web")])
def test_that_of_another_is_not(key: tuple[str, str, str]) -> None:
    assert drain({key: LONG})[0] is None


def test_the_longest_of_several_counts_and_beyond_the_histogram_is_longest() -> None:
    short = {("shop", "Service", "web"): Measurement(3, "short"), ("shop", "", "web"): LONG}
    assert drain(short)[0] == 17
    seconds, source = drain(short | {("shop", "Deployment", "web"): Measurement(None, "measured p99.9 of x")})
    assert seconds is None
    assert source.startswith("unknown: measured p99.9 of x is above the largest bucket; annotation ")


def test_declared_wins_over_measured_and_measured_over_without_limit() -> None:
    measured = {("shop", "", "web"): LONG}
    assert drain(measured, command=["gunicorn", "--graceful-timeout=5"])[0] == 5
    assert drain(measured, command=["celery", "worker"])[0] == 17
