# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ports: none twice within two minutes, not even by the next drill."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.drill.ports import FIRST, LAST, PERIOD, TRIES, Ports


def ports_of(start: float, rate: float, seconds: float) -> list[int]:
    """The ports of one client that sends so fast for so long."""
    time = [start]
    ports = Ports(lambda: time[0])
    found = []
    for _number in range(int(rate * seconds)):
        found.append(next(ports.due()))
        time[0] += 1 / rate
    return found


def test_no_port_comes_again_within_the_time_that_a_node_remembers():
    found = ports_of(1000.0, 200, PERIOD - 5)
    assert len(set(found)) == len(found)
    assert all(FIRST <= port <= LAST for port in found)


def test_the_next_drill_takes_other_ports():
    assert not set(ports_of(1000.0, 100, 40)) & set(ports_of(1060.0, 100, 40))


def test_faster_than_the_clock_they_still_differ_from_each_other():
    found = ports_of(1000.0, 1000, 20)
    assert len(set(found)) == len(found)


def test_a_port_that_is_taken_has_a_few_successors():
    found = list(Ports(lambda: 5.0).due())
    assert found == [found[0] + number for number in range(TRIES)]
