# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod requests, as the scheduler adds it up."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.demand import demand_of
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.quantity import (
    format_quantity,
    parse_quantity,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable


def one(name: str = "app", cpu: str | None = None, limit: str | None = None, **fields: Any) -> dict[str, Any]:
    parts = {"requests": {"cpu": cpu} if cpu else {}, "limits": {"cpu": limit} if limit else {}}
    return {"name": name, "resources": parts} | fields


def cpu(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **pod: Any) -> str:
    return format_quantity(demand_of({"containers": [*containers], "initContainers": [*init], **pod}).requests["cpu"])


def sidecar(amount: str) -> dict[str, Any]:
    return one("proxy", amount, restartPolicy="Always")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("250m", Fraction(1, 4)),
        ("2", 2),
        (2, 2),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("1e3", 1000),
        ("12E2", 1200),
        ("1E", 10**18),
        ("1Gi", 2**30),
        ("1k", 1000),
        ("100n", Fraction(1, 10**7)),
    ],
)
def test_quantities(text: object, amount: object) -> None:
    assert parse_quantity(text) == amount


@pytest.mark.parametrize("text", ["", "much", "1KiB", "1 Gi", True, None, "1e", "9" * 50])
def test_what_is_no_quantity(text: object) -> None:
    with pytest.raises(Unreadable, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["250m", "2", "64Mi", "1Gi", "0", "1500m"])
def test_an_amount_is_told_as_people_write_it(text: str) -> None:
    assert format_quantity(parse_quantity(text)) == text


def test_containers_add_up() -> None:
    assert cpu(one(cpu="100m"), one("log", "200m"), one("quiet")) == "300m"


def test_an_init_container_counts_where_it_needs_more_than_all_that_run_later() -> None:
    assert cpu(one(cpu="100m"), init=(one("setup", "500m"),)) == "500m"
    assert cpu(one(cpu="600m"), init=(one("setup", "500m"),)) == "600m"


def test_a_native_sidecar_runs_on_and_beside_the_init_containers_after_it() -> None:
    assert cpu(one(cpu="100m"), init=(sidecar("200m"),)) == "300m"
    assert cpu(one(cpu="100m"), init=(sidecar("200m"), one("setup", "500m"))) == "700m"
    assert cpu(one(cpu="100m"), init=(one("setup", "500m"), sidecar("200m"))) == "500m"


def test_the_overhead_of_the_runtime_is_added() -> None:
    assert cpu(one(cpu="100m"), overhead={"cpu": "50m"}) == "150m"


def test_what_the_pod_says_for_all_its_containers_counts() -> None:
    assert cpu(one(cpu="100m"), resources={"requests": {"cpu": "400m"}}) == "400m"


def test_a_limit_alone_is_a_request_too() -> None:
    assert cpu(one(limit="300m")) == "300m"
    assert cpu(one(cpu="100m", limit="300m")) == "100m"


def test_who_says_nothing_is_told() -> None:
    demand = demand_of({"containers": [one("a", "1"), one("b")]})
    assert demand.without["requests.cpu"] == ("b",)
    assert demand.without["requests.memory"] == ("a", "b")
    assert "cpu" not in demand_of({"containers": [one()]}).requests
