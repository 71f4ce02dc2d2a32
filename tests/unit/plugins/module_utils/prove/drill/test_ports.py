# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ports: none again before a node has forgotten its last connection, not even by the next drill."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.ports import (
    FIRST,
    FRESH_PERIOD,
    HELD_PERIOD,
    LAST,
    TRIES,
    Ports,
)

KINDS = {"fresh": FRESH_PERIOD, "held": HELD_PERIOD}


def ports_of(kind: str, start: float, rate: float, seconds: float) -> list[int]:
    """The ports of one client that opens so many a second for so long."""
    time = [start]
    row = getattr(Ports(lambda: time[0]), kind)
    found = []
    for _number in range(int(rate * seconds)):
        found.append(next(row.due()))
        time[0] += 1 / rate
    return found


@pytest.mark.parametrize(("kind", "rate"), [("fresh", 150), ("held", 8)])
def test_no_port_comes_again_within_the_time_that_a_node_remembers(kind: str, rate: int) -> None:
    found = ports_of(kind, 1000.0, rate, KINDS[kind] - 5)
    assert len(set(found)) == len(found)
    assert all(FIRST <= port <= LAST for port in found)


def test_a_fresh_connection_never_gets_the_port_of_one_that_was_held() -> None:
    fresh, held = ports_of("fresh", 1000.0, 150, 2 * FRESH_PERIOD), ports_of("held", 1000.0, 8, 2 * HELD_PERIOD)
    assert not set(fresh) & set(held)


@pytest.mark.parametrize(("kind", "rate"), [("fresh", 100), ("held", 4)])
def test_the_next_drill_takes_other_ports(kind: str, rate: int) -> None:
    assert not set(ports_of(kind, 1000.0, rate, 40)) & set(ports_of(kind, 1060.0, rate, 40))


def test_faster_than_the_clock_they_still_differ_from_each_other() -> None:
    found = ports_of("fresh", 1000.0, 1000, 20)
    assert len(set(found)) == len(found)


def test_a_port_that_is_taken_has_a_few_successors() -> None:
    found = list(Ports(lambda: 5.0).fresh.due())
    assert found == [found[0] + number for number in range(TRIES)]
